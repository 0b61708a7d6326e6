"""Groups of points on a map, named by the words that tell their texts from the others'.

Groups: HDBSCAN (Campello, Moulavi and Sander 2013) as in scikit-learn, on the map. Words:
class-based TF-IDF (Grootendorst 2022, BERTopic, arXiv 2203.05794).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.common.records import freeze, require_shape

MOST_ROWS = 5_000  # that HDBSCAN is fitted on; further rows go with the nearest of these
MOST = 16  # clusters that are named, the largest first
FEWEST = 20
WORDS = 3  # in a name
# Words of a stop list that a classifier of sentences turns on.
_KEPT = frozenset({"no", "not", "nor", "never", "nothing", "nobody", "none", "cannot", "without"})


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
    words = telling_words(texts, codes, len(order))
    centres = [np.median(points[codes == code], axis=0) for code in range(len(order))]
    return Clusters(codes, tuple(map(" · ".join, words)), np.array(centres).reshape(-1, 2))


def telling_words(
    texts: Sequence[str], codes: np.ndarray, count: int, most: int = WORDS
) -> list[tuple[str, ...]]:
    """The words of largest class-based TF-IDF of each of ``count`` classes.

    ``codes`` (N,) are the classes of the N texts; those of -1 are in none.

    A word's weight in a class is its share of the class's words times ``log(1 + A / f)``, A the
    mean number of words of a class and f how often the word stands in all of them. English
    function words are left out where others are left, negations stay.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    if not count:
        return []
    rows: list[list[str]] = [[] for _ in range(count)]
    for text, code in zip(texts, codes.tolist(), strict=True):
        if code >= 0:
            rows[code].append(text)
    joined = [" ".join(own) for own in rows]
    # Two letters at least, an apostrophe inside a word: "don't" is one.
    vectorizer = CountVectorizer(token_pattern=r"(?u)\b[^\W\d_][\w'’]*\w\b")
    try:
        counts = vectorizer.fit_transform(joined)
    except ValueError:  # no words at all, such as in texts of digits
        return [()] * count
    words = vectorizer.get_feature_names_out()
    plain = np.array([word in ENGLISH_STOP_WORDS - _KEPT for word in words])
    weights = class_tf_idf(np.asarray(counts.todense(), dtype=float))
    named = []
    for own in weights:
        known = np.flatnonzero(own > 0)
        chosen = known[~plain[known]] if (~plain[known]).any() else known
        best = chosen[np.argsort(-own[chosen], kind="stable")][:most]
        named.append(tuple(str(words[place]) for place in best))
    return named


def class_tf_idf(counts: np.ndarray) -> np.ndarray:
    """Class-based TF-IDF (C, W) of how often each word stands in each class (C, W)."""
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts, dtype=float), where=total > 0)
    everywhere = counts.sum(axis=0)
    ratio = np.divide(
        total.mean(), everywhere, out=np.zeros_like(everywhere, dtype=float), where=everywhere > 0
    )
    return np.asarray(share * np.log1p(ratio))


def _codes(points: np.ndarray, seed: int) -> np.ndarray:
    """(N,) clusters from 0 on, -1 for none."""
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
