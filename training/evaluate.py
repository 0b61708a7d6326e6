"""Predictions of a loaded classifier on a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze
from analysis.datasets.table import Table
from training.metrics import score


@dataclass(frozen=True)
class Evaluation:
    """Logits (N, C) float32 in the order of the table, and the scores by name."""

    logits: NDArray[np.float32]
    metrics: dict[str, float]

    def __post_init__(self) -> None:
        freeze(self)


def predict(classifier: Any, table: Table, batch_size: int = 64) -> NDArray[np.float32]:
    """Logits (N, C) of every row. Rows are batched by length, so little is padded, and cut at
    the model's own limit."""
    import torch

    tokenizer, model = classifier.tokenizer, classifier.model
    pairs = () if table.pair is None else (list(table.pair),)
    encoded = tokenizer(
        list(table.text), *pairs, truncation=True, max_length=classifier.limit, padding=False
    )
    names = [name for name in tokenizer.model_input_names if name in encoded]
    order = np.argsort([len(ids) for ids in encoded["input_ids"]], kind="stable")
    device = next(model.parameters()).device
    model.eval()
    logits: NDArray[np.float32] | None = None
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = tokenizer.pad(
            {name: [encoded[name][row] for row in rows] for name in names}, return_tensors="pt"
        ).to(device)
        with torch.no_grad():
            answer = model(**batch).logits.float().cpu().numpy()
        if logits is None:
            logits = np.empty((len(table), answer.shape[1]), np.float32)
        logits[rows] = answer
    assert logits is not None  # a Table has at least one row
    return logits


def evaluate(
    classifier: Any, table: Table, metrics: Sequence[str], batch_size: int = 64
) -> Evaluation:
    """Logits and the named scores of a loaded classifier on a labelled table.

    Raises
    ------
    ValueError
        The table has no labels, or the classifier has other classes.
    """
    if table.label is None:
        raise ValueError(f"Split {table.split} of task {table.task} is published without labels.")
    logits = predict(classifier, table, batch_size)
    wanted = max(len(table.labels), 1)
    if logits.shape[1] != wanted:
        raise ValueError(
            f"The checkpoint answers with {logits.shape[1]} outputs, the table has "
            f"{wanted}. Choose the table of the checkpoint's own task."
        )
    return Evaluation(logits, score(metrics, table.label, logits, regression=table.regression))
