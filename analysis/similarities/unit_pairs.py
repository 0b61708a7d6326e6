"""Contributions of pairs of tokens summed to pairs of units: words, or tokens one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.common.records import freeze, require_shape

Group = tuple[int, ...]  # positions of the tokens of a unit


@dataclass(frozen=True)
class UnitPairs:
    """``values[i, j]``: what unit i of the first and unit j of the second sentence add together."""

    values: np.ndarray  # (Ua, Ub)
    groups: tuple[tuple[Group, ...], tuple[Group, ...]]

    def __post_init__(self) -> None:
        require_shape("values", self.values, len(self.groups[0]), len(self.groups[1]))
        freeze(self)

    @property
    def pairs(self) -> int:
        """Number of pairs that contribute."""
        return int(np.count_nonzero(self.values))

    def strongest(self, count: int) -> tuple[tuple[int, int, float], ...]:
        """(i, j, value) of the `count` largest absolute values, in order; never a zero."""
        order = np.argsort(-np.abs(self.values).ravel(), kind="stable")[: max(count, 0)]
        order = order[self.values.ravel()[order] != 0]
        return tuple(
            (int(i), int(j), float(self.values[i, j]))
            for i, j in zip(*np.unravel_index(order, self.values.shape), strict=True)
        )

    def partners(self, side: int, count: int) -> tuple[tuple[tuple[int, float], ...], ...]:
        """For each unit of sentence `side` its `count` strongest partners: (unit, value)."""
        values = self.values if side == 0 else self.values.T
        order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :count]
        return tuple(
            tuple((int(unit), float(row[unit])) for unit in best if row[unit] != 0)
            for row, best in zip(values, order, strict=True)
        )

    def share(self, count: int) -> float:
        """Share (0 to 1) of the sum of absolute values that the `count` strongest pairs hold."""
        size = np.sort(np.abs(self.values).ravel())[::-1]
        return float(size[:count].sum() / max(float(size.sum()), 1e-30))


def unit_pairs(
    contributions: np.ndarray, first: Sequence[Sequence[int]], second: Sequence[Sequence[int]]
) -> UnitPairs:
    """Contributions (Ta, Tb) by token summed over the tokens of each unit: (Ua, Ub).

    `first` and `second` hold the positions of each unit's tokens.
    """
    values = _summed(_summed(contributions, first).T, second).T
    return UnitPairs(values, (tuple(map(tuple, first)), tuple(map(tuple, second))))


def _summed(values: np.ndarray, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """(T, n) -> (U, n): the rows of each unit, which has one at least, added up."""
    if not groups:
        return np.zeros((0, values.shape[1]))
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])])
    rows = [position for group in groups for position in group]
    return np.asarray(np.add.reduceat(values[rows], starts, axis=0))
