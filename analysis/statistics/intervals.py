"""Intervals of a share: Wilson's, which holds at 0 and 1 and for few examples."""

from __future__ import annotations


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Low and high end of Wilson's score interval of ``successes / n``; (0, 1) where n is 0.

    Source: Wilson 1927; recommended for all n by Brown, Cai and DasGupta 2001.
    """
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    found = binomtest(successes, n).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)
