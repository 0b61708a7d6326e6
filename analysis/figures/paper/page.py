"""The figure as a whole: panels on a grid, legend, panel letters, title, several plots together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from matplotlib.figure import Figure

from analysis.figures.marks import Bands, Bars, Flow, Grid, HeatMap, Lines, Panel, Points, Strip
from analysis.figures.paper import bars, heat_map, lines
from analysis.figures.paper.bands import FacingTexts
from analysis.figures.paper.flow import Flows
from analysis.figures.paper.look import Look
from analysis.figures.paper.settled import Settled
from analysis.figures.paper.strips import MARGIN, Strips
from analysis.figures.picture import Picture
from analysis.figures.style.letters import letter

LEGEND_LINE = 1.5  # of the legend's type
TITLE_LINE = 1.45
NARROWEST_PANEL, NARROWEST_MAP = 90.0, 120.0  # points, of 8-point text


class Part(Protocol):
    """Something with a height (points) that can be drawn into a figure or a part of one."""

    height: float
    stretches: bool  # whether it may be made higher or lower than it wants to be

    def draw(self, host: Any) -> None: ...


def part(plot: Picture, look: Look, width: float, prefix: str = "") -> Part:
    """What a plot becomes in `width` points; `prefix` is its own letter in a larger figure."""
    mark = plot.mark
    panels = mark.panels if isinstance(mark, Grid) else (mark,)
    subtitles = mark.subtitles if isinstance(mark, Grid) else ("",)
    if look.style.letters and len(panels) > 1 and not prefix:
        subtitles = tuple(f"{letter(i)} {s}".strip() for i, s in enumerate(subtitles))
    columns = min(mark.columns, len(panels)) if isinstance(mark, Grid) else 1
    maps = any(isinstance(panel, HeatMap) for panel in panels)
    least = (NARROWEST_MAP if maps else NARROWEST_PANEL) * look.scale
    flows = all(isinstance(panel, Flow) for panel in panels)  # they know how narrow they may be
    while columns > 1 and width / columns < least and not flows:
        columns -= 1  # a column of a paper is no screen: panels go to the next row
    body = _panels(panels, subtitles, columns, look, width)
    title = f"{prefix} {plot.title if look.style.title else ''}".strip()
    return _Titled(title, body, look, width) if title else body


def _panels(
    panels: Sequence[Panel], subtitles: tuple[str, ...], columns: int, look: Look, width: float
) -> Part:
    strips = [p for p in panels if isinstance(p, Strip)]
    flows = [p for p in panels if isinstance(p, Flow)]
    if len(strips) == len(panels):
        return Strips(strips, subtitles, look, width)
    if len(panels) == 1 and isinstance(panels[0], Bands):
        return FacingTexts(panels[0], subtitles[0], look, width)
    if len(flows) == len(panels):
        return Flows(flows, subtitles, columns, look, width)
    if not any(isinstance(p, Strip | Bands | Flow) for p in panels):
        return _Axes(tuple(panels), subtitles, columns, look, width)
    share = share_of(width, columns, look.text)
    cells = [
        _panels((panel,), (subtitle,), 1, look, share)
        for panel, subtitle in zip(panels, subtitles, strict=True)
    ]
    return Cells(cells, columns, look.text)


def build(whole: Part, look: Look) -> Figure:
    """The figure at the style's width, and at its height where the parts can take one."""
    given = look.style.height
    points = given * 72 if given is not None and whole.stretches else whole.height
    drawing = Figure(figsize=(look.style.inches, points / 72))
    if not isinstance(whole, Strips | FacingTexts | Flows):
        drawing.set_layout_engine(Settled(w_pad=0.035, h_pad=0.025))
    whole.draw(drawing)
    return drawing


class Cells:
    """Parts of any kind on a grid, each in its own part of the figure, with air between them."""

    def __init__(self, parts: Sequence[Part], columns: int, gap: float) -> None:
        self.parts, self.columns, self.gap = list(parts), max(1, min(columns, len(parts))), gap
        rows = math.ceil(len(parts) / self.columns)
        self.heights = [
            max(p.height for p in self.parts[r * self.columns : (r + 1) * self.columns])
            for r in range(rows)
        ]
        self.height = sum(self.heights) + gap * (rows - 1)
        self.stretches = all(p.stretches for p in parts)

    def draw(self, host: Any) -> None:
        wide = host.bbox.width / host.figure.dpi * 72
        share = share_of(wide, self.columns, self.gap)
        grid = host.add_gridspec(
            2 * len(self.heights) - 1,
            2 * self.columns - 1,
            wspace=0,
            hspace=0,
            width_ratios=_between([share] * self.columns, self.gap),
            height_ratios=_between(self.heights, self.gap),
        )
        for index, one in enumerate(self.parts):
            row, column = divmod(index, self.columns)
            cell = host.add_subfigure(grid[2 * row, 2 * column])
            cell.set_facecolor("none")
            spare = self.heights[row] - one.height
            if not one.stretches and spare > 0.5:  # text keeps its lines: air below it
                inner = cell.add_gridspec(
                    2, 1, height_ratios=[one.height, spare], wspace=0, hspace=0
                )
                cell = cell.add_subfigure(inner[0, 0])
                cell.set_facecolor("none")
            one.draw(cell)


def share_of(width: float, columns: int, gap: float) -> float:
    """Points of each of several columns with gaps between them."""
    return (width - gap * (columns - 1)) / columns


def _between(sizes: Sequence[float], gap: float) -> list[float]:
    return [one for size in sizes for one in (size, gap)][:-1]


class _Titled:
    """A part under a title of its own."""

    def __init__(self, title: str, body: Part, look: Look, width: float) -> None:
        self.body, self.look = body, look
        self.title = look.wrapped(title, width - 2 * MARGIN, look.text, longest=200)
        self.above = look.text * (TITLE_LINE * (self.title.count("\n") + 1) + 0.15)
        self.height = body.height + self.above
        self.stretches = body.stretches

    def draw(self, host: Any) -> None:
        grid = host.add_gridspec(
            2, 1, height_ratios=[self.above, self.body.height], wspace=0, hspace=0
        )
        head = host.add_subfigure(grid[0, 0])
        below = host.add_subfigure(grid[1, 0])
        for one in (head, below):
            one.set_facecolor("none")
        left = MARGIN / max(head.bbox.width / head.figure.dpi * 72, 1.0)
        head.text(
            left, 1.0, self.title, fontsize=self.look.text, ha="left", va="top", linespacing=1.2
        )
        self.body.draw(below)


class _Axes:
    """Panels with axes on one grid, so that their edges stand in line, and one legend."""

    stretches = True

    def __init__(
        self,
        panels: tuple[Panel, ...],
        subtitles: tuple[str, ...],
        columns: int,
        look: Look,
        width: float,
    ) -> None:
        self.panels, self.subtitles, self.columns, self.look = panels, subtitles, columns, look
        self.share = width / columns
        rows = math.ceil(len(panels) / columns)
        self.titles = [self._subtitle(i, s) if s else "" for i, s in enumerate(subtitles)]
        self.heights = []
        for r in range(rows):
            row = slice(r * columns, (r + 1) * columns)
            title_lines = max((t.count("\n") + 1 if t else 0) for t in self.titles[row])
            tallest = max(_HEIGHT[type(p)](p, look, self.share) for p in panels[row])
            self.heights.append(tallest + look.text * 1.8 * title_lines)
        self.names = _legend_names(panels)
        self.legend = _legend_shape(self.names, look, width)
        self.height = sum(self.heights) + self.legend[1] * look.small * LEGEND_LINE

    def _alone(self, index: int) -> bool:
        """Whether a panel's categories are not those of the panel before it in the row."""
        before = self.panels[index - 1]
        return index % self.columns == 0 or not _same_rows(before, self.panels[index])

    def _with_bar(self, index: int) -> bool:
        """Whether a colour bar belongs here: not where the map to the right has the same one."""
        right = index + 1
        if right >= len(self.panels) or right % self.columns == 0:
            return True
        one, other = self.panels[index], self.panels[right]
        return not (
            isinstance(one, HeatMap)
            and isinstance(other, HeatMap)
            and heat_map.same_scale(one, other)
        )

    def _subtitle(self, index: int, text: str) -> str:
        """Broken into lines that end where the panel does."""
        panel = self.panels[index]
        taken = _LEFT[type(panel)](panel, self.look, self.share, self._alone(index))
        room = max(self.share - taken - 5.0, 0.4 * self.share)
        return self.look.wrapped(text, room, longest=60)

    def draw(self, host: Any) -> None:
        grid = host.add_gridspec(len(self.heights), self.columns, height_ratios=self.heights)
        made = []
        for index, (panel, title) in enumerate(zip(self.panels, self.titles, strict=True)):
            axes = host.add_subplot(grid[index // self.columns, index % self.columns])
            # names by which the values can be found again in an SVG
            axes.set_gid(f"panel-{len(host.get_figure(root=True).axes) - 1}")
            made.append(axes)
            if title:
                axes.set_title(title, pad=3)
            more = {} if self._with_bar(index) else {"with_bar": False}
            _DRAW[type(panel)](host, axes, panel, self.look, self._alone(index), self.share, **more)
        if len(self.names) > 1:
            self._legend(host, made)

    def _legend(self, host: Any, made: list[Any]) -> None:
        named = {self.look.label(name) for name in self.names}
        handles = {
            label: handle
            for axes in made
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
            if label in named
        }
        # matplotlib fills a legend by columns; people read it by rows
        columns, rows = self.legend
        order = [
            row * columns + column
            for column in range(columns)
            for row in range(rows)
            if row * columns + column < len(handles)
        ]
        labels = list(handles)
        legend = host.legend(
            [handles[labels[i]] for i in order],
            [labels[i] for i in order],
            loc="outside upper left",
            ncols=columns,
            handlelength=1.4,
            columnspacing=1.0,
            borderpad=0.1,
            handletextpad=0.5,
        )
        for handle in legend.legend_handles:  # a legend of points stays a vector, and is seen
            if hasattr(handle, "set_rasterized"):
                handle.set_rasterized(False)
            if hasattr(handle, "get_markersize") and handle.get_markersize() < 3:
                handle.set_markersize(3 * self.look.scale)


def _legend_names(panels: Sequence[Panel]) -> list[str]:
    names: dict[str, None] = {}
    for panel in panels:
        if isinstance(panel, (Bars, Lines)) and len(panel.series) > 1:
            names |= dict.fromkeys(panel.series)
        elif isinstance(panel, Points) and len(panel.groups) > 1:
            names |= dict.fromkeys(panel.groups)
    return list(names)


def _legend_shape(names: list[str], look: Look, points: float) -> tuple[int, int]:
    """(columns, rows) of a legend that stays inside the width."""
    if len(names) < 2:
        return 1, 0
    widest = max(look.measure(look.label(name), look.small) for name in names) + 3.4 * look.small
    columns = max(1, min(len(names), int(points // widest)))
    return columns, math.ceil(len(names) / columns)


def _same_rows(one: Panel, other: Panel) -> bool:
    """Whether two neighbours share their category axis, so that its labels stand once."""
    if isinstance(one, HeatMap) and isinstance(other, HeatMap):
        return one.rows == other.rows and one.row_label == other.row_label
    return (
        isinstance(one, Bars)
        and isinstance(other, Bars)
        and one.horizontal
        and other.horizontal
        and one.categories == other.categories
    )


_DRAW: dict[type, Callable[..., None]] = {
    HeatMap: heat_map.draw,
    Bars: bars.draw,
    Lines: lines.draw_lines,
    Points: lines.draw_points,
}
_HEIGHT: dict[type, Callable[..., float]] = {
    HeatMap: heat_map.height,
    Bars: bars.height,
    Lines: lines.height,
    Points: lines.height,
}
_LEFT: dict[type, Callable[..., float]] = {
    HeatMap: heat_map.left,
    Bars: bars.left,
    Lines: lines.left,
    Points: lines.left,
}
