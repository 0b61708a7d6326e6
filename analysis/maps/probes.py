"""Numbers of a set of vectors that need no map: probe, silhouette and anisotropy.

Silhouette: Rousseeuw (1987), cosine distance. Anisotropy: mean cosine of two different rows
(Ethayarajh 2019). Probe: logistic regression on standardised vectors, cross-validated.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from analysis.common.first_import import scikit_learn
from analysis.common.records import freeze

FOLDS = 5
_SILHOUETTE_ROWS = 2_000  # all pairs of distances; a seeded sample above


@dataclass(frozen=True)
class Probe:
    """Cross-validated accuracy of a linear probe."""

    accuracy: float  # mean over folds
    interval: tuple[float, float]  # 95 %, t over folds
    folds: np.ndarray  # (F,) accuracy of each
    chance: float  # of always guessing the most frequent label of the training rows
    grouped: bool  # whether rows of one group never stood on both sides

    def __post_init__(self) -> None:
        freeze(self)


def silhouette(
    vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None, seed: int = 0
) -> float:
    """Mean silhouette of the labels by cosine distance, -1 to 1; NaN for fewer than two classes.

    A seeded sample above 2,000 rows. Rows of a class with one member count as 0, as in
    scikit-learn. With ``groups`` (N,) a row is only compared with rows of other groups, for its
    own class and for the others; one that has none there of its own or of another class is 0.
    """
    scikit_learn()
    from sklearn.metrics import silhouette_score

    classes = np.unique(labels)
    if not 2 <= len(classes) <= len(labels) - 1:
        return float("nan")
    if groups is not None:
        return _silhouette_across(vectors, labels, groups, seed)
    size = _SILHOUETTE_ROWS if len(labels) > _SILHOUETTE_ROWS else None
    return float(
        silhouette_score(
            vectors.astype(np.float64),
            labels,
            metric="cosine",
            sample_size=size,
            random_state=seed,
        )
    )


def _silhouette_across(
    vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int
) -> float:
    scikit_learn()
    from sklearn.metrics import pairwise_distances

    rows = np.arange(len(labels))
    if len(rows) > _SILHOUETTE_ROWS:
        rows = np.random.default_rng(seed).choice(rows, _SILHOUETTE_ROWS, replace=False)
    distances = pairwise_distances(vectors[rows].astype(np.float64), metric="cosine")
    classes, own = np.unique(labels[rows], return_inverse=True)
    kept = groups[rows]
    others = (kept[:, None] != kept[None]).astype(np.float64)
    member = np.eye(len(classes))[own]  # (n, C)
    counts = others @ member
    sums = (distances * others) @ member
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    every = np.arange(len(rows))
    within = means[every, own]
    means[every, own] = np.inf
    nearest = np.where(np.isnan(means), np.inf, means).min(axis=1)
    known = np.isfinite(within) & np.isfinite(nearest)
    larger = np.maximum(within, nearest)
    value = np.zeros(len(rows))
    np.divide(nearest - within, larger, out=value, where=known & (larger > 0))
    return float(value.mean())


def anisotropy(vectors: np.ndarray) -> float:
    """Mean cosine between two different rows of (N, d): 0 = all directions, 1 = one direction.

    All pairs, by the length of the sum of the unit vectors; NaN for fewer than two rows.
    """
    if len(vectors) < 2:
        return float("nan")
    wide = vectors.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    unit = np.divide(wide, length, out=np.zeros_like(wide), where=length > 0)
    n = len(unit)
    return float(((unit.sum(axis=0) ** 2).sum() - (unit**2).sum()) / (n * (n - 1)))


def probe(
    vectors: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> Probe:
    """Accuracy of a linear probe on (N, d) with labels (N,), cross-validated.

    With ``groups`` (N,) all rows of one group are in one fold: sentences of one template would
    otherwise tell the probe the template, not the meaning.

    Raises ``ValueError`` for one class, or classes or groups with too few members for two folds.
    """
    from scipy import stats

    scikit_learn()
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise ValueError("a probe needs at least two classes; all rows have the same label")
    folds = min(folds, int(counts.min()) if groups is None else _fewest_groups(labels, groups))
    if folds < 2:
        what = "members" if groups is None else "groups"
        raise ValueError(
            f"a class has fewer than two {what}, so nothing is left to test on; leave it out"
        )
    splitter = (
        StratifiedKFold(folds, shuffle=True, random_state=seed)
        if groups is None
        else StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    )
    scores, guesses = [], []
    wide = vectors.astype(np.float64)
    for train, test in splitter.split(wide, labels, groups):
        if len(test) == 0 or len(np.unique(labels[train])) < 2:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, C=0.1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged to the last digit: the score tells
            model.fit(wide[train], labels[train])
        scores.append(float(model.score(wide[test], labels[test])))
        values, often = np.unique(labels[train], return_counts=True)
        guesses.append(float((labels[test] == values[often.argmax()]).mean()))
    if len(scores) < 2:
        raise ValueError("the groups leave fewer than two folds to test on; take other groups")
    mean, error = float(np.mean(scores)), float(stats.sem(scores))
    half = float(stats.t.ppf(0.975, len(scores) - 1)) * error
    return Probe(
        mean,
        (max(mean - half, 0.0), min(mean + half, 1.0)),
        np.array(scores),
        float(np.mean(guesses)),
        groups is not None,
    )


def _fewest_groups(labels: np.ndarray, groups: np.ndarray) -> int:
    return min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
