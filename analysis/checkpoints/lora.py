"""A plain LoRA adapter of a pooling classifier, merged into a kept encoder: W + scale * B A.

Bit for bit what PEFT's ``merge_and_unload`` gives, without importing it, without wrapping every
layer first, and with the encoder's file read once: weights that the adapter leaves alone are held
once for all checkpoints on that encoder. Any other adapter is PEFT's own affair.

Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (ICLR 2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from analysis.checkpoints.configuration import read_json
from analysis.checkpoints.encoders import EncoderLocation
from analysis.checkpoints.opening import load_encoder
from analysis.checkpoints.shared import mark, with_same_weights
from analysis.common.cache import Cache

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What a plain adapter may declare; anything else that is set changes what its file means.
_KNOWN = {
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "lora_alpha",
    "lora_dropout",
    "megatron_core",
    "modules_to_save",
    "peft_version",
    "qalora_group_size",
    "r",
    "revision",
    "target_modules",
    "task_type",
    "use_rslora",
}
_PLAIN = {"peft_type": ("LORA",), "bias": ("none",), "init_lora_weights": (True, False, "gaussian")}
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_ENCODERS = Cache[tuple["PreTrainedModel", dict[str, Any]]](600_000_000, most=4)


def scale_of(folder: Path) -> float | None:
    """Factor of the product B A; None where an adapter is not plain LoRA."""
    config = read_json(folder / "adapter_config.json")
    for name, value in config.items():
        known = value in _PLAIN[name] if name in _PLAIN else name in _KNOWN or not value
        if not known:
            return None
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if config.get("peft_type") != "LORA" or not isinstance(config.get("target_modules"), list):
        return None
    if not isinstance(rank, int) or not isinstance(alpha, int | float) or rank < 1:
        return None
    return float(alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))


def kept_encoder(
    location: EncoderLocation, attn_implementation: str
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """An encoder with its weights in common with others of this file, and the report on its keys.

    The module is a copy that may be given other weights; the numbers themselves are not to be
    changed in place.
    """
    key = (location.sha256, str(location.path), attn_implementation)
    encoder, info = _ENCODERS.get_or_make(
        key, lambda: _read(location, attn_implementation), lambda made: _bytes(made[0])
    )
    return with_same_weights(encoder), info


def _read(
    location: EncoderLocation, attn_implementation: str
) -> tuple[PreTrainedModel, dict[str, Any]]:
    encoder, info = load_encoder(location.path, attn_implementation)
    for name, weight in encoder.named_parameters():
        mark(weight, location.sha256, name)
    return encoder, info


def _bytes(module: nn.Module) -> int:
    return sum(weight.numel() * weight.element_size() for weight in module.parameters())


def merged(model: nn.Module, folder: Path, scale: float, state: Mapping[str, Tensor]) -> bool:
    """Give a pooling classifier the weights of its adapter's file; False where they do not fit.

    Parameters
    ----------
    model
        Encoder, pooling head and classifier; the latter two are filled.
    folder
        The checkpoint's, with adapter_config.json.
    scale
        As :func:`scale_of` gives it.
    state
        Tensors of adapter_model.safetensors: (r, in) and (out, r) of each adapted layer, and the
        pooling head's and classifier's own.

    Returns
    -------
    bool
        Whether the file held exactly what the adapter declares. Where it did not, the model is as
        it was, and PEFT may say what is wrong.
    """
    targets = read_json(folder / "adapter_config.json")["target_modules"]
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if name.startswith("encoder.")
        and any(name == target or name.endswith(f".{target}") for target in targets)
    }
    own = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith("encoder.")
    }
    factors = {name: (f"{_PREFIX}{name}{_A}", f"{_PREFIX}{name}{_B}") for name in layers}
    expected = {key for pair in factors.values() for key in pair} | {_PREFIX + name for name in own}
    if set(state) != expected or any(state[_PREFIX + n].shape != t.shape for n, t in own.items()):
        return False
    for name, layer in layers.items():
        down, up = (state[key] for key in factors[name])
        if type(layer) is not nn.Linear or down.shape[0] != up.shape[1]:
            return False
        if layer.weight.shape != (up.shape[0], down.shape[1]):
            return False
    with torch.no_grad():
        for name, layer in layers.items():
            down, up = (state[key].float() for key in factors[name])
            layer.weight = nn.Parameter(layer.weight + (up @ down) * scale, requires_grad=False)
    model.load_state_dict({name: state[_PREFIX + name] for name in own}, strict=False)
    return True
