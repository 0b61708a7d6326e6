"""Quality of a map: neighbours kept, neighbours torn away, false neighbours, distances.

Trustworthiness and continuity: Venna and Kaski (2001); the former falls where points that are no
neighbours come to lie together, the latter where neighbours come to lie apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.common.first_import import scikit_learn
from analysis.common.records import freeze, require_shape

MOST = 2_000  # ranks of all pairs are held at once: larger sets are measured on a sample
FEWEST = 4


@dataclass(frozen=True)
class Quality:
    """Measured on the rows of `sample`, k nearest neighbours each.

    Where the vectors or the points all lie on one spot there are no neighbours to compare: the
    numbers are NaN and the votes None.
    """

    k: int
    trustworthiness: float  # 1: no intruder among a point's neighbours in the map
    continuity: float  # 1: no neighbour torn away
    kept: np.ndarray  # (n,) share of a point's k neighbours that are its neighbours in the map
    torn: np.ndarray  # (n,) 0..1, how far away a point's neighbours were put; 0 = none torn
    false: np.ndarray  # (n,) 0..1, how far from it the neighbours that the map shows are
    sample: np.ndarray  # (n,) the rows that were measured; all of them up to MOST
    knn_original: float | None  # label accuracy of the k neighbours by the vectors; None: no labels
    knn_map: float | None  # the same by the map
    knn_chance: float | None  # accuracy of always guessing the most frequent label
    grouped: bool = False  # whether rows of a row's own group had no vote

    def __post_init__(self) -> None:
        for name in ("kept", "torn", "false"):
            require_shape(name, getattr(self, name), len(self.sample))
        freeze(self)


def quality(
    vectors: np.ndarray,
    points: np.ndarray,
    labels: np.ndarray | None = None,
    k: int = 15,
    metric: str = "cosine",
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> Quality:
    """Compare the neighbourhoods of ``vectors`` (N, d) with those of ``points`` (N, 2).

    Above ``MOST`` rows a seeded sample is measured, among themselves. ``k`` is lowered to less
    than half of the rows, where trustworthiness is defined. Label accuracy is that of a vote of
    the k nearest others (leave-one-out). With ``groups`` (N,) only rows of other groups vote:
    sentences of one template would otherwise find their template, not their meaning; a row
    without any other group is left out of the vote.

    Raises ``ValueError`` for fewer than ``FEWEST`` rows.
    """
    if len(vectors) != len(points):
        raise ValueError(f"{len(vectors)} vectors and {len(points)} points; they must be the same")
    if len(vectors) < FEWEST:
        raise ValueError(f"{len(vectors)} points have no neighbourhoods to compare; take {FEWEST}")
    sample = np.arange(len(vectors))
    if len(sample) > MOST:
        sample = np.sort(np.random.default_rng(seed).choice(len(sample), MOST, replace=False))
    n = len(sample)
    if _on_one_spot(vectors[sample]) or _on_one_spot(points[sample]):
        unknown = np.full(n, np.nan)
        nothing = float("nan")
        return Quality(
            k,
            nothing,
            nothing,
            unknown,
            unknown,
            unknown,
            sample,
            None,
            None,
            None,
            groups is not None,
        )
    k = max(1, min(k, (n - 1) // 2 if n > 4 else 1))
    high, low = _ranks(vectors[sample], metric), _ranks(points[sample], "euclidean")
    false = _misplaced(near=low, ranks=high, k=k)
    torn = _misplaced(near=high, ranks=low, k=k)
    near_high, near_low = (high >= 1) & (high <= k), (low >= 1) & (low <= k)
    votes: tuple[float | None, float | None, float | None] = (None, None, None)
    if labels is not None:
        own = np.asarray(labels)[sample]
        chance = float(np.unique(own, return_counts=True)[1].max()) / n
        kept = None if groups is None else np.asarray(groups)[sample]
        votes = (_vote(high, own, k, kept), _vote(low, own, k, kept), chance)
    return Quality(
        k,
        float(1 - false.mean()),
        float(1 - torn.mean()),
        (near_high & near_low).sum(axis=1) / k,
        torn,
        false,
        sample,
        *votes,
        groups is not None,
    )


def _on_one_spot(places: np.ndarray) -> bool:
    return bool((places == places[0]).all())


def _ranks(vectors: np.ndarray, metric: str) -> np.ndarray:
    """(n, n) int: place of row j among the neighbours of row i; 0 is the row itself."""
    scikit_learn()
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(np.asarray(vectors, dtype=float), metric=metric)
    np.fill_diagonal(distances, -np.inf)  # itself first, whatever lies on the same spot
    order = np.argsort(distances, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(len(order))[None], axis=1)
    return ranks


def _misplaced(near: np.ndarray, ranks: np.ndarray, k: int) -> np.ndarray:
    """(n,) how far outside the k neighbours by ``ranks`` the k neighbours by ``near`` are.

    The mean over points is 1 - trustworthiness, by the normalisation of Venna and Kaski.
    """
    n = len(near)
    beyond = np.where((near >= 1) & (near <= k), np.maximum(ranks - k, 0), 0).sum(axis=1)
    return np.asarray(beyond * 2.0 / (k * (2 * n - 3 * k - 1)))


def _vote(ranks: np.ndarray, labels: np.ndarray, k: int, groups: np.ndarray | None) -> float | None:
    classes, own = np.unique(labels, return_inverse=True)
    voters = ranks >= 1
    if groups is not None:
        voters &= groups[:, None] != groups[None]
    rows = np.flatnonzero(voters.any(axis=1))
    if not rows.size:
        return None
    right = 0
    for row in rows:
        near = np.flatnonzero(voters[row])
        near = near[np.argsort(ranks[row, near])[:k]]
        counts = np.bincount(own[near], minlength=len(classes))
        # A tie goes to the class of the nearest of the tied, as a smaller k would decide it.
        first = next(label for label in own[near] if counts[label] == counts.max())
        right += int(first == own[row])
    return right / len(rows)


@dataclass(frozen=True)
class Spread:
    """Change of the layout from seed to seed, after Procrustes onto the first."""

    seeds: tuple[int, ...]
    per_point: np.ndarray  # (N,) root mean square distance from a point's mean place
    radius: float  # root mean square distance of all points from the centre of the first layout

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def overall(self) -> float:
        """Root mean square over the points, as a share of the map's radius; 0 = no change."""
        if self.radius == 0:
            return 0.0
        return float(np.sqrt((self.per_point**2).mean()) / self.radius)


def spread(layouts: Sequence[np.ndarray], seeds: Sequence[int] = ()) -> Spread:
    """Spread of layouts (S times (N, 2)) of the same vectors; the first is the reference.

    Raises
    ------
    ValueError
        There are fewer than two layouts.
    """
    from analysis.maps.alignment import procrustes

    if len(layouts) < 2:
        raise ValueError("the spread over seeds needs at least two layouts")
    first = np.asarray(layouts[0], dtype=float)
    stack = np.stack([first, *(procrustes(first, p).apply(p) for p in layouts[1:])])
    around = ((stack - stack.mean(axis=0)) ** 2).sum(axis=2).mean(axis=0)
    radius = float(np.sqrt(((first - first.mean(axis=0)) ** 2).sum(axis=1).mean()))
    names = tuple(seeds) or tuple(range(len(layouts)))
    return Spread(names, np.sqrt(around), radius)


def spread_over_seeds(
    vectors: np.ndarray,
    method: str = "umap",
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    progress: Callable[[float], None] | None = None,
    **options: object,
) -> Spread:
    """Lay the same vectors (N, d) out once a seed and measure the spread; whatever ``progress``
    raises ends it.
    """
    from analysis.maps.projection import project

    layouts = []
    for number, seed in enumerate(seeds):
        layouts.append(project(vectors, method, seed, **options).points)
        if progress is not None:
            progress((number + 1) / len(seeds))
    return spread(layouts, seeds)
