"""Labels of a category axis: by position, so that repeated tokens stay apart, and never over each
other: upright where they are long, shortened where they are very long, every n-th where many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from analysis.figures.paper.look import Look

_ROUND = [mantissa * 10**power for power in range(9) for mantissa in (1, 2, 5)]
MEASURED = 60  # labels of an axis by which the room for all of them is estimated
FEW = 16  # labels that are all to be shown
LONGEST_ACROSS = 62.0  # points (of 8-point text) that upright labels may take from the picture


def across(axes: Axes, look: Look, labels: Sequence[str], width: float) -> None:
    """Labels under `width` points of axis; an empty label is a place without a name."""
    named = [i for i, label in enumerate(labels) if label]
    if not named:
        axes.set_xticks([])
        return
    size = look.small
    room = width / max(len(labels), 1)
    apart = min((b - a for a, b in pairwise(named)), default=len(labels))
    if (every := _counted(look, labels, room)) is not None:
        axes.set_xticks(every, [labels[i] for i in every])
        return
    shown = _flat(look, [labels[i] for i in named], room * apart)
    upright = not shown
    if upright:
        named = named[:: _step(look, room * apart)]
        shown = [look.shortened(labels[i], LONGEST_ACROSS * look.scale, size) for i in named]
    axes.set_xticks(named, shown, rotation=90 if upright else 0)


def _step(look: Look, room: float) -> int:
    """Every how many upright labels are shown where each has `room` points."""
    return max(1, math.ceil(1.12 * look.small / room))


def depth(look: Look, labels: Sequence[str], width: float) -> float:
    """Points that `across` takes below the axis."""
    named = [label for label in labels if label]
    if not named:
        return 0.0
    if _counted(look, labels, width / len(labels)) is not None:
        return look.small * 1.3
    shown = _flat(look, named, width / len(named))
    if shown:
        return look.small * 1.3 * (1 + max(label.count("\n") for label in shown))
    step = _step(look, width / len(named))
    longest = max(look.measure(look.label(label), look.small) for label in named[::step])
    return min(longest, LONGEST_ACROSS * look.scale) + 4.0


def needed(look: Look, labels: Sequence[str]) -> float:
    """Points of an axis on which upright labels are all shown, or half of them where many."""
    named = sum(map(bool, labels))
    if not named or _counted(look, labels, 1.0) is not None:
        return 0.0
    line = 1.12 * look.small
    return line * len(labels) if named <= FEW else line * max(FEW, len(labels) / 2)


def whole(axes: Axes, look: Look, x: np.ndarray, width: float) -> None:
    """Ticks at whole numbers, (N,), the first and the last among them, as many as stand apart."""
    low, high = int(x.min()), int(x.max())
    if low == high:
        axes.set_xticks([low])
        return
    wide = max(look.measure(str(tick), look.small) for tick in (low, high)) + 0.5 * look.small
    step = next(s for s in _ROUND if s * width >= wide * (high - low) or s >= high - low)
    first = -(-low // step) * step
    shown = [low, *range(first, high, step), high]
    apart = [shown[0]]
    for tick in dict.fromkeys(shown[1:-1]):
        if all(abs(tick - end) * width >= wide * (high - low) for end in (apart[-1], high)):
            apart.append(tick)
    axes.set_xticks([*apart, high])


def are_counted(labels: Sequence[str]) -> bool:
    """Whether labels count 0, 1, 2, ... or 1, 2, 3, ...: what is left out is known."""
    if not labels or not labels[0].isdecimal():
        return False
    first = int(labels[0])
    return first in (0, 1) and all(t == str(first + i) for i, t in enumerate(labels))


def _counted(look: Look, labels: Sequence[str], room: float) -> list[int] | None:
    """Places of round numbers, far enough apart to lie flat, where the labels count 0, 1, 2, ..."""
    if not are_counted(labels):
        return None
    first = int(labels[0])
    needed = (look.measure(labels[-1], look.small) + 0.6 * look.small) / room
    step = next(s for s in _ROUND if s >= needed)
    return [i for i in range(len(labels)) if (first + i) % step == 0 or step == 1]


def _flat(look: Look, labels: Sequence[str], room: float) -> list[str]:
    """The labels as they fit side by side, in one line or two; none where they do not."""
    size = look.small
    if room < 0.9 * size:  # not even a letter: nothing of it is measured
        return []
    for lines in (1, 2):
        shown = [
            look.label(label) if lines == 1 else look.wrapped(label, room - 0.4 * size, size)
            for label in labels
        ]
        if all(label.count("\n") < lines for label in shown) and (
            max(look.measure(line, size) for label in shown for line in label.split("\n"))
            + 0.4 * size
            <= room
        ):
            return shown
    return []


def down(axes: Axes, look: Look, labels: Sequence[str], height: float, width: float) -> None:
    """Labels beside `height` points of axis, each at most `width` points long."""
    named = [i for i, label in enumerate(labels) if label]
    step = max(1, math.ceil(1.12 * look.small * len(named) / max(height, 1.0)))
    kept = named[::step]
    axes.set_yticks(kept, [look.shortened(labels[i], width, look.small) for i in kept])


def beside(look: Look, labels: Sequence[str], most: float) -> float:
    """Points that `down` takes, at most `most`."""
    named = [label for label in labels if label]
    step = max(1, len(named) // MEASURED)
    longest = max((look.measure(look.label(t), look.small) for t in named[::step]), default=0.0)
    return min(longest, most)
