"""The panels that a page is made of: axes whose labels are measured, and texts that wrap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from analysis.figures.agreement import slots
from analysis.figures.marks import Bands, Bars, Flow, HeatMap, Lines, Panel, Points, Strip
from analysis.figures.paper import bars, heat_map, lines, ticks
from analysis.figures.paper.bands import FacingTexts
from analysis.figures.paper.flow import Flows
from analysis.figures.paper.look import Box, Look
from analysis.figures.paper.rows import Heights, Need
from analysis.figures.paper.strips import Strips

TITLE = 1.3  # of the text's size: a line of a panel's title
SMALLEST = 6.0  # points of axes that have no room at all: nothing is drawn inside out
_TALLEST = 1.25  # of the highest that a panel asks for


class Margins(NamedTuple):
    """Points that the labels of a panel take around its axes."""

    left: float = 0.0
    right: float = 0.0
    above: float = 0.0
    below: float = 0.0


@dataclass(frozen=True)
class _Kind:
    """Functions that draw and measure one mark with axes."""

    draw: Callable[[Axes, Any, Look, Sequence[int]], None]
    fit: Callable[[Axes, Any, Look, bool, Box], list[Artist]]
    least: Callable[[Any, Look], float]
    want: Callable[[Any, Look], float]
    heights: Callable[[Any, Look, float], Heights]
    left: Callable[[Any, Look, float, bool], float]
    below: Callable[[Any, Look, float], float]


def _kind(module: ModuleType, draw: Callable[..., None], fit: Callable[..., list[Artist]]) -> _Kind:
    return _Kind(draw, fit, module.least, module.want, module.heights, module.left, module.below)


_KINDS: dict[type, _Kind] = {
    HeatMap: _kind(heat_map, heat_map.draw, heat_map.fit),
    Bars: _kind(bars, bars.draw, bars.fit),
    Lines: _kind(lines, lines.draw_lines, lines.fit_lines),
    Points: _kind(lines, lines.draw_points, lines.fit_points),
}


class Drawing:
    """A panel with axes: drawn once, then fitted to the size that the page gives it."""

    is_text = False

    def __init__(self, panel: Panel, subtitle: str, look: Look) -> None:
        self.panel, self.subtitle, self.look = panel, subtitle, look
        self.kind = _KINDS[type(panel)]
        self.alone = self.with_bar = True  # whether row labels, and a colour bar, stand here
        self.x = self.y = 0.0  # of the axes' top left corner, points from that of the page
        self.width = self.height = 0.0
        self.cell = 0.0
        self.margins = Margins()
        self.axes: Axes | None = None
        self._replaced: list[Artist] = []

    def estimate(self, cell: float) -> Margins:
        """Estimated room of the labels in a cell of that width, before they are measured."""
        left = self.kind.left(self.panel, self.look, cell, self.alone)
        bar = isinstance(self.panel, HeatMap) and self.with_bar
        right = heat_map.right(self.look) if bar else 4.0
        inside = max(cell - left - right, SMALLEST)
        lines = self.look.wrapped(self.subtitle, inside, longest=60).count("\n") + 1
        above = TITLE * self.look.text * lines + 3.0 if self.subtitle else 4.0
        return Margins(left, right, above, self.kind.below(self.panel, self.look, inside))

    def tallest(self) -> float:
        """Points of height beyond which axes of its width would stand half empty."""
        return _TALLEST * self.kind.heights(self.panel, self.look, self.width)[2]

    def need(self) -> Need:
        """Room that it needs on the page."""
        least = self.kind.least(self.panel, self.look)
        around = self.estimate(2.5 * least)

        def heights(cell: float) -> Heights:
            margins = self.estimate(cell)
            inside = max(cell - margins.left - margins.right, SMALLEST)
            more = margins.above + margins.below
            low, best, high = self.kind.heights(self.panel, self.look, inside)
            return low + more, best + more, high + more

        want = self.kind.want(self.panel, self.look)
        return Need(least + around.left + around.right, want, heights)

    def draw(self, figure: Figure, names: Sequence[str]) -> None:
        """Draw what does not depend on the size."""
        number = len(figure.axes)
        self.axes = figure.add_axes((0.1, 0.1, 0.5, 0.5))
        # names by which the values can be found again in an SVG
        self.axes.set_gid(f"panel-{number}")
        self.kind.draw(self.axes, self.panel, self.look, slots(self.panel, names))

    def fit(self) -> None:
        """Draw what depends on the size, for the size that it has now."""
        assert self.axes is not None
        for artist in self._replaced:
            artist.remove()
        look, panel = self.look, self.panel
        box = Box(self.width, self.height, self.cell)
        self._replaced = self.kind.fit(self.axes, panel, look, self.alone, box)
        across, up = _labels(panel, self.alone)
        self.axes.set_xlabel(look.wrapped(across, self.width))
        self.axes.set_ylabel(look.wrapped(up, self.height + 8.0))
        if self.subtitle:
            title = look.wrapped(self.subtitle, self.width + 2.0, longest=60)
            self.axes.set_title(title, pad=3, linespacing=1.1)

    def measure(self, renderer: RendererBase, to_points: float) -> None:
        """Take the margins from what is drawn."""
        assert self.axes is not None
        whole, inside = self.axes.get_tightbbox(renderer), self.axes.bbox
        if whole is None:
            self.margins = Margins()
            return
        self.margins = Margins(
            *(
                round(max(0.0, more) * to_points, 3) + 0.5
                for more in (
                    inside.x0 - whole.x0,
                    whole.x1 - inside.x1,
                    whole.y1 - inside.y1,
                    inside.y0 - whole.y0,
                )
            )
        )

    def named(self) -> Iterator[tuple[Axes, str, int]]:
        """Its axes of names, with how many there are; numbers in order can be left out."""
        assert self.axes is not None
        panel = self.panel
        names: list[tuple[str, tuple[str, ...]]] = []
        if isinstance(panel, HeatMap):
            names = [("x", panel.columns), *([("y", panel.rows)] if self.alone else [])]
        elif isinstance(panel, Lines):
            names = [("x", panel.places)]
        elif isinstance(panel, Bars) and self.alone:
            names = [("y" if panel.horizontal else "x", panel.categories)]
        for which, these in names:
            if (count := sum(map(bool, these))) and not ticks.are_counted(these):
                yield self.axes, which, count

    def place(self, page: tuple[float, float]) -> None:
        """Put the axes where they belong on a page of (width, height) points."""
        assert self.axes is not None
        self.axes.set_position(rectangle(self.x, self.y, self.width, self.height, page))


class TextBlock(Protocol):
    """A text that is set in a width: points of its height, and of its longest line."""

    height: float
    extent: float

    def draw(self, figure: Figure) -> Axes:
        """Into axes of its own, which the page puts in their place."""
        ...


class Text:
    """A panel without axes, whose height follows from its width."""

    is_text = True
    subtitle = ""
    alone = with_bar = True

    def __init__(
        self, panels: Sequence[Panel], subtitles: Sequence[str], columns: int, look: Look
    ) -> None:
        self.panels, self.look, self.columns = tuple(panels), look, columns
        self.subtitles = tuple(subtitles)
        self.x = self.y = self.width = self.height = self.cell = 0.0
        self.margins = Margins()
        self.axes: Axes | None = None
        self._made: dict[float, TextBlock] = {}

    def at(self, width: float) -> TextBlock:
        """The text as it is set in that width."""
        width = round(width, 3)
        if width not in self._made:
            first = self.panels[0]
            if isinstance(first, Bands):
                made: TextBlock = FacingTexts(first, self.subtitles[0], self.look, width)
            elif isinstance(first, Flow):
                made = Flows(list(self.panels), self.subtitles, self.columns, self.look, width)  # type: ignore[arg-type]
            else:
                made = Strips(list(self.panels), self.subtitles, self.look, width)  # type: ignore[arg-type]
            self._made[width] = made
        return self._made[width]

    def estimate(self, cell: float) -> Margins:
        """A text has no labels around it."""
        return Margins()

    def need(self) -> Need:
        """Room that it needs on the page."""
        least, want = _text_widths(self.panels, self.look)

        def heights(cell: float) -> Heights:
            height = float(self.at(cell).height)
            return height, height, height

        def filled(cell: float) -> float:
            return min(1.0, float(self.at(cell).extent) / cell)

        return Need(least, want, heights, True, filled)

    def draw(self, figure: Figure, names: Sequence[str]) -> None:
        """Draw it in the width that it has."""
        self.axes = self.at(self.cell).draw(figure)

    def fit(self) -> None:
        """Nothing of it depends on its height."""

    def measure(self, renderer: RendererBase, to_points: float) -> None:
        """It keeps inside of its width."""

    def place(self, page: tuple[float, float]) -> None:
        """Put it where it belongs on a page of (width, height) points."""
        if self.axes is not None:
            height = float(self.at(self.cell).height)
            self.axes.set_position(rectangle(self.x, self.y, self.cell, height, page))


Leaf = Drawing | Text


def rectangle(
    x: float, y: float, width: float, height: float, page: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Points from the page's top left corner as matplotlib's shares from its bottom left one."""
    return (
        round(x / page[0], 7),
        round(1 - (y + height) / page[1], 7),
        round(max(width, 1.0) / page[0], 7),
        round(max(height, 1.0) / page[1], 7),
    )


def _labels(panel: Panel, alone: bool) -> tuple[str, str]:
    """(below, beside) the axes."""
    if isinstance(panel, HeatMap):
        return panel.column_label, panel.row_label if alone else ""
    if isinstance(panel, Lines | Points):
        return panel.x_label, panel.y_label
    assert isinstance(panel, Bars)
    # names of classes need no word beside them
    named = panel.category_label if alone and panel.category_label != "class" else ""
    return (panel.value_label, named) if panel.horizontal else (named, panel.value_label)


def _text_widths(panels: Sequence[Panel], look: Look) -> tuple[float, float]:
    """(least, wanted) points of width of a text."""
    first = panels[0]
    if isinstance(first, Flow):
        least = Flows.least(look)
        return least, 1.3 * least * len(panels)
    strips = [first.first, first.second] if isinstance(first, Bands) else panels
    words = [
        look.measure(look.label(label), look.text)
        for strip in strips
        if isinstance(strip, Strip)
        for label in strip.labels
    ]
    lines = [
        sum(look.measure(look.label(t), look.text) + 0.2 * look.text for t in strip.labels)
        for strip in strips
        if isinstance(strip, Strip)
    ]
    widest = min(max(words, default=0.0) + 4.0, 200.0 * look.scale)
    least = max(104.0 * look.scale, widest)
    return least, min(max(max(lines, default=0.0), least), 330.0 * look.scale)


def same_rows(first: Leaf, second: Leaf) -> bool:
    """Whether two neighbours share their category axis, so that its labels stand once."""
    if not (isinstance(first, Drawing) and isinstance(second, Drawing)):
        return False
    left, right = first.panel, second.panel
    if isinstance(left, HeatMap) and isinstance(right, HeatMap):
        return left.rows == right.rows and left.row_label == right.row_label
    return (
        isinstance(left, Bars)
        and isinstance(right, Bars)
        and left.horizontal
        and right.horizontal
        and left.categories == right.categories
    )


def same_colours(first: Leaf, second: Leaf) -> bool:
    """Whether one colour bar is enough for two maps."""
    return (
        isinstance(first, Drawing)
        and isinstance(second, Drawing)
        and isinstance(first.panel, HeatMap)
        and isinstance(second.panel, HeatMap)
        and heat_map.same_scale(first.panel, second.panel)
    )
