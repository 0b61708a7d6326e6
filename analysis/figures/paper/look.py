"""A style in the units of a drawing: sizes in points, colours, widths of texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from matplotlib.colors import LinearSegmentedColormap

from analysis.figures.paper.fonts import Measure
from analysis.figures.style.palettes import Palette, palette, readable, stops_of
from analysis.figures.style.settings import Style
from analysis.figures.style.style import CHOSEN, printable

_UNIT = re.compile(r"(\d) (%)")  # a number and its unit stay on one line
LONGEST_LABEL = 36  # characters


@dataclass(frozen=True)
class Box:
    """Points of the axes of a panel, and of the width that it has with its labels."""

    width: float
    height: float
    cell: float


@dataclass(frozen=True)
class Look:
    """Handed to everything that draws; made once a figure, in the figure's fonts."""

    style: Style
    measure: Measure  # (text, size) -> points

    @property
    def text(self) -> float:
        """Points of axis labels and of a strip's words."""
        return self.style.points

    @property
    def small(self) -> float:
        """Points of tick labels, legends and panel titles."""
        return self.style.points * 7 / 8

    @property
    def least(self) -> float:
        """Points of the numbers at bars and scales."""
        return self.style.points * 3 / 4

    @property
    def scale(self) -> float:
        """Factor for lengths that were chosen for 8-point text."""
        return self.style.points / 8

    @cached_property
    def colours(self) -> Palette:
        return palette(self.style.palette, self.style.greyscale)

    def of_class(self, index: int) -> str:
        """Colour of a class or series, for areas with an outline."""
        return self.colours.classes[index % len(self.colours.classes)]

    def ink_of_class(self, index: int) -> str:
        """The colour of a class for lines and points: dark enough to be seen on white paper."""
        return readable(self.of_class(index))

    def map(self, scale: str, shape: tuple[int, ...]) -> LinearSegmentedColormap:
        """Colour map of a scale, for so many rows and columns of cells."""
        stops = stops_of(self.colours, scale, shape)
        return LinearSegmentedColormap.from_list(f"poollens_{scale}", stops)

    def label(self, text: str, longest: int = LONGEST_LABEL) -> str:
        """A text on one line as it is printed: shortened, and without marks of the screen."""
        return printable(text.removeprefix(CHOSEN), longest)

    def wrapped(self, text: str, width: float, size: float | None = None, longest: int = 80) -> str:
        """A label broken at spaces into lines of at most `width` points."""
        size = size or self.text
        lines = [""]
        for word in _UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", self.label(text, longest)).split(" "):
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.measure(longer, size) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return "\n".join(lines)

    def shortened(self, text: str, width: float, size: float) -> str:
        """A label whose middle is cut out until it takes at most `width` points."""
        shown = self.label(text)
        longest = len(shown)
        while longest > 3 and self.measure(shown, size) > width:
            longest -= 1
            shown = self.label(text, longest)
        return shown
