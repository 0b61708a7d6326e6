"""Checkpoints on disk: discover, verify, describe. No torch: the first page shows before it is in.

A checkpoint is a folder with config.json, weights in safetensors (a full model or a PEFT adapter)
and, where it has its own, tokenizer files. What can be told without loading is told here; what
only loading shows (NaN weights, keys that do not fit), :mod:`analysis.checkpoints.loading` tells.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from analysis.checkpoints import architectures, cross_encoders, frozen, layouts, notes
from analysis.checkpoints.adapters import describe_adapter
from analysis.checkpoints.checkpoint import Broken, Checkpoint
from analysis.checkpoints.classes import contradiction_in, gaps_in, labels_of, outputs_of
from analysis.checkpoints.configuration import (
    POOLING_MODEL_TYPE,
    config_or_none,
    declared,
    is_own,
    read_config,
    read_json,
    short_digest,
)
from analysis.checkpoints.encoders import (
    EncoderNotFound,
    digest_of,
    download,
    folder_named,
    in_hub_cache,
    resolve_encoder,
)
from analysis.checkpoints.refusals import formats
from analysis.checkpoints.refusals.weights import (
    check_quantised,
    check_sizes,
    check_sums,
    check_weights,
)
from analysis.checkpoints.sizes import shapes_of
from analysis.checkpoints.transformers_models import transformers_checkpoint
from analysis.common.faults import CheckpointError
from analysis.common.outputs import kind_of
from analysis.common.places import DEMO_FOLDER


def discover(root: Path | str = DEMO_FOLDER) -> tuple[list[Checkpoint], list[Broken]]:
    """Every folder in `root`, each either described or listed as broken with its reason."""
    checkpoints: list[Checkpoint] = []
    broken: list[Broken] = []
    root = Path(root)
    if not root.is_dir():
        return checkpoints, broken
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if folder.name.startswith((".", "_")):
            continue
        try:
            checkpoints.append(describe(folder))
        except CheckpointError as error:
            broken.append(Broken(folder.name, folder, str(error)))
    return checkpoints, broken


def locate(reference: str | Path, root: Path | str = DEMO_FOLDER) -> tuple[Path, str, str]:
    """(folder, id, source) of a folder, a registered name in `root`, or a Hub id.

    Raises :class:`CheckpointError` naming each place looked in.
    """
    name = str(reference).strip()
    if not name:
        raise CheckpointError("no checkpoint was named: give a folder or a Hub id")
    folder = folder_named(name)
    if folder is not None:
        inside = folder.resolve().parent == Path(root).resolve()
        return folder, folder.resolve().name if inside else name, "folder"
    if name.endswith((".yaml", ".yml")) and Path(name).expanduser().is_file():
        return Path(name).expanduser(), name, "folder"
    file = _file_named(name)
    if file is not None:
        raise CheckpointError(formats.of_file(file))
    registered = folder_named(str(Path(root) / name))
    if registered is not None and registered.resolve().parent == Path(root).resolve():
        return registered, name, "folder"
    looked = [f"folder {name!r}", f"checkpoints/{name}"]
    path = in_hub_cache(name, looked) or (
        download(name, looked) if re.fullmatch(r"[\w.-]+/[\w.-]+", name) else None
    )
    if path is None:
        raise CheckpointError(f"{name!r} was not found. Looked in: {'; '.join(looked)}.")
    return path, name, "Hub"


def _file_named(name: str) -> Path | None:
    """The file of that name, or None: whatever was typed, it raises nothing."""
    try:
        file = Path(name).expanduser()
        return file if file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def describe(folder: Path | str, id: str | None = None, source: str = "folder") -> Checkpoint:
    """Read and verify a checkpoint's files without loading its weights.

    Raises :class:`CheckpointError` for: no or unreadable config.json, a pickle instead of
    safetensors, a truncated file, code to be executed, an architecture that is no text encoder
    or classifier, an encoder that cannot be found (each place looked in is named), or anything
    else that its files do to their reader: one folder never takes the list of all down.
    """
    folder = Path(folder)
    name = id or folder.name
    if folder.is_file():
        from analysis.checkpoints.layouts import keys

        return keys.describe_file(folder, name, source)
    try:
        return _describe(folder, name, source)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{name}: its files cannot be understood ({type(error).__name__}: {error}). "
            "Copy the checkpoint again from where it was made."
        ) from error


def _describe(folder: Path, name: str, source: str) -> Checkpoint:
    foreign = layouts.layout_of(folder, config_or_none(folder))
    if foreign is not None:
        return foreign.describe(folder, name, source, config_or_none(folder))
    if (folder / "adapter_config.json").is_file() and not is_own(folder):
        return describe_adapter(folder, name, source)
    config = read_config(folder)
    if config.get("auto_map") and not architectures.is_known(str(config.get("model_type", ""))):
        raise CheckpointError(
            f"{name}: config.json asks to run Python code from the checkpoint (auto_map), and "
            f"Transformers has no architecture {config.get('model_type')!r} of its own. "
            "PoolLens never runs code from a checkpoint; use a model that Transformers supports."
        )
    weights = check_weights(folder, name)
    if not (folder / "adapter_config.json").is_file():
        check_sizes(name, config, weights)
    facts = read_json(folder / "training.json") if (folder / "training.json").is_file() else {}
    check_sums(name, facts, weights)
    if config.get("model_type") == POOLING_MODEL_TYPE:
        return _describe_pooling(folder, name, source, config, weights, facts)
    check_quantised(name, config)
    outputs = outputs_of(shapes_of(weights))
    kind = architectures.kind_of_model(name, config, outputs)
    cross_encoder = cross_encoders.settings_of(folder)
    prompt = cross_encoders.prompt_of(cross_encoder)
    config = cross_encoders.with_activation(config, cross_encoder) | declared(folder, name)
    labels: tuple[str, ...] = ()
    if kind == "classifier":
        labels = labels_of(name, config, outputs)
    return transformers_checkpoint(
        folder,
        name,
        source,
        kind=kind,
        encoder=str(config.get("model_type", "")),
        labels=labels,
        config=config,
        weights=weights,
        facts=facts,
        prompt=prompt,
        notes=(
            gaps_in(config),
            contradiction_in(config),
            "" if kind == "classifier" else notes.without_pooling(folder),
            "" if kind == "classifier" else notes.unread_layer(config, outputs),
            cross_encoders.prompt_note(cross_encoder),
            notes.blocks(config),
        ),
    )


def _describe_pooling(
    folder: Path,
    name: str,
    source: str,
    config: dict[str, Any],
    weights: tuple[Path, ...],
    facts: dict[str, Any],
) -> Checkpoint:
    adapter = (folder / "adapter_config.json").is_file()
    encoder_name = str(config.get("encoder_name", ""))
    digest = digest_of(weights)
    if adapter:
        try:
            encoder = resolve_encoder(encoder_name)
        except EncoderNotFound as error:
            raise CheckpointError(f"{name}: {error}") from error
        expected = config.get("encoder_sha256")
        if expected and encoder.sha256 != expected:
            raise CheckpointError(
                f"{name}: the encoder {encoder_name!r} found as {encoder.source} has other weights "
                f"(sha256 {encoder.sha256[:12]}) than the adapter was trained on "
                f"({str(expected)[:12]})."
            )
        digest = f"{digest}{encoder.sha256}"
    base = None
    if frozen.is_frozen(folder):
        try:
            base = frozen.encoder_of(
                folder,
                encoder_name,
                str(config.get("encoder_sha256", "")),
                describe,
                lambda checkpoint: checkpoint.encoder_digest,
            )
        except ValueError as error:
            raise CheckpointError(f"{name}: {error}") from error
        digest = f"{digest}{base.sha256}"
    labels = labels_of(name, config)
    if not labels:
        raise CheckpointError(f"{name}: config.json names no classes (id2label)")
    return Checkpoint(
        id=name,
        folder=folder,
        kind="pooling",
        encoder=encoder_name,
        head=str(config.get("head", "")),
        head_options=dict(config.get("head_options") or {}),
        labels=labels,
        task=config.get("task"),
        pairs=bool(config.get("pairs")),
        # Its own classifier of one label is trained on numbers, whatever its file leaves out.
        output=kind_of({"problem_type": "regression"} if len(labels) == 1 else config, len(labels)),
        source=source,
        sha256=short_digest(digest, folder),
        seed=config.get("seed"),
        adapter=adapter,
        base=base,
        facts=facts,
    )
