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

from analysis import pooling
from analysis.pooling_head import (
    HEADS,
    LayerWinners,
    Pooled,
    PoolingHead,
    build,
    check_last_k,
    check_options,
    head,
    initialise,
    options_of,
)

__all__ = [
    "HEADS", "LayerWinners", "Pooled", "PoolingHead", "build", "check_options", "head",
    "initialise", "options_of",
]  # fmt: skip


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


class _AttentionHead(PoolingHead):
    """Shared by the heads in which queries attend over the tokens with one attention layer."""

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        num_heads: int = 4,
        residual: bool = False,
        **base: Any,
    ) -> None:
        super().__init__(hidden_size, num_layers, **base)
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(
                f"num_heads is {num_heads} and does not divide the hidden size {hidden_size}: "
                "choose a divisor"
            )
        self.num_heads = num_heads
        self.residual = residual
        self.attention = nn.MultiheadAttention(hidden_size, num_heads, batch_first=True)

    @property
    def parts(self) -> tuple[str, ...]:
        names = tuple(f"attention head {index}" for index in range(self.num_heads))
        return (*names, "residual") if self.residual else names

    def attend(
        self, query: Tensor, values: Tensor, attention_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, m, d), (B, T, d) -> output (B, m, d), attention (B, m, H, T); padding gets 0."""
        # Padding may hold anything, and 0 times an infinity is NaN; a copy, never in place.
        values = values.masked_fill((attention_mask == 0)[:, :, None], 0.0)
        output, attention = self.attention(
            query,
            values,
            values,
            key_padding_mask=attention_mask == 0,
            need_weights=True,
            average_attn_weights=False,
        )
        return output, attention.transpose(1, 2)

    def from_cls(
        self, values: Tensor, attention_mask: Tensor, winners: LayerWinners | None
    ) -> Pooled:
        """[CLS] of `values` as the only query over all real tokens of `values`."""
        index = pooling.first_token(attention_mask)
        query = pooling.take_token(values, index)
        output, attention = self.attend(query[:, None], values, attention_mask)
        vector, weights = output[:, 0], attention[:, 0]
        if self.residual:  # the query's own value is one more part, read from [CLS] alone
            vector = vector + query
            own = pooling.token_weights("cls", attention_mask).to(weights.dtype)
            weights = torch.cat([weights, own], dim=1)
        return Pooled(vector, winners, attention[:, 0], weights, values)

    def readout(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        if not self.linear:
            return None
        readout, constant = self._through_attention(weight)
        if self.residual:
            readout = torch.cat([readout, weight[:, None]], dim=1)
        return readout, bias + constant

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        layer, d = self.attention, self.hidden_size
        value = (values @ layer.in_proj_weight[2 * d :].T + layer.in_proj_bias[2 * d :]).reshape(
            len(values), self.num_heads, -1
        )
        output = layer.out_proj.weight.reshape(d, self.num_heads, -1)
        moved = torch.einsum("the,ohe->hto", value, output)
        norms: Tensor = torch.linalg.vector_norm(moved, dim=-1)
        # Several queries read the same values; the residual part adds the query as it is.
        queries = (len(weights) - self.residual) // self.num_heads
        norms = norms.repeat(queries, 1)
        if self.residual:
            norms = torch.cat([norms, torch.linalg.vector_norm(values, dim=-1)[None]])
        weighted: Tensor = weights.abs() * norms
        return weighted

    def _one_value_changed(
        self, values: Tensor, mask: Tensor, tokens: Tensor, changed: Tensor
    ) -> Tensor:
        """(T, d), (T,), (n,), (n, d) -> (n, d): as if token tokens[i] alone had value changed[i].

        The query and the other tokens' keys stay, so one key and one value are projected a
        variant, and not T. Of [CLS], whose value is the query too, this would not be true.
        """
        layer, d = self.attention, self.hidden_size
        weight, bias = layer.in_proj_weight, layer.in_proj_bias

        def projected(vectors: Tensor, which: int) -> Tensor:  # -> (..., H, e)
            rows = slice(which * d, (which + 1) * d)
            mapped: Tensor = vectors @ weight[rows].T + bias[rows]
            return mapped.reshape(*vectors.shape[:-1], self.num_heads, -1)

        values = values.masked_fill((mask == 0)[:, None], 0.0)
        index = int(pooling.first_token(mask[None])[0])
        query = projected(values[index], 0) * (d // self.num_heads) ** -0.5
        scores = torch.einsum("he,the->ht", query, projected(values, 1))
        scores = scores.masked_fill(mask == 0, -torch.inf).repeat(len(tokens), 1, 1)
        rows = torch.arange(len(tokens), device=values.device)
        scores[rows, :, tokens] = torch.einsum("he,nhe->nh", query, projected(changed, 1))
        attention = scores.softmax(-1)  # (n, H, T)
        read = projected(values, 2)
        mixed = torch.einsum("nht,the->nhe", attention, read)
        mixed += attention[rows, :, tokens][:, :, None] * (projected(changed, 2) - read[tokens])
        output: Tensor = layer.out_proj(mixed.flatten(1))
        return output + values[index] if self.residual else output

    def _through_attention(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """(C, d) -> W W_O[:, h] W_V[h] as (C, H, d), and W b_O + sum_h W W_O[:, h] b_V[h]."""
        layer, d = self.attention, self.hidden_size
        value_weight = layer.in_proj_weight[2 * d :].reshape(self.num_heads, -1, d)
        value_bias = layer.in_proj_bias[2 * d :].reshape(self.num_heads, -1)
        output_weight = layer.out_proj.weight.reshape(d, self.num_heads, -1)
        # c class, o output dimension, h attention head, e dimension within it, d input dimension
        through = torch.einsum("co,ohe->che", weight, output_weight)
        readout = torch.einsum("che,hed->chd", through, value_weight)
        constant = weight @ layer.out_proj.bias + torch.einsum("che,he->c", through, value_bias)
        return readout, constant


@head("mha")
class Mha(_AttentionHead):
    """[CLS] of the last layer as the only query over all real tokens of the last layer."""

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        return self.from_cls(hidden[-1], attention_mask, None)


@head("max_seq_mha")
class MaxSeqMha(_AttentionHead):
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
class QueryAttention(_AttentionHead):
    """m learned queries attend over the tokens of the last layer; outputs side by side (m d)."""

    def __init__(
        self, hidden_size: int, num_layers: int, *, num_queries: int = 2, **base: Any
    ) -> None:
        if num_queries < 1:
            raise ValueError(f"num_queries is {num_queries}; at least 1 is needed")
        if base.get("residual"):
            raise ValueError("query_attention has no residual option: its queries are no tokens")
        super().__init__(
            hidden_size, num_layers, output_size=num_queries * hidden_size, **base
        )
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
        queries = self.queries.weight.to(values.dtype).expand(len(attention_mask), -1, -1)
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
