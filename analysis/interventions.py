"""What reruns the model: sweep over last k layers, drop a layer, mask a token, leave one out.

The results are records of :mod:`analysis.effects`; every effect is before minus after.

A layer leaves the pool by being minus infinity there: it then wins no maximum, and nothing else
of the pooling head changes. No weights are changed, and nothing is trained: a pooling head that
was trained on the last 3 layers answers for another k with weights that never saw it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from analysis.effects import WHERE, DropEffects, LeaveOneOut, Sweep, WhatIf
from analysis.tokens import Tokens, tokenize
from analysis.trace import (
    HeadTrace,
    Trace,
    folded_readout,
    forward,
    head_trace,
    model_inputs,
    record,
)

if TYPE_CHECKING:
    from analysis.heads import Pooled, PoolingHead
    from analysis.loading import Classifier

__all__ = ["WHERE", "DropEffects", "LeaveOneOut", "Sweep", "WhatIf", "depth_logits",
           "drop_effects", "leave_one_out", "part_norms", "sweep_last_k", "what_if"]  # fmt: skip

Progress = Callable[[float], None]
_BATCH_NUMBERS = 2**24  # hidden numbers in one batch of variants: 64 MB in float32
_BATCH_TOKENS = 4096  # tokens in one batch of reruns of the encoder


def sweep_last_k(classifier: Classifier, text: str, pair: str | None = None) -> Sweep:
    """The prediction, winners and pooled vector for every k, with the weights as they are.

    Only one k was trained: what another k shows is how much the head leans on its layers, not
    how well a head trained with that k would do.

    Raises ``ValueError`` where the pooling head takes no maximum over layers.
    """
    trace = record(classifier, text, pair)
    head = _pooling_head(classifier)
    trained = len(_competing(classifier))
    depth = head.num_layers
    hidden, mask = _hidden(classifier, trace), _mask(classifier, trace)
    shares = np.full((depth, depth), np.nan)
    logits, pooled = [], []
    with torch.no_grad():
        for last_k in range(1, depth + 1):
            read, answer = _answer(classifier, hidden, mask, head.with_last_k(last_k))
            logits.append(_numpy(answer[0]))
            pooled.append(_numpy(read.vector[0]))
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
        probabilities=_probabilities(classifier, stacked),
        shares=shares,
        pooled=np.stack(pooled),
    )


def what_if(
    classifier: Classifier,
    text: str,
    pair: str | None = None,
    drop_layers: Sequence[int] = (),
    mask_tokens: Sequence[int] = (),
    where: str = "head",
) -> WhatIf:
    """The answer without some layers in the pool, without some tokens, or both.

    `drop_layers` are absolute indices and leave the maximum over layers. `mask_tokens` are
    positions; `where` says which question is asked: "head" hides them from the pooling head only
    (tokens that saw them in the encoder keep what they took), "encoder" hides them from the
    encoder's attention too (positions stay as they are), "replace" puts the mask token in their
    place and reads the text anew.

    Raises ``ValueError`` for a layer that does not compete or the last one that does, a position
    out of range, [CLS] in "head" and "encoder" (another token would take its part), an unknown
    `where`, a tokenizer without mask token, a foreign model where its pooling head is asked for.
    """
    tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
    dropped, masked = tuple(sorted(set(drop_layers))), tuple(sorted(set(mask_tokens)))
    _check_where(classifier, where)
    _check_masked(tokens, masked, where)
    if dropped:
        _check_dropped(classifier, dropped)
    if masked and where == "head":
        _pooling_head(classifier)
    with torch.no_grad():
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
        probabilities=_probabilities(classifier, logits),
        before=before[0],
        after=after[0],
    )


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

    Raises ``ValueError`` where no maximum over layers is taken, or a single layer competes.
    """
    layers = _competing(classifier)
    if len(layers) == 1:
        raise ValueError(
            f"{classifier.checkpoint.id}: only layer {layers[0]} competes (last_k = 1); without "
            "it nothing would be left to pool"
        )
    trace = record(classifier, text, pair)
    before = trace._need_logits().astype(np.float64)
    tokens: list[int | None] = [None, *(range(len(trace.tokens)) if by_token else ())]
    # A layer without a win of its own changes nothing by leaving: 0, not the noise of rounding.
    places = [(layer, token) for token in tokens for layer in layers
              if _has_wins(trace, layer, token)]  # fmt: skip
    effects = np.zeros((len(before), len(layers)))
    at_token = np.zeros((len(before), len(trace.tokens), len(layers)))
    done = 0
    for part, logits in _without_layers(classifier, trace, places):
        for (layer, token), after in zip(part, logits, strict=True):
            column = layers.index(layer)
            if token is None:
                effects[:, column] = before - after
            else:
                at_token[:, token, column] = before - after
        done += len(part)
        if progress is not None:
            progress(done / len(places))
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

    `where` as in :func:`what_if`. U reruns of the pooling head ("head") or of the whole model.

    Raises ``ValueError`` as :func:`what_if` does, and for a bare encoder.
    """
    _check_where(classifier, where)
    if where == "head":
        _pooling_head(classifier)
    trace = record(classifier, text, pair)
    before = trace._need_logits().astype(np.float64)
    groups = trace.tokens.word_groups() if words else [(t,) for t in range(len(trace.tokens))]
    units = tuple(tuple(group) for group in groups)
    allowed = [i for i, unit in enumerate(units) if where == "replace" or 0 not in unit]
    effects = np.full((len(before), len(units)), np.nan)
    size = max(1, _BATCH_TOKENS // len(trace.tokens))
    for start in range(0, len(allowed), size):
        part = allowed[start : start + size]
        with torch.no_grad():
            logits = _without_units(classifier, trace, [units[i] for i in part], where)
        effects[:, part] = before[:, None] - logits.T
        if progress is not None:
            progress((start + len(part)) / len(allowed))
    return LeaveOneOut(
        checkpoint=classifier.checkpoint,
        tokens=trace.tokens,
        where=where,
        units=units,
        logits=before,
        effects=effects,
    )


def depth_logits(classifier: Classifier, trace: Trace) -> np.ndarray:
    """(L+1, C) logits when the pooling head is applied as if the encoder ended at each layer.

    Raises ``ValueError`` for a model without pooling head.
    """
    head = _pooling_head(classifier)
    hidden, mask = _hidden(classifier, trace), _mask(classifier, trace)
    with torch.no_grad():
        return np.stack([
            _numpy(_answer(classifier, hidden[: layer + 1], mask, head.ended_at(layer))[1][0])
            for layer in range(len(hidden))
        ])


def part_norms(classifier: Classifier, trace: Trace) -> np.ndarray:
    """(P, T) length of what each token adds to each part of the pooled vector.

    ``norm(alpha f(x))`` of Kobayashi et al. 2020 for the pooling head's attention.

    Raises ``ValueError`` for a model without pooling head, or one that weights no tokens.
    """
    head = _pooling_head(classifier)
    if trace.head.weights is None or trace.head.values is None:
        raise ValueError(
            f"{classifier.checkpoint.id}: its pooling head {classifier.checkpoint.head} weights "
            "no tokens, so there are no weighted values to measure"
        )
    with torch.no_grad():
        weights, values = (
            torch.tensor(array, device=classifier.device)
            for array in (trace.head.weights, trace.head.values)
        )
        return _numpy(head.value_norms(weights, values))


# --- the model, with something changed ---------------------------------------------------------


def _pooling_head(classifier: Classifier) -> PoolingHead:
    if classifier.checkpoint.kind != "pooling":
        kind = "a bare encoder" if classifier.checkpoint.kind == "encoder" else "a foreign model"
        raise ValueError(
            f"{classifier.checkpoint.id} is {kind} without pooling head: nothing can be hidden "
            "from it or dropped in it. where='encoder' and where='replace' work for every model "
            "that predicts."
        )
    model: Any = classifier.model
    head: PoolingHead = model.head
    return head


def _competing(classifier: Classifier) -> tuple[int, ...]:
    layers = _pooling_head(classifier).pool_layers
    if not layers:
        raise ValueError(
            f"{classifier.checkpoint.id}: its pooling head {classifier.checkpoint.head} takes no "
            "maximum over layers, so no layer can leave it. max_cls and max_seq_mha do."
        )
    return layers


def _check_dropped(classifier: Classifier, dropped: tuple[int, ...]) -> None:
    layers = _competing(classifier)
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


def _check_where(classifier: Classifier, where: str) -> None:
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


def _check_masked(tokens: Tokens, masked: tuple[int, ...], where: str) -> None:
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
    if classifier.checkpoint.kind != "pooling":
        return HeadTrace(), _numpy(forward(classifier, inputs, {})[2][0])
    model: Any = classifier.model
    states = model.encode(**inputs).hidden_states
    hidden = torch.stack([state.float() for state in states])
    hidden[list(dropped)] = -torch.inf
    pooled, logits = _answer(classifier, hidden, head_mask)
    readout = folded_readout(classifier, pooled)
    return head_trace(classifier, pooled, readout), _numpy(logits[0])


def _answer(
    classifier: Classifier, hidden: Tensor, mask: Tensor, head: PoolingHead | None = None
) -> tuple[Pooled, Tensor]:
    """(L+1, B, T, d), (B, T) -> what the pooling head read, and logits (B, C)."""
    model: Any = classifier.model
    pooled = (head or model.head)(hidden, mask)
    logits: Tensor = model.classifier(pooled.vector)
    if not torch.isfinite(logits).all():
        raise ValueError(
            f"{classifier.checkpoint.id}: its pooling head reads the layer that was to leave also "
            "outside of a maximum, so the layer cannot leave it"
        )
    return pooled, logits


def _hidden(classifier: Classifier, trace: Trace) -> Tensor:
    """(L+1, 1, T, d) float32 on the model's device."""
    return torch.tensor(trace.hidden, device=classifier.device)[:, None]


def _mask(classifier: Classifier, trace: Trace, rows: int = 1) -> Tensor:
    return torch.ones((rows, len(trace.tokens)), dtype=torch.long, device=classifier.device)


def _has_wins(trace: Trace, layer: int, token: int | None) -> bool:
    """Whether a layer holds a maximum alone, at one token or anywhere (a tie is nobody's)."""
    winners = trace.head.winners
    if winners is None:
        return True
    alone = (winners.layer == layer) & (winners.margin > 0)
    if token is None:
        return bool(alone.any())
    if alone.ndim == 1:  # only [CLS] is pooled
        return token == 0 and bool(alone.any())
    return bool(alone[token].any())


def _without_layers(
    classifier: Classifier, trace: Trace, places: Sequence[tuple[int, int | None]]
) -> Iterator[tuple[Sequence[tuple[int, int | None]], np.ndarray]]:
    """Batches of (places, logits (n, C)): each layer gone everywhere, or at one token."""
    base = _hidden(classifier, trace)
    size = max(1, _BATCH_NUMBERS // base.numel())
    for start in range(0, len(places), size):
        part = places[start : start + size]
        hidden = base.repeat(1, len(part), 1, 1)
        for row, (layer, token) in enumerate(part):
            hidden[layer, row, slice(None) if token is None else token] = -torch.inf
        with torch.no_grad():
            _, logits = _answer(classifier, hidden, _mask(classifier, trace, len(part)))
        yield part, _numpy(logits).astype(np.float64)


def _without_units(
    classifier: Classifier, trace: Trace, units: Sequence[tuple[int, ...]], where: str
) -> np.ndarray:
    """(n, C) logits, each without one unit."""
    rows = len(units)
    inputs = {
        name: tensor.repeat(rows, 1)
        for name, tensor in model_inputs(classifier, trace.tokens).items()
    }
    mask = _mask(classifier, trace, rows)
    for row, unit in enumerate(units):
        if where == "replace":
            inputs["input_ids"][row, list(unit)] = classifier.tokenizer.mask_token_id
        else:
            mask[row, list(unit)] = 0
    if where == "head":
        hidden = _hidden(classifier, trace).expand(-1, rows, -1, -1)
        return _numpy(_answer(classifier, hidden, mask)[1]).astype(np.float64)
    inputs["attention_mask"] = mask
    return _numpy(forward(classifier, inputs, {})[2].float()).astype(np.float64)


def _probabilities(classifier: Classifier, logits: np.ndarray) -> np.ndarray:
    if classifier.checkpoint.regression:
        return logits
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _numpy(tensor: Any) -> np.ndarray:
    array: np.ndarray = tensor.detach().float().cpu().numpy()
    return array
