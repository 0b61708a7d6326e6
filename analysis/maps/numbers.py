"""Numbers of a pooling at a layer that need no map: probe, silhouette, anisotropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.maps.probes import anisotropy, probe, silhouette

_NONE = float("nan")


@dataclass(frozen=True)
class PoolingNumbers:
    """Measurements of one pooling's vectors at one layer; NaN: there is no such number.

    The probe's accuracy has its 95 % interval (low, high); chance is the most frequent class.
    """

    anisotropy: float
    probe: float = _NONE
    low: float = _NONE
    high: float = _NONE
    chance: float = _NONE
    silhouette: float = _NONE
    problem: str = ""  # why there is no probe


def measured(
    vectors: np.ndarray, labels: np.ndarray | None, groups: np.ndarray | None
) -> PoolingNumbers:
    """The numbers of vectors (N, d) with classes (N,); rows of one group (N,) are kept apart."""
    alone = anisotropy(vectors)
    if labels is None:
        return PoolingNumbers(alone, problem="the rows have no classes")
    apart = silhouette(vectors, labels, groups)
    try:
        accuracy = probe(vectors, labels, groups)
    except ValueError as error:
        return PoolingNumbers(alone, silhouette=apart, problem=str(error))
    return PoolingNumbers(alone, accuracy.accuracy, *accuracy.interval, accuracy.chance, apart)
