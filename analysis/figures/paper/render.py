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
from analysis.figures.paper.fonts import characters_of, families, measuring
from analysis.figures.paper.lines import RASTER_DPI
from analysis.figures.paper.look import Look
from analysis.figures.paper.page import Cells, build, part, share_of
from analysis.figures.paper.settled import lay_out
from analysis.figures.picture import Picture
from analysis.figures.style.letters import letter
from analysis.figures.style.palettes import dense
from analysis.figures.style.settings import Style, require_dpi

FORMATS = ("pdf", "svg", "png", "pgf")
_DRAWING = threading.RLock()


@dataclass(frozen=True)
class Rendered:
    """A file, what a reader must know about it (missing glyphs), and the font it is set in."""

    data: bytes
    notices: tuple[str, ...]
    font: str = ""


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
) -> Rendered:
    """Several plots as one figure, row by row, with a letter each where the style has letters.

    Token strips and axes may stand side by side. Raises as `render` does, and `ValueError`
    without a plot.
    """
    if format not in FORMATS:
        raise ValueError(f"no paper format is called {format!r}; known are {', '.join(FORMATS)}")
    if format == "png":
        require_dpi(dpi)
    if format == "pgf":
        pgf.require()
    style = style or Style()
    with _DRAWING, _settings(plots, style) as (look, notices, font):
        drawing = _figure(plots, look, columns)
        said = metadata.about(tuple(plots), extra_metadata)
        if format == "pgf":
            return Rendered(pgf.save(drawing, said, style), tuple(notices), font)
        buffer = io.BytesIO()
        dots = dpi if format == "png" else RASTER_DPI
        lay_out(drawing, format, dots)
        drawing.savefig(
            buffer, format=format, dpi=dots, metadata=metadata.for_matplotlib(said, format)
        )
    data = buffer.getvalue()
    if format == "svg":
        data = metadata.into_svg(data, said)
    return Rendered(data, tuple(notices), font)


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
        return _figure([plot], look, 1)


def _style(style: Style | None, venue: str | None, width: str | float | None) -> Style:
    named = {k: v for k, v in (("venue", venue), ("width", width)) if v is not None}
    return replace(style or Style(), **named) if named else style or Style()  # type: ignore[arg-type]


def _figure(plots: Sequence[Picture], look: Look, columns: int) -> Figure:
    if not plots:
        raise ValueError("a figure needs at least one picture")
    points = look.style.inches * 72
    if len(plots) == 1:
        return build(part(plots[0], look, points), look)
    columns = max(1, min(columns, len(plots)))
    share = share_of(points, columns, look.text)
    parts = [
        part(plot, look, share, letter(i) if look.style.letters else "")
        for i, plot in enumerate(plots)
    ]
    return build(Cells(parts, columns, look.text), look)


def _dense(plots: Sequence[Picture]) -> list[str]:
    """What is to be said of maps whose negative cells cannot each carry a dash."""
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
    with mpl.rc_context(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
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
    if any("collapsed" in str(one.message) for one in caught):
        notices.append("The figure is too low or too narrow for its labels: give it more room.")
