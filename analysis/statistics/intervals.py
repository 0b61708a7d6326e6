"""Intervals of a share (Wilson's) and of a correlation (Fisher's)."""

from __future__ import annotations

from math import atanh, isfinite, sqrt, tanh

_NORMAL = 1.959963984540054  # two-sided 95 %


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Low and high end of Wilson's score interval of ``successes / n``; (0, 1) where n is 0.

    Source: Wilson 1927; recommended for all n by Brown, Cai and DasGupta 2001.
    """
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def correlation(value: float, n: int, factor: float = 1.0) -> tuple[float, float]:
    """95 % interval of a correlation over n rows: normal on the scale of Fisher's z.

    The variance there is ``factor / (n - 3)``: 1 for Pearson's, ``1 + value ** 2 / 2`` for
    Spearman's (Bonett and Wright 2000). (-1, 1) where nothing can be said.
    """
    if not isfinite(value) or n < 4 or abs(value) >= 1:
        return (value, value) if abs(value) == 1 and n >= 4 else (-1.0, 1.0)
    half = _NORMAL * sqrt(factor / (n - 3))
    return tanh(atanh(value) - half), tanh(atanh(value) + half)
