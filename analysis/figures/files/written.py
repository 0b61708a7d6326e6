"""What stands in a figure's file: a drawing, or what a text format says of one picture."""

from __future__ import annotations

from collections.abc import Callable

from analysis.common.csv_text import as_csv
from analysis.figures.files import latex
from analysis.figures.files.captions import draft
from analysis.figures.files.citations import bibtex
from analysis.figures.files.sidecar import Sidecar
from analysis.figures.picture import Picture


def written(given: Sidecar) -> tuple[bytes, tuple[str, ...]]:
    """(the bytes of its pictures in its format, what its reader must know, as missing glyphs).

    Raises
    ------
    ValueError
        Several pictures are asked for in a format that holds one.
    """
    from analysis.figures.paper import FORMATS, compose

    if given.format in FORMATS:
        drawn = compose(
            given.plots, given.style, given.columns, given.format, given.dpi, given.metadata()
        )
        return drawn.data, drawn.notices
    if len(given.plots) > 1:
        raise ValueError(
            f"several pictures are no one {given.format} file: they can be " + ", ".join(FORMATS)
        )
    text = _TEXTS[given.format](given.plots[0], given)
    return text.encode("utf-8", "replace"), ()


def _html(plot: Picture, given: Sidecar) -> str:
    from analysis.figures.files.standalone import page

    return page(plot, given.told())


def _table(plot: Picture, given: Sidecar) -> str:
    needed = "".join(f"% {line}\n" for line in latex.PREAMBLE[:2])
    return f"{needed}% {latex.comment(given.told())}\n{latex.table(plot, draft(plot, given.style))}"


_TEXTS: dict[str, Callable[[Picture, Sidecar], str]] = {
    "csv": lambda plot, given: as_csv(plot.frame()),
    "html": _html,
    "tex": _table,
    "txt": lambda plot, given: draft(plot, given.style) + "\n",
    "bib": lambda plot, given: bibtex(plot),
}
