"""Layouts that can be compared by eye: Procrustes onto a reference, and AlignedUMAP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.maps import compiled
from analysis.maps.projection import DEFAULTS, Map, Projection, checked, quiet


@dataclass(frozen=True)
class Similarity:
    """x -> scale * (x - centre) @ rotation + target: no distances are changed but by one factor."""

    rotation: np.ndarray  # (2, 2) orthogonal, may mirror
    scale: float
    centre: np.ndarray  # (2,)
    target: np.ndarray  # (2,)
    disparity: float  # share of the reference's spread that is left: 0 = same shape, at most 1

    def __post_init__(self) -> None:
        freeze(self)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(M, 2) -> (M, 2)"""
        return np.asarray(self.scale * (points - self.centre) @ self.rotation + self.target)


def procrustes(reference: np.ndarray, points: np.ndarray) -> Similarity:
    """The similarity that brings ``points`` (N, 2) closest to ``reference`` (N, 2).

    Rotation, mirroring, one scale and a shift; least squares (Schönemann 1966, Gower 1975), the
    rotation as ``scipy.linalg.orthogonal_procrustes``. Points that are all equal are only shifted.
    """
    from scipy.linalg import orthogonal_procrustes

    require_shape("reference", reference, len(points), 2)
    centre, target = points.mean(axis=0), reference.mean(axis=0)
    a, b = points - centre, reference - target
    spread, wanted = float((a**2).sum()), float((b**2).sum())
    if spread == 0 or wanted == 0:
        return Similarity(np.eye(2), 1.0, centre, target, 0.0 if spread == wanted else 1.0)
    rotation, trace = orthogonal_procrustes(a, b)
    scale = float(trace) / spread
    disparity = 1 - float(trace) ** 2 / (spread * wanted)
    if scale == 0:  # nothing in common: keep the shape and its size
        scale = float(np.sqrt(wanted / spread))
    return Similarity(rotation, scale, centre, target, max(disparity, 0.0))


def aligned_umap(
    vectors: Sequence[np.ndarray], seed: int = 0, regularisation: float = 0.01, **options: Any
) -> list[Map]:
    """Maps of the same N rows seen several ways, `vectors` (N, d) each, laid out together
    (umap.AlignedUMAP).

    ``regularisation`` is how strongly a row is held near its place in the neighbouring maps. It
    has no transform: a further vector is placed by its neighbours.

    Raises ``ValueError`` for fewer than two sets, sets of different length, or fewer than 4
    rows.
    """
    from umap import AlignedUMAP

    compiled.keep()
    sets = [checked(one, f"set {index + 1}") for index, one in enumerate(vectors)]
    count = len(sets[0]) if sets else 0
    if len(sets) < 2 or any(len(one) != count for one in sets):
        raise ValueError("AlignedUMAP needs at least two sets of vectors of the same rows")
    if count < 4 or any((one == one[0]).all() for one in sets):
        raise ValueError("AlignedUMAP needs at least 4 rows that are not all equal; take PCA")
    chosen = {**DEFAULTS["umap"], **options}
    chosen["n_neighbors"] = min(int(chosen["n_neighbors"]), count - 1)
    same = {row: row for row in range(count)}
    with quiet():
        reducer = AlignedUMAP(
            n_components=2, random_state=seed, alignment_regularisation=regularisation, **chosen
        )
        layouts = reducer.fit(sets, relations=[same] * (len(sets) - 1)).embeddings_
    return [
        Map(
            Projection(
                np.asarray(layout, dtype=float),
                "aligned_umap",
                seed,
                {**chosen, "regularisation": regularisation},
            ),
            given,
        )
        for layout, given in zip(layouts, sets, strict=True)
    ]
