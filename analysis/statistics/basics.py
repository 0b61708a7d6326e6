"""Small statistics that several results need: intervals of a mean, Kendall's tau."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from scipy.special import stdtrit

_EXACT = 7  # 5,040 orders: all of them are counted
_DRAWN = 60  # above this the normal approximation is as good as any number of draws
_DRAWS = 2000


def mean_interval(values: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis, NaN left out, with its interval by t: (...), (..., 2).

    The interval is NaN where fewer than two values exist.
    """
    values = np.asarray(values, dtype=np.float64)
    count = np.isfinite(values).sum(axis=0)
    filled = np.where(np.isfinite(values), values, 0.0)
    safe = np.maximum(count, 1)
    mean = np.where(count > 0, filled.sum(axis=0) / safe, np.nan)
    squares = np.where(np.isfinite(values), (values - mean) ** 2, 0.0).sum(axis=0)
    half = np.full(mean.shape, np.nan)
    for n in np.unique(count[count > 1]).tolist():
        here = count == n
        student = stdtrit(n - 1, (1 + level) / 2)
        half[here] = student * np.sqrt(squares[here] / (n - 1) / n)
    return mean, np.stack([mean - half, mean + half], axis=-1)


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-b of two rankings, beside what unrelated rankings give."""

    tau: float  # -1 .. 1; NaN where one of them is constant
    null: tuple[float, float]  # the middle 95 % under no relation
    p: float  # two-sided
    n: int  # places compared
    how: str  # "exact", "permutation" or "normal"

    @property
    def beyond_chance(self) -> bool:
        """Whether tau lies outside of the null band."""
        return not self.null[0] <= self.tau <= self.null[1]


def kendall(first: np.ndarray, second: np.ndarray, seed: int = 0) -> Agreement:
    """Rank agreement of (n,) and (n,), over the places where both are finite.

    The null band counts all orders up to n = 7, draws 2,000 up to n = 60, and is normal above
    (standard error about 0.19 at n = 16).

    Raises ``ValueError`` for arrays of different length, or fewer than 4 places.
    """
    from scipy import stats

    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"rankings of shapes {first.shape} and {second.shape} cannot be compared")
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    n = len(first)
    if n < 4:
        raise ValueError(f"{n} places have too few orders to compare: at least 4 are needed")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return Agreement(float("nan"), (float("nan"), float("nan")), float("nan"), n, "exact")
    normal = stats.kendalltau(first, second, method="asymptotic")
    tau = float(normal.statistic)
    if n > _DRAWN:
        error = np.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))
        low, high = (float(z * error) for z in stats.norm.interval(0.95))
        return Agreement(tau, (low, high), float(normal.pvalue), n, "normal")
    right = _signs(second)
    scale = np.sqrt((_signs(first) ** 2).sum() * (right**2).sum())

    def taus(orders: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(np.einsum("...ij,ij->...", _signs(orders), right) / scale)

    exact = n <= _EXACT
    null = stats.permutation_test(
        (first,),
        taus,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=factorial(n) if exact else _DRAWS,
        batch=200,
        rng=seed,
    ).null_distribution
    # SciPy's p doubles the smaller tail; rankings with ties have tails of different weight.
    extreme = int((np.abs(null) >= abs(tau) - 1e-12).sum())
    p = extreme / len(null) if exact else (extreme + 1) / (len(null) + 1)
    low, high = np.quantile(null, [0.025, 0.975])
    return Agreement(tau, (float(low), float(high)), p, n, "exact" if exact else "permutation")


def _signs(values: np.ndarray) -> np.ndarray:
    """(..., n, n): which of two values is larger, of each pair."""
    return np.asarray(np.sign(values[..., :, None] - values[..., None, :]))
