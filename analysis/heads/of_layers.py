"""Pooling heads over several layers without attention over tokens, and what such heads share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from analysis.heads import pooling
from analysis.heads.base import LayerWinners, Pooled, PoolingHead, check_last_k
from analysis.heads.registry import head


def pool_last_layers(hidden: Tensor, last_k: int) -> tuple[Tensor, LayerWinners]:
    """(L+1, ..., d) -> maxima over the last k layers, with winners as absolute layer indices."""
    first = hidden.shape[0] - last_k
    best = pooling.max_over_layers(hidden[first:])
    layers = tuple(range(first, hidden.shape[0]))
    return best.vector, LayerWinners(best.winner + first, None, best.margin, layers)


def by_layer(
    hidden: Tensor, layers: tuple[int, ...], weights: Tensor, share: Tensor
) -> dict[str, Any]:
    """The fields of :class:`Pooled` for a sum over layers: ``share[k] * hidden[layers[k]]``.

    `weights` (B, P, T) are those of the sum's tokens, `share` (K,) those of its layers.
    """
    return {
        "weights": weights[:, :, None] * share[:, None],
        "values": hidden[list(layers)].transpose(0, 1),
        "layers": layers,
    }


@head("max_seq_mean")
class MaxSeqMean(PoolingHead):
    """Maximum over the last k layers for every token, then the mean of the real tokens.

    ``1 / n * sum over t of max over l of hidden[l, t]``, element-wise. Source: MaxPoolBERT (arXiv
    2505.15696) without its attention, as ModChemBERT's ``max_seq_mean`` has it.
    """

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.last_k = check_last_k(last_k, num_layers)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values, winners = pool_last_layers(hidden, self.last_k)
        weights = pooling.token_weights("mean", attention_mask)
        vector = pooling.pool("mean", values, attention_mask)
        return Pooled(vector, winners, weights=weights, values=values)


@head("weighted_layers")
class WeightedLayers(PoolingHead):
    """One learned score a layer, softmax over the layers, their weighted sum; then the mean.

    ``1 / n * sum over t of sum over l of s[l] * hidden[l, t]`` with ``s = softmax(scores)`` over
    the layers from `first_layer` (0 = embeddings) to the last. Source: the scalar mix of ELMo
    (Peters et al. 2018) without its common factor, which the classifier has already.
    """

    def __init__(
        self, hidden_size: int, num_layers: int, *, first_layer: int = 1, **base: Any
    ) -> None:
        super().__init__(hidden_size, num_layers, **base)
        if not 0 <= first_layer <= num_layers:
            raise ValueError(
                f"first_layer is {first_layer}, and the encoder has layers 0 (embeddings) to "
                f"{num_layers}"
            )
        self.first_layer = first_layer
        self.scores = nn.Embedding(num_layers + 1 - first_layer, 1)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        last = len(hidden) - 1
        layers = tuple(range(min(self.first_layer, last), last + 1))
        share = self.scores.weight[: len(layers), 0].to(hidden.dtype).softmax(0)
        # Layer by layer: padding may hold anything, and the pooling leaves it out.
        mixed = torch.einsum("k,kbtd->btd", share, hidden[list(layers)])
        vector = pooling.pool("mean", mixed, attention_mask)
        weights = pooling.token_weights("mean", attention_mask)
        return Pooled(vector, **by_layer(hidden, layers, weights, share))
