"""A venue's checks of a figure: fonts, sizes, greyscale, colour vision, raster parts.

What can be read from the file is read from the file, with a reader (pypdf) that did not write it.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.agreement import legends, panels_of, series_of, slots
from analysis.figures.files.captions import draft
from analysis.figures.marks import Bands, Bars, Flow, HeatMap, Lines, Panel, Points, Strip
from analysis.figures.picture import Picture
from analysis.figures.style.colour import (
    DEFICIENCIES,
    least_difference,
    least_lightness,
    lightness,
    neighbours,
)
from analysis.figures.style.palettes import Palette, dense, palette, readable, stops_of
from analysis.figures.style.printed import Printed, page_checks
from analysis.figures.style.settings import Style
from analysis.figures.style.style import (
    CLASS_HATCHES,
    CLASS_SHAPES,
    RASTERISED_FROM,
    STEPS,
    along,
    step_of,
)
from analysis.figures.style.verdict import Check

if TYPE_CHECKING:
    from pypdf import PageObject

APART = 10.0  # Delta E*ab: two colours that nobody takes for one another side by side
LIGHTER = 8.0  # L*: two greys that stay two on paper
LEAST_DPI = 300.0  # of raster parts; IEEE
NOTICED = 2.3  # Delta E*ab that is just noticed (Mahy, Van Eycken and Oosterlinck, 1994)
_DASHES = 4


def check(
    plots: Picture | Sequence[Picture],
    style: Style | None = None,
    columns: int = 1,
    pdf: bytes | None = None,
    notices: Sequence[str] = (),
    dpi: int | None = None,
    page: Printed | None = None,
    caption: str | None = None,
) -> tuple[Check, ...]:
    """Every check of a figure; `pdf` is its file and `page` what was measured on it (both made
    here where they are not given).

    `dpi` is that of a PNG, where one is to be saved; `notices` are the renderer's own; `caption`
    is what will stand below (by default the draft).
    """
    style = style or Style()
    pictures = [plots] if isinstance(plots, Picture) else list(plots)
    if pdf is None or page is None:
        from analysis.figures.paper import compose

        drawn = compose(pictures, style, columns, measured=True)
        page = drawn.page
        if pdf is None:
            pdf, notices = drawn.data, drawn.notices
    assert page is not None
    words = draft(pictures, style) if caption is None else caption
    panels = [panel for plot in pictures for panel in panels_of(plot)]
    series = _series(pictures, palette(style.palette, style.greyscale))
    return (
        *_file(pdf, style, notices, dpi),
        *page_checks(page, style, words),
        *_greyscale(panels, series, style),
        *_vision(panels, series, palette(style.palette, style.greyscale)),
    )


# --- read from the file -----------------------------------------------------------------------


def _file(pdf: bytes, style: Style, notices: Sequence[str], dpi: int | None) -> Iterator[Check]:
    from pypdf import PdfReader

    page = PdfReader(io.BytesIO(pdf)).pages[0]
    fonts = list(_fonts(page))
    good = sum(kind == "TrueType" for kind in fonts)
    type3 = sum(kind == "Type 3" for kind in fonts)
    yield Check(
        "Fonts embedded as TrueType",
        good,
        f"of {len(fonts)}, Type 3: {type3}",
        bool(fonts) and good == len(fonts),
        ""
        if good == len(fonts)
        else "A character comes from a font that is not TrueType: install "
        "the font that the notice names, or take another text.",
    )
    boxes = [n for n in notices if "drawn as a box" in n]
    yield Check(
        "Characters without a glyph",
        sum(int(n.split()[0]) for n in boxes),
        "characters",
        not boxes,
        "" if not boxes else "Install the font that the notice names.",
    )
    smallest, venue = min(_type_sizes(page), default=math.inf), style.of
    enough = smallest >= venue.least - 0.01
    points = math.ceil(10 * venue.least * style.points / max(smallest, 0.1)) / 10
    yield Check(
        "Smallest text at final width",
        round(smallest, 2),
        "points",
        enough,
        ""
        if enough
        else f"{venue.name} pages need text of at least {venue.least:g} points: set the font "
        f"size to {points:g} points or more.",
    )
    raster = list(_raster(page))
    lowest = min([*raster, *([float(dpi)] if dpi else [])], default=math.inf)
    fine = lowest >= LEAST_DPI - 1
    yield Check(
        "Raster parts",
        0 if math.isinf(lowest) else round(lowest),
        "(all vector)" if math.isinf(lowest) else "dpi",
        fine,
        "" if fine else f"Save it at {LEAST_DPI:.0f} dpi or more, or as PDF.",
    )
    width = float(page.mediabox.width) / 72
    fits = abs(width - style.inches) < 0.005
    yield Check(
        "Page width",
        round(width, 3),
        f"inches of {style.inches:g}",
        fits,
        "" if fits else f"Draw it anew {style.inches:g} inches wide; do not scale it.",
    )


def _fonts(page: Any) -> Iterator[str]:
    """Kind of each font of a page: TrueType (embedded), Type 3, or another one."""
    for font in (page["/Resources"].get("/Font") or {}).values():
        font = font.get_object()
        below = [descendant.get_object() for descendant in font.get("/DescendantFonts", [])]
        if font["/Subtype"] == "/Type3":
            yield "Type 3"
            continue
        described = [
            part["/FontDescriptor"].get_object()
            for part in (font, *below)
            if "/FontDescriptor" in part
        ]
        files = [
            descriptor["/FontFile2"].get_object()
            for descriptor in described
            if "/FontFile2" in descriptor
        ]
        whole = files and all(file.get_data()[:4] != b"OTTO" for file in files)
        yield "TrueType" if whole else "another"


_STRING = re.compile(rb"\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f\s]*>", re.DOTALL)
_NUMBER = rb"[-+]?[\d.]+(?:e-?\d+)?"
_SIZE = re.compile(rb"/\S+\s+(" + _NUMBER + rb")\s+Tf")
_MATRIX = re.compile(rb"((?:" + _NUMBER + rb"\s+){6})(?:Tm)\b")
_PLACED = re.compile(
    rb"((?:" + _NUMBER + rb"\s+){6})cm\s+(/\S+)\s+Do"
)  # the picture's own matrix stands right before it


def _type_sizes(page: PageObject) -> Iterator[float]:
    """Points of every text on the page, as it is set: the size times its matrix."""
    contents = page.get_contents()
    data = _STRING.sub(b"()", contents.get_data()) if contents is not None else b""
    for block in re.findall(rb"\bBT\b(.*?)\bET\b", data, re.DOTALL):
        sizes = [float(s) for s in _SIZE.findall(block)]
        scales = [math.hypot(*map(float, m.split()[:2])) for m in _MATRIX.findall(block)] or [1.0]
        yield from (size * scale for size in sizes for scale in scales)


def _raster(page: Any) -> Iterator[float]:
    """Dots an inch of every picture on the page, as it is placed."""
    objects = page["/Resources"].get("/XObject") or {}
    contents = page.get_contents()
    data = _STRING.sub(b"()", contents.get_data()) if contents is not None else b""
    for matrix, name in _PLACED.findall(data):
        reference = objects.get(name.decode("latin-1"))
        picture = reference.get_object() if reference is not None else {}
        if picture.get("/Subtype") == "/Image":
            a, b, c, d = map(float, matrix.split()[:4])
            yield min(
                72 * picture["/Width"] / math.hypot(a, b),
                72 * picture["/Height"] / math.hypot(c, d),
            )


# --- known from the picture -------------------------------------------------------------------


Series = tuple[list[str], bool, str]  # colours, whether another thing tells them apart, what


def _series(plots: Sequence[Picture], colours: Palette) -> list[Series]:
    """The colours that stand for series in one panel, or in the panels under one legend."""
    series = []
    for plot, names in zip(plots, legends(plots), strict=True):
        for panel in panels_of(plot):
            if not series_of(panel):
                continue
            places = slots(panel, names)
            if isinstance(panel, Bars):
                kinds, what = len(CLASS_HATCHES), "hatching"
                if panel.as_points:
                    kinds, what = 6, "the shape"
            elif isinstance(panel, Lines):
                kinds = len(CLASS_SHAPES) if panel.markers else _DASHES
                what = "dash and shape"
            else:
                assert isinstance(panel, Points)
                # Points of a raster are too small for their shape to be seen.
                kinds = len(CLASS_SHAPES) if len(panel.xy) <= RASTERISED_FROM else 0
                what = "the shape"
            used = [colours.classes[i % len(colours.classes)] for i in places]
            if isinstance(panel, Lines) or (isinstance(panel, Bars) and panel.as_points):
                used = [readable(colour) for colour in used]
            series.append(
                (used, len({i % kinds for i in places} if kinds else ()) == len(places), what)
            )
    return series


def _greyscale(panels: Sequence[Panel], series: Sequence[Series], style: Style) -> Iterator[Check]:
    colours = palette(style.palette, style.greyscale)
    if series:
        used, marked, what = min(series, key=lambda s: (s[1], least_lightness(s[0])))
        apart = least_lightness(used)
        yield Check(
            "Series in greyscale",
            round(apart, 1),
            "L* apart",
            apart >= LIGHTER or marked,
            ""
            if apart >= LIGHTER or marked
            else f"The series look alike in greyscale, and {what} cannot tell so many apart: "
            "draw fewer.",
            f"{what} tells them apart" if apart < LIGHTER and marked else "",
        )
    if any(isinstance(p, HeatMap) and p.scale == "sequential" for p in panels):
        steps = np.diff(lightness(colours.sequential))
        yield Check(
            "Colour scale in greyscale",
            round(float(np.abs(steps).min()), 1),
            "L* a step",
            bool((steps < 0).all() or (steps > 0).all()),
            "" if (steps < 0).all() or (steps > 0).all() else "Choose another palette.",
        )
    counted = [part for panel in panels if (part := _signs(panel, colours)) is not None]
    if counted:
        seen, negative = (sum(counts) for counts in zip(*counted, strict=True))
        yield Check(
            "Sign in greyscale",
            round(100 * seen / max(negative, 1), 1),
            f"% of {negative:,} negative values marked",
            seen == negative,
            "" if seen == negative else "Show fewer cells, so that each negative one has a dash.",
        )


def _signs(panel: Panel, colours: Palette) -> tuple[int, int] | None:
    """(negative values whose sign is seen without colour, negative values), or None: no signs.

    A value within half a shade of zero is drawn as zero, and has none.
    """
    if isinstance(panel, HeatMap) and panel.scale == "diverging":
        shades = np.array(
            [step_of(float(v), panel.bounds[1]) for v in panel.values[panel.values < 0]]
        )
        negative = int((shades < 0).sum())
        if not dense(panel.values.shape):
            return negative, negative  # a dash each, or its number
        # Without a dash a sign is seen where lightness falls all the way through zero.
        stops = stops_of(colours, panel.scale, panel.values.shape)
        scale = lightness([along(stops, s / (2 * STEPS)) for s in range(2 * STEPS + 1)])
        apart = scale[shades[shades < 0] + STEPS] - scale[STEPS]
        return int((apart > 0).sum()) if (np.diff(scale) < 0.2).all() else 0, negative
    if isinstance(panel, Strip | Bands):  # underlined, or dashed
        return (int((panel.values < 0).sum()),) * 2
    if isinstance(panel, Flow):  # a dashed edge
        return (int((panel.values < 0).sum()),) * 2
    if isinstance(panel, Bars) and panel.colours == "sign":  # the side of the line at zero
        return (int((panel.values < 0).sum()),) * 2
    return None


def _vision(panels: Sequence[Panel], series: Sequence[Series], colours: Palette) -> Iterator[Check]:
    """The closest two colours that have to be told apart, for three kinds of colour blindness."""
    groups: list[tuple[tuple[str, ...], bool, str]] = [
        (tuple(used), marked, what) for used, marked, what in series
    ]
    scales: dict[tuple[str, ...], None] = {}
    for panel in panels:
        if isinstance(panel, HeatMap):
            stops = stops_of(colours, panel.scale, panel.values.shape)
            scales[stops] = None
            if panel.scale == "diverging":
                groups += _opposites(stops, not dense(panel.values.shape), "the dash")
        elif isinstance(panel, Strip):
            scales[colours.diverging] = None
            groups += _opposites(colours.diverging, True, "the underline")
        elif isinstance(panel, Bands):
            groups.append(((colours.diverging[1], colours.diverging[-2]), True, "the dash"))
        elif isinstance(panel, Flow):
            groups.append(((colours.diverging[1], colours.diverging[-2]), True, "the edge"))
        elif isinstance(panel, Bars) and panel.colours == "sign":
            groups.append(((colours.diverging[1], colours.diverging[-2]), True, "the side"))
    for name in DEFICIENCIES:
        if groups:
            used, marked, what = min(groups, key=lambda g: (g[1], least_difference(g[0], name)))
            apart = least_difference(used, name)
            yield Check(
                name.capitalize(),
                round(apart, 1),
                "ΔE between the closest colours",
                apart >= APART or marked,
                ""
                if apart >= APART or marked
                else "Two of the colours look alike: choose another palette, or draw fewer series.",
                f"{what} tells them apart" if apart < APART and marked else "",
            )
        if scales:
            step = min(neighbours(stops, name) for stops in scales)
            yield Check(
                f"{name.capitalize()}, along a scale",
                round(step, 1),
                "ΔE between neighbouring colours of nine",
                step >= NOTICED,
                ""
                if step >= NOTICED
                else "Two steps of the scale look alike: choose another palette.",
            )


def _opposites(
    stops: tuple[str, ...], marked: bool, what: str
) -> list[tuple[tuple[str, ...], bool, str]]:
    """The two colours of each size, one of either sign."""
    return [((stops[i], stops[-1 - i]), marked, what) for i in range(len(stops) // 2)]
