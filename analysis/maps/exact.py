"""Each vector's true nearest neighbours, by comparing it with all others.

Up to some ten thousand vectors this takes less time than to compile the approximate search of
pynndescent, which is compiled anew in every process: its kernels take a distance as an argument.
"""

from __future__ import annotations

import numpy as np

from analysis.common.first_import import scikit_learn


class ExactSearch:
    """The nearest of N vectors (N, d) to others, in the form that umap-learn takes a search in."""

    _angular_trees = False  # umap-learn asks; an exact search has none

    def __init__(self, vectors: np.ndarray, metric: str) -> None:
        scikit_learn()
        from sklearn.neighbors import NearestNeighbors

        self._metric = metric
        # Of unit vectors the squared Euclidean distance is twice the cosine distance, and
        # scikit-learn searches by the former without holding all distances at once.
        own = metric if metric == "manhattan" else "euclidean"
        self._search = NearestNeighbors(algorithm="brute", metric=own).fit(self._prepared(vectors))

    def graph(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices (N, k) int32 and distances (N, k) float32, each vector itself first."""
        distances, indices = self._search.kneighbors(n_neighbors=k - 1)
        count = len(indices)
        return (
            np.column_stack([np.arange(count), indices]).astype(np.int32),
            np.column_stack([np.zeros(count), self._from_euclidean(distances)]).astype(np.float32),
        )

    def query(
        self, vectors: np.ndarray, k: int, epsilon: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Indices (M, k) int32 and distances (M, k) float32 of the nearest to vectors (M, d).

        ``epsilon``, what an approximate search may miss, changes nothing.
        """
        distances, indices = self._search.kneighbors(self._prepared(vectors), n_neighbors=k)
        return indices.astype(np.int32), self._from_euclidean(distances).astype(np.float32)

    def _prepared(self, vectors: np.ndarray) -> np.ndarray:
        prepared: np.ndarray = np.asarray(vectors, dtype=np.float32)
        if self._metric == "correlation":
            prepared = prepared - prepared.mean(axis=1, keepdims=True)
        if self._metric in ("cosine", "correlation"):
            length = np.linalg.norm(prepared, axis=1, keepdims=True)
            prepared = prepared / np.where(length > 0, length, 1)
        return np.ascontiguousarray(prepared)

    def _from_euclidean(self, distances: np.ndarray) -> np.ndarray:
        unit = self._metric in ("cosine", "correlation")
        return np.asarray(distances**2 / 2 if unit else distances)
