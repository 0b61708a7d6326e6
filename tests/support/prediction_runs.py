"""Predictions made up for the tests of evaluation."""

from __future__ import annotations

import numpy as np

from analysis.corpus.predictions import Predictions
from analysis.datasets.table import Table

TWO, THREE = ("negative", "positive"), ("dog", "cat", "cow")


def table_of(label, labels=TWO, pair=None) -> Table:
    count = len(label)
    texts = tuple(f"Text {row}" for row in range(count))
    return Table("own", "dev", texts, pair, np.asarray(label), labels)


def run_of(logits, labels=TWO, name="one", rows=None, total=None) -> Predictions:
    logits = np.asarray(logits, np.float32)
    rows = np.arange(len(logits)) if rows is None else np.asarray(rows)
    counts, cut = np.ones(len(rows), np.int32), (rows % 5 == 0).astype(np.int32)
    return Predictions(
        name,
        name,
        "data",
        "float32",
        labels,
        "value" if len(labels) == 1 else "softmax",
        total or len(rows),
        rows,
        logits,
        counts,
        cut,
    )


def drawn(seed: int, count: int = 60, labels=THREE):
    """A table, and a run that is right in about two thirds of its rows."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, len(labels), count)
    logits = draw.normal(size=(count, len(labels)))
    logits[np.arange(count), label] += 1.0
    return table_of(label, labels), run_of(logits, labels)
