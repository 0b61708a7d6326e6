"""Scores where a row may have several classes: each class for itself, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_CELLS = 40_000_000  # weights of rows times classes that the bootstrap may go through


def weights_of(rows: int, classes: int, draws: int, seed: int) -> Floats:
    """(D + 1, n) how often each row is drawn: all once first, then draws with replacement.

    Fewer draws than asked for where the rows are many, and 200 at the least.
    """
    count = int(min(draws, max(_CELLS // max(rows * classes, 1), 200)))
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=count)
    return np.vstack([np.ones((1, rows)), drawn]).astype(np.float64)


def counts_of(
    label: np.ndarray, assigned: NDArray[np.bool_], weights: Floats
) -> tuple[Floats, Floats, Floats]:
    """(D, C) each: rows of a class that are given it, rows that are given it, rows of the class."""
    true, predicted = np.asarray(label, np.float64), np.asarray(assigned, np.float64)
    return weights @ (true * predicted), weights @ predicted, weights @ true


def f1_of(right: Floats, predicted: Floats, true: Floats) -> Floats:
    """(...) counts -> (...) F1; 0 where a class is neither there nor given, as in scikit-learn."""
    under = predicted + true
    return np.asarray(np.divide(2 * right, under, out=np.zeros_like(under), where=under > 0))


def average_precision(label: np.ndarray, chance: Floats, weights: Floats) -> Floats:
    """(n,) of 0 and 1, (n,) probabilities and (D, n) weights -> (D,) average precision.

    The mean of the precision over the recalled rows, equal probabilities taken at once (as
    scikit-learn's ``average_precision_score``). NaN where no row has the class.
    """
    order = np.argsort(-chance, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(chance[order]) != 0, True))  # last row of each tie
    drawn = weights[:, order]
    hits = np.cumsum(drawn * np.asarray(label, np.float64)[order], axis=1)[:, ends]
    seen = np.cumsum(drawn, axis=1)[:, ends]
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    gained = np.diff(hits, axis=1, prepend=0)
    total = hits[:, -1]
    over = (precision * gained).sum(axis=1)
    return np.asarray(np.divide(over, total, out=np.full_like(total, np.nan), where=total > 0))


def best_thresholds(label: np.ndarray, chance: Floats) -> Floats:
    """(n, C) labels and probabilities -> (C,) the threshold with the best F1 on these rows.

    In the middle between two probabilities that occur; NaN where no row has the class.
    """
    label = np.asarray(label, np.float64)
    thresholds = np.full(label.shape[1], np.nan)
    for c in range(label.shape[1]):
        if not label[:, c].any():
            continue
        order = np.argsort(-chance[:, c], kind="stable")
        values = chance[order, c]
        ends = np.flatnonzero(np.append(np.diff(values) != 0, True))
        hits = np.cumsum(label[order, c])[ends]
        f1 = 2 * hits / (ends + 1 + label[:, c].sum())
        best = int(f1.argmax())
        below = values[ends[best + 1]] if best + 1 < len(ends) else 0.0
        thresholds[c] = (values[ends[best]] + below) / 2
    return thresholds


def thresholds_in_words(names: Sequence[str], thresholds: Floats) -> str:
    """Where each class would have its best F1, (C,), in one sentence with its warning."""
    parts = [
        f"{name} {value:.2f}"
        for name, value in zip(names, thresholds.tolist(), strict=True)
        if value == value
    ]
    if not parts:
        return ""
    return (
        f"Thresholds with the best F1 on these same rows, so too good to be reported: "
        f"{', '.join(parts)}."
    )
