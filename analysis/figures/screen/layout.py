"""Where the units of a text strip go on paper: pure geometry in points, no drawing library."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.figures.marks import Strip
from analysis.figures.style.style import printable

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
        for run in _runs(strip, units):
            sizes = [max(size * SPECIAL_SCALE, 6.0) if strip.special[u] else size for u in run]
            labels = [printable(strip.labels[unit], LONGEST_UNIT) for unit in run]
            together = sum(map(measure, labels, sizes)) + 2 * pad
            if open_line and x + gap + together > line_width and together <= line_width:
                base, x, open_line = base + lead, 0.0, False
            for unit, type_size, label in zip(run, sizes, labels, strict=True):
                for part, advance in _parts(label, line_width - 2 * pad, type_size, measure):
                    # padding at the ends of a run only: its pieces touch, as they do in the text
                    width = advance + pad * (unit == run[0]) + pad * (unit == run[-1])
                    before = gap if unit == run[0] and open_line and strip.spaced[unit] else 0.0
                    if open_line and x + before + width > line_width + 1e-6:
                        base, x, before = base + lead, 0.0, 0.0
                    x += before
                    left = line_width - x - width if mirrored else x
                    boxes.append(Box(unit, part, left, base, width, type_size))
                    x, open_line = x + width, True
    return boxes, base + 0.5 * size


def _runs(strip: Strip, units: list[int]) -> list[list[int]]:
    """Units with no white space between them, kept on one line wherever they fit."""
    runs: list[list[int]] = []
    for unit in units:
        if runs and not strip.spaced[unit]:
            runs[-1].append(unit)
        else:
            runs.append([unit])
    return runs


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
