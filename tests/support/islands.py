"""Points of four classes, far apart on a plane."""

from __future__ import annotations

import numpy as np


def islands(count: int = 400, apart: float = 12.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) and their classes (N,)."""
    rng = np.random.default_rng(seed)
    codes = np.arange(count) % 4
    middles = apart * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    return middles[codes] + rng.normal(size=(count, 2)), codes
