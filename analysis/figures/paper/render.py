"""From a plot and a style to the bytes of a file: PDF, SVG, PNG, and PGF where TeX is installed.

`Figure` objects only, never pyplot. matplotlib's settings are global, so a lock keeps two
threads from drawing under each other's.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import matplotlib as mpl
from matplotlib.figure import Figure

from analysis.figures.marks import Grid, HeatMap
from analysis.figures.paper import metadata, pgf
from analysis.figures.paper.columns import columns_for, is_readable
from analysis.figures.paper.fonts import characters_of, families, measuring
from analysis.figures.paper.lines import RASTER_DPI
from analysis.figures.paper.look import Look
from analysis.figures.paper.measured import measure
from analysis.figures.paper.page import Page
from analysis.figures.picture import Picture
from analysis.figures.style.palettes import dense
from analysis.figures.style.printed import Printed
from analysis.figures.style.settings import Style, require_dpi

FORMATS = ("pdf", "svg", "png", "pgf")
MOST_COLUMNS = 4  # that are tried for pictures side by side
_DRAWING = threading.RLock()
TIGHT = "The figure is too low for its labels: give it more height."


@dataclass(frozen=True)
class Rendered:
    """A file, what a reader must know about it (missing glyphs), the font it is set in, and the
    page as it was measured, where that was asked for."""

    data: bytes
    notices: tuple[str, ...]
    font: str = ""
    page: Printed | None = None


def render(
    plot: Picture,
    style: Style | None = None,
    format: str = "pdf",
    dpi: int = 300,
    extra_metadata: Mapping[str, str] | None = None,
    *,
    venue: str | None = None,
    width: str | float | None = None,
) -> Rendered:
    """The file of a plot; the same plot and style give the same bytes on one machine.

    `venue` and `width` are a shorthand for a style that has only these. `extra_metadata` stands
    in the file's own metadata (PDF information, SVG metadata, PNG text); `Title`, `Description`
    and `Author` take the place that the format has for them. Without it the plot's provenance is
    the description. `dpi` is a PNG's; the raster parts of a vector file have 600. Raises
    `ValueError` for an unknown format, `UnknownVenue` for an unknown venue or width,
    `pgf.NoTeX` for PGF where no TeX is installed.
    """
    return compose([plot], _style(style, venue, width), 1, format, dpi, extra_metadata)


def compose(
    plots: Sequence[Picture],
    style: Style | None = None,
    columns: int = 1,
    format: str = "pdf",
    dpi: int = 300,
    extra_metadata: Mapping[str, str] | None = None,
    measured: bool = False,
) -> Rendered:
    """Several plots as one figure, in rows of at most `columns` that fill the width.

    Panels of a row are equally high, names and quantities that agree have one legend and one
    scale, and each plot has a letter where the style has letters. `measured`: what is read from
    the page as drawn comes along.

    Raises
    ------
    Unreadable
        So many columns cannot be read at the style's width; the error has an offer. A
        ``ValueError``, as all others here: those of `render`, and that there is no plot.
    """
    if format not in FORMATS:
        raise ValueError(f"no paper format is called {format!r}; known are {', '.join(FORMATS)}")
    if format == "png":
        require_dpi(dpi)
    if format == "pgf":
        pgf.require()
    style = style or Style()
    with _DRAWING, _settings(plots, style) as (look, notices, font):
        page = _page(plots, look, columns)
        facts = metadata.about(tuple(plots), extra_metadata)
        dots = dpi if format == "png" else RASTER_DPI
        page.lay_out("pdf" if format == "pgf" else format, dots)
        if page.tight:
            notices.append(TIGHT)
        if format == "pgf":
            return Rendered(pgf.save(page.figure, facts, style), tuple(notices), font)
        buffer = io.BytesIO()
        page.figure.savefig(
            buffer, format=format, dpi=dots, metadata=metadata.for_matplotlib(facts, format)
        )
        printed = measure(page.figure, page.named()) if measured else None
    data = buffer.getvalue()
    if format == "svg":
        data = metadata.into_svg(data, facts)
    return Rendered(data, tuple(notices), font, printed)


def figure(
    plot: Picture,
    style: Style | None = None,
    *,
    venue: str | None = None,
    width: str | float | None = None,
) -> Figure:
    """The matplotlib figure itself, for a notebook that wants to change it before saving.

    Saved by hand it takes the notebook's own settings: set pdf.fonttype to 42 there.
    """
    with _DRAWING, _settings([plot], _style(style, venue, width)) as (look, _, _):
        page = _page([plot], look, 1)
        page.lay_out("pdf", RASTER_DPI)
        return page.figure


def columns_that_fit(
    plots: Sequence[Picture], style: Style | None = None, most: int = MOST_COLUMNS
) -> int:
    """The number of columns, up to `most`, that takes the least paper and passes the check of empty
    area, where any does."""
    with _DRAWING, _settings(plots, style or Style()) as (look, _, _):
        return columns_for(plots, look, most)


def can_be_read(plots: Sequence[Picture], style: Style | None = None, columns: int = 1) -> bool:
    """Whether these plots can be read side by side in so many columns."""
    with _DRAWING, _settings(plots, style or Style()) as (look, _, _):
        return is_readable(plots, look, columns)


def _style(style: Style | None, venue: str | None, width: str | float | None) -> Style:
    named = {k: v for k, v in (("venue", venue), ("width", width)) if v is not None}
    return replace(style or Style(), **named) if named else style or Style()  # type: ignore[arg-type]


def _page(plots: Sequence[Picture], look: Look, columns: int) -> Page:
    if not plots:
        raise ValueError("a figure needs at least one picture")
    return Page(plots, look, columns)


def _dense(plots: Sequence[Picture]) -> list[str]:
    """Note on maps whose negative cells are too small for a dash each."""
    marks = [plot.mark for plot in plots]
    panels = [p for m in marks for p in (m.panels if isinstance(m, Grid) else (m,))]
    sizes = [
        p.values.size
        for p in panels
        if isinstance(p, HeatMap) and p.scale == "diverging" and dense(p.values.shape)
    ]
    return (
        [
            f"{max(sizes):,} cells are too many for a dash in each negative one: the scale falls "
            "from light (negative) to dark (positive), so that the sign survives greyscale."
        ]
        if sizes
        else []
    )


@contextmanager
def _settings(plots: Sequence[Picture], style: Style) -> Iterator[tuple[Look, list[str], str]]:
    """The house's settings whatever the user's are; yields sizes and colours, and notices."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mpl.rcdefaults()
        titles = tuple(plot.title for plot in plots) if style.title else ()
        characters = characters_of(tuple(plot.mark for plot in plots), titles)
        chosen, notices = families(characters, style.font, style.of.serif)
        text, small = style.points, style.points * 7 / 8
        line = 0.6 * style.points / 8
        mpl.rcParams.update(
            {
                "font.family": chosen,
                "font.size": text,
                "text.parse_math": False,
                "text.usetex": False,
                "pdf.fonttype": 42,
                "ps.fonttype": 42,
                "svg.fonttype": "none",
                "svg.hashsalt": "poollens",
                "axes.linewidth": line,
                "axes.labelsize": text,
                "axes.titlesize": text,
                "xtick.labelsize": small,
                "ytick.labelsize": small,
                "legend.fontsize": small,
                "hatch.linewidth": 0.45,
                "xtick.major.width": line,
                "ytick.major.width": line,
                "xtick.major.size": 2.5,
                "ytick.major.size": 2.5,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.titlelocation": "left",
                "legend.frameon": False,
                "savefig.bbox": None,
                "axes.formatter.use_mathtext": False,
                "lines.linewidth": 1.1,
            }
        )
        notices += _dense(plots)
        yield Look(style, measuring()), notices, chosen[0]
