"""Flows on paper: bands from the units over the source layers to the class, side by side."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from analysis.figures.marks import Flow
from analysis.figures.paper.look import Look
from analysis.figures.screen.streams import Stream, Streams, streams
from analysis.figures.style.style import number

GAP = 1.2  # between flows, in sizes of their type
NARROWEST = 92.0  # points of a flow, of 8-point text
_LONGEST = 0.34  # of a flow's width, by the labels of its units


class Flows:
    """Flows on a grid, each under its name, all to the scales that they hold."""

    def __init__(
        self,
        flows: list[Flow],
        subtitles: tuple[str, ...],
        columns: int,
        look: Look,
        width: float,
    ) -> None:
        self.flows, self.subtitles, self.look, self.width = flows, subtitles, look, width
        self.gap, self.extent = GAP * look.text, width
        most = max(1, int((width + self.gap) // (NARROWEST * look.scale + self.gap)))
        self.columns = max(1, min(columns, most, len(flows)))
        if self.columns < len(flows):  # rows that are filled alike
            self.columns = math.ceil(len(flows) / math.ceil(len(flows) / self.columns))
        self.share = (width - self.gap * (self.columns - 1)) / self.columns
        self.pitch = look.small * 1.22
        self.placed = [streams(flow, self.pitch) for flow in flows]
        self.titles = [
            look.wrapped(subtitle, self.share, look.text).split("\n") if subtitle else []
            for subtitle in subtitles
        ]
        rows = math.ceil(len(flows) / self.columns)
        self.above, self.below = look.small * 1.7, look.small * 1.4
        self.heights = []
        for row in range(rows):
            these = range(row * self.columns, min((row + 1) * self.columns, len(flows)))
            self.heights.append(
                max(len(self.titles[i]) for i in these) * look.text * 1.25
                + self.above
                + max(self.placed[i].height for i in these)
                + self.below
            )
        self.height = sum(self.heights) + self.gap * 0.6 * (rows - 1) + look.text * 0.3

    @staticmethod
    def least(look: Look) -> float:
        """Points of width of one flow, below which its bands are hairlines."""
        return NARROWEST * look.scale

    def draw(self, figure: Figure) -> Axes:
        """Into axes of its own, which the page puts in their place."""
        axes: Axes = figure.add_axes((0, 0, 1, 1), label=str(len(figure.axes)))
        axes.set_axis_off()
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        top = 0.0
        for index, (flow, placed) in enumerate(zip(self.flows, self.placed, strict=True)):
            row, column = divmod(index, self.columns)
            if index and not column:
                top += self.heights[row - 1] + self.gap * 0.6
            x = column * (self.share + self.gap)
            self._draw(axes, index, flow, placed, x, top)
        return axes

    def _draw(
        self, axes: Axes, index: int, flow: Flow, placed: Streams, x: float, top: float
    ) -> None:
        look = self.look
        for nth, line in enumerate(self.titles[index]):
            axes.text(x, top + look.text * (1 + 1.25 * nth), line, fontsize=look.text)
        first = index // self.columns * self.columns
        lines = max(len(t) for t in self.titles[first : first + self.columns])
        top += lines * look.text * 1.25 + self.above
        wide = max(
            (look.measure(look.label(row.label), look.small) for row in placed.rows), default=0.0
        )
        label = min(wide, _LONGEST * self.share)
        node = 2.6 * look.scale
        bar = 0.0 if flow.attention is None else 11.0 * look.scale
        start = x + label + 3 * look.scale + bar
        end = x + self.share - node
        layer = start + 0.5 * (end - start)
        for stream in placed.streams:
            self._ribbon(axes, stream, (start, layer, layer + node, end), top)
        most = max((row.attention or 0.0 for row in placed.rows), default=0.0) or 1.0
        for row in placed.rows:
            y = top + row.middle
            special = len(row.units) == 1 and flow.special[row.units[0]]
            axes.text(
                x + label,
                y + look.small * 0.34,
                look.shortened(row.label, label + 0.5, look.small),
                fontsize=look.least if special else look.small,
                color="#565656" if special else "black",
                ha="right",
            )
            if row.attention is not None:
                axes.add_patch(
                    Rectangle(
                        (x + label + 2 * look.scale, y - 1.4 * look.scale),
                        bar * row.attention / most,
                        2.8 * look.scale,
                        facecolor="#8A8A8A",
                        linewidth=0,
                    )
                )
        self._nodes(axes, placed, (layer, end, node, x + self.share), top)
        small: dict[str, Any] = {"fontsize": look.least, "color": "#565656"}
        if flow.attention is not None:
            axes.text(start - bar / 2, top - look.small * 0.75, "att.", ha="center", **small)

    def _nodes(
        self,
        axes: Axes,
        placed: Streams,
        places: tuple[float, float, float, float],
        top: float,
    ) -> None:
        layer, end, node, right = places
        look = self.look
        for x, nodes in ((layer, placed.layers), (end, placed.ends)):
            for stream in nodes:
                if not stream.height:
                    continue
                axes.add_patch(
                    Rectangle(
                        (x, top + stream.top),
                        node,
                        stream.height,
                        facecolor="#404040",
                        linewidth=0,
                    )
                )
        for nth, stream in enumerate(placed.layers):
            name = stream.name if nth else f"layer {stream.name}"
            axes.text(
                layer + node / 2,
                top + stream.top - 1.2,
                name,
                fontsize=look.least,
                ha="center",
                bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.3},
            )
        for nth, stream in enumerate(placed.ends):
            y = -look.small * 0.75 if nth == 0 else placed.height + look.least
            shown = number(stream.value, "signed").replace("-", "\N{MINUS SIGN}")
            axes.text(
                right,
                top + y,
                f"{look.shortened(stream.name, 0.32 * self.share, look.least)} {shown}",
                fontsize=look.least,
                ha="right",
            )

    def _ribbon(
        self,
        axes: Axes,
        stream: Stream,
        places: tuple[float, float, float, float],
        top: float,
    ) -> None:
        p, q, r, s = places
        a, b, c = (top + edge for edge in stream.tops)
        thick = stream.thickness
        m, n = (p + q) / 2, (r + s) / 2
        upper = [(p, a), (m, a), (m, b), (q, b), (r, b), (n, b), (n, c), (s, c)]
        lower = [(x, y + thick) for x, y in reversed(upper)]
        four, line, move = Path.CURVE4, Path.LINETO, Path.MOVETO
        side = [four, four, four, line, four, four, four]
        path = Path([*upper, *lower, upper[0]], [move, *side, line, *side, Path.CLOSEPOLY])
        colours = self.look.colours.diverging
        negative = stream.value < 0
        axes.add_patch(
            PathPatch(
                path,
                facecolor=colours[1] if negative else colours[-2],
                edgecolor=colours[0] if negative else "none",
                linewidth=0.5 * self.look.scale if negative else 0.0,
                linestyle=(0, (2.5, 1.5)) if negative else "solid",
                alpha=0.85,
            )
        )
