"""The number of columns in which pictures take the least paper and are readable."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figures.paper.blocks import blocks_of
from analysis.figures.paper.look import Look
from analysis.figures.paper.measured import measure
from analysis.figures.paper.page import EDGE, Page, gap_between
from analysis.figures.paper.rows import arranged, columns_by_cost
from analysis.figures.picture import Picture
from analysis.figures.style.printed import MOST_EMPTY, Printed
from analysis.figures.unreadable import Unreadable


def columns_for(plots: Sequence[Picture], look: Look, most: int) -> int:
    """The number of columns, up to `most`, in which these pictures take the least paper.

    Paper is estimated and emptiness is measured: a grid that is drawn too empty for the page's
    check gives way to the next that is not, and where all are, the least empty is taken. At most
    `most` pages are drawn, and mostly one.
    """
    blocks, _ = blocks_of(plots, look)
    inside = look.style.inches * 72 - 2 * EDGE
    able = columns_by_cost([block.need() for block in blocks], most, inside, gap_between(look))
    if len(able) == 1:
        return able[0]
    empty: dict[int, float] = {}
    for columns in able:
        empty[columns] = _drawn(plots, look, columns).empty
        if empty[columns] <= MOST_EMPTY:
            return columns
    return min(empty, key=lambda columns: empty[columns])


def _drawn(plots: Sequence[Picture], look: Look, columns: int) -> Printed:
    """The page as measured."""
    page = Page(plots, look, columns)
    page.lay_out("pdf", 72.0)
    page.figure.draw_without_rendering()
    return measure(page.figure, page.named())


def is_readable(plots: Sequence[Picture], look: Look, columns: int) -> bool:
    """Whether so many columns can be read at the width of the style."""
    blocks, _ = blocks_of(plots, look)
    inside = look.style.inches * 72 - 2 * EDGE
    try:
        arranged([block.need() for block in blocks], columns, inside, gap_between(look))
    except Unreadable:
        return False
    return True
