"""Panels side by side: the labels and colour bars that they share, and the widths of their axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from analysis.figures.marks import HeatMap
from analysis.figures.paper.panels import SMALLEST, Drawing, Leaf, Margins, same_colours, same_rows

Grid = Sequence[Sequence[Leaf]]  # leaves in rows whose edges are to stand in line


def share_labels(grid: Grid) -> list[list[Drawing]]:
    """Leave out labels and colour bars that a neighbour has.

    Returns
    -------
    list of list of Drawing
        The maps, from top to bottom, that each remaining colour bar stands beside.
    """
    bars: list[list[Drawing]] = []
    last: list[Drawing] = []
    for row in grid:
        for left, right in pairwise(row):
            if same_rows(left, right):
                right.alone = False
            if same_colours(left, right):
                left.with_bar = False
        for leaf in row:
            if not (isinstance(leaf, Drawing) and isinstance(leaf.panel, HeatMap)):
                continue
            if not leaf.with_bar:
                continue
            at_end = leaf is row[-1]
            if at_end and last and same_colours(last[-1], leaf):
                last.append(leaf)
                continue
            group = [leaf]
            bars.append(group)
            if at_end:
                last = group
        if not isinstance(row[-1], Drawing) or not isinstance(row[-1].panel, HeatMap):
            last = []
    return bars


def spread(grid: Grid, start: float, gap: float, near: float) -> None:
    """Set places and widths of axes: labels beside them as measured, the rest for the axes.

    Parameters
    ----------
    grid : rows of leaves
        Each with its cell and margins.
    start, gap : float
        Points: left edge of the first leaf, and between two leaves.
    near : float
        Points: margins of a column that differ by less become one.
    """
    for leaves, around in zip(grid, _margins(grid, near), strict=True):
        total = sum(leaf.cell for leaf in leaves) + gap * (len(leaves) - 1)
        widths = _axes_widths(leaves, around, total, gap)
        x = start
        for leaf, m, width in zip(leaves, around, widths, strict=True):
            leaf.x = x if leaf.is_text else x + m.left
            leaf.width = width
            x += (leaf.cell if leaf.is_text else m.left + width + m.right) + gap


def level(grid: Grid) -> None:
    """Give the axes of every row the places and widths of those in the fullest row."""
    longest = max(grid, key=len)
    for leaves in grid:
        for leaf, model in zip(leaves, longest, strict=False):
            leaf.x, leaf.width = model.x, model.width


def _margins(grid: Grid, near: float) -> list[list[Margins]]:
    """The margins of each leaf; those of a column are one where they are nearly so."""
    margins = [[leaf.margins for leaf in row] for row in grid]
    if len({len(row) for row in grid}) > 1:
        lefts = [row[0].left for row in margins]
        if max(lefts) - min(lefts) < near:
            for row in margins:
                row[0] = row[0]._replace(left=max(lefts))
        return margins
    for column in range(len(grid[0])):
        cells = [row[column].cell for row in grid]
        if max(cells) - min(cells) > 2 * near:
            continue
        lefts = [row[column].left for row in margins]
        rights = [row[column].right for row in margins]
        for row in margins:
            if max(lefts) - min(lefts) < near:
                row[column] = row[column]._replace(left=max(lefts))
            if max(rights) - min(rights) < near:
                row[column] = row[column]._replace(right=max(rights))
    return margins


def _axes_widths(
    leaves: Sequence[Leaf], around: Sequence[Margins], total: float, gap: float
) -> list[float]:
    if any(leaf.is_text for leaf in leaves):
        return [
            max(leaf.cell - m.left - m.right, SMALLEST)
            for leaf, m in zip(leaves, around, strict=True)
        ]
    planned = []
    for leaf in leaves:
        estimated = leaf.estimate(leaf.cell)
        planned.append(max(leaf.cell - estimated.left - estimated.right, SMALLEST))
    free = total - gap * (len(leaves) - 1) - sum(m.left + m.right for m in around)
    return [max(free * share / sum(planned), SMALLEST) for share in planned]
