"""Permutation tests between two groups of runs, alone and stratified over tasks.

Runs of two pooling heads with the same seed are no true pairs (the seed draws other numbers for
another set of parameters), so the groups are permuted as two samples. What is tested is that the
scores of both come from one distribution; the statistic is the difference of means, two-sided.
With groups of equal size it keeps its level, nearly, when the spreads alone differ.
Source: Good, Permutation, Parametric, and Bootstrap Tests of Hypotheses, 2005, chapters 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.split_sums import step_for, sums_in, sums_of

Floats = NDArray[np.float64]

EXACT = 200_000  # ten against ten are 184,756 splits: all of them are counted
_BINS = 2**20  # for the sums of all strata
_TIE = 1e-9  # two statistics closer than this share of the spread are equal


@lru_cache(maxsize=8)
def _splits(first: int, second: int) -> Floats:
    """Weights (K, first + second): a row per split, 1 / first for the first group, -1 / second
    for the other, so that a row times the values is a difference of means.

    With groups of equal size a split and its mirror image differ in sign only, so half suffice.
    """
    size = first + second
    mirrored = first == second
    chosen = (
        combinations(range(1, size), first - 1) if mirrored else combinations(range(size), first)
    )
    rows = list(chosen)
    index = np.array(rows, dtype=np.int64).reshape(len(rows), first - mirrored)
    if mirrored:
        index = np.hstack([np.zeros((len(index), 1), np.int64), index])
    weights = np.full((len(index), size), -1.0 / second)
    np.put_along_axis(weights, index, 1.0 / first, axis=1)
    weights.setflags(write=False)
    return weights


def _drawn(first: int, second: int, draws: int, draw: np.random.Generator) -> Floats:
    """Weights (draws, first + second) of random splits, as in :func:`_splits`."""
    observed = np.r_[np.full(first, 1.0 / first), np.full(second, -1.0 / second)]
    return draw.permuted(np.tile(observed, (draws, 1)), axis=1)


def permutation_p(
    left: Floats, right: Floats, *, draws: int | None = None, seed: int = 0
) -> Floats:
    """Two-sided p of a difference of means, for R data sets at once: (R, n), (R, m) -> (R,).

    Exact: up to 200,000 splits each is looked at, beyond they are counted by their sums on a fine
    grid. With ``draws``, beyond 200,000 splits so many random ones and the observed one.

    Raises
    ------
    ValueError
        A group without values, or a value that is not finite.
    """
    left, right = _checked(left), _checked(right)
    first = left.shape[1]
    values = np.concatenate([left, right], axis=1)
    values = values - values.mean(axis=1, keepdims=True)
    observed = np.abs(left.mean(axis=1) - right.mean(axis=1))
    least = observed - _TIE * np.abs(values).max(axis=1)
    exact = comb(values.shape[1], first) <= EXACT
    if not exact and draws is None:
        return np.array([_counted([pair]) for pair in zip(left, right, strict=True)])
    second = values.shape[1] - first
    weights = (
        _splits(first, second)
        if exact
        else _drawn(first, second, int(draws or 0), np.random.default_rng(seed))
    )
    answer = np.empty(len(values))
    for start in range(0, len(values), 32):  # 32 data sets of ten against ten are 24 MB
        part = slice(start, start + 32)
        differences = np.abs(weights @ values[part].T)
        reached = (differences >= least[part]).sum(axis=0)
        answer[part] = (
            reached / len(differences) if exact else (reached + 1) / (len(differences) + 1)
        )
    return answer


def stratified_p(
    strata: Sequence[tuple[Floats, Floats]], *, draws: int | None = None, seed: int = 0
) -> Floats:
    """One two-sided p over several strata, for R data sets at once: S times (R, n), (R, m) -> (R,).

    Values are permuted inside their stratum. The statistic is the sum over strata of the
    difference of means, each divided by the standard deviation of all values of its stratum
    (which a permutation does not change), so that no task counts more for its unit. Exact: each
    stratum's splits are counted by their sums on a fine grid, and the strata's distributions are
    convolved; ties are counted in, so that p errs upwards, by less than its printed digits. With
    ``draws``, so many random permutations, the same for all data sets, and the observed one.

    Raises
    ------
    ValueError
        There is no stratum.
    """
    if not strata:
        raise ValueError("A test over strata needs at least one of them.")
    checked = [(_checked(first), _checked(second)) for first, second in strata]
    rows = len(checked[0][0])
    if draws is None:
        return np.array(
            [_counted([(first[r], second[r]) for first, second in checked]) for r in range(rows)]
        )
    draw = np.random.default_rng(seed)
    scaled, weights, observed = [], [], np.zeros(rows)
    for left, right in checked:
        values = np.concatenate([left, right], axis=1)
        centred = values - values.mean(axis=1, keepdims=True)
        spread = centred.std(axis=1, keepdims=True)
        # As in `standardised_difference`, for many data sets at once.
        flat = spread <= _TIE * np.abs(values).max(axis=1, keepdims=True)
        centred = np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))
        first = left.shape[1]
        observed += centred[:, :first].mean(axis=1) - centred[:, first:].mean(axis=1)
        scaled.append(centred)
        weights.append(_drawn(first, right.shape[1], draws, draw))
    least = np.abs(observed) - _TIE
    answer = np.empty(rows)
    for start in range(0, rows, 16):
        part = slice(start, start + 16)
        total = sum(w @ values[part].T for w, values in zip(weights, scaled, strict=True))
        reached = (np.abs(total) >= least[part]).sum(axis=0)
        answer[part] = (reached + 1) / (draws + 1)
    return answer


def _counted(strata: Sequence[tuple[Floats, Floats]]) -> float:
    """The exact p of one data set: S times (n,), (m,). The splits of all strata are counted."""
    parts, chosen, sizes, observed = [], [], [], 0.0
    for first, second in strata:
        values = np.concatenate([first, second])
        centred = values - values.mean()
        spread = float(values.std())
        flat = spread <= _TIE * np.abs(values).max()
        # The values of the other group are the rest, so that one sum says the difference of means.
        share = 1 / len(first) + 1 / len(second)
        scaled = np.zeros(len(values)) if flat else centred / spread * share
        parts.append(scaled)
        chosen.append(len(first))
        sizes.append((len(first), len(second)))
        observed += float(scaled[: len(first)].sum())
    if not any(part.any() for part in parts):
        return 1.0
    looked_at = all(comb(n + m, n) <= EXACT for n, m in sizes)
    # Every sum is rounded once where all are looked at, else every value: then three standard
    # errors of so many roundings. What they may have moved counts as reached, as equal sums do.
    if looked_at:
        step = sum(float(np.abs(part).sum()) for part in parts) / _BINS
        margin = len(parts) / 2
    else:
        step, margin = step_for(parts, chosen), 3 * (sum(chosen) / 12) ** 0.5
    total = None
    for part, (n, m) in zip(parts, sizes, strict=True):
        if looked_at:
            differences = _splits(n, m) @ part / (1 / n + 1 / m)
            sums = sums_in(
                np.concatenate([differences, -differences]) if n == m else differences, step
            )
        else:
            sums = sums_of(part, n, step)
        total = sums if total is None else total.plus(sums)
    assert total is not None
    reached = total.beyond(abs(observed) - step * margin)
    return min(max(reached, smallest_p(sizes)), 1.0)


def standardised_difference(first: Floats, second: Floats) -> float:
    """Term of :func:`stratified_p` for one stratum, (n,) and (m,): the difference of means in
    standard deviations of all its values. 0 where nothing varies, NaN without values."""
    if not len(first) or not len(second):
        return float("nan")
    values = np.concatenate([first, second])
    spread = float(values.std())
    if spread <= _TIE * np.abs(values).max():
        return 0.0
    return float(first.mean() - second.mean()) / spread


def smallest_p(sizes: Sequence[tuple[int, int]]) -> float:
    """The smallest p that groups of these sizes can give, over all strata together.

    Ten against ten: 2 of 184,756 splits. Two-sided, groups of one size always tie with their
    mirror image.
    """
    splits = prod(comb(first + second, first) for first, second in sizes)
    mirrored = all(first == second for first, second in sizes)
    return (2 if mirrored else 1) / splits


def _checked(values: Floats) -> Floats:
    values = np.atleast_2d(np.asarray(values, np.float64))
    if values.shape[1] == 0:
        raise ValueError("A group without values cannot be tested. Wait for its runs.")
    if not np.isfinite(values).all():
        raise ValueError("A value is not finite. Leave out runs that are missing.")
    return values
