"""Two given checkpoints on the same examples: McNemar for accuracy, the bootstrap for the rest.

These say something of two checkpoints on this data set, and nothing of two pooling heads: that
needs several seeds of each (:mod:`analysis.statistics.verdicts`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.datasets.tasks import metric_name

Vector = np.ndarray
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

    def sentence(self, first: str, second: str) -> str:
        """The result of the test of these two checkpoints, in words."""
        counts = (
            f"{first} alone is right on {self.only_one} examples, "
            f"{second} alone on {self.only_other}"
        )
        if self.only_one + self.only_other == 0:
            return f"{first} and {second} are right on the same examples: nothing to decide by."
        decides = self.p if self.adjusted is None else self.adjusted
        holm = f", after Holm over {self.tests} pairs {show_p(decides)}" if self.tests > 1 else ""
        tail = (
            f"(exact McNemar p {show_p(self.p)}{holm}; of these two checkpoints, not of pooling "
            "heads)"
        )
        if decides > 0.05:
            return f"{counts}: too few to decide which is more accurate {tail}."
        better = first if self.only_one > self.only_other else second
        return f"{counts}: {better} is more accurate here {tail}."


@dataclass(frozen=True)
class Bootstrap:
    """Difference of a metric, one checkpoint minus another, with its interval (percentiles)."""

    metric: str
    first: float
    second: float
    interval: tuple[float, float]
    level: float
    draws: int

    @property
    def difference(self) -> float:
        """The metric of the first minus that of the second."""
        return self.first - self.second

    def sentence(self, first: str, second: str) -> str:
        """The result of the bootstrap of these two checkpoints, in words."""
        low, high = (100 * value for value in self.interval)
        numbers = (
            f"{metric_name(self.metric)} {100 * self.first:.1f} for {first}, "
            f"{100 * self.second:.1f} for {second}: {100 * self.difference:+.1f} points "
            f"({100 * self.level:.4g} % interval {low:.1f} to {high:.1f}, {self.draws} "
            "bootstrap samples of the examples)"
        )
        if low <= 0 <= high:
            return f"{numbers}. The examples are too few to decide between these two checkpoints."
        better = first if low > 0 else second
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

    first, second = np.asarray(correct_one, bool), np.asarray(correct_other, bool)
    if first.shape != second.shape or first.size == 0:
        raise ValueError(
            f"{first.size} and {second.size} answers; score both on the same examples."
        )
    only_one, only_other = int((first & ~second).sum()), int((~first & second).sum())
    total = only_one + only_other
    p = float(binomtest(only_one, total).pvalue) if total else 1.0
    return McNemar(only_one, only_other, p)


def paired_bootstrap(
    metric: str,
    label: Vector,
    first: Vector,
    second: Vector,
    *,
    draws: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> Bootstrap:
    """Interval of the difference of a metric, both checkpoints on the same drawn examples.

    ``label``, ``first`` and ``second`` are (N,): classes for accuracy, F1 (of class 1) and
    Matthews, numbers for the correlations. Source: Efron and Tibshirani 1993,
    chapter 13 (percentiles).

    Raises
    ------
    ValueError
        An unknown metric, or columns of unequal length.
    """
    if metric not in METRICS:
        raise ValueError(f"No bootstrap of {metric!r}; known: {', '.join(METRICS)}.")
    label, first, second = (np.asarray(column) for column in (label, first, second))
    if not len(label) == len(first) == len(second) > 0:
        raise ValueError(
            f"{len(label)} labels for {len(first)} and {len(second)} predictions; score both "
            "checkpoints on the same examples."
        )
    draw = np.random.default_rng(seed)
    if metric in ("pearson", "spearman"):
        scores = _correlations(metric, label, first, second, draws, draw)
    else:
        scores = _from_counts(metric, label, first, second, draws, draw)
    difference = scores[1:, 0] - scores[1:, 1]
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(difference, [tail, 100 - tail])
    return Bootstrap(
        metric, float(scores[0, 0]), float(scores[0, 1]), (float(low), float(high)), level, draws
    )


def _from_counts(
    metric: str, label: Vector, first: Vector, second: Vector, draws: int, draw: np.random.Generator
) -> Floats:
    """Scores (1 + draws, 2); the first row is that of the data. Drawing rows with replacement is
    drawing how often each (label, first, second) occurs; only those that occur are drawn."""
    classes = max(int(max(label.max(), first.max(), second.max())) + 1, 2)
    if metric == "f1" and classes > 2:
        raise ValueError("F1 of class 1 is for two classes.")
    cells, counts = np.unique(np.stack([label, first, second]), axis=1, return_counts=True)
    scores = np.empty((1 + draws, 2))
    step = max(CELLS // max(len(counts), 2 * classes), 1)
    for start in range(0, 1 + draws, step):
        size = min(step, 1 + draws - start)
        samples = draw.multinomial(len(label), counts / len(label), size=size)
        if start == 0:
            samples[0] = counts
        for side in (0, 1):
            scores[start : start + size, side] = _score(
                metric, samples.astype(np.float64), cells[0], cells[1 + side], classes
            )
    return scores


def _score(metric: str, samples: Floats, label: Vector, answers: Vector, classes: int) -> Floats:
    """A metric (D,) of how often (D, K) each of K pairs of label and answer occurs; 0 where it is
    not defined."""
    total, right = samples.sum(axis=1), samples @ (label == answers).astype(np.float64)
    if metric == "accuracy":
        return np.asarray(right / total)
    names = np.arange(classes)
    true, predicted = (
        samples @ (side[:, None] == names).astype(np.float64) for side in (label, answers)
    )
    if metric == "f1":
        over = 2 * (samples @ ((label == 1) & (answers == 1)).astype(np.float64))
        under = true[:, 1] + predicted[:, 1]
    else:
        over = right * total - (true * predicted).sum(axis=1)
        under = np.sqrt(
            (total**2 - (predicted**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1))
        )
    return np.asarray(np.where(under > 0, over / np.where(under > 0, under, 1.0), 0.0))


def _correlations(
    metric: str, label: Vector, first: Vector, second: Vector, draws: int, draw: np.random.Generator
) -> Floats:
    columns = np.stack([label, first, second]).astype(np.float64)
    scores = np.empty((1 + draws, 2))
    rows = np.arange(len(label))
    for number in range(1 + draws):
        sample = columns[:, rows if number == 0 else draw.integers(len(label), size=len(label))]
        if metric == "spearman":
            from scipy.stats import rankdata

            sample = rankdata(sample, axis=1)
        centred = sample - sample.mean(axis=1, keepdims=True)
        norm = np.sqrt((centred**2).sum(axis=1))
        under = norm[0] * norm[1:]
        scores[number] = np.where(
            under > 0, centred[1:] @ centred[0] / np.where(under > 0, under, 1.0), 0.0
        )
    return scores
