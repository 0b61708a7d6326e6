"""The files of each kind of checkpoint as a model in float32, its keys checked.

The project's own (full, or encoder + LoRA adapter), a classifier of Transformers, a bare encoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from analysis import heads
from analysis.checkpoints import layouts, lora, peft_folders
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.encoders import EncoderLocation, resolve_encoder
from analysis.checkpoints.frozen import HEAD_FILE
from analysis.checkpoints.model import PoolingClassifier, PoolingConfig
from analysis.checkpoints.opening import (
    KeyReport,
    key_report,
    load_encoder,
    load_stock_classifier,
    opened,
    size_of,
)
from analysis.checkpoints.refusals.models import refuse_missing
from analysis.common.faults import CheckpointError

# The model, what its files had beside it, and where its tokenizer lies.
Loaded = tuple[nn.Module, KeyReport, Path]


def _read_own(checkpoint: Checkpoint, attn_implementation: str) -> Loaded:
    model: Any
    info: Any
    if checkpoint.head not in heads.HEADS:
        raise CheckpointError(
            f"{checkpoint.name}: its pooling head {checkpoint.head!r} is not known here; known: "
            f"{', '.join(sorted(heads.HEADS))}. If it is your own, name its file: "
            "streamlit run app.py -- --heads my_heads.py, or analysis.load(folder, head=MyHead)."
        )
    attn_implementation = heads.attention_for(checkpoint.head, attn_implementation)
    config = PoolingConfig.from_pretrained(checkpoint.folder, local_files_only=True)
    config._attn_implementation = attn_implementation
    if checkpoint.base is not None:
        return _read_head(checkpoint, checkpoint.base, config, attn_implementation)
    own_tokenizer = (checkpoint.folder / "tokenizer.json").is_file()
    if not checkpoint.adapter:
        model, info = opened(
            PoolingClassifier,
            checkpoint.folder,
            config=config,
            attn_implementation=attn_implementation,
        )
        report = key_report(info)
        refuse_missing(checkpoint.id, report.missing)
        if own_tokenizer:
            return model, report, checkpoint.folder
        return model, report, resolve_encoder(checkpoint.encoder).path
    location = resolve_encoder(checkpoint.encoder)
    whole, info = _read_adapted(checkpoint, location, config, attn_implementation)
    merged, report = whole
    unexpected = tuple(f"encoder.{key}" for key in key_report(info).unexpected)
    refuse_missing(checkpoint.id, key_report(info).missing)
    return (
        merged,
        KeyReport(report.missing, report.unexpected + unexpected),
        checkpoint.folder if own_tokenizer else location.path,
    )


def _read_adapted(
    checkpoint: Checkpoint,
    location: EncoderLocation,
    config: PoolingConfig,
    attn_implementation: str,
) -> tuple[tuple[nn.Module, KeyReport], Any]:
    """Encoder and adapter as one model: plain LoRA by hand, anything else by PEFT."""
    from safetensors.torch import load_file

    scale = lora.scale_of(checkpoint.folder)
    if scale is not None:
        encoder, info = lora.kept_encoder(location, attn_implementation)
        model = _around(encoder, config)
        state = load_file(checkpoint.folder / "adapter_model.safetensors")
        if lora.merged(model, checkpoint.folder, scale, state):
            return (model, KeyReport()), info
    encoder, info = load_encoder(location.path, attn_implementation)
    return _merge_adapter(checkpoint, _around(encoder, config)), info


def _around(encoder: PreTrainedModel, config: PoolingConfig) -> PoolingClassifier:
    """A classifier around a loaded encoder, its pooling head and classifier still to be filled."""
    with torch.device("meta"):  # no time spent on random weights, and none given to the encoder
        model = PoolingClassifier(config, encoder)
    own = encoder.config
    # Built for real: a buffer that no file carries would stay uninitialised memory on "meta".
    model.head = heads.build(config.head, **size_of(own), **(config.head_options or {}))
    model.classifier = nn.Linear(model.head.output_size, int(config.num_labels or 1))
    return model


def _read_head(
    checkpoint: Checkpoint, base: Checkpoint, config: PoolingConfig, attn_implementation: str
) -> Loaded:
    """A pooling head on a frozen encoder: the encoder is that of another checkpoint."""
    from safetensors.torch import load_file

    whole, report, tokenizer_folder = read(base, attn_implementation)
    prefix = str(whole.base_model_prefix)
    model = _around(cast("PreTrainedModel", getattr(whole, prefix, whole)), config)
    state = load_file(checkpoint.folder / HEAD_FILE)
    parts = {name: t for name, t in model.state_dict().items() if not name.startswith("encoder.")}
    refuse_missing(
        checkpoint.id,
        [name for name, t in parts.items() if name not in state or state[name].shape != t.shape],
    )
    model.load_state_dict({name: state[name] for name in parts}, strict=False)
    unexpected = tuple(sorted(set(state) - set(parts)))
    return model, KeyReport(report.missing, unexpected), tokenizer_folder


def _merge_adapter(checkpoint: Checkpoint, model: nn.Module) -> tuple[nn.Module, KeyReport]:
    from peft import LoraConfig, PeftModel, set_peft_model_state_dict
    from safetensors.torch import load_file

    lora: Any = LoraConfig.from_pretrained(str(checkpoint.folder))
    lora.inference_mode = True
    wrapped = PeftModel(model, lora)
    state = load_file(checkpoint.folder / "adapter_model.safetensors")
    try:
        outcome: Any = set_peft_model_state_dict(wrapped, state)
    except KeyError as error:  # one of modules_to_save has no tensor in the file
        refuse_missing(checkpoint.id, [str(error.args[0])])
        raise
    # PEFT lists every frozen weight as missing; only the adapter's own tensors can really be.
    own = tuple(key for key in outcome.missing_keys if "lora_" in key or ".modules_to_save." in key)
    refuse_missing(checkpoint.id, own)
    merged: nn.Module = wrapped.merge_and_unload()
    return merged, KeyReport((), tuple(outcome.unexpected_keys))


def _read_foreign(checkpoint: Checkpoint, attn_implementation: str) -> Loaded:
    if checkpoint.adapter:
        return peft_folders.read(checkpoint, attn_implementation)
    number = {} if _names_classes(checkpoint) else {"num_labels": len(checkpoint.labels)}
    model, info = load_stock_classifier(checkpoint.folder, attn_implementation, **number)
    report = key_report(info)
    refuse_missing(checkpoint.id, report.missing)
    return model, report, checkpoint.folder


def _names_classes(checkpoint: Checkpoint) -> bool:
    """Whether config.json itself says how many classes there are; if not, the weights do."""
    config = json.loads((checkpoint.folder / "config.json").read_text(encoding="utf-8"))
    return bool(config.get("id2label") or config.get("num_labels"))


def _read_bare(checkpoint: Checkpoint, attn_implementation: str) -> Loaded:
    model, info = load_encoder(checkpoint.folder, attn_implementation)
    report = key_report(info)
    refuse_missing(checkpoint.id, report.missing)
    return model, report, checkpoint.folder


def read(checkpoint: Checkpoint, attn_implementation: str) -> Loaded:
    """The model in float32, its keys checked, by the layout of its folder."""
    if checkpoint.layout:
        loaded: Loaded = layouts.named(checkpoint.layout).read(checkpoint, attn_implementation)
        return loaded
    return READERS[checkpoint.kind](checkpoint, attn_implementation)


READERS: dict[str, Callable[[Checkpoint, str], Loaded]] = {
    "pooling": _read_own,
    "classifier": _read_foreign,
    "encoder": _read_bare,
}
