"""Places of the units of a text strip on paper: pure geometry in points."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
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


@dataclass(frozen=True)
class _Run:
    """Units with no white space between them, or a part of one that is wider than a line."""

    parts: tuple[tuple[int, str, float, float], ...]  # (unit, text, width, size of the type)
    spaced: bool  # white space stands before it
    special: bool
    whole: bool  # it fits on a line

    @property
    def width(self) -> float:
        return sum(width for _, _, width, _ in self.parts)


def place(
    strip: Strip, line_width: float, size: float, measure: Callable[[str, float], float]
) -> tuple[list[Box], float]:
    """(boxes, height): units in reading order, wrapped, each segment from a new line.

    No line of one word, or of special tokens alone, ends a text where the line above can give one.
    `measure(text, size)` is a text's width in points. A text read from right to left is mirrored.
    """
    lead, gap = 1.62 * size, 0.24 * size
    boxes: list[Box] = []
    base = size * 1.15
    for nth, segment in enumerate(dict.fromkeys(strip.segment)):
        units = [i for i, s in enumerate(strip.segment) if s == segment]
        mirrored = is_right_to_left([strip.labels[i] for i in units if not strip.special[i]])
        runs = [
            run
            for units_of_run in _runs(strip, units)
            for run in _cut(strip, units_of_run, line_width, size, measure)
        ]
        for line_number, line in enumerate(_lines(runs, line_width, gap)):
            base += 0.0 if not nth and not line_number else lead * (1.0 if line_number else 1.12)
            x = 0.0
            for place_in_line, run in enumerate(line):
                x += gap if place_in_line and run.spaced else 0.0
                for unit, text, width, type_size in run.parts:
                    left = line_width - x - width if mirrored else x
                    boxes.append(Box(unit, text, left, base, width, type_size))
                    x += width
    return boxes, base + 0.5 * size


def _cut(
    strip: Strip,
    run: list[int],
    line_width: float,
    size: float,
    measure: Callable[[str, float], float],
) -> Iterator[_Run]:
    """A run of units as it is set: whole where a line can hold it, else part by part."""
    pad = 0.08 * size
    parts = []
    for unit in run:
        type_size = max(size * SPECIAL_SCALE, 6.0) if strip.special[unit] else size
        label = printable(strip.labels[unit], LONGEST_UNIT)
        # padding at the ends of a run only: its pieces touch, as they do in the text
        more = pad * (unit == run[0]) + pad * (unit == run[-1])
        for part, advance in _parts(label, line_width - 2 * pad, type_size, measure):
            parts.append((unit, part, advance + more, type_size))
    special = all(strip.special[unit] for unit in run)
    if sum(width for _, _, width, _ in parts) <= line_width + 1e-6:
        yield _Run(tuple(parts), strip.spaced[run[0]], special, True)
        return
    for nth, cut in enumerate(parts):
        yield _Run((cut,), strip.spaced[run[0]] and not nth, special, False)


def _lines(runs: list[_Run], line_width: float, gap: float) -> list[list[_Run]]:
    """Runs on lines as long as they fit; the last line is not left with one word."""
    lines: list[list[_Run]] = []
    x = 0.0
    for run in runs:
        before = gap if run.spaced else 0.0
        if not lines or x + before + run.width > line_width + 1e-6:
            lines.append([])
            x, before = 0.0, 0.0
        lines[-1].append(run)
        x += before + run.width
    if len(lines) > 1:
        above, last = lines[-2:]
        while (
            _words(last) < 2
            and _words(above) > (2 if _words(last) else 1)
            and above[-1].whole
            and _length([above[-1], *last], gap) <= line_width
        ):
            last.insert(0, above.pop())
    return lines


def _words(line: list[_Run]) -> int:
    return sum(not run.special for run in line)


def _length(line: list[_Run], gap: float) -> float:
    return sum(run.width for run in line) + gap * sum(run.spaced for run in line[1:])


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
