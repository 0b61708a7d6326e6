"""Pooling heads that read [CLS] alone: of the last layer, or its maximum over layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from analysis.heads import pooling
from analysis.heads.base import Pooled, PoolingHead, check_last_k, dense_step, norm_step
from analysis.heads.of_layers import pool_last_layers
from analysis.heads.registry import head
from analysis.straight_line.layers import Activation, Layer


@head("cls")
class Cls(PoolingHead):
    """[CLS] of the last layer: the baseline."""

    reach = 1

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        weights = pooling.token_weights("cls", attention_mask)
        vector = pooling.take_token(hidden[-1], pooling.first_token(attention_mask))
        return Pooled(vector, weights=weights, values=hidden[-1])


@head("cls_tanh")
class ClsTanh(Cls):
    """``tanh(W [CLS] + b)`` of the last layer: the head of stock BERT (Devlin et al. 2019).

    The same as `cls` with the option ``pooler="tanh"``, under a name of its own, since "better
    than `cls`" is not "better than BERT".
    """

    def __init__(
        self, hidden_size: int, num_layers: int, *, pooler: str = "tanh", **base: Any
    ) -> None:
        if pooler != "tanh":
            raise ValueError(
                f"pooler is {pooler!r}: cls_tanh is [CLS] with the tanh pooler; without it choose "
                "the pooling head cls"
            )
        super().__init__(hidden_size, num_layers, pooler=pooler, **base)


@head("max_cls")
class MaxCls(PoolingHead):
    """Element-wise maximum of [CLS] over the last k layers."""

    def __init__(self, hidden_size: int, num_layers: int, *, last_k: int = 3, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.last_k = check_last_k(last_k, num_layers)

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        index = pooling.first_token(attention_mask)
        cls = torch.stack([pooling.take_token(layer, index) for layer in hidden])
        vector, winners = pool_last_layers(cls, self.last_k)
        weights = pooling.token_weights("cls", attention_mask)
        # Only [CLS] is pooled, so only its row of the values exists; the other weights are 0.
        values = weights[:, 0, :, None] * vector[:, None]
        return Pooled(vector, winners, weights=weights, values=values)


@head("cls_mlp")
class ClsMlp(Cls):
    """A control with exactly as many parameters as `mha` (4 d² + 4 d), reading [CLS] alone.

    ``W2 gelu(W1 rms_norm([CLS]) + b1) + b2`` of the last layer, 2 d hidden units.
    """

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        # The norm's d weights make the count equal to that of an attention layer with biases.
        self.mlp = nn.Sequential(
            nn.RMSNorm(hidden_size),
            nn.Linear(hidden_size, 2 * hidden_size),
            nn.GELU(),
            nn.Linear(2 * hidden_size, hidden_size),
        )

    def finish(self, vector: Tensor) -> Tensor:
        return super().finish(self.mlp(vector))

    def steps(self) -> tuple[Layer, ...]:
        norm, first, _, second = self.mlp
        own = (norm_step(norm), dense_step(first), Activation("gelu"), dense_step(second))
        return own + self.last_steps()

    @property
    def linear(self) -> bool:
        return False
