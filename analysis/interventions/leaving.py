"""Outputs without a layer or without a token: many variants of one text, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from analysis.checkpoints.forward import forward
from analysis.common.memory import one_memory_error
from analysis.interventions.checks import check_where, competing
from analysis.interventions.effects import DropEffects, LeaveOneOut
from analysis.reading.reread import (
    answer,
    as_numpy,
    attentions_of,
    hidden_of,
    logits_of,
    mask_of,
    pooling_head,
    rerunning,
)
from analysis.reading.trace import Trace, model_inputs, record

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

Progress = Callable[[float], None]
Place = tuple[int, int]  # a layer at a token
Item = TypeVar("Item")
_BATCH_NUMBERS = 2**24  # hidden numbers in one batch of variants: 64 MB in float32
_BATCH_TOKENS = 1024  # tokens in one batch of reruns of the encoder: a moment, even in a large one
_BATCH_PLACES = 256  # so that progress is seen, and newer typing ends the work


def drop_effects(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    by_token: bool = False,
    progress: Progress | None = None,
) -> DropEffects:
    """The true change of every logit when each competing layer leaves the pool.

    Beside a share of the exact split it says what the layer's wins are worth: a layer whose
    runner-up is as large loses nothing by leaving. With an attention layer the change runs
    through keys and query as well. `by_token` also lets the layer leave at one token only; these
    effects do not add up to the others.

    Raises ``ValueError`` where no maximum over layers is taken, or a single layer competes, and
    :class:`CheckpointError` where the device runs out of memory.
    """
    layers = competing(classifier)
    if len(layers) == 1:
        raise ValueError(
            f"{classifier.checkpoint.name}: only layer {layers[0]} competes (last_k = 1); without "
            "it nothing would be left to pool"
        )
    trace = record(classifier, text, pair)
    before = trace._need_logits().astype(np.float64)
    places = [
        (layer, token) for token in range(_pooled(trace) if by_token else 0) for layer in layers
    ]
    effects = np.zeros((len(before), len(layers)))
    at_token = np.zeros((len(before), len(trace.tokens), len(layers)))
    size = max(1, _BATCH_NUMBERS // trace.hidden.size)

    def without(part: Sequence[int]) -> Tensor:
        hidden = hidden_of(classifier, trace).repeat(1, len(part), 1, 1)
        for row, layer in enumerate(part):
            hidden[layer, row] = -torch.inf
        rows = len(part)
        mask, attentions = mask_of(classifier, trace, rows), attentions_of(classifier, trace, rows)
        return answer(classifier, hidden, mask, attentions=attentions)[1]

    def without_at(part: Sequence[Place]) -> Tensor:
        hidden, mask = hidden_of(classifier, trace), mask_of(classifier, trace)
        attentions = attentions_of(classifier, trace)
        vectors = pooling_head(classifier).without_at(hidden, mask, part, attentions)
        return logits_of(classifier, vectors)

    with rerunning(classifier, "dropping layers", len(trace.tokens)):
        for done, after in _batches(layers, size, without):
            effects[:, [layers.index(layer) for layer in done]] = before[:, None] - after.T
        count = 0
        for batch, after in _batches(places, _BATCH_PLACES, without_at):
            for (layer, token), logits in zip(batch, after, strict=True):
                at_token[:, token, layers.index(layer)] = before - logits
            count += len(batch)
            if progress is not None:
                progress(count / len(places))
    if progress is not None and not places:
        progress(1.0)
    return DropEffects(
        checkpoint=classifier.checkpoint,
        layers=layers,
        logits=before,
        effects=effects,
        by_token=at_token if by_token else None,
    )


def leave_one_out(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    where: str = "encoder",
    words: bool = False,
    progress: Progress | None = None,
) -> LeaveOneOut:
    """Every logit's loss when each piece (or word, all its pieces at once) is left out.

    `where` as in :func:`what_if`. U reruns of the pooling head ("head") or of the whole model, in
    batches; where the device has no room for a batch, in smaller ones.

    Raises ``ValueError`` as :func:`what_if` does, and for a bare encoder; :class:`CheckpointError`
    where the device runs out of memory for a single rerun.
    """
    check_where(classifier, where)
    if where == "head":
        pooling_head(classifier)
    trace = record(classifier, text, pair)
    before = trace._need_logits().astype(np.float64)
    groups = trace.tokens.word_groups() if words else [(t,) for t in range(len(trace.tokens))]
    units = tuple(tuple(group) for group in groups)
    allowed = [i for i, unit in enumerate(units) if where == "replace" or 0 not in unit]
    effects = np.full((len(before), len(units)), np.nan)
    size = max(1, _BATCH_TOKENS // len(trace.tokens))
    done = 0

    def without(part: Sequence[int]) -> Tensor:
        return _without_units(classifier, trace, [units[i] for i in part], where)

    with rerunning(classifier, "leaving tokens out", len(trace.tokens)):
        for part, after in _batches(allowed, size, without):
            effects[:, part] = before[:, None] - after.T
            done += len(part)
            if progress is not None:
                progress(done / len(allowed))
    return LeaveOneOut(
        checkpoint=classifier.checkpoint,
        tokens=trace.tokens,
        where=where,
        units=units,
        logits=before,
        effects=effects,
    )


def _batches(
    items: Sequence[Item], size: int, logits: Callable[[Sequence[Item]], Tensor]
) -> Iterator[tuple[list[Item], np.ndarray]]:
    """(items, (n, C) logits) batch by batch; a batch that finds no memory is halved."""
    start = 0
    while start < len(items):
        part = list(items[start : start + size])
        try:
            with one_memory_error():
                values = as_numpy(logits(part)).astype(np.float64)
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            size = max(1, min(size, len(part)) // 2)
            torch.cuda.empty_cache()
            continue
        yield part, values
        start += len(part)


def _pooled(trace: Trace) -> int:
    """At how many tokens a layer can leave: where [CLS] alone is pooled no other one is read."""
    winners = trace.head.winners
    only_cls = winners is not None and winners.token is None and winners.layer.ndim == 1
    return 1 if only_cls else len(trace.tokens)


def _without_units(
    classifier: Classifier, trace: Trace, units: Sequence[tuple[int, ...]], where: str
) -> Tensor:
    """(n, C) logits, each without one unit."""
    rows = len(units)
    inputs = {
        name: tensor.repeat(rows, 1)
        for name, tensor in model_inputs(classifier, trace.tokens).items()
    }
    mask = mask_of(classifier, trace, rows)
    for row, unit in enumerate(units):
        if where == "replace":
            inputs["input_ids"][row, list(unit)] = classifier.tokenizer.mask_token_id
        else:
            mask[row, list(unit)] = 0
    if where == "head":
        hidden = hidden_of(classifier, trace).expand(-1, rows, -1, -1)
        attentions = attentions_of(classifier, trace, rows)
        return answer(classifier, hidden, mask, attentions=attentions)[1]
    inputs["attention_mask"] = mask
    logits = forward(classifier, inputs, {})[2]
    assert logits is not None  # only a classifier is asked what it says
    return logits
