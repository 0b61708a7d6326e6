"""Rows of a map worth a look: outliers, torn neighbours, and those on which heads disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.first_import import scikit_learn
from analysis.common.records import freeze, require_shape
from analysis.maps.quality import Quality

if TYPE_CHECKING:
    from analysis.corpus.predictions import Predictions

MOST_COMPARED = 5_000  # rows among which neighbours are sought
LISTED = 50
FEWEST = 4


@dataclass(frozen=True)
class Ranked:
    """Rows in order of a number, the most remarkable first."""

    rows: np.ndarray  # (n,) of the map
    values: np.ndarray  # (n,)

    def __post_init__(self) -> None:
        require_shape("values", self.values, len(self.rows))
        freeze(self)

    def __len__(self) -> int:
        return len(self.rows)


def outliers(vectors: np.ndarray, k: int = 20, metric: str = "cosine", seed: int = 0) -> Ranked:
    """Rows of ``vectors`` (N, d) by their local outlier factor, the largest first.

    About 1: as dense around the row as around its ``k`` nearest; 2: half as dense (Breunig et al.
    2000, as in scikit-learn). Equal rows count once: many of them would have no distance to their
    neighbours. Of more than ``MOST_COMPARED`` rows a seeded sample is the neighbourhood of all.
    Fewer than 4 different rows have no outliers.
    """
    scikit_learn()
    from sklearn.neighbors import LocalOutlierFactor

    every = np.ascontiguousarray(vectors, dtype=np.float32)
    whole_rows = every.view(np.dtype((np.void, every.dtype.itemsize * every.shape[1]))).ravel()
    _, first, same = np.unique(whole_rows, return_index=True, return_inverse=True)
    vectors, count = every[first], len(first)
    if count < FEWEST:
        return _ranked(np.zeros(0, int), np.zeros(0))
    rows = np.arange(count)
    if count > MOST_COMPARED:
        rows = np.sort(np.random.default_rng(seed).choice(count, MOST_COMPARED, replace=False))
    k = min(k, len(rows) - 1)
    factors = np.empty(count)
    whole = len(rows) == count
    detector = LocalOutlierFactor(k, metric=metric, novelty=not whole).fit(vectors[rows])
    factors[rows] = -detector.negative_outlier_factor_
    if not whole:
        rest = np.setdiff1d(np.arange(count), rows)
        factors[rest] = -detector.score_samples(vectors[rest])
    return _ranked(np.arange(len(every)), factors[same])


def torn(quality: Quality | None) -> Ranked:
    """Rows by the share of their neighbours that the map keeps, the smallest first."""
    if quality is None or not np.isfinite(quality.kept).all():
        return _ranked(np.zeros(0, int), np.zeros(0))
    ranked = _ranked(quality.sample, -(quality.kept - 1e-6 * quality.torn))
    kept = dict(zip(quality.sample.tolist(), quality.kept.tolist(), strict=True))
    return Ranked(ranked.rows, np.array([kept[row] for row in ranked.rows.tolist()]))


def disagreements(answers: Sequence[Predictions]) -> Ranked:
    """Rows on which checkpoints predict different classes, by their divergence, the largest first.

    The value is the Jensen-Shannon divergence of the checkpoints' probabilities in bits: 0 where
    they are equal, at most the logarithm of their number (Lin 1991). Checkpoints that have other
    classes than the first, and regressions, are left out.

    Raises
    ------
    ValueError
        Predictions are missing, or fewer than two checkpoints share their classes.
    """
    own = [
        answer
        for answer in answers
        if not answer.regression and set(answer.labels) == set(answers[0].labels)
    ]
    if len(own) < 2:
        raise ValueError("at least two checkpoints of the same classes are needed to disagree")
    if any(not answer.complete for answer in own):
        raise ValueError("the predictions are not complete yet")
    names = own[0].labels
    every = np.stack(
        [answer.probabilities[:, [answer.labels.index(name) for name in names]] for answer in own]
    )
    every /= every.sum(axis=2, keepdims=True)  # of several classes a row: their shares
    predicted = every.argmax(axis=2)
    differ = np.flatnonzero((predicted != predicted[0]).any(axis=0))
    return _ranked(differ, divergence(every)[differ])


def divergence(probabilities: np.ndarray) -> np.ndarray:
    """(N,) Jensen-Shannon divergence in bits of M distributions over C classes (M, N, C)."""
    return np.asarray(_entropy(probabilities.mean(axis=0)) - _entropy(probabilities).mean(axis=0))


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -np.asarray((probabilities * logs).sum(axis=-1))


def _ranked(rows: np.ndarray, values: np.ndarray) -> Ranked:
    order = np.argsort(-values, kind="stable")[:LISTED]
    return Ranked(rows[order], values[order])
