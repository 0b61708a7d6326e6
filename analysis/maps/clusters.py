"""Groups of points on a map, named by the words that tell their texts from the others'.

Groups: HDBSCAN (Campello, Moulavi and Sander 2013) as in scikit-learn, on the map. Words:
class-based TF-IDF (Grootendorst 2022, BERTopic, arXiv 2203.05794).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.common.first_import import scikit_learn
from analysis.common.records import freeze, require_shape
from analysis.text.telling import telling_words

MOST_ROWS = 5_000  # that HDBSCAN is fitted on; further rows go with the nearest of these
MOST = 16  # clusters that are named, the largest first
FEWEST = 20
WORDS = 3  # in a name


@dataclass(frozen=True)
class Clusters:
    """Clusters of a map, the largest first; rows of none have the code -1."""

    codes: np.ndarray  # (N,)
    names: tuple[str, ...]  # C of them: their words, the most telling first
    centres: np.ndarray  # (C, 2) the medians of their points

    def __post_init__(self) -> None:
        require_shape("centres", self.centres, len(self.names), 2)
        freeze(self)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rows of each."""
        return tuple(int((self.codes == code).sum()) for code in range(len(self.names)))


def clusters(points: np.ndarray, texts: Sequence[str], seed: int = 0) -> Clusters:
    """The clusters of ``points`` (N, 2), named by their N ``texts``; at most ``MOST`` of them.

    Of more than ``MOST_ROWS`` points a seeded sample is clustered; every other point goes with its
    nearest neighbour among these, also into no cluster.

    Raises
    ------
    ValueError
        There are not as many texts as points.
    """
    if len(points) != len(texts):
        raise ValueError(f"{len(points):,} points and {len(texts):,} texts; they must be as many")
    codes = _codes(np.asarray(points, dtype=float), seed)
    sizes = np.bincount(codes[codes >= 0]) if (codes >= 0).any() else np.zeros(0, int)
    order = np.argsort(-sizes, kind="stable")[:MOST]
    place = np.full(len(sizes) + 1, -1)
    place[order] = np.arange(len(order))
    codes = place[codes]  # -1, no cluster, is the last place
    words = telling_words(texts, codes, len(order), WORDS)
    centres = [np.median(points[codes == code], axis=0) for code in range(len(order))]
    return Clusters(codes, tuple(map(" · ".join, words)), np.array(centres).reshape(-1, 2))


def _codes(points: np.ndarray, seed: int) -> np.ndarray:
    """(N,) clusters from 0 on, -1 for none."""
    scikit_learn()
    from sklearn.cluster import HDBSCAN
    from sklearn.neighbors import KNeighborsClassifier

    count = len(points)
    if count < FEWEST or (points == points[0]).all():
        return np.full(count, -1)
    rows = np.arange(count)
    if count > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(count, MOST_ROWS, replace=False))
    smallest = max(8, round(0.02 * len(rows)))
    own = HDBSCAN(min_cluster_size=smallest, min_samples=5, copy=True).fit_predict(points[rows])
    own = np.maximum(own, -1)  # -2 and -3 are points that are no numbers
    if len(rows) == count:
        return np.asarray(own)
    return np.asarray(KNeighborsClassifier(1).fit(points[rows], own).predict(points))
