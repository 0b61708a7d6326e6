"""Another k, another set of layers, other tokens: the answer after one change at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from analysis.checkpoints.forward import forward
from analysis.interventions.checks import (
    check_dropped,
    check_masked,
    check_where,
    competing,
    whole_numbers,
)
from analysis.interventions.effects import Sweep, WhatIf
from analysis.reading.reread import (
    answer,
    as_numpy,
    attentions_of,
    hidden_of,
    mask_of,
    pooling_head,
    probabilities,
    rerunning,
)
from analysis.reading.trace import (
    HeadTrace,
    folded_readout,
    head_trace,
    model_inputs,
    record,
)
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


def sweep_last_k(classifier: Classifier, text: str, pair: str | None = None) -> Sweep:
    """The prediction, winners and pooled vector for every k, with the weights as they are.

    Only one k was trained: what another k shows is how much the pooling head leans on its layers,
    not how well one trained with that k would do.

    Raises ``ValueError`` where the pooling head takes no maximum over layers, and
    :class:`CheckpointError` where the device runs out of memory.
    """
    trace = record(classifier, text, pair)
    head = pooling_head(classifier)
    trained = len(competing(classifier))
    depth = head.num_layers
    shares = np.full((depth, depth), np.nan)
    logits, pooled = [], []
    with rerunning(classifier, "sweeping over k", len(trace.tokens)):
        hidden, mask = hidden_of(classifier, trace), mask_of(classifier, trace)
        attentions = attentions_of(classifier, trace)
        for last_k in range(1, depth + 1):
            read, answered = answer(classifier, hidden, mask, head.with_last_k(last_k), attentions)
            logits.append(as_numpy(answered[0]))
            pooled.append(as_numpy(read.vector[0]))
            won = head_trace(classifier, read, None).winners
            if won is not None:
                shares[last_k - 1, np.array(won.layers) - 1] = won.share_by_layer()
    stacked = np.stack(logits)
    return Sweep(
        checkpoint=classifier.checkpoint,
        tokens=trace.tokens,
        last_k=np.arange(1, depth + 1),
        trained=trained,
        logits=stacked,
        probabilities=probabilities(classifier, stacked),
        shares=shares,
        pooled=np.stack(pooled),
    )


def what_if(
    classifier: Classifier,
    text: str,
    drop_layers: Sequence[int] = (),
    mask_tokens: Sequence[int] = (),
    where: str = "head",
    *,
    pair: str | None = None,
) -> WhatIf:
    """The answer without some layers in the pool, without some tokens, or both.

    `drop_layers` are absolute indices and leave the maximum over layers. `mask_tokens` are
    positions; `where` says which question is asked: "head" hides them from the pooling head only
    (tokens that saw them in the encoder keep what they took), "encoder" hides them from the
    encoder's attention too (positions stay as they are), "replace" puts the mask token in their
    place and reads the text anew.

    Raises ``ValueError`` for what is no sequence of whole numbers, a layer that does not compete or
    the last one that does, a position out of range, [CLS] in "head" and "encoder" (another token
    would take its part), an unknown `where`, a tokenizer without mask token, a foreign model where
    its pooling head is asked for; :class:`CheckpointError` where the device runs out of memory.
    """
    dropped = whole_numbers("drop_layers", drop_layers)
    masked = whole_numbers("mask_tokens", mask_tokens)
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    check_where(classifier, where)
    check_masked(tokens, masked, where)
    if dropped:
        check_dropped(classifier, dropped)
    if masked and where == "head":
        pooling_head(classifier)
    with rerunning(classifier, "asking what if", len(tokens)):
        before = _rerun(classifier, tokens, (), (), where)
        after = _rerun(classifier, tokens, dropped, masked, where)
    logits = np.stack([before[1], after[1]])
    return WhatIf(
        checkpoint=classifier.checkpoint,
        tokens=tokens,
        where=where,
        drop_layers=dropped,
        mask_tokens=masked,
        logits=logits,
        probabilities=probabilities(classifier, logits),
        before=before[0],
        after=after[0],
    )


def _rerun(
    classifier: Classifier,
    tokens: Tokens,
    dropped: tuple[int, ...],
    masked: tuple[int, ...],
    where: str,
) -> tuple[HeadTrace, np.ndarray]:
    inputs = model_inputs(classifier, tokens)
    head_mask = inputs["attention_mask"].clone()
    positions = list(masked)
    if where == "replace":
        inputs["input_ids"][:, positions] = classifier.tokenizer.mask_token_id
    else:
        head_mask[:, positions] = 0
    if where == "encoder":
        inputs["attention_mask"] = head_mask
    output, _, logits = forward(classifier, inputs, {})
    assert logits is not None  # only a classifier is asked what it says
    if classifier.head is None:
        return HeadTrace(), as_numpy(logits[0])
    attentions = None
    if classifier.head.reads_attentions():
        assert output.attentions is not None
        attentions = torch.stack([layer.float() for layer in output.attentions])
    hidden = torch.stack([state.float() for state in output.hidden_states])
    hidden[list(dropped)] = -torch.inf
    pooled, logits = answer(classifier, hidden, head_mask, attentions=attentions)
    readout = folded_readout(classifier, pooled)
    return head_trace(classifier, pooled, readout), as_numpy(logits[0])
