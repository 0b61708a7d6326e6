"""The paper: matplotlib figures at a venue's exact width, with embedded fonts and fixed bytes.

`Figure` objects only, never pyplot. matplotlib's settings are global, so a lock keeps two
threads from drawing under each other's.
"""

from __future__ import annotations

import io
import json
import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.figures.layout import Box, place
from analysis.figures.plot import Bars, Grid, HeatMap, Lines, Panel, Plot, Points, Strip
from analysis.figures.scripts import advice
from analysis.figures.style import (
    BAR,
    CLASS_COLOURS,
    CLASS_HATCHES,
    CLASS_SHAPES,
    DIVERGING,
    SEQUENTIAL,
    WEAK,
    contrast_ratio,
    number,
    printable,
    shade,
    step_of,
)
from analysis.figures.venues import width_in_inches

FORMATS = ("pdf", "svg", "png")
SANS = ("Arial", "Liberation Sans", "DejaVu Sans")  # the last one comes with matplotlib
TEXT, SMALL, LEAST = 8.0, 7.0, 6.0  # points at final width
LONGEST_LABEL = 36

_DRAWING = threading.RLock()
_MAPS = {
    "diverging": LinearSegmentedColormap.from_list("poollens_diverging", DIVERGING),
    "sequential": LinearSegmentedColormap.from_list("poollens_sequential", SEQUENTIAL),
}


@dataclass(frozen=True)
class Rendered:
    """A file, and what a reader must know about it (missing glyphs)."""

    data: bytes
    notices: tuple[str, ...]


def render(
    plot: Plot, venue: str = "acl", width: str = "column", format: str = "pdf", dpi: int = 300
) -> Rendered:
    """The file of a plot; the same plot gives the same bytes on one machine.

    Provenance travels as JSON in the metadata (PDF Subject, SVG description, PNG text). Raises
    `ValueError` for an unknown format, `UnknownVenue` for an unknown venue or width.
    """
    if format not in FORMATS:
        raise ValueError(f"no paper format is called {format!r}; known are {', '.join(FORMATS)}")
    inches = width_in_inches(venue, width)
    with _DRAWING, _settings(plot) as notices:
        drawing = _figure(plot, inches)
        buffer = io.BytesIO()
        drawing.savefig(buffer, format=format, dpi=dpi, metadata=_metadata(plot, format))
    return Rendered(buffer.getvalue(), tuple(notices))


def figure(plot: Plot, venue: str = "acl", width: str = "column") -> Figure:
    """The matplotlib figure itself, for a notebook that wants to change it before saving.

    Saved by hand it takes the notebook's own settings: set pdf.fonttype to 42 there.
    """
    with _DRAWING, _settings(plot):
        return _figure(plot, width_in_inches(venue, width))


@contextmanager
def _settings(plot: Plot) -> Iterator[list[str]]:
    """The house's settings whatever the user's are; yields notices about missing glyphs."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        mpl.rcdefaults()
        families, notices = _families(_texts(plot))
        mpl.rcParams.update(
            {
                "font.family": families, "font.size": TEXT, "text.parse_math": False,
                "text.usetex": False, "pdf.fonttype": 42, "ps.fonttype": 42,
                "svg.fonttype": "none", "svg.hashsalt": "poollens", "axes.linewidth": 0.6,
                "axes.labelsize": TEXT, "axes.titlesize": TEXT, "xtick.labelsize": SMALL,
                "ytick.labelsize": SMALL, "legend.fontsize": SMALL, "hatch.linewidth": 0.45,
                "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5,
                "ytick.major.size": 2.5, "axes.spines.top": False, "axes.spines.right": False,
                "axes.titlelocation": "left", "legend.frameon": False, "savefig.bbox": None,
                "axes.formatter.use_mathtext": False, "lines.linewidth": 1.1,
            }
        )  # fmt: skip
        yield notices


def _metadata(plot: Plot, format: str) -> dict[str, Any]:
    told = json.dumps({"view": plot.view, **plot.provenance}, sort_keys=True)
    title = printable(plot.title)
    if format == "pdf":
        return {"Title": title, "Subject": told, "Keywords": printable(plot.view),
                "Creator": "PoolLens", "CreationDate": None, "ModDate": None}  # fmt: skip
    if format == "svg":
        return {"Title": title, "Description": told, "Creator": "PoolLens", "Date": None}
    return {"Title": title, "Description": told, "Software": "PoolLens"}


# --- fonts ------------------------------------------------------------------------------------


def _texts(plot: Plot) -> set[str]:
    """Every character that the plot may draw."""
    characters: set[str] = set()

    def collect(value: object) -> None:
        if isinstance(value, str):
            characters.update(printable(value))
        elif isinstance(value, (tuple, list)):
            for entry in value:
                collect(entry)
        elif hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                collect(getattr(value, name))

    collect(plot.mark)
    return characters


_CHARMAPS: dict[tuple[str, int], frozenset[int]] = {}


def _covered(file: str, index: int = 0) -> frozenset[int]:
    """Code points that a font file draws as outlines; none for a file that cannot be used."""
    if (file, index) not in _CHARMAPS:
        try:
            font = FT2Font(file, face_index=index)
            found = frozenset(font.get_charmap()) if font.scalable else frozenset()
        except (OSError, RuntimeError, ValueError):
            found = frozenset()
        _CHARMAPS[file, index] = found
    return _CHARMAPS[file, index]


def _families(characters: set[str]) -> tuple[list[str], list[str]]:
    """(families in order of fallback, notices): an installed font for each glyph, if there is."""
    installed = {entry.name for entry in fontManager.ttflist}
    families = [name for name in SANS if name in installed] or ["DejaVu Sans"]
    invisible = " \N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"
    missing = {ord(c) for c in characters if c not in invisible}
    for name in families:
        properties = FontProperties(family=[name])
        missing -= _covered(fontManager.findfont(properties))
    if not missing:
        return families, []
    regular = [
        e for e in fontManager.ttflist
        if e.style == "normal" and e.weight in (400, "normal", "regular")
        and "Last" not in e.name and e.fname.lower().endswith((".ttf", ".ttc", ".otf"))
    ]  # fmt: skip
    regular.sort(
        key=lambda e: (_is_cff(e.fname), "Noto" not in e.name, "Sans" not in e.name, e.name)
    )
    odd = []
    for entry in regular:
        found = missing & _covered(entry.fname, getattr(entry, "index", 0))
        if found:
            families.append(entry.name)
            missing -= found
            if _is_cff(entry.fname):
                odd.append(
                    f"{entry.name} is no TrueType font: a PDF with it may fail a venue's font "
                    "check. Install a TrueType font of that script, or export SVG."
                )
        if not missing:
            break
    return families, advice(missing) + odd


@lru_cache(maxsize=1024)
def _is_cff(file: str) -> bool:
    """Whether a font's outlines are CFF, which matplotlib embeds in a PDF under a wrong type."""
    try:
        with open(file, "rb") as opened:
            start = opened.read(16)
            if start[:4] == b"ttcf":
                opened.seek(int.from_bytes(start[12:16], "big"))
                start = opened.read(4)
    except OSError:
        return True
    return start[:4] == b"OTTO"


def _measure() -> Any:
    """(text, size) -> width in points, in the current fonts, free of screen hinting."""
    scale = 10.0  # at 720 dpi a hinted pixel is a tenth of a point
    renderer: Any = RendererAgg(1, 1, 72.0 * scale)  # type: ignore[no-untyped-call]

    def width(text: str, size: float) -> float:
        properties = FontProperties(size=size)
        return float(renderer.get_text_width_height_descent(text, properties, False)[0]) / scale

    return width


# --- the figure -------------------------------------------------------------------------------


def _figure(plot: Plot, inches: float) -> Figure:
    mark = plot.mark
    panels = mark.panels if isinstance(mark, Grid) else (mark,)
    subtitles = mark.subtitles if isinstance(mark, Grid) else ("",)
    if all(isinstance(panel, Strip) for panel in panels):
        return _strips([p for p in panels if isinstance(p, Strip)], subtitles, inches)
    if any(isinstance(panel, Strip) for panel in panels):
        raise ValueError("token strips and axes do not share a grid: draw them as two figures")
    columns = min(mark.columns, len(panels)) if isinstance(mark, Grid) else 1
    rows = math.ceil(len(panels) / columns)
    share = inches * 72 / columns
    heights = [
        max(_height(p, share) for p in panels[r * columns : (r + 1) * columns])
        + (TEXT * 1.8 if any(subtitles) else 0)
        for r in range(rows)
    ]
    names = _legend_names(panels)
    legend_columns, legend_rows = _legend_shape(names, inches * 72)
    height = sum(heights) + legend_rows * SMALL * 1.5
    drawing = Figure(
        figsize=(inches, height / 72), layout=ConstrainedLayoutEngine(w_pad=0.035, h_pad=0.025)
    )
    grid = drawing.add_gridspec(rows, columns, height_ratios=heights)
    for index, (panel, subtitle) in enumerate(zip(panels, subtitles, strict=True)):
        axes = drawing.add_subplot(grid[index // columns, index % columns])
        if subtitle:
            axes.set_title(_label(subtitle), pad=3)
        alone = index % columns == 0 or not _same_rows(panels[index - 1], panel)
        _DRAW[type(panel)](drawing, axes, panel, alone, share)
    handles = {
        label: handle
        for axes in drawing.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if len(names) > 1:
        # matplotlib fills a legend by columns; people read it by rows
        order = [
            row * legend_columns + column
            for column in range(legend_columns)
            for row in range(legend_rows)
            if row * legend_columns + column < len(handles)
        ]
        labels = list(handles)
        drawing.legend(
            [handles[labels[i]] for i in order], [labels[i] for i in order],
            loc="outside upper left", ncols=legend_columns, handlelength=1.4,
            columnspacing=1.0, borderpad=0.1, handletextpad=0.5,
        )  # fmt: skip
    return drawing


def _label(text: str, longest: int = LONGEST_LABEL) -> str:
    return printable(text, longest)


def _legend_names(panels: tuple[Panel, ...]) -> list[str]:
    names: dict[str, None] = {}
    for panel in panels:
        if isinstance(panel, (Bars, Lines)) and len(panel.series) > 1:
            names |= dict.fromkeys(panel.series)
        elif isinstance(panel, Points):
            names |= dict.fromkeys(panel.groups)
    return list(names)


def _legend_shape(names: list[str], points: float) -> tuple[int, int]:
    """(columns, rows) of a legend that stays inside the width."""
    if len(names) < 2:
        return 1, 0
    measure = _measure()
    widest = max(measure(_label(name), SMALL) for name in names) + 3.4 * SMALL
    columns = max(1, min(len(names), int(points // widest)))
    return columns, math.ceil(len(names) / columns)


def _height(panel: Panel, width: float) -> float:
    """Height of a panel in points, axis labels included."""
    if isinstance(panel, HeatMap):
        return min(max(11.0 * len(panel.rows), 60.0), 400.0) + 62.0
    if isinstance(panel, Bars) and panel.horizontal:
        bar = 11.0 if len(panel.series) == 1 else 7.5
        lines = _wrapped(panel.value_label, width - 40).count("\n")
        return len(panel.categories) * (bar * len(panel.series) + 4.0) + 26.0 + 10.0 * lines
    if isinstance(panel, Points) and panel.equal_axes:
        return min(width, 320.0)
    return min(width * 0.62, 230.0)


def _same_rows(one: Panel, other: Panel) -> bool:
    """Whether two neighbours share their category axis, so that its labels stand once."""
    return (
        isinstance(one, Bars) and isinstance(other, Bars)
        and one.horizontal and other.horizontal and one.categories == other.categories
    )  # fmt: skip


# --- marks ------------------------------------------------------------------------------------


def _heat_map(drawing: Figure, axes: Axes, m: HeatMap, alone: bool, width: float) -> None:
    low, high = m.bounds
    rows, columns = m.values.shape
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, np.ma.masked_invalid(m.values),
        cmap=_MAPS[m.scale], vmin=low, vmax=high, edgecolors="face", linewidth=0.1,
        rasterized=False,
    )  # fmt: skip
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    if m.scale == "diverging" and m.values.size <= 1200:
        # in greyscale both ends are dark: a dash keeps the sign of cells that carry weight
        where = np.argwhere(m.values < -0.1 * high)
        half = min(0.16, 2.0 * columns / (0.7 * width))  # of a cell, at most two points
        dashes = [[(c - half, r), (c + half, r)] for r, c in where]
        ink = [shade(step_of(float(m.values[r, c]), high))[1] for r, c in where]
        axes.add_collection(LineCollection(dashes, colors=ink, linewidths=0.5))
    room = width * 0.7 / max(columns, 1)
    # An empty label is a place without a name: the named ones have its room.
    named = [i for i, c in enumerate(m.columns) if c]
    labels = [_label(m.columns[i], 20) for i in named]
    room *= columns / max(len(named), 1)
    upright = max(map(len, labels), default=0) * SMALL * 0.55 > room
    step = max(1, math.ceil((SMALL + 1) / room)) if upright else 1
    axes.set_xticks(named[::step], labels[::step], rotation=90 if upright else 0)
    named = [i for i, r in enumerate(m.rows) if r]
    step = max(1, math.ceil(len(named) * (SMALL + 1) / 400))
    axes.set_yticks(named[::step], [_label(m.rows[i]) for i in named[::step]])
    axes.tick_params(length=0, pad=2)
    axes.set_xlabel(_label(m.column_label))
    axes.set_ylabel(_label(m.row_label))
    bar = drawing.colorbar(mesh, ax=axes, pad=0.02, aspect=18, fraction=0.06)
    if bar.solids is not None:  # many-coloured solids are a picture unless told otherwise
        bar.solids.set_rasterized(False)
        bar.solids.set_edgecolor("face")
    bar.outline.set_linewidth(0.4)
    bar.set_label(_wrapped(m.value_label, max(_height(m, width) - 70.0, 60.0)), size=SMALL)
    bar.ax.tick_params(labelsize=LEAST, length=2)


def _bars(drawing: Figure, axes: Axes, m: Bars, alone: bool, width: float) -> None:
    count = len(m.series)
    size = 0.78 / count
    places = np.arange(len(m.categories), dtype=float)
    low, high = m.bounds
    for index, name in enumerate(m.series):
        values = m.values[index]
        where = places + (index - (count - 1) / 2) * size
        colours: Any = BAR if count == 1 else CLASS_COLOURS[index % len(CLASS_COLOURS)]
        if m.colours == "sign":
            colours = [DIVERGING[-2] if v > 0 else DIVERGING[1] for v in values]
        draw = axes.barh if m.horizontal else axes.bar
        hatch: dict[str, Any] = {}
        if count > 1:  # lines that show on the bar's own colour, dark or light
            dark = contrast_ratio(colours, "#FFFFFF") > 4.5 if isinstance(colours, str) else False
            hatch = {"hatch": CLASS_HATCHES[index % len(CLASS_HATCHES)] or None,
                     "hatchcolor": "#FFFFFF" if dark else "#333333"}  # fmt: skip
        draw(where, values, size * 0.94, color=colours, label=_label(name), linewidth=0.4,
             edgecolor="#333333", **hatch)  # fmt: skip
        ends = values.copy()
        if m.intervals is not None:
            on = np.isfinite(m.intervals[index]).all(axis=1)
            spread = np.abs(m.intervals[index][on] - values[on, None]).T
            error = {"xerr" if m.horizontal else "yerr": spread}
            at = (values[on], where[on]) if m.horizontal else (where[on], values[on])
            axes.errorbar(*at, **error, fmt="none", ecolor="black", elinewidth=0.7, capsize=1.5)
            ends[on] = np.maximum(ends[on], m.intervals[index][on, 1])
        if m.dots is not None and np.isfinite(m.dots[index]).sum(axis=1).max(initial=0) > 1:
            flat, spots = m.dots[index].ravel(), np.repeat(where, m.dots.shape[2])
            at = (flat, spots) if m.horizontal else (spots, flat)
            axes.plot(*at, "o", markersize=2.4, markerfacecolor="white", markeredgewidth=0.6,
                      markeredgecolor="black", clip_on=False, zorder=4)  # fmt: skip
            ends = np.fmax(ends, np.nanmax(np.where(np.isfinite(m.dots[index]),
                                                    m.dots[index], -np.inf), axis=1))  # fmt: skip
        if m.horizontal and count <= 4:
            _numbers(axes, m, values, ends, where)
    axis, other = (axes.yaxis, axes.xaxis) if m.horizontal else (axes.xaxis, axes.yaxis)
    axis.set_ticks(places, [_label(c, 22) for c in m.categories] if alone else [])
    axis.set_tick_params(length=0)
    if count == 1 and m.predicted and m.predicted[0] is not None and alone:
        axis.get_ticklabels()[m.predicted[0]].set_fontweight("bold")
    if alone and m.category_label != "class":  # names of classes need no word above them
        axis.set_label_text(_label(m.category_label))
    other.set_label_text(_wrapped(m.value_label, width - 40))
    whole = m.style in ("probability", "percent") and low == 0
    if whole:
        ticks = np.linspace(low, high, 5 if width > 150 else 3)
        other.set_ticks(ticks, [number(float(tick), m.style) for tick in ticks])
    else:
        other.set_major_locator(MaxNLocator(4))
    # room for the number behind the longest bar
    longest = max((_measure()(number(v, m.style), LEAST) for v in m.values.ravel().tolist()),
                  default=0.0)  # fmt: skip
    room = (longest + 4) / max(width - 60, 40) * (high - low) if m.horizontal else 0.0
    ends_at = (low - room if low < 0 else low, high + room)
    if m.horizontal:
        axes.set_xlim(ends_at)
        axes.invert_yaxis()
    else:
        axes.set_ylim(ends_at)
    if whole:
        axes.spines["bottom" if m.horizontal else "left"].set_bounds(low, high)
    if low < 0:
        axes.spines["left" if m.horizontal else "bottom"].set_visible(False)
        (axes.axvline if m.horizontal else axes.axhline)(0, color="black", linewidth=0.6)


def _wrapped(text: str, width: float) -> str:
    """A label broken at spaces into lines of at most `width` points."""
    measure = _measure()
    lines = [""]
    for word in _label(text, 80).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and measure(longer, TEXT) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _numbers(
    axes: Axes, m: Bars, values: np.ndarray, ends: np.ndarray, where: np.ndarray
) -> None:
    for value, end, spot in zip(values.tolist(), ends.tolist(), where.tolist(), strict=True):
        if math.isfinite(value):
            outside = value < 0
            shown = number(value, m.style).replace("-", "\N{MINUS SIGN}")
            axes.annotate(
                shown, (value if outside else end, spot),
                ((-2 if outside else 2.5), 0), textcoords="offset points", va="center_baseline",
                ha="right" if outside else "left", fontsize=LEAST,
            )  # fmt: skip


def _lines(drawing: Figure, axes: Axes, m: Lines, alone: bool, width: float) -> None:
    for index, name in enumerate(m.series):
        colour = CLASS_COLOURS[index % len(CLASS_COLOURS)]
        axes.plot(
            m.x, m.y[index], color=colour, label=_label(name), markersize=3.2,
            marker=CLASS_SHAPES[index % len(CLASS_SHAPES)][1] if m.markers else None,
            linestyle=("-", "--", "-.", ":")[index % 4],
        )  # fmt: skip
        if m.bands is not None:
            axes.fill_between(m.x, *m.bands[index].T, color=colour, alpha=0.18, linewidth=0)
        if m.flags is not None:
            on = m.flags[index].astype(bool)
            axes.plot(m.x[on], m.y[index][on], "o", markersize=7.5, markerfacecolor="none",
                      markeredgecolor="black", markeredgewidth=0.8)  # fmt: skip
    axes.set_xlabel(_wrapped(m.x_label, width - 40))
    axes.set_ylabel(_wrapped(m.y_label, width * 0.5))
    if np.allclose(m.x, np.round(m.x)):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if m.limits is not None:
        axes.set_ylim(m.limits)


def _points(drawing: Figure, axes: Axes, m: Points, alone: bool, width: float) -> None:
    for index, name in enumerate(m.groups):
        on = m.group == index
        axes.plot(
            m.xy[on, 0], m.xy[on, 1], linestyle="none", label=_label(name), markersize=3,
            marker=CLASS_SHAPES[index % len(CLASS_SHAPES)][1], markeredgewidth=0.25,
            markerfacecolor=CLASS_COLOURS[index % len(CLASS_COLOURS)], markeredgecolor="white",
        )  # fmt: skip
    for index in m.rings:
        axes.plot(*m.xy[index], "o", markersize=8, markerfacecolor="none",
                  markeredgecolor="black", markeredgewidth=0.9)  # fmt: skip
        if m.labels:
            axes.annotate(_label(m.labels[index]), m.xy[index], (5, 5), fontsize=LEAST,
                          textcoords="offset points")  # fmt: skip
    axes.set_xlabel(_label(m.x_label))
    axes.set_ylabel(_label(m.y_label))
    if m.equal_axes:
        axes.set_aspect("equal", adjustable="datalim")


_DRAW: dict[type, Callable[..., None]] = {
    HeatMap: _heat_map,
    Bars: _bars,
    Lines: _lines,
    Points: _points,
}


# --- token strips -----------------------------------------------------------------------------


def _strips(strips: list[Strip], subtitles: tuple[str, ...], inches: float) -> Figure:
    """Strips one under the other, then one scale for all of them (each its own if they differ)."""
    measure = _measure()
    width, margin = inches * 72, 1.5
    one_scale = len({(s.bound, s.unit) for s in strips}) == 1
    blocks: list[tuple[Strip, str, list[Box], float, float]] = []
    y = margin
    for index, (strip, subtitle) in enumerate(zip(strips, subtitles, strict=True)):
        head = SMALL * 1.55 if subtitle else 0.0
        boxes, height = place(strip, width - 2 * margin, TEXT, measure)
        blocks.append((strip, subtitle, boxes, y, head))
        y += head + height + TEXT * 0.35
        if not one_scale or index == len(strips) - 1:
            y += SMALL * 1.6
    drawing = Figure(figsize=(inches, y / 72))
    axes = drawing.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(y, 0)
    for index, (strip, subtitle, boxes, top, head) in enumerate(blocks):
        if subtitle:
            axes.text(margin, top + SMALL, _label(subtitle, 80), fontsize=SMALL, color="#404040")
        lowest = _strip_boxes(axes, strip, boxes, margin, top + head)
        if not one_scale or index == len(blocks) - 1:
            _strip_scale(axes, strip, width - margin, lowest + TEXT * 1.9, measure)
    return drawing


def _strip_boxes(axes: Axes, strip: Strip, boxes: list[Box], left: float, top: float) -> float:
    """Draw one strip's boxes, text and underlines; returns the lowest base line."""
    underlines = []
    lowest = top
    for box in boxes:
        value = float(strip.values[box.unit])
        step = step_of(value, strip.bound)
        ground, ink = shade(step, "light", strip.special[box.unit])
        x, base = left + box.x, top + box.y
        lowest = max(lowest, base)
        axes.add_patch(Rectangle(
            (x, base - TEXT * 0.94), box.width, TEXT * 1.28, facecolor=ground, linewidth=0,
        ))  # fmt: skip
        axes.text(x + box.width / 2, base, box.text, fontsize=box.size, color=ink, ha="center")
        if value < 0:
            weak = step > -WEAK
            line = [(x + 0.5, base + 1.5), (x + box.width - 0.5, base + 1.5)]
            underlines.append((line, "#8A8A8A" if weak else ink, 0.4 if weak else 0.75))
    if underlines:
        lines, colours, widths = zip(*underlines, strict=True)
        axes.add_collection(LineCollection(lines, colors=colours, linewidths=widths))
    return lowest


def _strip_scale(axes: Axes, strip: Strip, right: float, base: float, measure: Any) -> None:
    """A legend at the right: -limit (underlined, as negative text is) ... 0 ... +limit."""
    low, high = number(-strip.bound, "signed"), f"{number(strip.bound, 'signed')} {strip.unit}"
    low = low.replace("-", "\N{MINUS SIGN}")
    steps, wide = 41, 60.0
    x = right - measure(high, LEAST) - 3 - wide
    for index in range(steps):
        colour = shade(round(200 * index / (steps - 1)) - 100)[0]
        axes.add_patch(Rectangle((x + wide * index / steps, base - 4.6), wide / steps + 0.05, 5.0,
                                 facecolor=colour, linewidth=0))  # fmt: skip
    axes.text(right, base, high, fontsize=LEAST, ha="right")
    axes.text(x - 3, base, low, fontsize=LEAST, ha="right")
    start = x - 3 - measure(low, LEAST)
    axes.add_collection(LineCollection([[(start, base + 1.2), (x - 3, base + 1.2)]],
                                       colors="black", linewidths=0.5))  # fmt: skip
