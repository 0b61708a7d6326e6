"""Facing texts with bands between their units, on paper."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from analysis.figures.marks import Bands, Strip
from analysis.figures.paper.look import Look
from analysis.figures.paper.strips import MARGIN
from analysis.figures.screen.bands import Band, face, key_of
from analysis.figures.screen.layout import Box
from analysis.figures.style.style import printable

_CURVE = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]


class FacingTexts:
    """One mark: its subtitle, the two texts, the bands behind them, and what widths mean."""

    def __init__(self, mark: Bands, subtitle: str, look: Look, width: float) -> None:
        self.mark, self.look, self.width = mark, look, width
        self.extent = width
        inside = width - 2 * MARGIN
        head = look.wrapped(subtitle, inside, look.small) if subtitle else ""
        self.head = head.split("\n") if head else []
        self.key = look.wrapped(printable(key_of(mark)), inside, look.least, longest=160).split(
            "\n"
        )
        self.facing = face(mark, inside, look.text, look.measure)
        self.above = MARGIN + look.small * 1.55 * len(self.head)
        self.height = self.above + self.facing.height + look.least * 1.4 * len(self.key) + MARGIN

    def draw(self, figure: Figure) -> Axes:
        """Into axes of its own, which the page puts in their place."""
        look = self.look
        axes: Axes = figure.add_axes((0, 0, 1, 1), label=str(len(figure.axes)))
        axes.set_axis_off()
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        number = len(figure.axes) - 1
        axes.set_gid(f"panel-{number}")
        for row, line in enumerate(self.head):
            axes.text(
                MARGIN, MARGIN + look.small * (1 + 1.55 * row), line, fontsize=look.small,
                color="#404040",
            )  # fmt: skip
        for band in reversed(self.facing.bands):  # the strongest lies on top
            self._band(axes, band, f"panel-{number}-band-{band.nth}")
        for strip, boxes in ((self.mark.first, self.facing.first),
                             (self.mark.second, self.facing.second)):  # fmt: skip
            self._text(axes, strip, boxes)
        for row, line in enumerate(self.key):
            base = self.above + self.facing.height + look.least * (0.9 + 1.4 * row)
            axes.text(MARGIN, base, line, fontsize=look.least, color="#404040")
        return axes

    def _band(self, axes: Axes, band: Band, name: str) -> None:
        points = [(x + MARGIN, y + self.above) for x, y in band.curve]
        colours = self.look.colours.diverging
        size = self.look.text
        axes.add_patch(
            PathPatch(
                Path(points, _CURVE),
                facecolor="none",
                edgecolor=colours[-2] if band.positive else colours[1],
                linewidth=band.width,
                linestyle="solid" if band.positive else (0, (0.5 * size / band.width,
                                                             0.3 * size / band.width)),
                capstyle="butt",
                gid=name,
                zorder=1,
            )
        )  # fmt: skip

    def _text(self, axes: Axes, strip: Strip, boxes: list[Box]) -> None:
        for box in boxes:
            x, base = box.x + MARGIN, box.y + self.above
            # The line stays readable where a band of a wrapped text passes behind it.
            axes.add_patch(
                Rectangle((x, base - box.size * 0.9), box.width, box.size * 1.2,
                          facecolor="white", alpha=0.75, linewidth=0, zorder=2)
            )  # fmt: skip
            axes.text(
                x + box.width / 2, base, box.text, fontsize=box.size, ha="center", zorder=3,
                color="#595959" if strip.special[box.unit] else "black",
            )  # fmt: skip
