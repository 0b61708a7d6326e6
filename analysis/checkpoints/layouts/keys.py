"""Weights of somebody's own training script: one safetensors file and a table of its key names.

A small YAML beside the weights, ``poollens.yaml``, or the same as arguments of ``analysis.load``::

    weights: model.safetensors
    encoder: bert-base-uncased        # folder, package or Hub id: its configuration and tokenizer
    head: max_seq_mha
    head_options: {last_k: 3, num_heads: 4}
    labels: [negative, positive]
    keys:                             # theirs (a key, or the beginning of keys) -> ours
      "bert.": "encoder."
      "pool.attn.": "head.attention."
      "out.": "classifier."
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.checkpoints.encoders import EncoderNotFound, digest_of, resolve_encoder
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.faults import CheckpointError
from analysis.checkpoints.layouts import Layout
from analysis.common.outputs import kind_of

FILE = "poollens.yaml"
_KNOWN = ("weights", "encoder", "head", "head_options", "labels", "keys", "problem_type", "task")
_ROOMS = ("encoder.", "head.", "classifier.")


def spec_of(path: Path) -> dict[str, Any]:
    """What a YAML file says; :class:`CheckpointError` where it cannot be used."""
    import yaml

    name = path.parent.name
    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CheckpointError(f"{name}: {path.name} cannot be read ({error})") from error
    if not isinstance(spec, dict):
        raise CheckpointError(f"{name}: {path.name} is no table of names and values")
    return spec


def _recognise(folder: Path, config: dict[str, Any]) -> bool:
    return (folder / FILE).is_file()


def _describe(folder: Path, name: str, source: str, config: dict[str, Any]) -> Checkpoint:
    return describe_spec(folder, name, source, spec_of(folder / FILE))


def describe_weights(file: Path, given: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of a file of weights and the arguments of ``analysis.load``.

    Raises
    ------
    CheckpointError
        There is no such file.
    """
    if not file.is_file():
        raise CheckpointError(f"{file}: there is no such file of weights")
    spec = {name: value for name, value in given.items() if value is not None}
    spec |= {"weights": file.name, "encoder": str(spec.get("encoder", ""))}
    return describe_spec(file.parent, file.stem, "folder", spec)


def describe_file(file: Path, name: str, source: str) -> Checkpoint:
    """The checkpoint of a YAML of any name; it goes by the file, which opens it again."""
    return replace(describe_spec(file.parent, name, source, spec_of(file)), folder=file)


def describe_spec(folder: Path, name: str, source: str, spec: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint that a table of keys makes of a file of weights.

    Raises :class:`CheckpointError` for what is missing, unknown or not found.
    """
    unknown = sorted(set(map(str, spec)) - set(_KNOWN))
    if unknown:
        raise CheckpointError(
            f"{name}: {', '.join(unknown)} is unknown; known: {', '.join(_KNOWN)}"
        )
    missing = [word for word in ("encoder", "head", "labels", "keys") if not spec.get(word)]
    if missing:
        raise CheckpointError(
            f"{name}: name {', '.join(missing)} as well (labels: the classes in order; keys: "
            "their tensors' names -> encoder., head. and classifier.)"
        )
    weights = folder / str(spec.get("weights", "model.safetensors"))
    if not weights.is_file():
        raise CheckpointError(f"{name}: there is no file {weights.name} in its folder")
    encoder = str(spec["encoder"])
    if (folder / encoder).is_dir():
        encoder = str(folder / encoder)
    try:
        base = resolve_encoder(encoder)
    except EncoderNotFound as error:
        raise CheckpointError(f"{name}: {error}") from error
    keys = dict(spec["keys"])
    wrong = [to for to in keys.values() if not str(to).startswith(_ROOMS)]
    if wrong:
        raise CheckpointError(
            f"{name}: keys leads to {wrong[0]!r}; a key here begins with {', '.join(_ROOMS)}"
        )
    labels = tuple(map(str, spec["labels"]))
    given = json.dumps(dict(spec), sort_keys=True, default=str)
    digest = digest_of((weights,)) + base.sha256 + given
    problem = spec.get("problem_type") or ("regression" if len(labels) == 1 else None)
    return Checkpoint(
        id=name,
        folder=folder,
        kind="pooling",
        encoder=str(spec["encoder"]),
        head=str(spec["head"]),
        head_options=dict(spec.get("head_options") or {}),
        labels=labels,
        task=spec.get("task"),
        pairs=False,
        output=kind_of({"problem_type": problem}, len(labels)),
        source=source,
        sha256=hashlib.sha256(digest.encode()).hexdigest(),
        layout="keys",
        spec={**spec, "weights": str(weights), "encoder": str(base.path), "keys": keys},
    )


def _read(checkpoint: Checkpoint, attn_implementation: str) -> Any:
    from analysis.checkpoints.layouts.parts import assemble, fill, tensors
    from analysis.checkpoints.model import KeyReport, load_encoder

    spec = checkpoint.spec
    # Its tensors are filled from the file below; those that the file must bring are checked there.
    encoder, _ = load_encoder(spec["encoder"], attn_implementation)
    model = assemble(checkpoint, encoder)
    rooms: dict[str, dict[str, Any]] = {room: {} for room in _ROOMS}
    unused = []
    table = sorted(spec["keys"].items(), key=lambda pair: -len(pair[0]))  # the longest first
    for key, tensor in tensors([Path(spec["weights"])]).items():
        found = next((pair for pair in table if key == pair[0] or key.startswith(pair[0])), None)
        if found is None:
            unused.append(key)
            continue
        ours = str(found[1]) + key[len(found[0]) :]
        room = next(room for room in _ROOMS if ours.startswith(room))
        rooms[room][ours.removeprefix(room)] = tensor
    parts = {"encoder.": encoder, "head.": model.head, "classifier.": model.classifier}
    for room, part in parts.items():
        unused += fill(checkpoint.id, part, rooms[room], room)
    return model, KeyReport((), tuple(sorted(unused))), Path(spec["encoder"])


LAYOUT = Layout("keys", _recognise, _describe, _read)
