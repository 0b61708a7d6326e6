"""Samples of the rows of a large data set for a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from analysis.datasets.table import Table


def stratified(table: Table, most: int, seed: int = 0) -> np.ndarray:
    """Ascending rows (n,) of a seeded sample that keeps the shares of the classes.

    Every class keeps at least one row, unless there are more classes than ``most``. All rows
    where there are no more than ``most``.
    """
    count = len(table)
    if count <= most:
        return np.arange(count)
    random = np.random.default_rng(seed)
    table = table.by_sets()
    if table.label is None or not table.labels:
        return np.sort(random.choice(count, most, replace=False))
    classes, sizes = np.unique(table.label, return_counts=True)
    if len(classes) > most:
        return np.sort(random.choice(count, most, replace=False))
    chosen = [
        random.choice(np.flatnonzero(table.label == label), share, replace=False)
        for label, share in zip(classes, _shares(sizes, most), strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _shares(sizes: np.ndarray, most: int) -> np.ndarray:
    """Rows of each class, ``most`` in all: by largest remainders, and one of each at least."""
    exact = most * sizes / sizes.sum()
    shares: np.ndarray = np.maximum(np.floor(exact).astype(int), 1)
    while shares.sum() < most:
        shares[np.argmax(np.where(shares < sizes, exact - shares, -np.inf))] += 1
    while shares.sum() > most:
        shares[np.argmax(np.where(shares > 1, shares - exact, -np.inf))] -= 1
    return shares
