"""chem-mrl's MaxPoolBERT: a module of a sentence-transformers folder, with the paper's four heads.

Its config.json has ``word_embedding_dimension``, ``num_attention_heads``, ``last_k_layers`` and
``pooling_strategy``; its weights are ``multi_head_attention.*`` of an ``nn.MultiheadAttention``
that [CLS] asks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.heads import PoolingHead

STRATEGIES = ("cls", "max_cls", "mha", "max_seq_mha", "mean_seq_mha", "sum_seq_mha")
_OVER_LAYERS = ("max_cls", "max_seq_mha", "mean_seq_mha", "sum_seq_mha")


def is_one(config: dict[str, Any]) -> bool:
    """Whether a module's config.json is this one's."""
    return "pooling_strategy" in config and "last_k_layers" in config


def options(config: dict[str, Any]) -> dict[str, int]:
    """Options of the pooling head of the same name."""
    options_of_head: dict[str, int] = {}
    if config["pooling_strategy"] in _OVER_LAYERS:
        options_of_head["last_k"] = int(config["last_k_layers"])
    if str(config["pooling_strategy"]).endswith("mha"):
        options_of_head["num_heads"] = int(config["num_attention_heads"])
    return options_of_head


def build(name: str, folder: Path, config: dict[str, Any], size: dict[str, int]) -> PoolingHead:
    """The pooling head with the module's weights; the keys that are missing are named."""
    from analysis import heads
    from analysis.checkpoints.encoders import weight_files
    from analysis.checkpoints.layouts.parts import fill, tensors

    head = heads.build(str(config["pooling_strategy"]), **size, **options(config))
    state = {
        key.replace("multi_head_attention.", "attention."): tensor
        for key, tensor in tensors(weight_files(folder)).items()
    }
    fill(name, head, {key: t for key, t in state.items() if key in head.state_dict()}, "")
    return head
