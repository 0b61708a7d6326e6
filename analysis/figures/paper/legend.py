"""The legend of a page or of one of its pictures: names with their colours, read by rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend as DrawnLegend
from matplotlib.lines import Line2D

from analysis.figures.paper.look import Look

LINE = 1.5  # of the legend's type


@dataclass
class Legend:
    """Names with their colours; points from the page's top left corner."""

    made: DrawnLegend | None = None
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0


def shape_of(names: Sequence[str], look: Look, points: float) -> tuple[int, int]:
    """(columns, rows) of a legend that stays inside the width."""
    if len(names) < 2:
        return 1, 0
    widest = max(look.measure(look.label(name), look.small) for name in names) + 3.4 * look.small
    columns = max(1, min(len(names), int(points // widest)))
    columns = math.ceil(len(names) / math.ceil(len(names) / columns))  # rows that are filled alike
    return columns, math.ceil(len(names) / columns)


def draw(
    figure: Figure, names: Sequence[str], all_axes: Iterable[Axes], look: Look, width: float
) -> DrawnLegend:
    """The legend of these names in `width` points, with what the axes show under them."""
    handles: dict[str, Artist] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    labels = [label for label in map(look.label, names) if label in handles]
    columns, rows = shape_of(names, look, width)
    # matplotlib fills a legend by columns; people read it by rows
    order = [
        row * columns + column
        for column in range(columns)
        for row in range(rows)
        if row * columns + column < len(labels)
    ]
    legend = figure.legend(
        [handles[labels[i]] for i in order],
        [labels[i] for i in order],
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        handlelength=1.4,
        columnspacing=1.0,
        borderpad=0.1,
        borderaxespad=0.0,
        handletextpad=0.5,
        labelspacing=0.35,
    )
    for shown in legend.legend_handles:  # a legend of points stays a vector, and is seen
        if shown is not None:
            shown.set_rasterized(False)
        if isinstance(shown, Line2D) and shown.get_markersize() < 3:
            shown.set_markersize(3 * look.scale)
    return legend
