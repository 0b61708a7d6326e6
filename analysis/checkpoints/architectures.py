"""Architectures that Transformers has classes of its own for. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.common.faults import CheckpointError

_ENCODER_SUFFIXES = (
    "Model",
    "ForMaskedLM",
    "ForCausalLM",
    "ForConditionalGeneration",
    "ForPreTraining",
    "ForQuestionAnswering",
    "ForTokenClassification",
    "ForMultipleChoice",
    "ForNextSentencePrediction",
)


def is_known(model_type: str) -> bool:
    """Whether Transformers builds this model type without code from the checkpoint."""
    from transformers.models.auto import configuration_auto

    known: dict[str, str] = vars(configuration_auto)["CONFIG_MAPPING_NAMES"]
    return model_type in known


def kind_of_model(name: str, config: dict[str, Any], outputs: int | None) -> str:
    """Kind that a configuration declares; where it names no architecture, that of its weights.

    Raises
    ------
    CheckpointError
        No known architecture, or one that is neither a classifier nor an encoder.
    """
    if not config.get("model_type"):
        raise CheckpointError(
            f"{name}: its config.json names no model_type, so its weights are of no known "
            'architecture. Write it there, such as "model_type": "bert".'
        )
    architectures: Sequence[str] = config.get("architectures") or []
    shown = ", ".join(architectures) or str(config.get("model_type", "unknown"))
    if any(a.endswith("ForSequenceClassification") for a in architectures):
        return "classifier"
    is_text = "vocab_size" in config
    if is_text and architectures and architectures[0].endswith(_ENCODER_SUFFIXES):
        return "encoder"
    if is_text and not architectures:
        return "encoder" if outputs is None else "classifier"
    raise CheckpointError(
        f"{name}: its architecture is {shown}. PoolLens takes its own checkpoints, any "
        "*ForSequenceClassification, and text encoders such as BertModel. Where it is such an "
        "encoder under another name, write that name into architectures in config.json; weights "
        "with a pooling head of your own open by a poollens.yaml beside them (encoder, head, "
        "labels, keys)."
    )
