"""Pooling heads with an attention layer over tokens: of the last layer, of several, of queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from analysis.heads import pooling
from analysis.heads.attending import AttentionPooling
from analysis.heads.base import Pooled, check_last_k
from analysis.heads.of_layers import by_layer, pool_last_layers
from analysis.heads.registry import head


@head("mha")
class Mha(AttentionPooling):
    """[CLS] of the last layer as the only query over all real tokens of the last layer."""

    reach = 1

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        return self.from_cls(hidden[-1], attention_mask, None)


@head("max_seq_mha")
class MaxSeqMha(AttentionPooling):
    """Maximum over the last k layers for every token, then [CLS] of that attends over it."""

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.last_k = check_last_k(last_k, num_layers)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values, winners = pool_last_layers(hidden, self.last_k)
        return self.from_cls(values, attention_mask, winners)

    def without_at(
        self,
        hidden: Tensor,
        attention_mask: Tensor,
        places: Sequence[tuple[int, int]],
        attentions: Tensor | None = None,
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
            vectors[own] = super().without_at(hidden, attention_mask, few, attentions)
        return vectors


class _AddedLayers(AttentionPooling):
    """The last k layers added up for every token, each times `share`; [CLS] attends over that."""

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.added = self.reach = check_last_k(last_k, num_layers)

    def share(self, count: int) -> float:
        """Factor of each of `count` layers."""
        raise NotImplementedError

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        count = min(self.added, max(self.num_layers, 1))  # fewer where the encoder ends earlier
        layers = tuple(range(len(hidden) - count, len(hidden)))
        share = hidden.new_full((count,), self.share(count))
        values = hidden[-count:].sum(0) * self.share(count)
        pooled = self.from_cls(values, attention_mask, None)
        assert pooled.weights is not None
        return Pooled(
            pooled.vector,
            attention=pooled.attention,
            **by_layer(hidden, layers, pooled.weights, share),
        )

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        share = self.share(len(values))
        return super().value_norms(weights[:, 0] / share, values.sum(0) * share)


@head("mean_seq_mha")
class MeanSeqMha(_AddedLayers):
    """Mean over the last k layers for every token, then [CLS] of that attends over it.

    ``MHA(query = v[CLS], keys = values = v)`` with ``v[t] = 1 / k * sum over l of hidden[l, t]``.
    Source: chem-mrl's ``mean_seq_mha``, after MaxPoolBERT (arXiv 2505.15696).
    """

    def share(self, count: int) -> float:
        return 1 / count


@head("sum_seq_mha")
class SumSeqMha(_AddedLayers):
    """Sum over the last k layers for every token, then [CLS] of that attends over it.

    ``MHA(query = v[CLS], keys = values = v)`` with ``v[t] = sum over l of hidden[l, t]``.
    Source: chem-mrl's ``sum_seq_mha``, after MaxPoolBERT (arXiv 2505.15696).
    """

    def share(self, count: int) -> float:
        return 1.0


@head("adapool")
class AdaPool(AttentionPooling):
    """One of the token vectors, or their mean, as the query over all of them, plus that query.

    ``q + sum over h of W_O[:, h] sum over t of alpha[h, t] W_V[h] x[t]``, `x` the last layer,
    ``alpha[h] = softmax(q W_Q[h] (x W_K[h])^T / sqrt(d / H))``, projections without biases.
    `query` is "first" ([CLS]), "last" or "mean". Source: AdaPool (Brothers 2025, arXiv 2506.09215).
    """

    reach = 1
    projection_biases = False

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        query: str = "first",
        residual: bool = True,
        **base: Any,
    ) -> None:
        if query not in _QUERIES:
            raise ValueError(f"query is {query!r}; known: {', '.join(map(repr, _QUERIES))}")
        super().__init__(hidden_size, num_layers, residual=residual, **base)
        self.query = query

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        name = _QUERIES[self.query]
        query = pooling.pool(name, hidden[-1], attention_mask)
        own = pooling.token_weights(name, attention_mask)
        return self.from_query(query, own, hidden[-1], attention_mask)


_QUERIES = {"first": "cls", "last": "last_token", "mean": "mean"}  # -> the pooling that makes it


class QueriesAttention(AttentionPooling):
    """m learned queries attend; their outputs stand side by side (m d)."""

    def __init__(
        self, hidden_size: int, num_layers: int, *, num_queries: int = 2, **base: Any
    ) -> None:
        if num_queries < 1:
            raise ValueError(f"num_queries is {num_queries}; at least 1 is needed")
        if base.get("residual"):
            raise ValueError(f"{self.key} has no residual option: its queries are no tokens")
        super().__init__(hidden_size, num_layers, read_size=num_queries * hidden_size, **base)
        self.num_queries = num_queries
        self.queries = nn.Embedding(num_queries, hidden_size)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(
            f"query {query}, attention head {index}"
            for query in range(self.num_queries)
            for index in range(self.num_heads)
        )

    def ask(self, values: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, d), (B, T) -> outputs (B, m, d) of the queries, attention (B, m H, T)."""
        queries = self.queries.weight.to(values.dtype)[None]  # alike for all rows
        output, attention = self.attend(queries, values, attention_mask)
        return output, attention.flatten(1, 2)

    def fold(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        blocks = weight.reshape(len(weight), self.num_queries, self.hidden_size).unbind(1)
        through = [self._through_attention(block) for block in blocks]
        folded = torch.cat([folded for folded, _ in through], dim=1)
        return folded, bias + torch.stack([constant for _, constant in through]).sum(0)


@head("query_attention")
class QueryAttention(QueriesAttention):
    """m learned queries attend over the tokens of the last layer; outputs side by side (m d)."""

    reach = 1

    def __init__(
        self, hidden_size: int, num_layers: int, *, num_queries: int = 2, **base: Any
    ) -> None:
        output_size = num_queries * hidden_size
        super().__init__(
            hidden_size, num_layers, num_queries=num_queries, output_size=output_size, **base
        )

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        pooling.real_tokens(attention_mask)  # a row without tokens would be NaN, not an error
        output, weights = self.ask(hidden[-1], attention_mask)
        return Pooled(output.flatten(1), attention=weights, weights=weights, values=hidden[-1])
