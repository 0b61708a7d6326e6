"""Folders of PEFT's, described: an adapter, whose base model lies elsewhere. No torch."""

from __future__ import annotations

from pathlib import Path

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.classes import labels_of, outputs_of
from analysis.checkpoints.configuration import declared, read_json
from analysis.checkpoints.encoders import (
    EncoderLocation,
    EncoderNotFound,
    resolve_encoder,
)
from analysis.checkpoints.refusals.weights import check_weights
from analysis.checkpoints.sizes import shapes_of
from analysis.checkpoints.transformers_models import transformers_checkpoint
from analysis.common.faults import CheckpointError


def describe_adapter(folder: Path, name: str, source: str) -> Checkpoint:
    """A folder of PEFT's: an adapter, whose base model lies elsewhere.

    Raises
    ------
    CheckpointError
        It is for another task, its base is not found, or one of its files cannot be used.
    """
    adapter = read_json(folder / "adapter_config.json")
    weights = check_weights(folder, name)
    outputs = outputs_of(shapes_of(weights))
    task = adapter.get("task_type") or ("FEATURE_EXTRACTION" if outputs is None else "SEQ_CLS")
    if task not in _ADAPTER_KINDS:
        raise CheckpointError(
            f"{name}: it is an adapter for the task {task}, and PoolLens takes those for "
            f"{' and '.join(map(str, _ADAPTER_KINDS))}. Join it with its base once and save that: "
            "model.merge_and_unload().save_pretrained(folder)."
        )
    kind = _ADAPTER_KINDS[task]
    base = base_of(folder, str(adapter.get("base_model_name_or_path") or ""), name)
    own = folder / "config.json"
    config = read_json(own if own.is_file() else base.path / "config.json")
    declaration = declared(folder, name)
    labels: tuple[str, ...] = ()
    notes: list[str] = []
    if kind == "classifier":
        # The base may have had other classes, which the adapter's layer replaced.
        if not own.is_file() and outputs is not None and len(labels_of(name, config)) != outputs:
            config = {**config, "id2label": None, "num_labels": None, "problem_type": None}
        config |= declaration
        labels = labels_of(name, config, outputs)
        if len(labels) > 1 and not config.get("problem_type"):
            notes.append(
                "Neither the adapter nor its base says whether several of its classes may be true "
                "at once: it is read as one class of several. If they may, write problem_type: "
                "multi_label_classification into poollens.yaml in its folder."
            )
    return transformers_checkpoint(
        folder,
        name,
        source,
        kind=kind,
        encoder=base.name,
        labels=labels,
        config=config,
        weights=weights,
        base=base,
        notes=notes,
    )


# Task of an adapter -> kind of checkpoint.
_ADAPTER_KINDS = {"SEQ_CLS": "classifier", "FEATURE_EXTRACTION": "encoder"}


def base_of(folder: Path, base: str, name: str) -> EncoderLocation:
    """Where the base model of an adapter lies: where it says, or beside the adapter's folder.

    Raises :class:`CheckpointError` naming each place looked in.
    """
    if not base:
        raise CheckpointError(
            f"{name}: adapter_config.json names no base model (base_model_name_or_path). Write the "
            "folder or Hub id of the model that it was trained on there."
        )
    for beside in (folder / base, folder.parent / Path(base).name):
        if (beside / "config.json").is_file() and not Path(base).is_dir():
            base = str(beside)
            break
    try:
        return resolve_encoder(base)
    except EncoderNotFound as error:
        raise CheckpointError(
            f"{name}: the base model of this adapter is not here: {error}"
        ) from error
