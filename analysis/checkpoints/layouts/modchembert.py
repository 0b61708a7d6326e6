"""ModChemBERT: a ModernBERT whose classifier pools as MaxPoolBERT does (model_type modchembert).

Keys: the encoder's under ``model.``, then ``pooling_attn.Wq`` (Wk, Wv, Wo), ``head.dense``,
``head.norm`` and ``classifier``. The states it pools are those of Transformers 4: none is normed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.classes import labels_of, outputs_of
from analysis.checkpoints.configuration import short_digest
from analysis.checkpoints.encoders import digest_of
from analysis.checkpoints.layouts import Layout
from analysis.checkpoints.refusals.weights import check_weights
from analysis.checkpoints.sizes import shapes_of
from analysis.common.outputs import kind_of

if TYPE_CHECKING:
    from analysis.checkpoints.weights import Loaded

_KEYS = {
    "pooling_attn.Wq.": "Wq.",
    "pooling_attn.Wk.": "Wk.",
    "pooling_attn.Wv.": "Wv.",
    "pooling_attn.Wo.": "Wo.",
    "model.final_norm.": "last_norm.",
    "head.dense.": "dense.",
    "head.norm.": "dense_norm.",
}


def _recognise(folder: Path, config: dict[str, Any]) -> bool:
    return config.get("model_type") == "modchembert"


def _describe(folder: Path, name: str, source: str, config: dict[str, Any]) -> Checkpoint:
    weights = check_weights(folder, name)
    labels = labels_of(name, config, outputs_of(shapes_of(weights)))
    pooling = str(config.get("classifier_pooling", "max_seq_mha"))
    heads = int(config["num_attention_heads"])
    stored = config.get("classifier_pooling_num_attention_heads", 4)
    notes = ["Its layers are pooled before the encoder's final norm, as its source does."]
    if pooling.endswith("mha") and stored != heads:
        notes.append(
            f"Its configuration names {stored} attention heads for the pooling; its source uses "
            f"the encoder's {heads}, and so does this."
        )
    return Checkpoint(
        id=name,
        folder=folder,
        kind="pooling",
        encoder="modernbert",
        head="modchembert",
        head_options={
            "pooling": pooling,
            "last_k": int(config.get("classifier_pooling_last_k", 8)),
            "num_heads": heads,
            "rope_theta": _theta(config),
            "activation": str(config.get("classifier_activation", "gelu")),
            "norm_eps": float(config.get("norm_eps", 1e-5)),
            "attention_bias": bool(config.get("attention_bias", False)),
            "dense_bias": bool(config.get("classifier_bias", False)),
            "norm_bias": bool(config.get("norm_bias", False)),
        },
        labels=labels,
        task=config.get("finetuning_task"),
        pairs=False,
        output=kind_of(config, len(labels)),
        source=source,
        sha256=short_digest(digest_of(weights), folder),
        layout="modchembert",
        notes=tuple(notes),
    )


def _theta(config: dict[str, Any]) -> float:
    """Base of the global RoPE, where Transformers 4 or 5 puts it."""
    nested = (config.get("rope_parameters") or {}).get("full_attention") or {}
    return float(config.get("global_rope_theta") or nested.get("rope_theta") or 160_000.0)


def _read(checkpoint: Checkpoint, attn_implementation: str) -> Loaded:
    import json

    import torch
    from transformers import ModernBertConfig, ModernBertModel

    from analysis.checkpoints.encoders import weight_files
    from analysis.checkpoints.layouts.parts import assemble, fill, tensors, unwrapped

    values = json.loads((checkpoint.folder / "config.json").read_text(encoding="utf-8"))
    strange = ("auto_map", "architectures", "model_type", "dtype", "torch_dtype")
    config = ModernBertConfig(
        **{
            name: value
            for name, value in values.items()
            if name not in strange and not name.startswith("classifier_pooling")
        }
    )
    config._attn_implementation = attn_implementation
    state = unwrapped(
        tensors(weight_files(checkpoint.folder)), ("model.embeddings.", "classifier.")
    )
    encoder = ModernBertModel(config)
    # Its states are pooled before this norm, which the pooling head holds.
    encoder.final_norm = torch.nn.Identity()  # type: ignore[assignment]
    model = assemble(checkpoint, encoder)
    of_encoder = {
        key.removeprefix("model."): tensor
        for key, tensor in state.items()
        if key.startswith("model.") and not key.startswith("model.final_norm.")
    }
    of_head = {}
    for key, tensor in state.items():
        prefix = next((prefix for prefix in _KEYS if key.startswith(prefix)), None)
        if prefix is not None:
            of_head[_KEYS[prefix] + key.removeprefix(prefix)] = tensor
    of_classifier = {
        key.removeprefix("classifier."): tensor
        for key, tensor in state.items()
        if key.startswith("classifier.")
    }
    unused = fill(checkpoint.id, encoder, of_encoder, "model.")
    unused += fill(checkpoint.id, model.head, of_head, "head.")
    unused += fill(checkpoint.id, model.classifier, of_classifier, "classifier.")
    from analysis.checkpoints.opening import KeyReport

    return model, KeyReport((), unused), checkpoint.folder


LAYOUT = Layout("modchembert", _recognise, _describe, _read)
