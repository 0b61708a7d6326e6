"""Vectors on a plane: PCA and UMAP, seeded, with a way to place one more vector.

Sources: PCA as in scikit-learn; UMAP, McInnes, Healy and Melville (2018), as in umap-learn. How
far a layout may be believed is measured in `map_quality`; layouts are made comparable by
`alignment`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from analysis.common.first_import import scikit_learn
from analysis.common.records import freeze, require_shape
from analysis.maps import compiled
from analysis.maps.procrustes import procrustes

if TYPE_CHECKING:
    from analysis.maps.procrustes import Similarity

METHODS = ("pca", "umap")
METRICS = ("cosine", "euclidean", "manhattan", "correlation")
DEFAULTS: dict[str, dict[str, Any]] = {
    "pca": {},
    "umap": {"n_neighbors": 15, "min_dist": 0.1, "metric": "cosine"},
}
How = Literal["transform", "neighbours"]
LARGE = 20_000  # rows above which umap-learn searches neighbours itself, approximately
_SEARCHED = 4_096  # rows from which on its search is the approximate one
_FEWEST_FOR_UMAP = 4  # its layout of fewer points fails inside an eigenvalue routine


@dataclass(frozen=True)
class Projection:
    """N vectors on a plane. `method` is the one that was used, which may not be the one asked."""

    points: np.ndarray  # (N, 2)
    method: str
    seed: int
    options: Mapping[str, Any]
    explained: np.ndarray | None = None  # (2,) shares of the variance, PCA only
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_shape("points", self.points, None, 2)
        freeze(self)


@dataclass(frozen=True)
class Placement:
    """Where vectors that were not part of the fit land."""

    points: np.ndarray  # (M, 2)
    how: How

    def __post_init__(self) -> None:
        require_shape("points", self.points, None, 2)
        freeze(self)


class Reducer(Protocol):
    """A fitted method that places further vectors."""

    def transform(self, X: np.ndarray, /) -> np.ndarray:
        """(M, d) vectors -> (M, 2) points."""
        ...


@dataclass
class Map:
    """A projection with what is needed to place one more vector in it."""

    projection: Projection
    vectors: np.ndarray  # (N, d) float32, those of the fit
    reducer: Reducer | None = None  # scikit-learn's or umap-learn's; None: by neighbours
    moved: list[Similarity] = field(default_factory=list)

    def onto(self, reference: np.ndarray) -> Map:
        """The map turned, mirrored, scaled and shifted onto ``reference`` (N, 2)."""
        similarity = procrustes(reference, self.projection.points)
        moved = replace(self.projection, points=similarity.apply(self.projection.points))
        return Map(moved, self.vectors, self.reducer, [*self.moved, similarity])

    def place(self, vectors: np.ndarray, k: int = 5) -> Placement:
        """Land vectors (M, d), or one (d,), each on its own: UMAP's answer depends on the batch.

        Where the method cannot transform (AlignedUMAP, or PCA in UMAP's place), a vector lands
        between its ``k`` nearest neighbours, and `how` says so.

        Raises
        ------
        ValueError
            The vectors have another number of dimensions than those of the map.
        """
        new = checked(np.atleast_2d(vectors), "the vector to place")
        if new.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"the vector to place has {new.shape[1]} dimensions, the map was made of "
                f"{self.vectors.shape[1]}; take the same checkpoint, pooling and layer"
            )
        if self.reducer is None:
            metric = str(self.projection.options.get("metric", "euclidean"))
            points = by_neighbours(self.vectors, self.projection.points, new, metric, k)
            return Placement(points, "neighbours")
        with quiet():
            points = np.concatenate(
                [np.asarray(self.reducer.transform(row[None]), dtype=float) for row in new]
            )
        points = _two_columns(points)
        for similarity in self.moved:
            points = similarity.apply(points)
        return Placement(points, "transform")


def project(vectors: np.ndarray, method: str = "umap", seed: int = 0, **options: Any) -> Projection:
    """Lay N vectors (N, d) out on a plane; see :func:`fit`, which also places further vectors."""
    return fit(vectors, method, seed, **options).projection


def fit(
    vectors: np.ndarray,
    method: str = "umap",
    seed: int = 0,
    *,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Map:
    """Lay N vectors (N, d) out on a plane.

    ``method`` is "pca" or "umap" (options ``n_neighbors``, ``min_dist``, ``metric``; ``init``, an
    (N, 2) layout to begin from). The same seed gives the same points, bit for bit, on the same
    machine and versions. Three points or fewer, or points that are all equal, are laid out by
    PCA, with a note. ``progress`` is told (epoch, epochs) of UMAP; whatever it raises ends the fit.

    Raises ``ValueError`` for no vectors, values that are not finite, an unknown method or option.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; known: {', '.join(METHODS)}")
    known = {**DEFAULTS[method], **({"init": None} if method == "umap" else {})}
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"{method} has no option {', '.join(unknown)}; known: {', '.join(known) or 'none'}"
        )
    data = checked(vectors, "the vectors")
    notes: tuple[str, ...] = ()
    if (data == data[0]).all():
        count = len(data)
        only = "There is one vector" if count == 1 else f"All {count:,} vectors are equal"
        notes = (f"{only}: everything lies on one point.",)
        method = "pca"
    elif method == "umap" and len(data) < _FEWEST_FOR_UMAP:
        notes = (f"UMAP needs more than 3 points and there are {len(data)}: this is PCA.",)
        method = "pca"
    if method == "pca":
        return _pca(data, seed, notes)
    return _umap(data, seed, {**known, **options}, progress)


def warm_up(large: bool = False) -> None:
    """A fit and a transform of a few points, so that UMAP's kernels are there when they are needed.

    Those that an earlier process has compiled are read (see `maps.compiled`), others are made.
    ``large``: those for more than ``LARGE`` points, which take longer; few epochs are enough.
    """
    count = _SEARCHED + 4 if large else 40
    sample = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    made = _umap(
        sample,
        0,
        {**DEFAULTS["umap"], "n_neighbors": 5, "init": None},
        None,
        epochs=2 if large else None,
        exact=not large,
    )
    made.place(sample[:1])


def by_neighbours(
    vectors: np.ndarray, points: np.ndarray, new: np.ndarray, metric: str = "cosine", k: int = 5
) -> np.ndarray:
    """(M, 2): for each row of ``new`` (M, d) the mean of its ``k`` nearest neighbours' points,
    weighted by 1 / distance; a vector that is in the map lands on its own point."""
    scikit_learn()
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(new, vectors, metric=metric)
    near = np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(vectors))]
    gap = np.take_along_axis(distances, near, axis=1)
    weights = 1 / np.maximum(gap, 1e-9 * max(float(distances.max()), 1e-12))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[:, :, None] * points[near]).sum(axis=1))


def _pca(vectors: np.ndarray, seed: int, notes: tuple[str, ...]) -> Map:
    scikit_learn()
    from sklearn.decomposition import PCA

    parts = min(2, *vectors.shape)
    if len(vectors) == 1 or (vectors == vectors[0]).all():
        points = np.zeros((len(vectors), 2))
        return Map(Projection(points, "pca", seed, {}, np.zeros(2), notes), vectors)
    solver = "full" if len(vectors) < 500 else "covariance_eigh"
    reducer = PCA(n_components=parts, svd_solver=solver)
    points = _two_columns(reducer.fit_transform(vectors.astype(np.float64)))
    explained = np.zeros(2)
    explained[:parts] = reducer.explained_variance_ratio_
    return Map(Projection(points, "pca", seed, {}, explained, notes), vectors, reducer)


class _Epochs:
    """File of umap-learn's progress bar (tqdm): it reports epochs and stops the fit.

    As the bar's stream it reads the number of epochs; as its ``mininterval`` it is compared with
    the time gone after each of them, and answers that it is not yet time to draw. To be told in the
    stream would be simpler, but a bar writes while it holds the one lock of all bars of the
    process, and keeps it when the write raises: the next model that is loaded would wait for ever.
    """

    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self._progress = progress
        self._done = self._total = 0

    def write(self, text: str) -> None:
        _, slash, total = text.strip().partition("/")
        if slash and total.isdigit():
            self._total = int(total)

    def flush(self) -> None:
        """Nothing is held back."""

    def __le__(self, seconds: float) -> bool:
        self._done += 1
        self._progress(self._done, self._total)
        return False


def _umap(
    vectors: np.ndarray,
    seed: int,
    options: dict[str, Any],
    progress: Callable[[int, int], None] | None,
    epochs: int | None = None,
    exact: bool | None = None,
) -> Map:
    scikit_learn()
    from umap import UMAP

    from analysis.maps.exact import ExactSearch

    compiled.keep()
    if options["metric"] not in METRICS:
        raise ValueError(f"metric is {options['metric']!r}; known: {', '.join(METRICS)}")
    start = options.pop("init")
    notes = []
    neighbors = int(options["n_neighbors"])
    if neighbors < 2:
        raise ValueError(f"n_neighbors is {neighbors}; at least 2 are needed")
    if neighbors >= len(vectors):
        notes.append(
            f"{len(vectors)} points have no {neighbors} neighbours each: "
            f"{len(vectors) - 1} are used."
        )
        options["n_neighbors"] = len(vectors) - 1
    if options["metric"] in ("cosine", "correlation") and (np.ptp(vectors, axis=1) == 0).any():
        # A constant vector has no direction: umap-learn would divide by zero.
        notes.append("Some vectors are constant and have no direction; distances are Euclidean.")
        options["metric"] = "euclidean"
    if start is None:
        begin: str | np.ndarray = "spectral" if len(vectors) > 12 else "random"
    else:
        require_shape("init", np.asarray(start), len(vectors), 2)
        begin = np.asarray(start, dtype=np.float32)
    near: dict[str, Any] = {}
    if exact or (exact is None and len(vectors) <= LARGE):
        search = ExactSearch(vectors, options["metric"])
        near = {"precomputed_knn": (*search.graph(int(options["n_neighbors"])), search)}
    bar: dict[str, Any] = {"disable": True}
    if progress is not None:
        epoch = _Epochs(progress)
        bar = {
            "disable": False,
            "file": epoch,
            "mininterval": epoch,
            "miniters": 1,
            "bar_format": "{n_fmt}/{total_fmt}",
        }
    with quiet():
        # One thread: umap-learn is deterministic only with a seed, and allows one thread then.
        reducer = UMAP(
            n_components=2,
            random_state=seed,
            n_jobs=1,
            init=begin,
            n_epochs=epochs,
            tqdm_kwds=bar,
            **near,
            **options,
        )
        points = np.asarray(reducer.fit_transform(vectors), dtype=float)
    reducer.tqdm_kwds = {"disable": True}  # a transform, and a copy, take none of it along
    torn = ~np.isfinite(points).all(axis=1)
    if torn.any():
        points[torn] = np.nanmean(points, axis=0)
        notes.append(f"{int(torn.sum())} points have no neighbour and lie in the middle.")
    return Map(Projection(points, "umap", seed, options, None, tuple(notes)), vectors, reducer)


def checked(vectors: np.ndarray, name: str) -> np.ndarray:
    """(N, d) float32. Raises ``ValueError`` for another shape or values that are not finite."""
    array = np.asarray(vectors)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name}: shape {array.shape}, expected (N, d) with at least one vector")
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        rows = ", ".join(map(str, bad[:5].tolist())) + (", ..." if bad.size > 5 else "")
        raise ValueError(
            f"{name}: {bad.size} of {len(array)} hold values that are not finite (rows {rows}). "
            "Leave these rows out, or look at what the checkpoint makes of them."
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def _two_columns(points: np.ndarray) -> np.ndarray:
    wide = np.zeros((len(points), 2))
    wide[:, : points.shape[1]] = points
    return wide


class quiet(warnings.catch_warnings):
    """umap-learn warns of its own seeding and of small sets: both are said in the notes."""

    def __enter__(self) -> Any:
        seen = super().__enter__()
        warnings.simplefilter("ignore")
        return seen
