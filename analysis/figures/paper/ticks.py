"""Labels of a category axis: by position, so that repeated tokens stay apart, and never over each
other: upright where they are long, shortened where they are very long, every n-th where many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from analysis.figures.paper.look import Look

_ROUND = [mantissa * 10**power for power in range(9) for mantissa in (1, 2, 5)]
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
    step = 1
    if upright:
        shown = [look.shortened(labels[i], LONGEST_ACROSS * look.scale, size) for i in named]
        step = max(1, math.ceil(1.12 * size / (room * apart)))
    axes.set_xticks(named[::step], shown[::step], rotation=90 if upright else 0)


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
    longest = max(look.measure(look.label(label), look.small) for label in named)
    return min(longest, LONGEST_ACROSS * look.scale) + 4.0


def _counted(look: Look, labels: Sequence[str], room: float) -> list[int] | None:
    """Places of round numbers, far enough apart to lie flat, where the labels count 0, 1, 2, ..."""
    first = int(labels[0]) if labels[0].isdecimal() else -1
    if first not in (0, 1) or any(t != str(first + i) for i, t in enumerate(labels)):
        return None
    needed = (look.measure(labels[-1], look.small) + 0.6 * look.small) / room
    step = next(s for s in _ROUND if s >= needed)
    return [i for i in range(len(labels)) if (first + i) % step == 0 or step == 1]


def _flat(look: Look, labels: Sequence[str], room: float) -> list[str]:
    """The labels as they fit side by side, in one line or two; none where they do not."""
    size = look.small
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
    longest = max(
        (look.measure(look.label(label), look.small) for label in labels if label), default=0.0
    )
    return min(longest, most)
