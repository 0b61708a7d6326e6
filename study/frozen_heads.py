"""A control of study/frozen.yaml: as many parameters as `mha`, and a query that reads nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from analysis.heads import Pooled, head
from analysis.heads.attending import AttentionPooling


@head("random_query")
class RandomQuery(AttentionPooling):
    """Attention over the last layer by one random query, drawn with the head and never learnt."""

    def __init__(self, hidden_size: int, num_layers: int, **base: Any) -> None:
        super().__init__(hidden_size, num_layers, **base)
        self.register_buffer("query", torch.randn(hidden_size))

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        values = hidden[-1]
        output, attention = self.attend(self.query[None, None], values, attention_mask)
        return Pooled(output[:, 0], attention=attention[:, 0])
