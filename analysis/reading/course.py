"""A token on its way up the layers, in three numbers at each depth."""

from __future__ import annotations

import numpy as np

COURSE = ("norm", "cosine_to_previous", "cosine_to_last")  # numbers of a token at each depth


def course(vectors: np.ndarray) -> np.ndarray:
    """(L+1, d) one token by layer -> (3, L+1): norm, cosine to the layer before, to the last."""
    vectors = np.asarray(vectors, dtype=np.float64)
    previous = np.concatenate([[np.nan], cosines(vectors[1:], vectors[:-1])])
    return np.stack([np.linalg.norm(vectors, axis=1), previous, cosines(vectors, vectors[-1:])])


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, d), (n, d) or (1, d) -> (n,) the cosine of each pair of rows; NaN for a zero vector."""
    length = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((first * second).sum(axis=1) / length)
