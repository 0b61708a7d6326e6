"""Scores of a regression: correlations with their intervals, and mean errors."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from analysis.evaluation.answers import Answers
from analysis.evaluation.score_records import Evaluation, Floats, Score, mean_score
from analysis.statistics.intervals import correlation


def regression(answers: Answers) -> Evaluation:
    """Scores of a checkpoint's numbers, one or several a row."""
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
        error = mean_score("mean absolute error", np.abs(label - value[:, 0]))
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
    squared = mean_score(f"RMSE, {of}", (label - value) ** 2)
    low, middle, high = (sqrt(x) for x in (squared.low, squared.value, squared.high))
    return replace(
        squared, value=middle, low=low, high=high, method="normal, of the mean squared error"
    )


def _fisher(metric: str, value: float, factor: float, n: int) -> Score:
    low, high = correlation(value, n, factor)
    return Score(metric, value, low, high, n, "Fisher z")
