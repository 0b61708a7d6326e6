"""Pooling heads of recent embedding models: layers of their own around an attention layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from analysis.heads import pooling
from analysis.heads.base import Pooled, PoolingHead, dense_step
from analysis.heads.registry import head
from analysis.heads.with_attention import QueriesAttention
from analysis.straight_line.layers import Activation, Layer, MeanOfBlocks


def _two_layers(size: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.Linear(size, size))


@head("latent_attention")
class LatentAttention(PoolingHead):
    """Every token attends over learned latent vectors, two layers follow, then the mean.

    ``o[t] = W2 gelu(W1 MHA(query = hidden[L, t], keys = values = latents) + b1) + b2``, and the
    mean of `o` over the real tokens. Its values are `o`: given those, the split by token is
    exact. Source: NV-Embed (Lee et al. 2024, arXiv 2405.17428), by the formula of the paper; its
    published code adds residual connections and norms.
    """

    reach = 1

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        num_latents: int = 512,
        num_heads: int = 8,
        **base: Any,
    ) -> None:
        super().__init__(hidden_size, num_layers, **base)
        if num_latents < 1:
            raise ValueError(f"num_latents is {num_latents}; at least 1 is needed")
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(
                f"num_heads is {num_heads} and does not divide the hidden size {hidden_size}: "
                "choose a divisor"
            )
        self.latents = nn.Embedding(num_latents, hidden_size)
        self.attention = nn.MultiheadAttention(hidden_size, num_heads, batch_first=True)
        self.mlp = _two_layers(hidden_size)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("mean", attention_mask)
        tokens = hidden[-1].masked_fill((attention_mask == 0)[:, :, None], 0.0)
        latents = self.latents.weight.to(tokens.dtype).expand(len(tokens), -1, -1)
        values = self.mlp(self.attention(tokens, latents, latents, need_weights=False)[0])
        return Pooled(pooling.pool("mean", values, attention_mask), weights=weights, values=values)


@head("multi_layer")
class MultiLayer(QueriesAttention):
    """m learned queries attend over the layers, two layers follow each, then their mean.

    Layer l = 1 .. L stands as ``h[l] = pooled hidden[l] + e[l]``, `e` learned; ``o[q] = MHA(query
    = queries[q], keys = values = h)``, and the mean of ``W2 gelu(W1 o[q] + b1) + b2`` over the
    queries. `tokens` says how a layer is pooled: "mean" (encoders), "last" (decoders), "first".
    Source: multi-layers trainable pooling (Tang and Yang 2024, arXiv 2409.02727).
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        num_queries: int = 8,
        tokens: str = "mean",
        **base: Any,
    ) -> None:
        if tokens not in _TOKENS:
            raise ValueError(f"tokens is {tokens!r}; known: {', '.join(map(repr, _TOKENS))}")
        super().__init__(hidden_size, num_layers, num_queries=num_queries, **base)
        self.tokens = tokens
        self.layer_embeddings = nn.Embedding(num_layers, hidden_size)
        self.mlp = _two_layers(hidden_size)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        last = len(hidden) - 1
        layers = tuple(range(min(last, 1), last + 1))
        own = self.layer_embeddings.weight[: len(layers)].to(hidden.dtype)
        values = (hidden[list(layers)] + own[:, None, None]).transpose(0, 1)  # (B, K, T, d)
        weights = pooling.token_weights(_TOKENS[self.tokens], attention_mask)  # (B, 1, T)
        clean = values.masked_fill((attention_mask == 0)[:, None, :, None], 0.0)
        of_layers = torch.einsum("bt,bktd->bkd", weights[:, 0].to(clean.dtype), clean)
        real = torch.ones(of_layers.shape[:2], dtype=torch.long, device=hidden.device)
        output, attention = self.ask(of_layers, real)  # (B, m, d), (B, m H, K)
        return Pooled(
            output.flatten(1),
            weights=attention[..., None] * weights[:, None].to(attention.dtype),
            values=values,
            layers=layers,
        )

    def finish(self, vector: Tensor) -> Tensor:
        blocks = vector.reshape(len(vector), self.num_queries, self.hidden_size)
        return super().finish(self.mlp(blocks).mean(1))

    def steps(self) -> tuple[Layer, ...]:
        first, _, second = self.mlp
        each = (dense_step(first), Activation("gelu"), dense_step(second))
        return (MeanOfBlocks(each, self.num_queries), *self.last_steps())

    @property
    def linear(self) -> bool:
        return False

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        # (P, K, T), (K, T, d): a token's value is that of its layers together, by the attention.
        share = weights.sum(1)  # (P, T)
        mixed = torch.einsum("pkt,ktd->ptd", weights, values) / share.clamp(min=1e-12)[..., None]
        blocks = mixed.reshape(self.num_queries, self.num_heads, *mixed.shape[1:])
        norms: Tensor = share * self._moved_norms(blocks).flatten(0, 1)
        return norms


_TOKENS = {"mean": "mean", "first": "cls", "last": "last_token"}  # -> the pooling of a layer
