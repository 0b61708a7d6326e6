"""The pooling head asked again, over states that were recorded before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from analysis.common import outputs
from analysis.common.memory import enough_memory
from analysis.heads.base import of_rows

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.heads.base import Pooled, PoolingHead
    from analysis.reading.trace import Trace


def depth_logits(classifier: Classifier, trace: Trace) -> np.ndarray:
    """(L+1, C) logits when the pooling head is applied as if the encoder ended at each layer.

    A pre-norm encoder's final norm is applied to the layer that is read as the last, as in an
    encoder that has been cut off there.

    Raises ``ValueError`` for a model without pooling head, and :class:`CheckpointError` where the
    device runs out of memory.
    """
    head = pooling_head(classifier)
    with rerunning(classifier, "ending the encoder at each layer", len(trace.tokens)):
        hidden, mask = hidden_of(classifier, trace), mask_of(classifier, trace)
        ends = torch.tensor(trace.hidden, device=classifier.device)[:, None]
        attentions = attentions_of(classifier, trace)
        logits = []
        for layer in range(len(hidden)):
            states = torch.cat([hidden[:layer], ends[layer : layer + 1]])
            below = None if attentions is None else attentions[:layer]
            ended = head.ended_at(layer)
            logits.append(as_numpy(answer(classifier, states, mask, ended, below)[1][0]))
        return np.stack(logits)


def part_norms(classifier: Classifier, trace: Trace) -> np.ndarray:
    """(P, T) length of what each token adds to each part of the pooled vector.

    ``norm(alpha f(x))`` of Kobayashi et al. 2020 for the pooling head's attention.

    Raises ``ValueError`` for a model without pooling head, or one that weights no tokens.
    """
    head = pooling_head(classifier)
    if trace.head.weights is None or trace.head.values is None:
        raise ValueError(
            f"{classifier.checkpoint.name}: its pooling head {head.key} weights "
            "no tokens, so there are no weighted values to measure"
        )
    with rerunning(classifier, "measuring value norms", len(trace.tokens)):
        weights, values = (
            torch.tensor(array, device=classifier.device)
            for array in (trace.head.weights, trace.head.values)
        )
        return as_numpy(head.value_norms(weights, values))


@contextmanager
def rerunning(classifier: Classifier, doing: str, length: int) -> Iterator[None]:
    """Without gradients; memory that runs out is a :class:`CheckpointError` in words."""
    with enough_memory(classifier, f"while {doing} ({length} tokens)"), torch.no_grad():
        yield


def pooling_head(classifier: Classifier) -> PoolingHead:
    """Raises ``ValueError`` for a model without one."""
    if classifier.head is None:
        what = (
            "is a bare encoder without pooling head"  # one with its own pooling has a head
            if classifier.checkpoint.kind == "encoder"
            else "has classification layers that were not recognised as a pooling head"
        )
        raise ValueError(
            f"{classifier.checkpoint.name} {what}: nothing can be hidden from it or dropped in it. "
            "where='encoder' and where='replace' work for every model that predicts."
        )
    return classifier.head


def answer(
    classifier: Classifier,
    hidden: Tensor,
    mask: Tensor,
    head: PoolingHead | None = None,
    attentions: Tensor | None = None,
) -> tuple[Pooled, Tensor]:
    """(L+1, B, T, d), (B, T) -> what the pooling head read, and logits (B, C)."""
    pooled = (head or pooling_head(classifier))(hidden, mask, attentions)
    return pooled, logits_of(classifier, pooled.vector)


def logits_of(classifier: Classifier, vectors: Tensor) -> Tensor:
    """(B, D) -> (B, C); raises ``ValueError`` where a layer that was to leave is still read."""
    layer = classifier.output_layer
    if layer is None:
        raise ValueError(f"{classifier.checkpoint.name} has no classifier to ask")
    logits: Tensor = layer(vectors)
    if not torch.isfinite(logits).all():
        raise ValueError(
            f"{classifier.checkpoint.name}: its pooling head reads the layer that was to leave "
            "also outside of a maximum, so the layer cannot leave it"
        )
    return logits


def hidden_of(classifier: Classifier, trace: Trace) -> Tensor:
    """(L+1, 1, T, d) float32 on the model's device, as the pooling head reads them."""
    return torch.tensor(trace.states, device=classifier.device)[:, None]


def attentions_of(classifier: Classifier, trace: Trace, rows: int = 1) -> Tensor | None:
    """(L, rows, H, T, T) of the encoder for a pooling head that reads them; None for any other."""
    if not pooling_head(classifier).reads_attentions() or trace.attentions is None:
        return None
    return of_rows(torch.tensor(trace.attentions, device=classifier.device)[:, None], rows)


def mask_of(classifier: Classifier, trace: Trace, rows: int = 1) -> Tensor:
    """(rows, T) ones."""
    return torch.ones((rows, len(trace.tokens)), dtype=torch.long, device=classifier.device)


def probabilities(classifier: Classifier, logits: np.ndarray) -> np.ndarray:
    """(..., C) what the logits mean, by the checkpoint's kind of output."""
    return outputs.probabilities(classifier.checkpoint.output, logits)


def as_numpy(tensor: Tensor) -> np.ndarray:
    """A tensor as a float32 array of its shape (...)."""
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array
