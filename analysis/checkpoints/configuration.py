"""Small files of a checkpoint's folder: config.json, and declarations beside it. No torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from analysis.checkpoints.cross_encoders import SETTINGS
from analysis.checkpoints.encoders import sha256_of, weight_files
from analysis.checkpoints.refusals import formats
from analysis.common.faults import CheckpointError

POOLING_MODEL_TYPE = "pooling_classifier"
SIDECAR = "poollens.yaml"
_KNOWN = ("labels", "problem_type", "task")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises
    ------
    CheckpointError
        It cannot be read, or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path.parent.name}: {path.name} cannot be read ({error}). "
            "Copy the checkpoint again from where it was made."
        ) from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path.parent.name}: {path.name} holds no JSON object")
    return values


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a folder.

    Raises
    ------
    CheckpointError
        There is none, or none that can be read; with what lies in its place.
    """
    if not any(folder.iterdir()):
        raise CheckpointError(
            f"{folder.name}: the folder is empty. A checkpoint has config.json and "
            "model.safetensors or a PEFT adapter."
        )
    if not (folder / "config.json").is_file():
        foreign = "" if weight_files(folder) else formats.in_folder(folder)
        if foreign:
            raise CheckpointError(f"{folder.name}: its weights are {foreign}")
        raise CheckpointError(
            f"{folder.name}: there is no config.json. A checkpoint has config.json and "
            f"model.safetensors or a PEFT adapter.{_inside(folder)}"
        )
    return read_json(folder / "config.json")


def _inside(folder: Path) -> str:
    """In a sentence, which folders inside this one may be meant: a trainer's, or an adapter's."""
    files = ("config.json", "adapter_config.json", "modules.json")
    inside = sorted(p.name for p in folder.iterdir() if any((p / file).is_file() for file in files))
    if not inside:
        return ""
    more = f" (or {', '.join(inside[1:4])})" if inside[1:] else ""
    return f" There is one in the folder {inside[0]}{more} inside it: name that."


def config_or_none(folder: Path) -> dict[str, Any]:
    """config.json where there is one that can be read; {} otherwise."""
    try:
        return read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    except CheckpointError:
        return {}


def is_own(folder: Path) -> bool:
    """Whether the folder's config.json is that of this project's own kind."""
    path = folder / "config.json"
    return path.is_file() and read_json(path).get("model_type") == POOLING_MODEL_TYPE


def spec_of(path: Path) -> dict[str, Any]:
    """The names and values of a YAML file.

    Raises
    ------
    CheckpointError
        It cannot be read, or is no table of names and values.
    """
    import yaml

    name = path.parent.name
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CheckpointError(f"{name}: {path.name} cannot be read ({error})") from error
    if not isinstance(spec, dict):
        raise CheckpointError(f"{name}: {path.name} is no table of names and values")
    return spec


def declared(folder: Path, name: str) -> dict[str, Any]:
    """Entries of a ``poollens.yaml`` beside a readable folder, in the terms of config.json.

    Raises
    ------
    CheckpointError
        It cannot be read, or says something else than labels, problem_type and task.
    """
    file = folder / SIDECAR
    if not file.is_file():
        return {}
    spec = spec_of(file)
    unknown = sorted(set(map(str, spec)) - set(_KNOWN))
    if unknown:
        raise CheckpointError(
            f"{name}: {', '.join(unknown)} in {file.name} is unknown beside a folder that opens "
            f"without it; known: {', '.join(_KNOWN)}"
        )
    entries: dict[str, Any] = {}
    if spec.get("labels"):
        entries["id2label"] = dict(enumerate(map(str, spec["labels"])))
    if spec.get("problem_type"):
        entries["problem_type"] = spec["problem_type"]
    if spec.get("task"):
        entries["finetuning_task"] = str(spec["task"])
    return entries


def short_digest(weights: str, folder: Path) -> str:
    """Digest of a folder: of its weights, and of the configuration that decides what they mean."""
    parts = weights + sha256_of(folder / "config.json")
    return hashlib.sha256(parts.encode()).hexdigest()


def identity(weights: str, folder: Path, *more: str) -> str:
    """Digest of a folder of somebody else's: of its weights, and of every file that decides what
    they mean."""
    files = [folder / name for name in ("config.json", SIDECAR, SETTINGS)]
    parts = [weights, *more, *(sha256_of(file) if file.is_file() else "" for file in files)]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
