"""Scores over seeds made up for the tests of the statistics."""

from __future__ import annotations

import numpy as np

from analysis.study.results import Family, Scores, Stratum


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def step_down(p: np.ndarray) -> np.ndarray:
    """Holm's formula on many families at once, (R, m)."""
    order = np.argsort(p, axis=1)
    steps = np.arange(p.shape[1], 0, -1)
    climbing = np.maximum.accumulate(steps * np.take_along_axis(p, order, axis=1), axis=1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(climbing, 1.0), axis=1)
    return adjusted


def study(values: np.ndarray, primary: bool = True) -> Scores:
    """Scores (S, 1 + H, N) as those of a family of made-up tasks and heads."""
    strata, variants, seeds = values.shape
    return Scores(
        Family(
            "made",
            "Made up",
            primary,
            "cls",
            tuple(f"h{v}" for v in range(1, variants)),
            tuple(range(seeds)),
            tuple(Stratum(f"task{s}", 1.0, "accuracy", "dev") for s in range(strata)),
        ),
        values,
    )
