"""Pooling heads: all hidden states in, one vector out, with everything an explanation needs.

A pooling head is an ``nn.Module``: ``(hidden (L+1, B, T, d), attention_mask (B, T)) -> Pooled``.
It is linear where its vector is ``bias + sum over parts p and tokens t of
matrix[p] @ (weights[p, t] * values[t])``; then :meth:`PoolingHead.readout` folds the classifier
into that, and the logit splits exactly (method, "The exact split of a logit").

To add one, write a class with ``@head("key")``; a file of your own does as well as this one.
Sources: `cls`, `max_cls`, `mha`, `max_seq_mha` from MaxPoolBERT (arXiv 2505.15696); where the
paper's summaries are silent (residual, layer norm, tanh pooler) the default is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from analysis.heads import pooling
from analysis.heads.attending import AttentionPooling
from analysis.heads.base import (
    LayerWinners,
    Pooled,
    PoolingHead,
    check_last_k,
    head,
)


def _pool_last_layers(hidden: Tensor, last_k: int) -> tuple[Tensor, LayerWinners]:
    """(L+1, ..., d) -> maxima over the last k layers, with winners as absolute layer indices."""
    first = hidden.shape[0] - last_k
    best = pooling.max_over_layers(hidden[first:])
    layers = tuple(range(first, hidden.shape[0]))
    return best.vector, LayerWinners(best.winner + first, None, best.margin, layers)


@head("cls")
class Cls(PoolingHead):
    """[CLS] of the last layer: the baseline."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("cls", attention_mask)
        vector = pooling.take_token(hidden[-1], pooling.first_token(attention_mask))
        return Pooled(vector, weights=weights, values=hidden[-1])


@head("max_cls")
class MaxCls(PoolingHead):
    """Element-wise maximum of [CLS] over the last k layers."""

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.last_k = check_last_k(last_k, num_layers)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        index = pooling.first_token(attention_mask)
        cls = torch.stack([pooling.take_token(layer, index) for layer in hidden])
        vector, winners = _pool_last_layers(cls, self.last_k)
        weights = pooling.token_weights("cls", attention_mask)
        # Only [CLS] is pooled, so only its row of the values exists; the other weights are 0.
        values = weights[:, 0, :, None] * vector[:, None]
        return Pooled(vector, winners, weights=weights, values=values)


@head("mha")
class Mha(AttentionPooling):
    """[CLS] of the last layer as the only query over all real tokens of the last layer."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        return self.from_cls(hidden[-1], attention_mask, None)


@head("max_seq_mha")
class MaxSeqMha(AttentionPooling):
    """Maximum over the last k layers for every token, then [CLS] of that attends over it."""

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.last_k = check_last_k(last_k, num_layers)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values, winners = _pool_last_layers(hidden, self.last_k)
        return self.from_cls(values, attention_mask, winners)

    def without_at(
        self, hidden: Tensor, attention_mask: Tensor, places: Sequence[tuple[int, int]]
    ) -> Tensor:
        layers, tokens = torch.tensor(places, device=hidden.device).unbind(1)
        offered = hidden[-self.last_k :, 0, tokens]  # (k, n, d), a copy
        rows = torch.arange(len(places), device=hidden.device)
        offered[layers - (len(hidden) - self.last_k), rows] = -torch.inf
        values = hidden[-self.last_k :, 0].amax(0)
        vectors = self.finish(
            self._one_value_changed(values, attention_mask[0], tokens, offered.amax(0))
        )
        # The value of [CLS] is the query as well: those few are read from the beginning.
        own = tokens == pooling.first_token(attention_mask)
        if own.any():
            few = [place for place, is_own in zip(places, own.tolist(), strict=True) if is_own]
            vectors[own] = super().without_at(hidden, attention_mask, few)
        return vectors


@head("mean")
class Mean(PoolingHead):
    """Mean of the real tokens of the last layer."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("mean", attention_mask)
        vector = pooling.pool("mean", hidden[-1], attention_mask)
        return Pooled(vector, weights=weights, values=hidden[-1])


def _max_tokens(hidden: Tensor, attention_mask: Tensor) -> tuple[Tensor, LayerWinners, Tensor]:
    """Maxima (B, d) over the tokens of the last layer, who holds them, and one-hot (B, T, d)."""
    best = pooling.max_over_tokens(hidden[-1], attention_mask)
    tokens = torch.arange(hidden.shape[2], device=hidden.device)
    weights = (best.winner[:, None] == tokens[None, :, None]).float()
    last = hidden.shape[0] - 1
    layer = torch.full_like(best.winner, last)
    return best.vector, LayerWinners(layer, best.winner, best.margin, (last,)), weights


@head("max")
class Max(PoolingHead):
    """Element-wise maximum over the real tokens of the last layer."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        vector, winners, weights = _max_tokens(hidden, attention_mask)
        return Pooled(vector, winners, weights=weights[:, None], values=hidden[-1])


@head("concat")
class Concat(PoolingHead):
    """[cls; mean; max] of the last layer, side by side (3d). Its winners are those of the max."""

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, output_size=3 * hidden_size, **base)

    @property
    def parts(self) -> tuple[str, ...]:
        return ("cls", "mean", "max")

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        _, winners, of_max = _max_tokens(hidden, attention_mask)
        linear = [pooling.token_weights(part, attention_mask) for part in ("cls", "mean")]
        weights = torch.cat(linear, dim=1)[..., None].expand(-1, -1, -1, hidden.shape[3])
        weights = torch.cat([weights, of_max[:, None]], dim=1)
        vector = pooling.pool("concat", hidden[-1], attention_mask)
        return Pooled(vector, winners, weights=weights, values=hidden[-1])


@head("weighted_mean")
class WeightedMean(PoolingHead):
    """A learned score per token, softmax over the real tokens, weighted sum."""

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.score = nn.Linear(hidden_size, 1)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values = hidden[-1]
        scores = self.score(values)[:, :, 0]
        weights = pooling.token_weights("weighted_mean", attention_mask, scores=scores)
        vector = pooling.weighted_sum(weights, values, attention_mask)[:, 0]
        return Pooled(vector, attention=weights, weights=weights, values=values)


@head("query_attention")
class QueryAttention(AttentionPooling):
    """m learned queries attend over the tokens of the last layer; outputs side by side (m d)."""

    def __init__(
        self, hidden_size: int, num_layers: int, *, num_queries: int = 2, **base: Any
    ) -> None:
        if num_queries < 1:
            raise ValueError(f"num_queries is {num_queries}; at least 1 is needed")
        if base.get("residual"):
            raise ValueError("query_attention has no residual option: its queries are no tokens")
        super().__init__(hidden_size, num_layers, output_size=num_queries * hidden_size, **base)
        self.num_queries = num_queries
        self.queries = nn.Embedding(num_queries, hidden_size)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(
            f"query {query}, attention head {index}"
            for query in range(self.num_queries)
            for index in range(self.num_heads)
        )

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values = hidden[-1]
        pooling.real_tokens(attention_mask)  # a row without tokens would be NaN, not an error
        queries = self.queries.weight.to(values.dtype)[None]  # alike for all rows
        output, attention = self.attend(queries, values, attention_mask)
        weights = attention.flatten(1, 2)
        return Pooled(output.flatten(1), attention=weights, weights=weights, values=values)

    def readout(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        if not self.linear:
            return None
        blocks = weight.reshape(len(weight), self.num_queries, self.hidden_size).unbind(1)
        through = [self._through_attention(block) for block in blocks]
        readout = torch.cat([readout for readout, _ in through], dim=1)
        return readout, bias + torch.stack([constant for _, constant in through]).sum(0)


@head("cls_mlp")
class ClsMlp(PoolingHead):
    """A control with exactly as many parameters as `mha` (4 d² + 4 d), reading [CLS] alone."""

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        # The norm's d weights make the count equal to that of an attention layer with biases.
        self.mlp = nn.Sequential(
            nn.RMSNorm(hidden_size),
            nn.Linear(hidden_size, 2 * hidden_size),
            nn.GELU(),
            nn.Linear(2 * hidden_size, hidden_size),
        )

    @property
    def linear(self) -> bool:
        return False

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        return Pooled(self.mlp(pooling.take_token(hidden[-1], pooling.first_token(attention_mask))))
