"""Masked language models: which folder holds the head of one, and the model with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from analysis.checkpoints.encoders import EncoderNotFound, locally
from analysis.checkpoints.refusals.models import refuse_missing
from analysis.common.faults import CheckpointError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.checkpoints.loading import Classifier

_NETWORKS: WeakKeyDictionary[nn.Module, PreTrainedModel | None] = WeakKeyDictionary()
_FILLERS: WeakKeyDictionary[nn.Module, Classifier] = WeakKeyDictionary()


def has_head(folder: Path) -> bool:
    """Whether a folder holds a masked language model's head, by what its config.json says."""
    try:
        named = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"]
        return any(str(name).endswith("ForMaskedLM") for name in named)
    except (OSError, ValueError, TypeError, KeyError):
        return False


def folder_of(checkpoint: Checkpoint) -> Path | None:
    """The folder whose masked language model goes with a checkpoint: its own, or its encoder's.

    Only what is on this machine is looked at.
    """
    own = [checkpoint.folder, *([checkpoint.base.folder] if checkpoint.base else [])]
    for folder in own:
        if has_head(folder):
            return folder
    try:
        encoder = locally(checkpoint.encoder).path
    except EncoderNotFound:
        return None
    return encoder if has_head(encoder) else None


def head_of(classifier: Classifier) -> PreTrainedModel | None:
    """The model of a checkpoint's own folder with its vocabulary head, kept as long as it is.

    None where its configuration names none, or names one that the file does not hold. Raises
    :class:`CheckpointError` where other weights are missing.
    """
    if classifier.model not in _NETWORKS:
        own = classifier.checkpoint.folder
        _NETWORKS[classifier.model] = _network(classifier) if has_head(own) else None
    return _NETWORKS[classifier.model]


def _network(classifier: Classifier) -> PreTrainedModel | None:
    from transformers import AutoModelForMaskedLM

    from analysis.checkpoints.opening import key_report, opened

    folder = classifier.checkpoint.folder
    model, info = opened(AutoModelForMaskedLM, folder, trust_remote_code=False)
    own = f"{model.base_model_prefix}."
    missing = list(key_report(info).missing)
    if missing and not any(name.startswith(own) for name in missing):
        return None
    refuse_missing(classifier.checkpoint.id, missing)
    network: PreTrainedModel = model.eval().requires_grad_(False).to(classifier.device)
    return network


def filler_of(classifier: Classifier) -> Classifier:
    """The masked language model that goes with a checkpoint, kept as long as the checkpoint is.

    Raises :class:`CheckpointError` where there is none.
    """
    held = _FILLERS.get(classifier.model)
    if held is None:
        from analysis.checkpoints.loading import load

        folder = folder_of(classifier.checkpoint)
        filler = None if folder is None else load(folder, device=str(classifier.device))
        if filler is None or head_of(filler) is None:
            raise CheckpointError(
                f"{classifier.checkpoint.id}: neither its folder nor its encoder's holds a masked "
                "language model's head. Take the words from the suite or a data set."
            )
        held = _FILLERS[classifier.model] = filler
    return held
