"""Where the units of a text strip go on paper: pure geometry in points, no drawing library."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.figures.plot import Strip
from analysis.figures.style import printable

LONGEST_UNIT = 120  # characters drawn of one unit; the frame keeps all of them
SPECIAL_SCALE = 0.78


@dataclass(frozen=True)
class Box:
    """A unit, or a part of one that is wider than the line; points from the strip's top left."""

    unit: int
    text: str
    x: float
    y: float  # of the base line
    width: float
    size: float  # of the type


def is_right_to_left(labels: Sequence[str]) -> bool:
    """Direction of the first letter that has one, as HTML's dir="auto" decides it."""
    for character in "".join(labels):
        direction = unicodedata.bidirectional(character)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def place(
    strip: Strip, line_width: float, size: float, measure: Callable[[str, float], float]
) -> tuple[list[Box], float]:
    """(boxes, height): units in reading order, wrapped, each segment from a new line.

    `measure(text, size)` is a text's width in points. A text read from right to left is mirrored.
    """
    lead, gap, pad = 1.62 * size, 0.24 * size, 0.08 * size
    boxes: list[Box] = []
    base = size * 1.15
    open_line = False  # whether anything stands on the current line
    for segment in dict.fromkeys(strip.segment):
        units = [i for i, s in enumerate(strip.segment) if s == segment]
        mirrored = is_right_to_left([strip.labels[i] for i in units if not strip.special[i]])
        if open_line:
            base += lead * 1.12
        x, open_line = 0.0, False
        for unit in units:
            type_size = max(size * SPECIAL_SCALE, 6.0) if strip.special[unit] else size
            label = printable(strip.labels[unit], LONGEST_UNIT)
            parts = _parts(label, line_width - 2 * pad, type_size, measure)
            for number, (part, advance) in enumerate(parts):
                width = advance + 2 * pad
                before = gap if strip.spaced[unit] and open_line and number == 0 else 0.0
                if open_line and x + before + width > line_width + 1e-6:
                    base, x, before = base + lead, 0.0, 0.0
                x += before
                left = line_width - x - width if mirrored else x
                boxes.append(Box(unit, part, left, base, width, type_size))
                x, open_line = x + width, True
    return boxes, base + 0.5 * size


def _parts(
    label: str, widest: float, size: float, measure: Callable[[str, float], float]
) -> list[tuple[str, float]]:
    """The label and its width, cut into pieces that fit a line where it does not."""
    advance = measure(label, size)
    if advance <= widest or len(label) < 2:
        return [(label, advance)]
    half = len(label) // 2
    left, right = label[:half], label[half:]
    return _parts(left, widest, size, measure) + _parts(right, widest, size, measure)
