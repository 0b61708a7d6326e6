"""How many tokens a model takes."""

from __future__ import annotations

from typing import Any

from torch import nn

from analysis.checkpoints.model import PoolingClassifier


def token_limit(model: nn.Module, tokenizer: Any) -> int:
    """Tokens that a model takes, special tokens included."""
    base: Any = model.encoder if isinstance(model, PoolingClassifier) else model
    positions = getattr(base.config.get_text_config(), "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        declared = int(tokenizer.model_max_length)
        return declared if declared < 100_000 else 512
    # RoBERTa-like encoders count positions from pad_token_id + 1.
    for module in base.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, nn.Embedding) and table.padding_idx is not None:
            return positions - table.padding_idx - 1
    return positions
