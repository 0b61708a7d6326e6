"""Token strips on paper: a text that wraps, each unit on its colour, negative ones underlined."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.marks import Strip
from analysis.figures.paper.look import Look
from analysis.figures.screen.layout import Box, place
from analysis.figures.style.palettes import shade
from analysis.figures.style.style import STEPS, WEAK, number, step_of

MARGIN = 1.5  # points


class Strips:
    """Strips one under the other, then one scale for all of them (each its own if they differ)."""

    def __init__(
        self, strips: list[Strip], subtitles: tuple[str, ...], look: Look, width: float
    ) -> None:
        self.look, self.width = look, width
        one_scale = len({(s.bound, s.unit) for s in strips}) == 1
        self.blocks: list[tuple[Strip, list[str], list[Box], float, bool]] = []
        y = MARGIN
        for index, (strip, subtitle) in enumerate(zip(strips, subtitles, strict=True)):
            head = look.wrapped(subtitle, width - 2 * MARGIN, look.small).split("\n")
            lines = head if subtitle else []
            boxes, height = place(strip, width - 2 * MARGIN, look.text, look.measure)
            with_scale = not one_scale or index == len(strips) - 1
            self.blocks.append((strip, lines, boxes, y, with_scale))
            y += look.small * 1.55 * len(lines) + height + look.text * 0.35
            if with_scale:
                y += look.small * (1.6 if index == len(strips) - 1 else 2.2)
        self.height = y
        lines_end = max(box.x + box.width for _, _, boxes, _, _ in self.blocks for box in boxes)
        widest = max(_least_scale(strip, look) for strip, *_ in self.blocks)
        # as far as the text goes: the scale stands below it, not at the edge of a wide page
        self.extent = min(width, max(lines_end, widest) + 2 * MARGIN)

    def draw(self, figure: Figure) -> Axes:
        """Into axes of its own, which the page puts in their place."""
        look = self.look
        axes: Axes = figure.add_axes((0, 0, 1, 1), label=str(len(figure.axes)))
        axes.set_axis_off()
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        number = len(figure.axes) - 1
        for index, (strip, lines, boxes, top, with_scale) in enumerate(self.blocks):
            for row, line in enumerate(lines):
                axes.text(
                    MARGIN,
                    top + look.small * (1 + 1.55 * row),
                    line,
                    fontsize=look.small,
                    color="#404040",
                )
            top += look.small * 1.55 * len(lines)
            lowest = _boxes(axes, strip, boxes, look, top, f"panel-{number}-strip-{index}")
            if with_scale:
                _scale(axes, strip, look, self.extent - MARGIN, lowest + look.text * 1.9)
        return axes


def _boxes(axes: Axes, strip: Strip, boxes: list[Box], look: Look, top: float, name: str) -> float:
    """Draw one strip's boxes, text and underlines; returns the lowest base line."""
    underlines = []
    lowest, size = top, look.text
    for nth, box in enumerate(boxes):
        value = float(strip.values[box.unit])
        step = step_of(value, strip.bound)
        ground, ink = shade(look.colours, step, strip.special[box.unit])
        x, base = MARGIN + box.x, top + box.y
        lowest = max(lowest, base)
        axes.add_patch(
            Rectangle(
                (x, base - size * 0.94),
                box.width,
                size * 1.28,
                facecolor=ground,
                linewidth=0,
                gid=f"{name}-box-{nth}-unit-{box.unit}",
            )
        )
        axes.text(x + box.width / 2, base, box.text, fontsize=box.size, color=ink, ha="center")
        if value < 0:
            weak = step > -WEAK
            under = base + 1.5 * look.scale
            line = [(x + 0.5, under), (x + box.width - 0.5, under)]
            underlines.append((line, "#8A8A8A" if weak else ink, 0.4 if weak else 0.75))
    if underlines:
        lines, colours, widths = zip(*underlines, strict=True)
        axes.add_collection(
            LineCollection(lines, colors=colours, linewidths=[w * look.scale for w in widths])
        )
    return lowest


def _scale(axes: Axes, strip: Strip, look: Look, right: float, base: float) -> None:
    """A legend at the right: -limit (underlined, as negative text is) ... 0 ... +limit.

    Its bar is as long as the line leaves room for; where none is left the numbers stand alone.
    """
    least, scale = look.least, look.scale
    high = f"{end_of(strip.bound)} {strip.unit}".strip()
    low = end_of(-strip.bound)
    steps = 41
    numbers = look.measure(high, least) + look.measure(low, least) + 6
    wide = max(0.0, min(60.0 * scale, right - MARGIN - numbers))
    x = right - look.measure(high, least) - 3 - wide
    for index in range(steps if wide > 6.0 * scale else 0):
        colour = shade(look.colours, round(2 * STEPS * index / (steps - 1)) - STEPS)[0]
        axes.add_patch(
            Rectangle(
                (x + wide * index / steps, base - 4.6 * scale),
                wide / steps + 0.05,
                5.0 * scale,
                facecolor=colour,
                linewidth=0,
            )
        )
    axes.text(right, base, high, fontsize=least, ha="right")
    axes.text(x - 3, base, low, fontsize=least, ha="right")
    start = x - 3 - look.measure(low, least)
    axes.add_collection(
        LineCollection(
            [[(start, base + 1.2 * scale), (x - 3, base + 1.2 * scale)]],
            colors="black",
            linewidths=0.5 * scale,
        )
    )


def _least_scale(strip: Strip, look: Look) -> float:
    """Points of a scale with all of its bar."""
    ends = f"{end_of(strip.bound)} {strip.unit}".strip(), end_of(-strip.bound)
    return sum(look.measure(end, look.least) for end in ends) + 6 + 60.0 * look.scale


def end_of(value: float) -> str:
    """The end of a scale with its sign, without decimals that say nothing: +10, not +10.00."""
    shown = number(value, "signed")
    if "." in shown and "e" not in shown:
        shown = shown.rstrip("0").rstrip(".")
    return shown.replace("-", "\N{MINUS SIGN}")
