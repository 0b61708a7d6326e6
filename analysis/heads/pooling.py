"""The pooling functions: token vectors in, one vector out; masks honoured, nothing written back.

Shapes throughout: `hidden_states` (B, T, d) of any floating type, `attention_mask` (B, T) with
1 = real token (any integer, bool or float type), padding on either side. Sums run in float32 and
come back in the type of the input. No function writes into its arguments.

Every pooling but the maxima is a weighted sum of token vectors, ``weights (B, P, T) @ hidden``;
:func:`token_weights` gives those weights, and they are what the exact split of a logit needs.
Source: method, "The wider family of poolings"; adaptive segments as in
``torch.nn.AdaptiveAvgPool1d``, applied to the real tokens only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_CLEAN: ContextVar[bool] = ContextVar("clean padding", default=False)


@dataclass(frozen=True)
class MaxPooled:
    """Result of a maximum. ``hidden[winner] == vector`` exactly; ties go to the earliest."""

    vector: Tensor  # the maxima
    winner: Tensor  # int64, like `vector`: index of the earliest layer or token with that value
    margin: Tensor  # like `vector`: maximum minus runner-up; 0 = tie, inf = only one candidate


@contextmanager
def clean_padding() -> Iterator[None]:
    """Within it no mask is looked into and no padding is overwritten.

    The caller knows that every row has a real token and that padding is finite. It saves a copy
    of the states, and ``torch.func.vmap`` can map the poolings, which no check of values allows.
    """
    before = _CLEAN.set(True)
    try:
        yield
    finally:
        _CLEAN.reset(before)


def without_padding(hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
    """(B, T, d) with zeros for padding: 0 times a NaN or an infinity left there would be NaN.

    A copy, never in place; within :func:`clean_padding` the states as they are.
    """
    if _CLEAN.get():
        return hidden_states
    return hidden_states.masked_fill((attention_mask == 0)[:, :, None], 0.0)


def real_tokens(attention_mask: Tensor) -> Tensor:
    """(B, T) bool. Raises ``ValueError`` naming the rows in which every token is masked."""
    if attention_mask.dim() != 2:
        raise ValueError(f"attention_mask has shape {tuple(attention_mask.shape)}, expected (B, T)")
    real = attention_mask != 0
    if _CLEAN.get():
        return real
    empty = (~real.any(dim=1)).nonzero().flatten().tolist()
    if empty:
        rows = ", ".join(str(row) for row in empty[:10])
        raise ValueError(
            f"attention_mask: every token is masked in row {rows}; there is nothing to pool. "
            "Remove the row, or give it at least one real token."
        )
    return real


def first_token(attention_mask: Tensor) -> Tensor:
    """(B,) index of the first real token: [CLS], on either padding side."""
    return real_tokens(attention_mask).to(torch.uint8).argmax(dim=1)


def last_token(attention_mask: Tensor) -> Tensor:
    """(B,) index of the last real token, on either padding side."""
    real = real_tokens(attention_mask)
    return real.shape[1] - 1 - real.flip(1).to(torch.uint8).argmax(dim=1)


def take_token(hidden_states: Tensor, index: Tensor) -> Tensor:
    """(B, T, d) and (B,) -> (B, d): one token of each row."""
    return hidden_states[torch.arange(hidden_states.shape[0], device=hidden_states.device), index]


def _earliest_maximum(values: Tensor, dim: int) -> MaxPooled:
    if values.shape[dim] == 1:  # the only one wins: nothing to search, and nothing to keep for it
        vector = values.squeeze(dim)
        winner = torch.zeros((), dtype=torch.long, device=values.device).expand(vector.shape)
        return MaxPooled(vector, winner, vector.new_tensor(torch.inf).expand(vector.shape))
    top = values.amax(dim=dim, keepdim=True)
    # A NaN equals nothing, not even itself; it must show, and not leave another value the winner.
    held = (values == top) | values.isnan()
    winner = _first(held, dim)
    # The gather (not amax itself) keeps the gradient on the one winner, as the split says.
    vector = values.gather(dim, winner)
    with torch.no_grad():
        others = values.scatter(dim, winner, -torch.inf)
        margin = (vector - others.amax(dim=dim, keepdim=True)).squeeze(dim)
    return MaxPooled(vector.squeeze(dim), winner.squeeze(dim), margin)


def _first(held: Tensor, dim: int) -> Tensor:
    """Index of the first true entry along ``dim``, which is kept with length 1.

    The largest of numbers that fall along ``dim``. An argmax of the entries documents as well that
    the first of several maxima is returned, and takes ten times as long.
    """
    count = held.shape[dim]
    kind = torch.int16 if count < 2**15 else torch.int32
    shape = [1] * held.dim()
    shape[dim] = count
    falling = torch.arange(count, 0, -1, dtype=kind, device=held.device).view(shape)
    return count - (held * falling).amax(dim=dim, keepdim=True).long()


def max_over_layers(layers: Tensor) -> MaxPooled:
    """(K, ..., d) -> maxima, winners and margins of shape (..., d); winner 0 = first layer given.

    Source: MaxPoolBERT, arXiv 2505.15696 (max over the last k layers).

    Raises
    ------
    ValueError
        `layers` has no layer, or fewer than two axes.
    """
    if layers.dim() < 2 or layers.shape[0] == 0:
        raise ValueError(f"layers has shape {tuple(layers.shape)}, expected (K, ..., d) with K > 0")
    return _earliest_maximum(layers, 0)


def max_over_tokens(hidden_states: Tensor, attention_mask: Tensor) -> MaxPooled:
    """(B, T, d) -> maxima over the real tokens (B, d), with the winning token and its margin.

    Padding is -inf before the maximum, never 0: an all-negative dimension keeps its own maximum.
    """
    real = _checked(hidden_states, attention_mask)
    return _earliest_maximum(hidden_states.masked_fill(~real[:, :, None], -torch.inf), 1)


def _checked(hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
    if hidden_states.dim() != 3:
        raise ValueError(
            f"hidden_states has shape {tuple(hidden_states.shape)}, expected (B, T, d)"
        )
    if attention_mask.shape != hidden_states.shape[:2]:
        raise ValueError(
            f"attention_mask has shape {tuple(attention_mask.shape)}, "
            f"hidden_states has {tuple(hidden_states.shape)}; their (B, T) must agree"
        )
    return real_tokens(attention_mask)


def _one_hot(index: Tensor, length: int) -> Tensor:
    return torch.nn.functional.one_hot(index, length).to(torch.float32)


def _mean_weights(real: Tensor) -> Tensor:
    return (real / real.sum(dim=1, keepdim=True))[:, None].to(torch.float32)


def _mean_sqrt_len_weights(real: Tensor) -> Tensor:
    return (real / real.sum(dim=1, keepdim=True).sqrt())[:, None].to(torch.float32)


def _cls_weights(real: Tensor) -> Tensor:
    return _one_hot(first_token(real), real.shape[1])[:, None]


def _last_token_weights(real: Tensor) -> Tensor:
    return _one_hot(last_token(real), real.shape[1])[:, None]


def _weighted_mean_weights(real: Tensor, *, scores: Tensor) -> Tensor:
    if scores.shape != real.shape:
        raise ValueError(f"scores has shape {tuple(scores.shape)}, expected {tuple(real.shape)}")
    return scores.float().masked_fill(~real, -torch.inf).softmax(dim=1)[:, None]


def _adaptive_mean_weights(real: Tensor, *, segments: int) -> Tensor:
    if segments < 1:
        raise ValueError(f"segments is {segments}; at least 1 is needed")
    count = real.sum(dim=1)[:, None]
    number = torch.arange(segments, device=real.device)[None]
    start = (number * count) // segments
    end = -((-(number + 1) * count) // segments)  # rounded up: neighbours may share a token
    rank = (real.cumsum(dim=1) - 1)[:, None]
    inside = real[:, None] & (rank >= start[:, :, None]) & (rank < end[:, :, None])
    return inside / (end - start)[:, :, None].to(torch.float32)


def _concat_tokens_weights(real: Tensor, *, n: int) -> Tensor:
    if n < 1:
        raise ValueError(f"n is {n}; at least 1 token is needed")
    rank = (real.cumsum(dim=1) - 1)[:, None]
    position = torch.arange(n, device=real.device)[None, :, None]
    return (real[:, None] & (rank == position)).to(torch.float32)


def _query_attention_weights(real: Tensor, *, queries: Tensor, hidden_states: Tensor) -> Tensor:
    if queries.dim() != 2 or queries.shape[1] != hidden_states.shape[2]:
        raise ValueError(
            f"queries has shape {tuple(queries.shape)}, expected (m, {hidden_states.shape[2]})"
        )
    scores = torch.einsum("md,btd->bmt", queries.float(), hidden_states.float())
    scores = scores / hidden_states.shape[2] ** 0.5
    weights: Tensor = scores.masked_fill(~real[:, None], -torch.inf).softmax(dim=2)
    return weights


_WEIGHTS: dict[str, Callable[..., Tensor]] = {
    "mean": _mean_weights,
    "mean_sqrt_len": _mean_sqrt_len_weights,
    "cls": _cls_weights,
    "last_token": _last_token_weights,
    "weighted_mean": _weighted_mean_weights,
    "adaptive_mean": _adaptive_mean_weights,
    "concat_tokens": _concat_tokens_weights,
    "query_attention": _query_attention_weights,
}
POOLINGS = (*_WEIGHTS, "max", "concat", "none")


def token_weights(name: str, attention_mask: Tensor, **options: Any) -> Tensor:
    """(B, P, T) float32 weights of a linear pooling; 0 on padding.

    Options: ``scores`` (B, T) for `weighted_mean`; ``segments`` for `adaptive_mean`; ``n`` for
    `concat_tokens`; ``queries`` (m, d) and ``hidden_states`` for `query_attention`.

    Raises
    ------
    ValueError
        No linear pooling has this name.
    """
    if name not in _WEIGHTS:
        raise ValueError(f"unknown linear pooling {name!r}; known: {', '.join(sorted(_WEIGHTS))}")
    return _WEIGHTS[name](real_tokens(attention_mask), **options)


def weighted_sum(weights: Tensor, hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
    """(B, P, T), (B, T, d) -> (B, P, d) in the type of `hidden_states`; sums run in float32."""
    clean = without_padding(hidden_states, attention_mask)
    pooled: Tensor = torch.einsum("bpt,btd->bpd", weights.float(), clean.float())
    return pooled.to(hidden_states.dtype)


def pool(name: str, hidden_states: Tensor, attention_mask: Tensor, **options: Any) -> Tensor:
    """Pool token vectors: (B, T, d), (B, T) -> (B, d), on the device and in the type given.

    `concat` gives (B, 3d): [cls; mean; max]. `mean_sqrt_len` divides the sum by the square root of
    the number of tokens, as in sentence-transformers. `adaptive_mean` (option ``segments``,
    default 2) gives (B, segments * d), `concat_tokens` (``n``, default 3; a longer text is cut, a
    shorter one zero-filled) (B, n * d), `query_attention` (``queries`` (m, d), required)
    (B, m * d), and `none` all T vectors (B, T, d) as a copy. `weighted_mean` needs ``scores``
    (B, T).

    Raises ``ValueError`` for an unknown name (the known ones are listed), shapes that do not
    agree, a missing or unknown option, and a row whose tokens are all masked (named).
    """
    real = _checked(hidden_states, attention_mask)
    if name not in POOLINGS:
        raise ValueError(f"unknown pooling {name!r}; known: {', '.join(sorted(POOLINGS))}")
    _check_options(name, options)
    if name == "none":
        return hidden_states.clone()
    if name == "max":
        if not torch.is_grad_enabled():  # a gradient alone needs to know the winner
            return hidden_states.masked_fill(~real[:, :, None], -torch.inf).amax(dim=1)
        return max_over_tokens(hidden_states, attention_mask).vector
    if name == "concat":
        return torch.cat(
            [pool(part, hidden_states, attention_mask) for part in ("cls", "mean", "max")], dim=1
        )
    if name in ("cls", "last_token"):  # a copy of one vector needs no arithmetic: exact
        index = first_token(real) if name == "cls" else last_token(real)
        return take_token(hidden_states, index)
    if name == "query_attention":
        options = {**options, "hidden_states": hidden_states.masked_fill(~real[:, :, None], 0.0)}
    weights = token_weights(name, attention_mask, **{**_DEFAULTS.get(name, {}), **options})
    return weighted_sum(weights, hidden_states, attention_mask).flatten(1)


_DEFAULTS: dict[str, dict[str, Any]] = {"adaptive_mean": {"segments": 2}, "concat_tokens": {"n": 3}}
_OPTIONS = {
    "weighted_mean": "scores",
    "adaptive_mean": "segments",
    "concat_tokens": "n",
    "query_attention": "queries",
}


def _check_options(name: str, options: dict[str, Any]) -> None:
    allowed = _OPTIONS.get(name)
    unknown = sorted(set(options) - {allowed})
    if unknown:
        known = f"it takes {allowed!r}" if allowed else "it takes none"
        raise ValueError(f"pooling {name!r} has no option {', '.join(unknown)}; {known}")
    if allowed and allowed not in options and name not in _DEFAULTS:
        raise ValueError(f"pooling {name!r} is learned: it needs the option {allowed!r}")
