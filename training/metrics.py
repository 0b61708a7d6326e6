"""Scores of a table of predictions, by name; which names a task reports is said in its entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Vector = np.ndarray


def accuracy(label: Vector, predicted: Vector) -> float:
    """Share of rows whose predicted class is the labelled one."""
    return float(np.mean(label == predicted))


def f1(label: Vector, predicted: Vector) -> float:
    """F1 of class 1, as GLUE reports it for MRPC and QQP (two classes)."""
    from sklearn.metrics import f1_score

    return float(f1_score(label, predicted, pos_label=1, zero_division=0.0))


def macro_f1(label: Vector, predicted: Vector) -> float:
    """Unweighted mean of the F1 of every class that occurs."""
    from sklearn.metrics import f1_score

    return float(f1_score(label, predicted, average="macro", zero_division=0.0))


def matthews(label: Vector, predicted: Vector) -> float:
    """Matthews correlation coefficient (CoLA); 0 when one class only is predicted."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(label, predicted))


def pearson(label: Vector, predicted: Vector) -> float:
    """Pearson correlation; 0 where either side is constant, for which it is not defined."""
    from scipy.stats import pearsonr

    return 0.0 if _constant(label, predicted) else float(pearsonr(label, predicted).statistic)


def spearman(label: Vector, predicted: Vector) -> float:
    """Spearman rank correlation; 0 where either side is constant."""
    from scipy.stats import spearmanr

    return 0.0 if _constant(label, predicted) else float(spearmanr(label, predicted).statistic)


def rmse(label: Vector, predicted: Vector) -> float:
    """Root mean squared error, in the unit of the label."""
    return float(np.sqrt(np.mean((label - predicted) ** 2)))


def micro_f1(label: Vector, predicted: Vector) -> float:
    """F1 of all labels of all rows together, (N, C) of 0 and 1."""
    from sklearn.metrics import f1_score

    return float(f1_score(label, predicted, average="micro", zero_division=0.0))


def exact_match(label: Vector, predicted: Vector) -> float:
    """Share of rows of which every label is right, (N, C) of 0 and 1."""
    return float(np.mean((label == predicted).all(axis=1)))


METRICS: dict[str, Callable[[Vector, Vector], float]] = {
    function.__name__: function
    for function in (
        accuracy,
        f1,
        macro_f1,
        micro_f1,
        exact_match,
        matthews,
        pearson,
        spearman,
        rmse,
    )
}
CLASSES = ("accuracy", "macro_f1")  # reported for a table of one's own
LABELS = ("micro_f1", "macro_f1", "exact_match")  # for a table with several labels a row
NUMBER = ("pearson", "spearman", "rmse")


def score(
    names: Sequence[str], label: Vector, logits: Vector, *, regression: bool
) -> dict[str, float]:
    """The named scores of logits (N, C) against labels (N,), or (N, C) of 0 and 1.

    Raises
    ------
    ValueError
        An unknown name, no rows, or a logit that is not finite.
    """
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise ValueError(f"Unknown metric {unknown[0]!r}; the known ones are {', '.join(METRICS)}.")
    if len(label) == 0 or len(label) != len(logits):
        raise ValueError(f"{len(label)} labels for {len(logits)} predictions; both must agree.")
    if not np.isfinite(logits).all():
        raise ValueError(
            "The model answers with numbers that are not finite: training diverged. "
            "Try a lower learning rate."
        )
    predicted = logits[:, 0] if regression else logits.argmax(axis=1)
    if label.ndim == 2:
        predicted = (logits > 0).astype(label.dtype)  # a probability above one half
    return {name: METRICS[name](label, predicted) for name in names}


def _constant(*sides: Vector) -> bool:
    return any(np.ptp(side) == 0 for side in sides)
