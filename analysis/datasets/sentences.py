"""Sentences of a data set: each once, spread evenly over it, with the classes that it gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from analysis.datasets.table import Table

Rows = tuple[tuple[str, str | None], ...]  # texts with their second texts


@dataclass(frozen=True)
class SentenceSet:
    """Texts, each once, and what they are in words."""

    rows: Rows = ()
    name: str = ""
    classes: tuple[str, ...] | None = None  # each one's class, where the data set gives classes

    def __len__(self) -> int:
        return len(self.rows)


def spread(table: Table, name: str, count: int) -> SentenceSet:
    """`count` different rows of a data set, or all, spread evenly over it."""
    first: dict[tuple[str, str | None], int] = {}
    for index in range(len(table)):
        pair = None if table.pair is None else table.pair[index] or None
        first.setdefault((table.text[index], pair), index)
    places = np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int)
    every = list(first.items())
    kept = [every[place] for place in dict.fromkeys(places.tolist())] if every else []
    classes = None
    single = table.by_sets()
    if single.label is not None and single.labels:
        classes = tuple(single.labels[int(single.label[index])] for _, index in kept)
    of = f"all {len(kept):,}" if len(kept) == len(first) else f"{len(kept):,} of {len(first):,}"
    return SentenceSet(tuple(row for row, _ in kept), f"{name}: {of} different sentences", classes)


def random_rows(table: Table, count: int, seed: int = 0) -> list[tuple[str, str | None]]:
    """`count` random rows of a data set (or all) with their second texts, in its order.

    A larger count holds the rows of a smaller one.
    """
    places = np.random.default_rng(seed).permutation(len(table))[:count]
    pairs = table.pair
    return [
        (table.text[place], None if pairs is None else pairs[place])
        for place in sorted(places.tolist())
    ]


def digest(rows: Rows) -> str:
    """Digest that identifies a set of sentences."""
    return hashlib.sha256(repr(rows).encode("utf-8", "replace")).hexdigest()
