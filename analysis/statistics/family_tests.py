"""The tests of a declared family: every pooling head against the one it is compared with.

A family is declared before its first run; views, filters and chosen metrics never change a
p-value. Each head is compared with the one the family names (``cls``): over all tasks by one
permutation stratified over them, the headline, and on each task by an exact permutation test.
All of these together are corrected by Holm, so that in at most 5 % of studies anything is called
better or worse that is not. Where that cannot be reached, or is not, the sentence says so; it
never says that there is no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.basics import mean_interval
from analysis.statistics.permutation import (
    permutation_p,
    smallest_p,
    standardised_difference,
    stratified_p,
)
from analysis.statistics.spread_tests import spread_of, visible_ratio
from analysis.statistics.verdicts import ALPHA, Comparison, HeadSummary, Range, Report
from analysis.study.results import Scores, Stratum

Floats = NDArray[np.float64]
POWER = 0.8


def holm(p: Sequence[float] | Floats) -> Floats:
    """p-values (m,) adjusted by Holm's step-down method; NaN stays NaN and counts as a test.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979. statsmodels has
    it, too, but collects garbage at each call: a fifth of a second with the app's modules loaded.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(np.where(np.isnan(p), 1.0, p), kind="stable")
    steps = p.size - np.arange(p.size)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.fmax.accumulate(steps * p[order]), 1.0)
    return np.where(np.isnan(p), np.nan, adjusted)


def family_p(values: Floats, *, draws: int | None = None, seed: int = 0) -> Floats:
    """p of all tests of R studies at once: (R, S, 1 + H, N) -> (R, H + S H), or (R, H) where
    S is 1; the headlines (one a head) first, then stratum by stratum.

    Raises
    ------
    ValueError
        A value is missing (NaN); a family is tested when its runs are all done.
    """
    studies, strata, variants, seeds = values.shape
    heads = variants - 1
    # All heads of all studies side by side, so that the splits are made once.
    groups = [
        (
            values[:, s, 1:].reshape(-1, seeds),
            np.repeat(values[:, s, :1], heads, axis=1).reshape(-1, seeds),
        )
        for s in range(strata)
    ]
    columns = [permutation_p(first, second, draws=draws, seed=seed) for first, second in groups]
    if strata > 1:
        columns.insert(0, stratified_p(groups, draws=draws, seed=seed))
    return np.concatenate([column.reshape(studies, heads) for column in columns], axis=1)


def compare(scores: Scores, *, draws: int | None = None, seed: int = 0) -> Report:
    """All tests of a family. Deterministic: the same scores give the same p-values.

    ``scores.values`` are (S, 1 + H, N) with NaN for runs that are missing; then nothing is
    tested (p is NaN), and what is there is summarised.

    Raises
    ------
    ValueError
        The family has no pooling head beside the one it is compared with.
    """
    family, values = scores.family, scores.values
    if not family.heads:
        raise ValueError(
            f"Family {family.name} has no pooling head beside {family.against}: nothing to test."
        )
    strata, variants, _ = values.shape
    heads = range(1, variants)
    size = (len(family.seeds), len(family.seeds))
    lows = [smallest_p([size])] * (strata * len(heads))
    if strata > 1:
        lows = [smallest_p([size] * strata)] * len(heads) + lows
    tests = len(lows)
    complete = scores.done == scores.planned
    p = np.full(tests, np.nan)
    if complete:
        p = family_p(values[None], draws=draws, seed=seed)[0]
    adjusted, smallest = holm(p), holm(lows)

    def sample(s: int, v: int) -> Floats:
        cells: Floats = values[s, v]
        return cells[np.isfinite(cells)]

    ratios = [spread_of(sample(s, v), sample(s, 0)) for s in range(strata) for v in heads]
    corrected = holm([ratio.adjusted for ratio in ratios])
    visible = visible_ratio(*size, ALPHA / len(ratios))
    spreads = [
        replace(
            ratio,
            adjusted=float(p) if complete else float("nan"),
            visible=visible,
            tests=len(ratios),
            complete=complete,
        )
        for ratio, p in zip(ratios, corrected, strict=True)
    ]

    def comparison(s: int | None, v: int, place: int) -> Comparison:
        chosen = range(strata) if s is None else (s,)
        pairs = [(sample(each, v), sample(each, 0)) for each in chosen]
        at = None if s is None else s * (variants - 1) + v - 1
        return Comparison(
            stratum=None if s is None else family.strata[s],
            head=family.heads[v - 1],
            against=family.against,
            seeds=(min(len(a) for a, _ in pairs), min(len(b) for _, b in pairs)),
            difference=float(np.mean([_mean(a) - _mean(b) for a, b in pairs])),
            interval=_welch(pairs),
            standardised=float(np.mean([standardised_difference(a, b) for a, b in pairs])),
            effect=float(np.mean([hedges_g(a, b) for a, b in pairs])),
            p=float(p[place]),
            adjusted=float(adjusted[place]),
            smallest=float(smallest[place]),
            # At the first step of Holm so few seeds may be unable to find anything.
            detectable=_detectable(pairs, tests)
            if complete and tests * lows[place] <= ALPHA
            else float("nan"),
            tests=tests,
            complete=complete,
            spread=None if at is None else spreads[at],
        )

    headlines = tuple(comparison(None, v, v - 1) for v in heads) if strata > 1 else ()
    return Report(
        family,
        scores.done,
        scores.planned,
        tuple(
            _summary(family.strata[s], scores.variants[v], sample(s, v))
            for s in range(strata)
            for v in range(variants)
        ),
        headlines,
        tuple(
            comparison(s, v, len(headlines) + s * (variants - 1) + v - 1)
            for s in range(strata)
            for v in heads
        ),
    )


def hedges_g(first: Floats, second: Floats) -> float:
    """Difference of the means of (n,) and (m,) values in pooled standard deviations, with Hedges'
    correction for few values (Hedges 1981). NaN below two values a group; infinite where nothing
    varies but the means.
    """
    n, m = len(first), len(second)
    if n < 2 or m < 2:
        return float("nan")
    pooled = _pooled(first, second)
    gap = float(first.mean() - second.mean())
    if pooled == 0:
        return 0.0 if gap == 0 else float(np.copysign(np.inf, gap))
    return gap / pooled * (1 - 3 / (4 * (n + m - 2) - 1))


@lru_cache(maxsize=256)
def detectable_effect(first: int, second: int, alpha: float, strata: int = 1) -> float:
    """The true difference, in standard deviations, that a two-sided t test of groups of these
    sizes finds at level ``alpha`` with 80 % power (for the permutation test: about).

    Of the mean over several ``strata``: in standard errors of that mean times the square root of
    its groups' size, with the degrees of freedom of all strata together (54 of three, ten seeds).
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    degrees = strata * (first + second - 2)
    if min(first, second) < 2:
        return float("nan")
    edge = float(t.isf(alpha / 2, degrees))
    scale = sqrt(1 / first + 1 / second)
    return scale * float(brentq(lambda gap: nct.sf(edge, degrees, gap) - POWER, 0.0, edge + 40))


def _detectable(pairs: list[tuple[Floats, Floats]], tests: int) -> float:
    """In the metric's unit, at the first (strictest) step of Holm. Over strata: a difference
    alike in all of them, whose mean has the standard error of a mean of independent ones."""
    if any(min(len(a), len(b)) < 2 for a, b in pairs):
        return float("nan")
    spread = sqrt(float(np.mean([_pooled(a, b) ** 2 for a, b in pairs])) / len(pairs))
    n = min(len(a) for a, _ in pairs)
    m = min(len(b) for _, b in pairs)
    return spread * detectable_effect(n, m, ALPHA / tests, len(pairs))


def _summary(stratum: Stratum, head: str, values: Floats) -> HeadSummary:
    mean, interval = mean_interval(values) if len(values) else (np.nan, np.full(2, np.nan))
    sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return HeadSummary(
        stratum, head, float(mean), sd, (float(interval[0]), float(interval[1])), len(values)
    )


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _pooled(first: Floats, second: Floats) -> float:
    n, m = len(first), len(second)
    squares = (n - 1) * first.var(ddof=1) + (m - 1) * second.var(ddof=1)
    return sqrt(float(squares) / (n + m - 2))


def _welch(pairs: list[tuple[Floats, Floats]]) -> Range:
    """95 % interval of the mean of the differences of means, degrees of freedom by Welch and
    Satterthwaite over all groups."""
    from scipy.stats import t

    groups = [group for pair in pairs for group in pair]
    if any(len(group) < 2 for group in groups):
        return (float("nan"), float("nan"))
    parts = np.array([group.var(ddof=1) / len(group) for group in groups])
    middle = float(np.mean([a.mean() - b.mean() for a, b in pairs]))
    if parts.sum() == 0:
        return (middle, middle)
    degrees = parts.sum() ** 2 / sum(
        part**2 / (len(group) - 1) for part, group in zip(parts, groups, strict=True)
    )
    half = float(t.ppf(0.975, degrees)) * sqrt(float(parts.sum())) / len(pairs)
    return (middle - half, middle + half)
