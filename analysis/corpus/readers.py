"""Readers: each takes its columns from a forward pass over rows of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from analysis.common.faults import CheckpointError
from analysis.common.outputs import class_gap, probabilities
from analysis.corpus import predictions

if TYPE_CHECKING:
    import torch

    from analysis.checkpoints.loading import Classifier


@dataclass(frozen=True)
class Step:
    """One forward pass, as a reader sees it: B rows of T tokens, L layers."""

    classifier: Classifier
    hidden: tuple[torch.Tensor, ...]  # L+1 of (B, T, d), in the encoder's type
    mask: torch.Tensor  # (B, T), 1 = real token
    vector: torch.Tensor | None  # (B, D) float32 from the pooling head, if it has one
    logits: torch.Tensor | None  # (B, C) float32; None for a bare encoder
    tokens: np.ndarray  # (B,) int32
    cut: np.ndarray  # (B,) int32


class Reader(Protocol):
    """Columns of Arrow taken from a forward pass, in a folder of this name."""

    @property
    def name(self) -> str:
        """Name of the folder of its files; the same name is the same content."""

    def fields(self, classifier: Classifier) -> list[pa.Field]:
        """Its columns for this checkpoint, without ``row``."""

    def read(self, step: Step) -> list[pa.Array]:
        """The columns for the B rows of a step, in the order of :meth:`fields`."""


@dataclass(frozen=True)
class PredictionReader:
    """Logits, probabilities, predicted class, probability margin, tokens, and tokens cut off."""

    name: str = predictions.PREDICTION

    def fields(self, classifier: Classifier) -> list[pa.Field]:
        classes = max(len(classifier.checkpoint.labels), 1)
        return [
            pa.field("logits", pa.list_(pa.float32(), classes)),
            pa.field("probabilities", pa.list_(pa.float32(), classes)),
            pa.field("predicted", pa.int32()),
            pa.field("gap", pa.float32()),
            pa.field("tokens", pa.int32()),
            pa.field("cut", pa.int32()),
        ]

    def read(self, step: Step) -> list[pa.Array]:
        """The columns of a pass: logits and answers of its rows.

        Raises
        ------
        CheckpointError
            The checkpoint is a bare encoder, which predicts nothing.
        """
        checkpoint = step.classifier.checkpoint
        if step.logits is None:
            raise CheckpointError(
                f"{checkpoint.name} is a {checkpoint.encoder_kind}: it has hidden states "
                "and no prediction"
            )
        logits = step.logits.float().cpu().numpy()
        shares = probabilities(checkpoint.output, logits)
        return [
            fixed_lists(logits),
            fixed_lists(shares.astype(np.float32)),
            pa.array(logits.argmax(axis=1).astype(np.int32)),
            pa.array(class_gap(checkpoint.output, shares).astype(np.float32)),
            pa.array(step.tokens),
            pa.array(step.cut),
        ]


PREDICTION = PredictionReader()


def fixed_lists(array: np.ndarray) -> pa.Array:
    """(B, n) -> an Arrow column of B lists of n numbers, not copied."""
    flat = pa.array(np.ascontiguousarray(array).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, array.shape[1])
