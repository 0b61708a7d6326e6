"""The model with something changed: what may be changed, and the pooling head asked again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from analysis.common import outputs
from analysis.common.memory import enough_memory
from analysis.heads.base import of_rows
from analysis.interventions.effects import WHERE
from analysis.reading.trace import Trace
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.heads.base import Pooled, PoolingHead


@contextmanager
def rerunning(classifier: Classifier, doing: str, length: int) -> Iterator[None]:
    """Without gradients; memory that runs out is a :class:`CheckpointError` in words."""
    with enough_memory(classifier, f"while {doing} ({length} tokens)"), torch.no_grad():
        yield


def pooling_head(classifier: Classifier) -> PoolingHead:
    """Raises ``ValueError`` for a model without one."""
    if classifier.head is None:
        what = (
            "is a bare encoder without pooling head"
            if classifier.checkpoint.kind == "encoder"
            else "has classification layers that were not recognised as a pooling head"
        )
        raise ValueError(
            f"{classifier.checkpoint.id} {what}: nothing can be hidden from it or dropped in it. "
            "where='encoder' and where='replace' work for every model that predicts."
        )
    return classifier.head


def competing(classifier: Classifier) -> tuple[int, ...]:
    """The layers that the maximum runs over; raises ``ValueError`` where there are none."""
    layers = pooling_head(classifier).pool_layers
    if not layers:
        raise ValueError(
            f"{classifier.checkpoint.id}: its pooling head {pooling_head(classifier).key} takes no "
            "maximum over layers, so no layer can leave it. max_cls and max_seq_mha do."
        )
    return layers


def whole_numbers(name: str, given: Any) -> tuple[int, ...]:
    """Layers or positions, each once and in order; raises ``ValueError`` for anything else (a
    ``TypeError`` inside never leaves).
    """
    try:
        if isinstance(given, str | bytes) or any(isinstance(one, bool | np.bool_) for one in given):
            raise TypeError
        return tuple(sorted({index(one) for one in given}))
    except TypeError:
        raise ValueError(
            f"{name} is {given!r}: give whole numbers in a sequence, such as (3,) or [2, 3]"
        ) from None


def check_dropped(classifier: Classifier, dropped: tuple[int, ...]) -> None:
    """Raises ``ValueError`` for layers that cannot leave, or all of them."""
    layers = competing(classifier)
    unknown = [layer for layer in dropped if layer not in layers]
    names = ", ".join(map(str, layers))
    if unknown:
        raise ValueError(
            f"{classifier.checkpoint.id}: layer {', '.join(map(str, unknown))} does not compete; "
            f"the maximum runs over layers {names}"
        )
    if len(dropped) == len(layers):
        raise ValueError(
            f"{classifier.checkpoint.id}: layers {names} are all that compete; leave at least one"
        )


def check_where(classifier: Classifier, where: str) -> None:
    """Raises ``ValueError`` for a question that does not exist, or not for this model."""
    if where not in WHERE:
        raise ValueError(f"where is {where!r}; known: {', '.join(WHERE)}")
    if classifier.checkpoint.kind == "encoder":
        raise ValueError(
            f"{classifier.checkpoint.id} is a bare encoder: it has no prediction that could change"
        )
    if where == "replace" and classifier.tokenizer.mask_token_id is None:
        raise ValueError(
            f"{classifier.checkpoint.id}: its tokenizer has no mask token to put in a token's "
            "place; use where='encoder'"
        )


def check_masked(tokens: Tokens, masked: tuple[int, ...], where: str) -> None:
    """Raises ``ValueError`` for positions that do not exist or cannot be masked."""
    outside = [token for token in masked if not 0 <= token < len(tokens)]
    if outside:
        raise ValueError(
            f"token {', '.join(map(str, outside))} does not exist: the text has positions 0 to "
            f"{len(tokens) - 1}"
        )
    if 0 in masked and where != "replace":
        raise ValueError(
            f"position 0 ({tokens.pieces[0]}) cannot be masked: the token behind it would take "
            "its part. where='replace' puts the mask token in its place."
        )


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
        raise ValueError(f"{classifier.checkpoint.id} has no classifier to ask")
    logits: Tensor = layer(vectors)
    if not torch.isfinite(logits).all():
        raise ValueError(
            f"{classifier.checkpoint.id}: its pooling head reads the layer that was to leave also "
            "outside of a maximum, so the layer cannot leave it"
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


def as_numpy(tensor: Any) -> np.ndarray:
    """A tensor as a float32 array of its shape (...)."""
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array
