"""Scores of a checkpoint on a data set: metrics with intervals, confusion matrix, calibration.

Every interval is over the rows (95 %): it says how far the score would move on other rows of the
same kind, for this checkpoint, and nothing of another seed or of a pooling head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.common.outputs import THRESHOLD
from analysis.evaluation import several_labels
from analysis.evaluation.answers import Answers, align
from analysis.evaluation.calibration import Scheme, reliability
from analysis.evaluation.regression_scores import regression
from analysis.evaluation.score_records import Evaluation, Floats, Score, mean_score
from analysis.statistics.intervals import wilson

if TYPE_CHECKING:
    from analysis.corpus.predictions import Predictions
    from analysis.datasets.table import Table

DRAWS = 2000
BOOTSTRAP = f"bootstrap over rows, {DRAWS} draws, percentiles"


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
        return regression(answers)
    if answers.several:
        return _several(replace(answers, threshold=threshold), bins, scheme, seed)
    label, predicted = answers.label, answers.predicted[0]
    confusion = _confusion(label, predicted, len(answers.classes))
    chances = np.clip(answers.values[0][np.arange(len(label)), label], 1e-15, 1.0)
    distance = answers.values[0] - np.eye(len(answers.classes))[label]
    scores = [
        _share("accuracy", int(np.trace(confusion)), len(label)),
        *_from_confusion(confusion, answers.classes, seed),
        mean_score("log loss", -np.log(chances)),
        mean_score("Brier score", (distance**2).sum(axis=1)),
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


def _confusion(label: np.ndarray, predicted: np.ndarray, classes: int) -> NDArray[np.int64]:
    cells = np.bincount(label * classes + predicted, minlength=classes * classes)
    return np.asarray(cells.reshape(classes, classes), dtype=np.int64)


def _share(metric: str, successes: int, n: int) -> Score:
    low, high = wilson(successes, n)
    return Score(metric, successes / n if n else float("nan"), low, high, n, "Wilson")


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
