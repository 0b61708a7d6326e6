"""Pooling heads over the tokens of the last layer, without attention: means, maxima, both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from analysis.heads import pooling
from analysis.heads.base import LayerWinners, Pooled, PoolingHead
from analysis.heads.registry import head


@head("mean")
class Mean(PoolingHead):
    """Mean of the real tokens of the last layer."""

    reach = 1

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("mean", attention_mask)
        vector = pooling.weighted_sum(weights, hidden[-1], attention_mask)[:, 0]
        return Pooled(vector, weights=weights, values=hidden[-1])


@head("mean_sqrt_len")
class MeanSqrtLen(PoolingHead):
    """``sum of the real tokens / sqrt(their number)``, of the last layer.

    Source: sentence-transformers (Reimers and Gurevych 2019), `mean_sqrt_len_tokens`.
    """

    reach = 1

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("mean_sqrt_len", attention_mask)
        vector = pooling.weighted_sum(weights, hidden[-1], attention_mask)[:, 0]
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

    reach = 1

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        vector, winners, weights = _max_tokens(hidden, attention_mask)
        return Pooled(vector, winners, weights=weights[:, None], values=hidden[-1])


@head("concat")
class Concat(PoolingHead):
    """[cls; mean; max] of the last layer, side by side (3d). Its winners are those of the max."""

    reach = 1

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, output_size=3 * hidden_size, **base)

    @property
    def parts(self) -> tuple[str, ...]:
        return ("cls", "mean", "max")

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        largest, winners, of_max = _max_tokens(hidden, attention_mask)
        linear = [pooling.token_weights(part, attention_mask) for part in ("cls", "mean")]
        weights = torch.cat(linear, dim=1)[..., None].expand(-1, -1, -1, hidden.shape[3])
        weights = torch.cat([weights, of_max[:, None]], dim=1)
        others = [pooling.pool(part, hidden[-1], attention_mask) for part in ("cls", "mean")]
        vector = torch.cat([*others, largest], dim=1)
        return Pooled(vector, winners, weights=weights, values=hidden[-1])


@head("weighted_mean")
class WeightedMean(PoolingHead):
    """A learned score per token, softmax over the real tokens, weighted sum."""

    reach = 1

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.score = nn.Linear(hidden_size, 1)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values = hidden[-1]
        scores = self.score(values)[:, :, 0]
        weights = pooling.token_weights("weighted_mean", attention_mask, scores=scores)
        vector = pooling.weighted_sum(weights, values, attention_mask)[:, 0]
        return Pooled(vector, attention=weights, weights=weights, values=values)


@head("last_token")
class LastToken(PoolingHead):
    """The last real token of the last layer, on either padding side: what decoders read."""

    reach = 1

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("last_token", attention_mask)
        vector = pooling.take_token(hidden[-1], pooling.last_token(attention_mask))
        return Pooled(vector, weights=weights, values=hidden[-1])
