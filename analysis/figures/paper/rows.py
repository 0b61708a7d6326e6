"""Rows of panels on a page: they fill the width, and break where the least is left empty.

Pure geometry in points; no drawing library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from analysis.figures.unreadable import Unreadable

Heights = tuple[float, float, float]  # points: the lowest that is readable, the best, the highest
_SHARES = (0.35, 0.6, 1.0, 1.6, 2.6)  # by which a text is tried wider and narrower
NEAR = 6.0  # points of height by which pages are not told apart: fuller rows come first then
EMPTY = 1.5  # what an empty point of a row costs, where one of its height costs 1


@dataclass(frozen=True)
class Need:
    """Room that one panel needs on the page."""

    least: float  # points of width, labels included, below which it is not readable
    want: float  # its share of what a row has left
    heights: Callable[[float], Heights]  # by its width
    is_text: bool = False  # its height follows from its width
    filled: Callable[[float], float] = lambda width: 1.0  # share of its width that it makes use of


@dataclass(frozen=True)
class Row:
    """Panels `start` to `stop` side by side."""

    start: int
    stop: int
    widths: tuple[float, ...]
    height: float
    cost: float  # points of paper that it takes, empty ones counted `EMPTY` times more

    def __len__(self) -> int:
        return self.stop - self.start


def arranged(needs: Sequence[Need], columns: int, width: float, gap: float) -> tuple[Row, ...]:
    """At most `columns` panels in a row, in as few rows as can be read, every row full.

    Among those the one with the least height and emptiness. One panel in a row is always taken.

    Raises
    ------
    Unreadable
        Nowhere are `columns` panels readable side by side.
    """
    columns = max(1, min(columns, len(needs)))

    @cache
    def best(start: int) -> tuple[int, float, tuple[Row, ...]]:
        if start == len(needs):
            return 0, 0.0, ()
        options = []
        for stop in range(start + 1, min(start + columns, len(needs)) + 1):
            made = _row(needs, start, stop, width, gap)
            if made is not None:
                rows, cost, rest = best(stop)
                options.append((rows + 1, cost + made.cost, (made, *rest)))
        return min(
            options,
            key=lambda option: (option[0], round(option[1] / (NEAR * width)), -len(option[2][0])),
        )

    rows = best(0)[2]
    most = max(map(len, rows))
    if most < columns and len(rows) > math.ceil(len(needs) / columns):
        raise _refusal(needs, columns, most, width, gap)
    return rows


def columns_by_cost(needs: Sequence[Need], most: int, width: float, gap: float) -> tuple[int, ...]:
    """The numbers of columns, up to `most`, that can be read: the one that takes the least paper
    and leaves the least empty comes first."""
    costs: dict[int, int] = {}
    for columns in range(1, max(1, min(most, len(needs))) + 1):
        try:
            rows = arranged(needs, columns, width, gap)
        except Unreadable:
            continue
        costs[columns] = round(sum(row.cost for row in rows) / (NEAR * width))
    return tuple(sorted(costs, key=lambda columns: costs[columns]))


def _row(needs: Sequence[Need], start: int, stop: int, width: float, gap: float) -> Row | None:
    """The row, or None where it is too narrow for its panels."""
    these = needs[start:stop]
    texts = any(need.is_text for need in these) and len(these) > 1
    options = []
    for factor in _SHARES if texts else (1.0,):
        widths = _widths(these, width, gap, factor)
        if widths is None:
            return None
        heights = [need.heights(w) for need, w in zip(these, widths, strict=True)]
        height = _height(these, heights)
        empty = sum(
            max(0.0, height - high) * w + min(height, high) * w * (1 - need.filled(w))
            for need, (_, _, high), w in zip(these, heights, widths, strict=True)
        )
        cost = (height + gap) * width + EMPTY * empty
        options.append(Row(start, stop, widths, height, cost))
    return min(options, key=lambda row: row.cost)


def _height(needs: Sequence[Need], heights: Sequence[Heights]) -> float:
    """One height for a row: the mean of the best ones, where everybody can read it."""
    heights_wished = [
        best for need, (_, best, _) in zip(needs, heights, strict=True) if not need.is_text
    ]
    mean = sum(heights_wished) / len(heights_wished) if heights_wished else 0.0
    high = min((h for n, (_, _, h) in zip(needs, heights, strict=True) if not n.is_text), default=0)
    return max(min(mean, high), *(low for low, _, _ in heights))


def _widths(
    needs: Sequence[Need], width: float, gap: float, factor: float = 1.0
) -> tuple[float, ...] | None:
    """The least for each, and what is left by what they want."""
    free = width - gap * (len(needs) - 1) - sum(need.least for need in needs)
    if len(needs) > 1 and free < -0.01:
        return None
    if len(needs) == 1:
        return (width,)
    wants = [need.want * (factor if need.is_text else 1.0) for need in needs]
    total = sum(wants)
    return tuple(n.least + free * w / total for n, w in zip(needs, wants, strict=True))


def _refusal(
    needs: Sequence[Need], columns: int, offer: int, width: float, gap: float
) -> Unreadable:
    """Says which panel of the row that is nearest to readable has the least of what it needs."""
    starts = range(len(needs) - columns + 1)
    start = min(starts, key=lambda s: sum(need.least for need in needs[s : s + columns]))
    these = needs[start : start + columns]
    free = width - gap * (columns - 1)
    wants = sum(need.want for need in these)
    shares = [free * need.want / wants for need in these]
    worst = min(range(columns), key=lambda i: shares[i] / these[i].least)
    return Unreadable(columns, offer, start + worst, shares[worst], these[worst].least)
