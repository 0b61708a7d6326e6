"""Scores of a checkpoint on a data set: metrics with intervals, confusion matrix, calibration.

Every interval is over the rows (95 %): it says how far the score would move on other rows of the
same kind, for this checkpoint, and nothing of another seed or of a pooling head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.common.outputs import THRESHOLD
from analysis.common.records import freeze
from analysis.evaluation import several_labels
from analysis.evaluation.answers import Answers, align
from analysis.evaluation.calibration import Reliability, Scheme, reliability
from analysis.statistics.intervals import correlation, wilson

if TYPE_CHECKING:
    import pandas as pd

    from analysis.corpus.predictions import Predictions
    from analysis.datasets.table import Table

Floats = NDArray[np.float64]
DRAWS = 2000
_NORMAL = 1.959963984540054  # two-sided 95 %
BOOTSTRAP = f"bootstrap over rows, {DRAWS} draws, percentiles"


@dataclass(frozen=True)
class Score:
    """A metric with its 95 % interval, and by which method the interval was found."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    method: str
    higher_is_better: bool = True

    def sentence(self) -> str:
        """``accuracy 0.891 (0.868 to 0.910)``."""
        return f"{self.metric} {self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Evaluation:
    """One checkpoint on the n rows that it has answered of ``total``."""

    checkpoint: str
    n: int
    total: int
    classes: tuple[str, ...]  # (C,); () for a regression
    scores: tuple[Score, ...]
    confusion: NDArray[np.int64] | None  # (C, C), rows the labels, columns the answers
    # Precision, recall, F1 of each class; and average precision where there may be several.
    per_class: tuple[tuple[Score, ...], ...]
    calibration: Reliability | None
    value: Floats | None = None  # (n,) answers of a regression, for a plot against the labels
    label: NDArray[Any] | None = None  # (n,) class index, (n, C) of 0 and 1, or number
    thresholds: Floats | None = None  # (C,) of the best F1 on these rows, where several are given

    def __post_init__(self) -> None:
        freeze(self)

    def worst(self) -> tuple[str, str, int, int] | None:
        """The most frequent mistake: (label, answer, rows, rows of that label); None: none made."""
        if self.confusion is None:
            return None
        mistakes = self.confusion.copy()
        np.fill_diagonal(mistakes, 0)
        if not mistakes.any():
            return None
        row, column = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
        rows = int(self.confusion[row].sum())
        return self.classes[row], self.classes[column], int(mistakes[row, column]), rows

    def score(self, metric: str) -> Score:
        """The score of one metric.

        Raises
        ------
        KeyError
            It was not computed; those that were are listed.
        """
        for score in self.scores:
            if score.metric == metric:
                return score
        raise KeyError(f"no {metric!r} here; there are {', '.join(s.metric for s in self.scores)}")

    def sentence(self) -> str:
        """A sentence with the first score of this checkpoint and its interval."""
        first = self.scores[0]
        part = "" if self.n == self.total else f" (of {self.total:,}; the run was stopped)"
        if self.confusion is not None:
            right = int(np.trace(self.confusion))
            return (
                f"{self.checkpoint} is right on {right:,} of {self.n:,} rows{part}: accuracy "
                f"{100 * first.value:.1f} % (95 % interval {100 * first.low:.1f} to "
                f"{100 * first.high:.1f}, {first.method})."
            )
        return (
            f"{self.checkpoint} on {self.n:,} rows{part}: {first.metric} {first.value:.3f} (95 % "
            f"interval {first.low:.3f} to {first.high:.3f}, {first.method})."
        )

    def frame(self) -> pd.DataFrame:
        """One row per score: metric, value, low, high, n, method."""
        return _frame(self.checkpoint, self.scores)

    def class_frame(self) -> pd.DataFrame:
        """One row per class and score (precision, recall, F1; average precision)."""
        import pandas as pd

        parts = [
            _frame(self.checkpoint, scores).assign(**{"class": name})
            for name, scores in zip(self.classes, self.per_class, strict=True)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def confusion_frame(self) -> pd.DataFrame:
        """Counts, one row per label and one column per answer."""
        import pandas as pd

        counts = np.zeros((0, 0), np.int64) if self.confusion is None else self.confusion
        return pd.DataFrame(counts, index=list(self.classes), columns=list(self.classes))


def _frame(checkpoint: str, scores: Sequence[Score]) -> pd.DataFrame:
    import pandas as pd

    columns = ["checkpoint", "metric", "value", "low", "high", "n", "method"]
    rows = [(checkpoint, s.metric, s.value, s.low, s.high, s.n, s.method) for s in scores]
    return pd.DataFrame(rows, columns=columns)


def evaluate(
    table: Table,
    predictions: Predictions,
    *,
    bins: int = 15,
    scheme: Scheme = "equal width",
    seed: int = 0,
    threshold: float = THRESHOLD,
) -> Evaluation:
    """Scores of a checkpoint's answers against the labels of a data set.

    Classes: accuracy (Wilson), macro F1, Matthews correlation and, for two classes, F1 of the
    second (bootstrap), log loss and Brier score (normal, of their mean); precision and recall of
    each class (Wilson); calibration of the predicted class. Several classes a row, each given
    above ``threshold``: micro and macro F1, mean of the classes' average precision, share of rows
    whose whole set is right, and the same of each class (bootstrap); calibration of every class's
    probability. Numbers: Pearson and Spearman correlation (Fisher z; for Spearman with Bonett and
    Wright's variance), mean absolute error; of several numbers a row the correlations and the
    root mean squared error of each.

    Raises
    ------
    ValueError
        No labels, no answered row, or a checkpoint of another task.
    """
    answers = align(table, [predictions])
    if answers.label is None:
        raise ValueError("The data set has no labels, so there is nothing to score against.")
    if not len(answers.rows):
        raise ValueError(f"{predictions.checkpoint} has not answered any row yet.")
    if answers.regression:
        return _regression(answers)
    if answers.several:
        return _several(replace(answers, threshold=threshold), bins, scheme, seed)
    label, predicted = answers.label, answers.predicted[0]
    confusion = _confusion(label, predicted, len(answers.classes))
    chances = np.clip(answers.values[0][np.arange(len(label)), label], 1e-15, 1.0)
    distance = answers.values[0] - np.eye(len(answers.classes))[label]
    scores = [
        _share("accuracy", int(np.trace(confusion)), len(label)),
        *_from_confusion(confusion, answers.classes, seed),
        _mean("log loss", -np.log(chances)),
        _mean("Brier score", (distance**2).sum(axis=1)),
    ]
    return Evaluation(
        checkpoint=predictions.checkpoint,
        n=len(label),
        total=answers.total,
        classes=answers.classes,
        scores=tuple(scores),
        confusion=confusion,
        per_class=_per_class(confusion, seed),
        calibration=reliability(
            np.clip(answers.confidence[0], 0, 1), answers.correct[0], bins, scheme, seed=seed
        ),
        label=label,
    )


def _several(answers: Answers, bins: int, scheme: Scheme, seed: int) -> Evaluation:
    assert answers.label is not None
    label, chance, assigned = answers.label, answers.values[0], answers.assigned[0]
    n, count = label.shape
    weights = several_labels.weights_of(n, count, DRAWS, seed)
    method = f"bootstrap over rows, {len(weights) - 1} draws, percentiles"
    counts = several_labels.counts_of(label, assigned, weights)
    f1 = several_labels.f1_of(*counts)
    micro = several_labels.f1_of(*(part.sum(axis=1) for part in counts))
    precise = np.stack(
        [
            several_labels.average_precision(label[:, c], chance[:, c], weights)
            for c in range(count)
        ],
        axis=1,
    )
    there = ~np.isnan(precise[0])
    with np.errstate(invalid="ignore"):
        mean_precise = np.nanmean(precise[:, there], axis=1) if there.any() else precise[:, 0]

    def drawn(metric: str, values: Floats) -> Score:
        return replace(_percentiles(metric, values, n), method=method)

    right, predicted, true = (part[0].astype(int) for part in counts)
    every = np.clip(chance.reshape(-1), 0, 1)
    return Evaluation(
        checkpoint=answers.names[0],
        n=n,
        total=answers.total,
        classes=answers.classes,
        scores=(
            drawn("micro F1", micro),
            drawn("macro F1", f1.mean(axis=1)),
            drawn("mean average precision", mean_precise),
            _share("whole set right", int(answers.correct[0].sum()), n),
        ),
        confusion=None,
        per_class=tuple(
            (
                _share("precision", int(right[c]), int(predicted[c])),
                _share("recall", int(right[c]), int(true[c])),
                drawn("F1", f1[:, c]),
                drawn("average precision", precise[:, c]),
            )
            for c in range(count)
        ),
        calibration=reliability(every, label.reshape(-1).astype(bool), bins, scheme, seed=seed),
        label=label,
        thresholds=several_labels.best_thresholds(label, chance),
    )


def _confusion(label: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    cells = np.bincount(label * classes + predicted, minlength=classes * classes)
    return np.asarray(cells.reshape(classes, classes), dtype=np.int64)


def _share(metric: str, successes: int, n: int) -> Score:
    low, high = wilson(successes, n)
    return Score(metric, successes / n if n else float("nan"), low, high, n, "Wilson")


def _mean(metric: str, values: Floats) -> Score:
    """A mean over rows, lower being better, with its normal interval."""
    mean = float(values.mean())
    half = _NORMAL * float(values.std(ddof=1)) / sqrt(len(values)) if len(values) > 1 else np.inf
    return Score(
        metric,
        mean,
        max(mean - half, 0.0),
        mean + half,
        len(values),
        "normal, of the mean over rows",
        higher_is_better=False,
    )


def _drawn(confusion: NDArray[np.int64], seed: int) -> Floats:
    """The confusion matrix, then DRAWS of them: drawing rows with replacement is drawing cells."""
    n = int(confusion.sum())
    draw = np.random.default_rng(seed)
    drawn = draw.multinomial(n, confusion.reshape(-1) / n, size=DRAWS)
    return np.vstack([confusion.reshape(1, -1), drawn]).reshape(-1, *confusion.shape).astype(float)


def _from_confusion(confusion: NDArray[np.int64], classes: Sequence[str], seed: int) -> list[Score]:
    drawn, n = _drawn(confusion, seed), int(confusion.sum())
    f1 = _f1(drawn)
    rates = [("macro F1", _macro(drawn, f1)), ("Matthews", _matthews(drawn))]
    if len(classes) == 2:
        rates.insert(1, (f"F1 ({classes[1]})", f1[:, 1]))
    return [_percentiles(metric, values, n) for metric, values in rates]


def _percentiles(metric: str, values: Floats, n: int) -> Score:
    low, high = (np.nan, np.nan)
    if not np.isnan(values[1:]).all():
        low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Score(metric, float(values[0]), float(low), float(high), n, BOOTSTRAP)


def _f1(confusion: Floats) -> Floats:
    """(D, C, C) -> (D, C); 0 where a class is neither there nor said."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    under = confusion.sum(axis=2) + confusion.sum(axis=1)
    return np.asarray(np.divide(2 * right, under, out=np.zeros_like(under), where=under > 0))


def _macro(confusion: Floats, f1: Floats) -> Floats:
    """Mean over the classes that are there or said, as scikit-learn has it."""
    met = (confusion.sum(axis=2) + confusion.sum(axis=1)) > 0
    return np.asarray(f1.sum(axis=1) / met.sum(axis=1))


def _matthews(confusion: Floats) -> Floats:
    true, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    right, total = np.trace(confusion, axis1=1, axis2=2), confusion.sum(axis=(1, 2))
    over = right * total - (true * predicted).sum(axis=1)
    under = np.sqrt((total**2 - (predicted**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1)))
    return np.asarray(np.divide(over, under, out=np.zeros_like(over), where=under > 0))


def _per_class(confusion: NDArray[np.int64], seed: int) -> tuple[tuple[Score, Score, Score], ...]:
    f1, n = _f1(_drawn(confusion, seed)), int(confusion.sum())
    return tuple(
        (
            _share("precision", int(confusion[c, c]), int(confusion[:, c].sum())),
            _share("recall", int(confusion[c, c]), int(confusion[c].sum())),
            _percentiles("F1", f1[:, c], n),
        )
        for c in range(len(confusion))
    )


def _regression(answers: Answers) -> Evaluation:
    assert answers.label is not None
    label, value = answers.label.astype(np.float64), answers.values[0]
    scores: tuple[Score, ...]
    value_of_one: Floats | None
    if answers.classes:
        parts: list[Score] = []
        for name, truth, predicted in zip(answers.classes, label.T, value.T, strict=True):
            parts += [*_correlations(truth, predicted, f", {name}"), _root(truth, predicted, name)]
        scores = tuple(parts)
        value_of_one = None
    else:
        error = _mean("mean absolute error", np.abs(label - value[:, 0]))
        scores, value_of_one = (*_correlations(label, value[:, 0]), error), value[:, 0]
    return Evaluation(
        answers.names[0], len(label), answers.total, (), scores, None, (), None, value_of_one, label
    )


def _correlations(label: Floats, value: Floats, of: str = "") -> tuple[Score, Score]:
    """Pearson and Spearman of (n,) numbers with (n,) labels."""
    from scipy.stats import spearmanr

    n, pearson, rank = len(label), float("nan"), float("nan")
    if n > 1 and np.ptp(label) > 0 and np.ptp(value) > 0:  # else nothing correlates
        rank = float(spearmanr(label, value).statistic)
        pearson = float(np.corrcoef(label, value)[0, 1])
    return (
        _fisher(f"Pearson{of}", pearson, 1.0, n),
        _fisher(f"Spearman{of}", rank, 1 + rank**2 / 2, n),
    )


def _root(label: Floats, value: Floats, of: str) -> Score:
    """The root of the mean squared error, with the root of that mean's interval."""
    squared = _mean(f"RMSE, {of}", (label - value) ** 2)
    low, middle, high = (sqrt(x) for x in (squared.low, squared.value, squared.high))
    return replace(
        squared, value=middle, low=low, high=high, method="normal, of the mean squared error"
    )


def _fisher(metric: str, value: float, factor: float, n: int) -> Score:
    low, high = correlation(value, n, factor)
    return Score(metric, value, low, high, n, "Fisher z")
