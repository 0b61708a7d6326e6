"""Checkpoints that cannot take a data set, each with its reason. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from analysis.datasets.labels import columns_of

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.datasets.table import Table


def refusal(checkpoint: Checkpoint, table: Table) -> str | None:
    """Why a checkpoint cannot answer a data set, as a sentence; None where it can.

    A data set without labels is taken by every classifier that reads as many texts a row as it
    has. A foreign classifier does not say whether it reads pairs, so it may.
    """
    name = checkpoint.name
    if checkpoint.kind == "encoder":
        kind = checkpoint.encoder_kind
        return f"{name} is a {kind}: it has vectors and no answers. Choose a classifier."
    known = checkpoint.kind == "pooling"
    if known and checkpoint.pairs and table.pair is None:
        return (
            f"{name} reads pairs of sentences, and this data set has one text in each row. Choose "
            "the column of the second text, or another checkpoint."
        )
    if known and not checkpoint.pairs and table.pair is not None:
        return (
            f"{name} reads one text, and this data set has two in each row. Choose no second "
            "text, or another checkpoint."
        )
    if table.label is None:
        return None
    if table.regression and not checkpoint.regression:
        return (
            f"{name} answers with classes ({_first_of(checkpoint.labels)}), and this data set has "
            "numbers as labels. It is of another task."
        )
    if checkpoint.regression and not table.regression:
        return (
            f"{name} answers with a number, and this data set has the classes "
            f"{_first_of(table.labels)}. It is of another task."
        )
    if table.several and checkpoint.output == "softmax":
        return (
            f"{name} answers with one class, and a row of this data set has several labels. Choose "
            "a checkpoint of several labels, or a column with one label."
        )
    if not table.regression and columns_of(table.labels, checkpoint.labels) is None:
        return (
            f"{name} answers with {_first_of(checkpoint.labels)}, and this data set has the labels "
            f"{_first_of(table.labels)}. It is of another task; map the labels to its classes if "
            "they mean the same."
        )
    return None


def _first_of(labels: Iterable[str], most: int = 6) -> str:
    names = list(labels)
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
