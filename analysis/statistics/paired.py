"""Two given checkpoints on the same examples: McNemar for accuracy, the bootstrap for the rest.

These say something of two checkpoints on this data set, and nothing of two pooling heads: that
needs several seeds of each (:mod:`analysis.statistics.verdicts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.datasets.tasks import metric_name

Vector = NDArray[Any]
Floats = NDArray[np.float64]

CELLS = 2_000_000  # numbers that are drawn at once
METRICS = ("accuracy", "f1", "matthews", "pearson", "spearman")


@dataclass(frozen=True)
class McNemar:
    """Examples that one checkpoint alone has right, the other alone, and the exact p; where it is
    one of several ``tests``, the p after Holm, which then decides."""

    only_one: int
    only_other: int
    p: float
    adjusted: float | None = None
    tests: int = 1

    def sentence(self, one: str, other: str) -> str:
        """The result of the test of these two checkpoints, in words."""
        counts = (
            f"{one} alone is right on {self.only_one} examples, {other} alone on {self.only_other}"
        )
        if self.only_one + self.only_other == 0:
            return f"{one} and {other} are right on the same examples: nothing to decide by."
        decides = self.p if self.adjusted is None else self.adjusted
        holm = f", after Holm over {self.tests} pairs {show_p(decides)}" if self.tests > 1 else ""
        tail = (
            f"(exact McNemar p {show_p(self.p)}{holm}; of these two checkpoints, not of pooling "
            "heads)"
        )
        if decides > 0.05:
            return f"{counts}: too few to decide which is more accurate {tail}."
        better = one if self.only_one > self.only_other else other
        return f"{counts}: {better} is more accurate here {tail}."


@dataclass(frozen=True)
class Bootstrap:
    """Difference of a metric, one checkpoint minus another, with its interval (percentiles)."""

    metric: str
    one: float
    other: float
    interval: tuple[float, float]
    level: float
    draws: int

    @property
    def difference(self) -> float:
        """The metric of the first minus that of the second."""
        return self.one - self.other

    def sentence(self, one: str, other: str) -> str:
        """The result of the bootstrap of these two checkpoints, in words."""
        low, high = (100 * value for value in self.interval)
        numbers = (
            f"{metric_name(self.metric)} {100 * self.one:.1f} for {one}, {100 * self.other:.1f} "
            f"for {other}: {100 * self.difference:+.1f} points ({100 * self.level:.4g} % interval "
            f"{low:.1f} to {high:.1f}, {self.draws} bootstrap samples of the examples)"
        )
        if low <= 0 <= high:
            return f"{numbers}. The examples are too few to decide between these two checkpoints."
        better = one if low > 0 else other
        return f"{numbers}. {better} is better on these examples, as one checkpoint."


def show_p(p: float) -> str:
    """A p as it is printed: two digits that count, and never zero."""
    if p < 1e-4:
        return f"{p:.1e}"
    return f"{p:.2f}" if p >= 0.095 else f"{p:.2g}"


def mcnemar(correct_one: Vector, correct_other: Vector) -> McNemar:
    """Exact McNemar test of two checkpoints' right and wrong answers, (N,) bool each.

    Source: McNemar 1947; two-sided binomial over the examples where exactly one is right.

    Raises
    ------
    ValueError
        The two were not scored on the same number of examples.
    """
    from scipy.stats import binomtest

    one, other = np.asarray(correct_one, bool), np.asarray(correct_other, bool)
    if one.shape != other.shape or one.size == 0:
        raise ValueError(f"{one.size} and {other.size} answers; score both on the same examples.")
    only_one, only_other = int((one & ~other).sum()), int((~one & other).sum())
    total = only_one + only_other
    p = float(binomtest(only_one, total).pvalue) if total else 1.0
    return McNemar(only_one, only_other, p)


def paired_bootstrap(
    metric: str,
    label: Vector,
    one: Vector,
    other: Vector,
    *,
    draws: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> Bootstrap:
    """Interval of the difference of a metric, both checkpoints on the same drawn examples.

    ``label``, ``one`` and ``other`` are (N,): classes for accuracy, F1 (of class 1) and Matthews,
    numbers for the correlations. Source: Efron and Tibshirani 1993, chapter 13 (percentiles).

    Raises
    ------
    ValueError
        An unknown metric, or columns of unequal length.
    """
    if metric not in METRICS:
        raise ValueError(f"No bootstrap of {metric!r}; known: {', '.join(METRICS)}.")
    label, one, other = (np.asarray(column) for column in (label, one, other))
    if not len(label) == len(one) == len(other) > 0:
        raise ValueError(
            f"{len(label)} labels for {len(one)} and {len(other)} predictions; score both "
            "checkpoints on the same examples."
        )
    draw = np.random.default_rng(seed)
    if metric in ("pearson", "spearman"):
        found = _correlations(metric, label, one, other, draws, draw)
    else:
        found = _from_counts(metric, label, one, other, draws, draw)
    difference = found[1:, 0] - found[1:, 1]
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(difference, [tail, 100 - tail])
    return Bootstrap(
        metric, float(found[0, 0]), float(found[0, 1]), (float(low), float(high)), level, draws
    )


def _from_counts(
    metric: str, label: Vector, one: Vector, other: Vector, draws: int, draw: np.random.Generator
) -> Floats:
    """Scores (1 + draws, 2); the first row is that of the data. Drawing rows with replacement is
    drawing how often each (label, one, other) occurs; only those that occur are drawn."""
    classes = max(int(max(label.max(), one.max(), other.max())) + 1, 2)
    if metric == "f1" and classes > 2:
        raise ValueError("F1 of class 1 is for two classes.")
    cells, counts = np.unique(np.stack([label, one, other]), axis=1, return_counts=True)
    found = np.empty((1 + draws, 2))
    step = max(CELLS // max(len(counts), 2 * classes), 1)
    for start in range(0, 1 + draws, step):
        size = min(step, 1 + draws - start)
        samples = draw.multinomial(len(label), counts / len(label), size=size)
        if start == 0:
            samples[0] = counts
        for side in (0, 1):
            found[start : start + size, side] = _score(
                metric, samples.astype(np.float64), cells[0], cells[1 + side], classes
            )
    return found


def _score(metric: str, samples: Floats, label: Vector, said: Vector, classes: int) -> Floats:
    """A metric (D,) of how often (D, K) each of K pairs of label and answer occurs; 0 where it is
    not defined."""
    total, right = samples.sum(axis=1), samples @ (label == said).astype(np.float64)
    if metric == "accuracy":
        return np.asarray(right / total)
    names = np.arange(classes)
    true, given = (samples @ (side[:, None] == names).astype(np.float64) for side in (label, said))
    if metric == "f1":
        over = 2 * (samples @ ((label == 1) & (said == 1)).astype(np.float64))
        under = true[:, 1] + given[:, 1]
    else:
        over = right * total - (true * given).sum(axis=1)
        under = np.sqrt((total**2 - (given**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1)))
    return np.asarray(np.where(under > 0, over / np.where(under > 0, under, 1.0), 0.0))


def _correlations(
    metric: str, label: Vector, one: Vector, other: Vector, draws: int, draw: np.random.Generator
) -> Floats:
    columns = np.stack([label, one, other]).astype(np.float64)
    found = np.empty((1 + draws, 2))
    rows = np.arange(len(label))
    for number in range(1 + draws):
        sample = columns[:, rows if number == 0 else draw.integers(len(label), size=len(label))]
        if metric == "spearman":
            from scipy.stats import rankdata

            sample = rankdata(sample, axis=1)
        centred = sample - sample.mean(axis=1, keepdims=True)
        norm = np.sqrt((centred**2).sum(axis=1))
        under = norm[0] * norm[1:]
        found[number] = np.where(
            under > 0, centred[1:] @ centred[0] / np.where(under > 0, under, 1.0), 0.0
        )
    return found
