"""The pooling heads of ModChemBERT: ten ways to pool a ModernBERT, and its prediction head.

Its encoder hands over states without the final norm, the last one too; what the source calls the
last hidden state is normed here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.activations import ACT2FN

from analysis.heads import pooling
from analysis.heads.base import LayerWinners, Pooled, PoolingHead, dense_step, norm_step
from analysis.heads.of_layers import by_layer, pool_last_layers
from analysis.heads.registry import head
from analysis.straight_line.layers import ACTIVATIONS, Activation, Layer

POOLINGS = (
    "cls",
    "mean",
    "max_cls",
    "cls_mha",
    "max_seq_mha",
    "max_seq_mean",
    "sum_mean",
    "sum_sum",
    "mean_sum",
    "mean_mean",
)
_MAXIMA = ("max_cls", "max_seq_mha", "max_seq_mean")


@head("modchembert")
class ModChemBert(PoolingHead):
    """One of POOLINGS, then ``norm(act(W x))``: ModernBERT's prediction head.

    The attention repeats the first token's (pooled) vector as the query at every position, turns
    queries and keys by RoPE and averages the outputs over the positions: linear in its values,
    with the mean of the positions' attention as weights. Source: ModChemBERT's published code.
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        pooling: str = "max_seq_mha",
        last_k: int = 8,
        num_heads: int = 4,
        rope_theta: float = 160_000.0,
        activation: str = "gelu",
        norm_eps: float = 1e-5,
        attention_bias: bool = False,
        dense_bias: bool = False,
        norm_bias: bool = False,
        **base: Any,
    ) -> None:
        super().__init__(hidden_size, num_layers, **base)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}; known: {', '.join(POOLINGS)}")
        if pooling.endswith("mha") and (num_heads < 1 or hidden_size % (2 * num_heads)):
            raise ValueError(
                f"num_heads is {num_heads}; {hidden_size} numbers do not make pairs for each"
            )
        self.pooling = pooling
        self.deep = min(last_k, num_layers + 1)  # as Python slices: all there are, if fewer
        if pooling in _MAXIMA:
            self.last_k = self.deep
        self.num_heads, self.rope_theta = num_heads, rope_theta
        self.last_norm = nn.LayerNorm(hidden_size, eps=norm_eps, bias=norm_bias)
        self.dense = nn.Linear(hidden_size, hidden_size, bias=dense_bias)
        self.activation_name = activation
        self.activation = ACT2FN[activation]
        self.dense_norm = nn.LayerNorm(hidden_size, eps=norm_eps, bias=norm_bias)
        if pooling.endswith("mha"):
            for name in ("Wq", "Wk", "Wv", "Wo"):
                setattr(self, name, nn.Linear(hidden_size, hidden_size, bias=attention_bias))

    @property
    def parts(self) -> tuple[str, ...]:
        if self.pooling.endswith("mha"):
            return tuple(f"attention head {index}" for index in range(self.num_heads))
        return (self.pooling,)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        winners = None
        kind = self.pooling
        if kind in _MAXIMA:
            values, winners = pool_last_layers(hidden, min(self.last_k, len(hidden)))
        elif kind in ("cls", "mean", "cls_mha"):
            values = self.last_norm(hidden[-1])
        else:
            return self._over_layers(hidden, attention_mask)
        if kind.endswith("mha"):
            return self._attended(values, attention_mask, winners)
        of_tokens = "mean" if kind in ("mean", "max_seq_mean") else "cls"
        weights = pooling.token_weights(of_tokens, attention_mask)
        vector = pooling.weighted_sum(weights, values, attention_mask)[:, 0]
        if winners is not None and of_tokens == "cls":
            first = pooling.first_token(attention_mask)
            only = {
                name: pooling.take_token(getattr(winners, name), first)
                for name in ("layer", "margin")
            }
            winners = type(winners)(only["layer"], None, only["margin"], winners.layers)
            values = weights[:, 0, :, None] * values
        return Pooled(vector, winners, weights=weights, values=values)

    def _over_layers(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        """Sum or mean over the last layers, then sum or mean over the tokens."""
        deep = min(self.deep, len(hidden))
        layers = tuple(range(len(hidden) - deep, len(hidden)))
        over, of_tokens = self.pooling.split("_")
        share = hidden.new_full((deep,), 1.0 if over == "sum" else 1.0 / deep)
        weights = pooling.token_weights("mean", attention_mask)
        if of_tokens == "sum":
            weights = weights * attention_mask.sum(1)[:, None, None]
        added = torch.einsum("k,kbtd->btd", share, hidden[list(layers)])
        vector = pooling.weighted_sum(weights, added, attention_mask)[:, 0]
        return Pooled(vector, **by_layer(hidden, layers, weights, share))

    def _attended(
        self, values: Tensor, attention_mask: Tensor, winners: LayerWinners | None
    ) -> Pooled:
        values = pooling.without_padding(values, attention_mask)
        rows, length, d = values.shape
        h = self.num_heads

        def split(projected: Tensor) -> Tensor:
            return projected.reshape(rows, -1, h, d // h).transpose(1, 2)  # (B, H, T, e)

        query = pooling.take_token(values, pooling.first_token(attention_mask))
        cos, sin = self._turn(length, values)
        queries = split(self._part("Wq")(query)[:, None].expand(-1, length, -1))
        keys = split(self._part("Wk")(values))
        scores = _turned(queries, cos, sin) @ _turned(keys, cos, sin).transpose(2, 3)
        scores = scores * (d // h) ** -0.5
        scores = scores.masked_fill((attention_mask == 0)[:, None, None], -torch.inf)
        real = pooling.token_weights("mean", attention_mask).to(values.dtype)  # (B, 1, T)
        attention = torch.einsum("bt,bhts->bhs", real[:, 0], scores.softmax(-1))
        mixed = torch.einsum("bhs,bhse->bhe", attention, split(self._part("Wv")(values)))
        vector = self._part("Wo")(mixed.reshape(rows, d))
        return Pooled(vector, winners, attention, attention, values)

    def _part(self, name: str) -> nn.Linear:
        part: nn.Linear = getattr(self, name)
        return part

    def _turn(self, length: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """(T, e) cosines and sines of RoPE's angles."""
        size = self.hidden_size // self.num_heads
        steps = torch.arange(0, size, 2, dtype=torch.float32, device=like.device) / size
        place = torch.arange(length, dtype=torch.float32, device=like.device)
        angles = (place[:, None] * self.rope_theta**-steps).repeat(1, 2)
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)

    def finish(self, vector: Tensor) -> Tensor:
        done: Tensor = self.dense_norm(self.activation(self.dense(vector)))
        return done

    def steps(self) -> tuple[Layer, ...] | None:
        if self.activation_name not in ACTIVATIONS:
            return None
        activation = Activation(self.activation_name)
        return (dense_step(self.dense), activation, norm_step(self.dense_norm))

    def fold(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        if not self.pooling.endswith("mha"):
            return super().fold(weight, bias)
        d, h = self.hidden_size, self.num_heads
        through = (weight @ self._part("Wo").weight).reshape(len(weight), h, d // h)
        value = self._part("Wv")
        folded = torch.einsum("che,hed->chd", through, value.weight.reshape(h, d // h, d))
        if value.bias is not None:
            bias = bias + torch.einsum("che,he->c", through, value.bias.reshape(h, d // h))
            bias = bias + weight @ self._part("Wo").bias
        return folded, bias

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        if not self.pooling.endswith("mha"):
            return super().value_norms(weights, values)
        d, h = self.hidden_size, self.num_heads
        read = self._part("Wv")(values).reshape(len(values), h, d // h)
        output = self._part("Wo").weight.reshape(d, h, d // h)
        moved = torch.linalg.vector_norm(torch.einsum("the,ohe->hto", read, output), dim=-1)
        norms: Tensor = weights.abs() * moved
        return norms


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
