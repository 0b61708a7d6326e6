"""Steadier fine-tuning: spreads over seeds compared by the test of Brown and Forsythe.

Scores of fine-tuning have heavy tails: now and then a seed collapses. The F test of two variances
then finds differences that are not there in most studies. The spread is therefore the mean
distance of the scores from their median, the test is Brown and Forsythe's (a t test of those
distances), and the interval holds the ratios that this test would not reject.

Sources: Brown and Forsythe 1974; the interval of a ratio of means by Fieller 1954.
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.verdicts import ALPHA, Range, Spread

Floats = NDArray[np.float64]

LEAST = 3  # two values are equally far from their median, so there is nothing to test
# Mean and variance of the distance of a standard normal value from its median.
_DISTANCE, _VARIANCE = sqrt(2 / np.pi), 1 - 2 / np.pi


def spread_of(first: Floats, second: Floats) -> Spread:
    """Spread of (n,) scores against that of (m,), with p before any correction.

    Everything is NaN below three values a group, or where one of the groups does not vary.
    """
    nothing = float("nan")
    if min(len(first), len(second)) < LEAST or first.std() == 0 or second.std() == 0:
        return Spread(nothing, nothing, (nothing, nothing), nothing, nothing, 1, False)
    from scipy.stats import levene

    near, far = np.abs(first - np.median(first)), np.abs(second - np.median(second))
    return Spread(
        ratio=float(near.mean() / far.mean()),
        deviations=float(first.std(ddof=1) / second.std(ddof=1)),
        interval=_fieller(near, far),
        visible=nothing,
        adjusted=float(levene(first, second, center="median").pvalue),
        tests=1,
        complete=False,
    )


def visible_ratio(seeds: int, base_seeds: int, alpha: float) -> float:
    """The ratio of spreads, above 1, that groups of these sizes have at the edge of the test at
    level ``alpha``, for normal scores; infinite where no ratio gets there."""
    if min(seeds, base_seeds) < LEAST:
        return inf
    scale = _edge(seeds, base_seeds, alpha)
    square = _DISTANCE**2
    first = square - scale * (seeds - 1) * _VARIANCE
    second = square - scale * (base_seeds - 1) * _VARIANCE
    if first <= 0:
        return inf
    return (square + sqrt(max(square**2 - first * second, 0.0))) / first


def _edge(first: int, second: int, alpha: float) -> float:
    """The t test rejects where the squared difference of the means exceeds this times the sum of
    squares inside the groups."""
    from scipy.stats import f

    degrees = first + second - 2
    return float(f.isf(alpha, 1, degrees)) * (1 / first + 1 / second) / degrees


def _fieller(near: Floats, far: Floats) -> Range:
    """The ratios r for which a t test of near / r against far does not reject at 5 %.

    With x = 1 / r the condition is a quadratic: (A x - B)^2 <= edge (Sa x^2 + Sb).
    """
    edge = _edge(len(near), len(far), ALPHA)
    a, b = float(near.mean()), float(far.mean())
    square = a * a - edge * float(((near - a) ** 2).sum())
    constant = b * b - edge * float(((far - b) ** 2).sum())
    root = sqrt(max(a * a * b * b - square * constant, 0.0))
    if square > 0:
        least, most = (a * b - root) / square, (a * b + root) / square
        return (1 / most, 1 / least if least > 0 else inf)
    if constant > 0:
        return (0.0, (a * b + root) / constant)
    return (0.0, inf)
