"""One layout turned, scaled and shifted onto another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.common.records import freeze, require_shape


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
    spread, spread_of_reference = float((a**2).sum()), float((b**2).sum())
    if spread == 0 or spread_of_reference == 0:
        return Similarity(
            np.eye(2), 1.0, centre, target, 0.0 if spread == spread_of_reference else 1.0
        )
    rotation, trace = orthogonal_procrustes(a, b)
    scale = float(trace) / spread
    disparity = 1 - float(trace) ** 2 / (spread * spread_of_reference)
    if scale == 0:  # nothing in common: keep the shape and its size
        scale = float(np.sqrt(spread_of_reference / spread))
    return Similarity(rotation, scale, centre, target, max(disparity, 0.0))
