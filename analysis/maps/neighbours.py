"""Nearest neighbours of a sentence by the vectors themselves, not by a map of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Neighbour:
    """A row of the data set that lies near a typed sentence, by the vectors themselves."""

    row: int
    similarity: float  # cosine


def neighbours(vectors: np.ndarray, vector: np.ndarray, k: int = 5) -> tuple[Neighbour, ...]:
    """The k rows of (N, d) with the largest cosine to a vector (d,)."""
    length = np.linalg.norm(vectors, axis=1) * float(np.linalg.norm(vector))
    cosine = np.divide(vectors @ vector, length, out=np.zeros(len(vectors)), where=length > 0)
    best = np.argsort(-cosine, kind="stable")[:k]
    return tuple(Neighbour(int(row), float(cosine[row])) for row in best)


def shared(neighbours: Sequence[tuple[Neighbour, ...]]) -> Iterator[tuple[int, int, float]]:
    """(i, j, share) for each pair of neighbour lists: how many of the rows they have in common."""
    for i, first in enumerate(neighbours):
        for j in range(i + 1, len(neighbours)):
            mine, theirs = {n.row for n in first}, {n.row for n in neighbours[j]}
            yield i, j, len(mine & theirs) / max(len(mine), 1)
