"""Folders that PEFT wrote: an adapter of somebody's own training, joined with its base model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from analysis.checkpoints.adapters import base_of
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.encoders import weight_files
from analysis.checkpoints.opening import KeyReport, key_report, load_encoder, load_stock_classifier
from analysis.checkpoints.sizes import shapes_of
from analysis.common.faults import CheckpointError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


def read(
    checkpoint: Checkpoint, attn_implementation: str
) -> tuple[PreTrainedModel, KeyReport, Path]:
    """The base model with the adapter merged into it, its keys checked, and the tokenizer's folder.

    Raises :class:`CheckpointError` where the adapter is of a kind that cannot be merged, or a
    tensor is in neither of the two files.
    """
    from peft import PeftConfig, PeftModel
    from peft.tuners.tuners_utils import BaseTuner

    folder = checkpoint.folder
    adapter: Any = PeftConfig.from_pretrained(str(folder))
    stored = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    base = base_of(folder, str(stored.get("base_model_name_or_path") or ""), checkpoint.id)
    model: Any
    if checkpoint.kind == "classifier":
        names = dict(enumerate(checkpoint.labels))
        model, info = load_stock_classifier(
            base.path,
            attn_implementation,
            num_labels=len(names),
            id2label=names,
            label2id={name: index for index, name in names.items()},
        )
    else:
        model, info = load_encoder(base.path, attn_implementation)
    own = key_report(info)
    _make_room(model, folder)
    adapter.inference_mode = True
    wrapped: Any = PeftModel.from_pretrained(model, str(folder), config=adapter)
    if not isinstance(wrapped.base_model, BaseTuner):
        raise CheckpointError(
            f"{checkpoint.name}: an adapter of kind {adapter.peft_type} changes the input and "
            "cannot be merged into its base. PoolLens takes adapters that can, such as LoRA."
        )
    brought = _brought(wrapped)
    lost = [key for key in own.missing if not key.startswith(brought)]
    if lost:
        modules = sorted({key.split(".")[0] for key in lost})
        raise CheckpointError(
            f"{checkpoint.name}: {', '.join(lost[:4])} {'is' if len(lost) == 1 else 'are'} neither "
            "in the adapter nor in its base: random layers of the classifier that PEFT does not "
            "save by itself. Join the model where it was trained, model.merge_and_unload()"
            f".save_pretrained(folder), or train with modules_to_save={modules}."
        )
    merged: PreTrainedModel = wrapped.merge_and_unload()
    has_tokenizer = any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt"))
    return merged, KeyReport((), own.unexpected), folder if has_tokenizer else base.path


def _make_room(model: PreTrainedModel, folder: Path) -> None:
    """Resize the embeddings to those that the adapter brings, as its training had done for tokens
    that were added."""
    table = cast("nn.Embedding", model.get_input_embeddings())
    name = next((name for name, module in model.named_modules() if module is table), "")
    for key, shape in shapes_of(weight_files(folder)).items():
        if key.endswith(f"{name}.weight") and len(shape) == 2 and shape[0] != len(table.weight):
            model.resize_token_embeddings(shape[0], mean_resizing=False)
            return


def _brought(wrapped: PeftModel) -> tuple[str, ...]:
    """Prefixes of the base's parameters that the adapter replaces as a whole."""
    modules = cast("nn.Module", wrapped.base_model.model).named_modules()
    return tuple(name for name, module in modules if hasattr(module, "modules_to_save")) or ("\0",)
