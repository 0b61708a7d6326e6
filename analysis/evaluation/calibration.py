"""Calibration: is a class that is given with probability 0.8 right in 80 % of the rows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze, require_shape
from analysis.statistics.intervals import wilson

Scheme = Literal["equal width", "equal mass"]
Floats = NDArray[np.float64]
_CELLS = 20_000_000  # random numbers that the simulation may draw


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram and the expected calibration error over its B bins.

    ``confidence`` is the probability of the predicted class. NaN where a bin has no rows.
    """

    scheme: Scheme
    edges: Floats  # (B + 1,)
    count: NDArray[np.int64]  # (B,)
    confidence: Floats  # (B,) mean in the bin
    accuracy: Floats  # (B,) share that is right
    low: Floats  # (B,) Wilson's 95 % interval of the accuracy
    high: Floats  # (B,)
    ece: float  # sum over bins of their share of the rows times |accuracy - confidence|
    ece_low: float  # 95 % interval by the bootstrap over rows, centred on the estimate
    ece_high: float
    ece_calibrated: float  # mean ECE of a perfectly calibrated checkpoint with these confidences
    n: int

    def __post_init__(self) -> None:
        bins = len(self.count)
        require_shape("edges", self.edges, bins + 1)
        for name in ("confidence", "accuracy", "low", "high"):
            require_shape(name, getattr(self, name), bins)
        freeze(self)

    def sentence(self) -> str:
        """The error with its interval and bins, and what chance alone would show."""
        return (
            f"Expected calibration error {self.ece:.3f} (95 % interval {self.ece_low:.3f} to "
            f"{self.ece_high:.3f}, bootstrap; {len(self.count)} bins of {self.scheme}, "
            f"{self.n:,} rows). A perfectly calibrated checkpoint would show "
            f"{self.ece_calibrated:.3f} on as many rows."
        )


def reliability(
    confidence: np.ndarray,
    correct: np.ndarray,
    bins: int = 15,
    scheme: Scheme = "equal width",
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Reliability:
    """Reliability diagram of (N,) confidences and whether each answer was right.

    Bins of equal width over [0, 1], or of equal mass (quantiles of the confidences). A confidence
    on an edge belongs to the bin below it. Source: Guo et al. 2017, "On Calibration of Modern
    Neural Networks"; the bins' accuracies have Wilson intervals.

    Raises
    ------
    ValueError
        No rows, a confidence outside [0, 1], or fewer than one bin.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=bool)
    if confidence.shape != right.shape or confidence.size == 0:
        raise ValueError(f"{confidence.size} confidences for {right.size} answers; give as many.")
    if not (np.isfinite(confidence).all() and 0 <= confidence.min() <= confidence.max() <= 1):
        raise ValueError("A confidence is a probability between 0 and 1.")
    if bins < 1 or scheme not in ("equal width", "equal mass"):
        raise ValueError("Bins are at least one, of 'equal width' or of 'equal mass'.")
    if scheme == "equal width":
        edges = np.linspace(0.0, 1.0, bins + 1)
    else:
        edges = np.unique(np.quantile(confidence, np.linspace(0, 1, bins + 1)))
        edges = edges if len(edges) > 1 else np.array([0.0, edges[0]])
    bins = len(edges) - 1
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins)
    summed: Floats = np.bincount(place, weights=confidence, minlength=bins).astype(np.float64)
    intervals = np.array(
        [
            wilson(int(hit), int(n)) if n else (np.nan, np.nan)
            for hit, n in zip(hits, count, strict=True)
        ]
    )
    with np.errstate(invalid="ignore"):
        mean, accuracy = summed / count, hits / count
    ece = float(np.abs(hits - summed).sum() / len(place))
    low, high = _interval(place, right, confidence, bins, ece, draws, seed)
    return Reliability(
        scheme=scheme,
        edges=edges,
        count=count,
        confidence=mean,
        accuracy=accuracy,
        low=intervals[:, 0],
        high=intervals[:, 1],
        ece=ece,
        ece_low=low,
        ece_high=high,
        ece_calibrated=_if_calibrated(place, confidence, summed, draws, seed),
        n=len(place),
    )


def _interval(
    place: np.ndarray,
    right: np.ndarray,
    confidence: Floats,
    bins: int,
    ece: float,
    draws: int,
    seed: int,
) -> tuple[float, float]:
    """Drawing rows with replacement is drawing how often each (bin, right or wrong) occurs; the
    mean confidence of such a cell is held. An ECE cannot be negative, so the drawn ones lie too
    high by what noise adds: the interval is moved back onto the estimate."""
    cell = place * 2 + right
    count = np.bincount(cell, minlength=2 * bins)
    summed = np.bincount(cell, weights=confidence, minlength=2 * bins)
    mean = np.divide(summed, count, out=np.zeros(2 * bins), where=count > 0)
    drawn = np.random.default_rng(seed).multinomial(len(place), count / len(place), size=draws)
    excess = (drawn * (np.arange(2 * bins) % 2 - mean)).reshape(draws, bins, 2).sum(axis=2)
    errors = np.abs(excess).sum(axis=1) / len(place)
    low, high = np.percentile(errors, [2.5, 97.5]) - errors.mean() + ece
    return max(float(low), 0.0), min(float(high), 1.0)


def _if_calibrated(
    place: np.ndarray, confidence: Floats, summed: Floats, draws: int, seed: int
) -> float:
    """Mean ECE where each answer is right with just the probability that it was given."""
    draw = np.random.default_rng(seed + 1)
    times = int(np.clip(_CELLS // len(place), 20, min(draws, 200)))
    errors = [
        np.abs(
            np.bincount(place, weights=draw.random(len(place)) < confidence, minlength=len(summed))
            - summed
        ).sum()
        for _ in range(times)
    ]
    return float(np.mean(errors) / len(place))
