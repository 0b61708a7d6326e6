"""Predictions of a loaded classifier on a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze
from analysis.corpus.passes import Budget
from analysis.datasets.table import Table
from training.metrics import score

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerFast

    from analysis.checkpoints.loading import Classifier
    from analysis.text.batches import InputRules


@dataclass(frozen=True)
class ModelUnderTraining:
    """A model that no checkpoint holds yet, with all that its rows are read with."""

    model: nn.Module  # as `accelerate` wraps it
    tokenizer: PreTrainedTokenizerFast
    limit: int  # tokens of a row
    inputs: InputRules


@dataclass(frozen=True)
class Evaluation:
    """Logits (N, C) float32 in the order of the table, and the scores by name."""

    logits: NDArray[np.float32]
    metrics: dict[str, float]

    def __post_init__(self) -> None:
        freeze(self)


def predict(
    classifier: Classifier | ModelUnderTraining, table: Table, batch_size: int = 64
) -> NDArray[np.float32]:
    """Logits (N, C) of every row. Rows are batched by length, so little is padded, and cut at
    the model's own limit; cleaned, padded and batched as everywhere else."""
    import torch

    from analysis.text.tokens import tokenize_rows

    model, rules = classifier.model, classifier.inputs
    rows = tokenize_rows(classifier.tokenizer, table.text, table.pair, classifier.limit)
    lengths = np.array([len(row.ids) for row in rows])
    device = next(model.parameters()).device
    model.eval()
    logits: NDArray[np.float32] | None = None
    for places in Budget(batch_size * int(lengths.max()), batch_size, rules.alike).slices(lengths):
        arrays = rules.arrays([rows[place] for place in places])
        batch = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        with torch.no_grad():
            answer = model(**batch).logits.float().cpu().numpy()
        if logits is None:
            logits = np.empty((len(table), answer.shape[1]), np.float32)
        logits[places] = answer
    assert logits is not None  # a Table has at least one row
    return logits


def evaluate(
    classifier: Classifier | ModelUnderTraining,
    table: Table,
    metrics: Sequence[str],
    batch_size: int = 64,
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
    outputs = max(len(table.labels), 1)
    if logits.shape[1] != outputs:
        raise ValueError(
            f"The checkpoint answers with {logits.shape[1]} outputs, the table has "
            f"{outputs}. Choose the table of the checkpoint's own task."
        )
    return Evaluation(logits, score(metrics, table.label, logits, regression=table.regression))
