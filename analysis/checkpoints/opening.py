"""Models of Transformers from a folder, in float32: the class that opens them, a report on keys."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTextEncoding,
    PretrainedConfig,
    PreTrainedModel,
)

from analysis.checkpoints.encoders import weight_files
from analysis.checkpoints.refusals.models import ENCODER_DECODER
from analysis.checkpoints.sizes import shapes_of


def auto_class(config: PretrainedConfig) -> Any:
    """The Auto class that opens this configuration's encoder; for T5 and its kin the encoder half.

    Raises ``ValueError`` for an encoder-decoder whose encoder has no class of its own.
    """
    half = model_class(AutoModelForTextEncoding, config)
    if half is not None and half.__name__.endswith("EncoderModel"):
        return AutoModelForTextEncoding
    if not getattr(config, "is_encoder_decoder", False):
        return AutoModel
    raise ValueError(ENCODER_DECODER.format(name=type(config).__name__.removesuffix("Config")))


def model_class(auto: Any, config: PretrainedConfig) -> Any:
    """The class that an Auto class opens this configuration with; None where it has none."""
    mapping = auto._model_mapping
    try:
        entry = mapping[type(config)]
    except KeyError:
        return None
    return entry[0] if isinstance(entry, tuple) else entry


def attention_of(auto: Any, config: PretrainedConfig, implementation: str) -> str:
    """`wanted`, or "eager" where the architecture has no fused attention: the same numbers."""
    cls = model_class(auto, config)
    fused = implementation != "sdpa" or cls is None or getattr(cls, "_supports_sdpa", False)
    return implementation if fused else "eager"


def without_pooler(config: PretrainedConfig) -> dict[str, Any]:
    """Keyword arguments that build an encoder without its own pooler, where it knows how to."""
    cls = model_class(auto_class(config), config)
    takes_it = "add_pooling_layer" in inspect.signature(cls.__init__).parameters
    return {"add_pooling_layer": False} if takes_it else {}


def size_of(config: PretrainedConfig) -> dict[str, int]:
    """hidden_size and num_layers of an encoder, for :func:`analysis.heads.build`.

    Raises ``ValueError`` where its configuration does not state them.
    """
    own = config.get_text_config()
    width, depth = (getattr(own, name, None) for name in ("hidden_size", "num_hidden_layers"))
    if width is None or depth is None:
        raise ValueError(
            f"{type(config).__name__} states no hidden_size or no num_hidden_layers. Use an "
            "encoder whose layers all hold one vector for each token."
        )
    return {"hidden_size": int(width), "num_layers": int(depth)}


@dataclass(frozen=True)
class KeyReport:
    """Tensors of the file that the model did not use, and tensors that the file lacks."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def key_report(info: Any) -> KeyReport:
    """Transformers' loading report; a tensor of another shape counts as missing."""

    def listed(name: str) -> list[Any]:
        return list(info.get(name, []) if isinstance(info, dict) else getattr(info, name, []))

    mismatched = [key[0] if isinstance(key, tuple) else key for key in listed("mismatched_keys")]
    missing = sorted({*listed("missing_keys"), *mismatched})
    return KeyReport(tuple(missing), tuple(sorted(listed("unexpected_keys"))))


# How every model is read: nothing from the network, nothing pickled, and a report on its keys.
FROM_DISK: dict[str, Any] = {
    "dtype": torch.float32,
    "use_safetensors": True,
    "local_files_only": True,
    "ignore_mismatched_sizes": True,  # whoever reads refuses what the report lists, by name
    "output_loading_info": True,
}


def wrapper_of(keys: Iterable[str], expected: Iterable[str]) -> str:
    """Prefix of the tensors' names that a training script's wrapper added; "" for none.

    ``module.`` of DataParallel, ``_orig_mod.`` of torch.compile, a Lightning module's own: whatever
    its name, it is the beginning behind which all of the `wanted` names stand in the file.
    """
    names, every = set(keys), list(expected)
    beginnings = {
        ".".join(parts[:length]) + "."
        for parts in (key.split(".") for key in names)
        for length in range(1, min(len(parts), 4))
    }
    fitting = [b for b in beginnings if all(b + name in names for name in every)]
    return min(fitting, key=len, default="") if every else ""


def opened(
    auto: Any, folder: str | os.PathLike[str], **arguments: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A model of Transformers in float32 from a folder, and its report on the keys.

    Where the file has none of its tensors under their own names, but all behind the prefix that a
    wrapper of the training script left, these are taken.
    """
    model, report = auto.from_pretrained(folder, **arguments, **FROM_DISK)
    own = [name for name, _ in model.named_parameters()]
    if not set(own) <= set(key_report(report).missing):
        return model, report
    prefix = wrapper_of(shapes_of(weight_files(Path(folder))), own)
    if prefix:
        model, report = auto.from_pretrained(
            folder, key_mapping={f"^{re.escape(prefix)}": ""}, **arguments, **FROM_DISK
        )
    return model, report


def load_encoder(
    folder: str | os.PathLike[str], attn_implementation: str = "eager"
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """A pretrained encoder in float32 from a folder, and Transformers' report on its keys."""
    config = _without_blocks(AutoConfig.from_pretrained(folder, trust_remote_code=False))
    auto = auto_class(config)
    return opened(
        auto,
        folder,
        config=config,
        attn_implementation=attention_of(auto, config, attn_implementation),
        trust_remote_code=False,
        **without_pooler(config),
    )


def load_stock_classifier(
    folder: str | os.PathLike[str], attn_implementation: str = "eager", **changes: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """One of Transformers' own classifiers in float32, and its report on the keys.

    `changes` go to its configuration (num_labels, ...). Raises ``ValueError`` for an
    encoder-decoder, whose classifier reads more than one encoder's states.
    """
    config = _without_blocks(AutoConfig.from_pretrained(folder, trust_remote_code=False, **changes))
    auto = AutoModelForSequenceClassification
    if getattr(config, "is_encoder_decoder", False):
        cls = model_class(auto, config)
        raise ValueError(ENCODER_DECODER.format(name=getattr(cls, "__name__", "This model")))
    return opened(
        auto,
        folder,
        config=config,
        attn_implementation=attention_of(auto, config, attn_implementation),
        trust_remote_code=False,
    )


def _without_blocks(config: PretrainedConfig) -> PretrainedConfig:
    """The configuration with attention of all tokens to all.

    BigBird's own forward goes over to it at the first short text and stays there: its answer to a
    long text would depend on what was read before.
    """
    if getattr(config, "attention_type", None) == "block_sparse":
        config.attention_type = "original_full"
    return config
