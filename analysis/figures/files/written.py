"""The content of a figure's file: a drawing, or one picture in a text format."""

from __future__ import annotations

from collections.abc import Callable

from analysis.common.csv_text import as_csv
from analysis.figures.files import latex
from analysis.figures.files.captions import draft
from analysis.figures.files.citations import bibtex
from analysis.figures.files.sidecar import Sidecar
from analysis.figures.picture import Picture


def written(card: Sidecar) -> tuple[bytes, tuple[str, ...]]:
    """(the bytes of its pictures in its format, what its reader must know, as missing glyphs).

    Raises
    ------
    ValueError
        Several pictures are asked for in a format that holds one.
    """
    from analysis.figures.paper import FORMATS, compose

    if card.format in FORMATS:
        drawn = compose(
            card.plots, card.style, card.columns, card.format, card.dpi, card.metadata()
        )
        return drawn.data, drawn.notices
    if len(card.plots) > 1:
        raise ValueError(
            f"several pictures do not fit into one {card.format} file: they can be "
            + ", ".join(FORMATS)
        )
    text = _TEXTS[card.format](card.plots[0], card)
    return text.encode("utf-8", "replace"), ()


def _html(plot: Picture, card: Sidecar) -> str:
    from analysis.figures.files.standalone import page

    return page(plot, card.description())


def _table(plot: Picture, card: Sidecar) -> str:
    needed = "".join(f"% {line}\n" for line in latex.PREAMBLE[:2])
    table = latex.table(plot, draft(plot, card.style))
    return f"{needed}% {latex.comment(card.description())}\n{table}"


_TEXTS: dict[str, Callable[[Picture, Sidecar], str]] = {
    "csv": lambda plot, card: as_csv(plot.frame()),
    "html": _html,
    "tex": _table,
    "txt": lambda plot, card: draft(plot, card.style) + "\n",
    "bib": lambda plot, card: bibtex(plot),
}
