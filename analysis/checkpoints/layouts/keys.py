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
from typing import TYPE_CHECKING, Any

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.classes import check_problem
from analysis.checkpoints.configuration import SIDECAR as FILE
from analysis.checkpoints.configuration import spec_of
from analysis.checkpoints.encoders import EncoderNotFound, digest_of, resolve_encoder
from analysis.checkpoints.layouts import Layout
from analysis.common.faults import CheckpointError
from analysis.common.outputs import kind_of

if TYPE_CHECKING:
    from torch import Tensor

    from analysis.checkpoints.weights import Loaded

_KNOWN = ("weights", "encoder", "head", "head_options", "labels", "keys", "problem_type", "task")
_ROOMS = ("encoder.", "head.", "classifier.")


def _recognise(folder: Path, config: dict[str, Any]) -> bool:
    file = folder / FILE
    if not file.is_file():
        return False
    # Beside an adapter or a classifier that opens without it, it names labels and the like alone.
    opens = bool(config) or (folder / "adapter_config.json").is_file()
    return not opens or bool({"weights", "encoder", "head", "keys"} & set(spec_of(file)))


def _describe(folder: Path, name: str, source: str, config: dict[str, Any]) -> Checkpoint:
    return describe_spec(folder, name, source, spec_of(folder / FILE))


def describe_weights(file: Path, arguments: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of a file of weights and the arguments of ``analysis.load``.

    Raises
    ------
    CheckpointError
        There is no such file.
    """
    if not file.is_file():
        raise CheckpointError(f"{file}: there is no such file of weights")
    spec = {name: value for name, value in arguments.items() if value is not None}
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
    missing = [word for word in ("encoder", "head", "keys") if not spec.get(word)]
    if missing:
        raise CheckpointError(
            f"{name}: name {', '.join(missing)} as well (encoder: a folder or Hub id; keys: their "
            "tensors' names -> encoder., head. and classifier.)"
        )
    weights = folder / str(spec.get("weights", "model.safetensors"))
    if not weights.is_file():
        raise CheckpointError(f"{name}: there is no file {weights.name} in its folder")
    if weights.suffix != ".safetensors":
        raise CheckpointError(
            f"{name}: {weights.name} is no safetensors file, and pickles can run code when they "
            "are opened. Convert it once, where you trust it: from safetensors.torch import "
            f"save_file; save_file(torch.load('{weights.name}', weights_only=True), "
            f"'{weights.stem}.safetensors')"
        )
    encoder = str(spec["encoder"])
    if (folder / encoder).is_dir():
        encoder = str(folder / encoder)
    try:
        base = resolve_encoder(encoder)
    except EncoderNotFound as error:
        raise CheckpointError(f"{name}: {error}") from error
    keys = dict(_whole(str(theirs), str(ours)) for theirs, ours in dict(spec["keys"]).items())
    wrong = [to for to in keys.values() if not str(to).startswith(_ROOMS)]
    if wrong:
        raise CheckpointError(
            f"{name}: keys leads to {wrong[0]!r}; a key here begins with {', '.join(_ROOMS)}"
        )
    labels = tuple(map(str, spec.get("labels") or _numbered(name, weights, keys)))
    spec_text = json.dumps(dict(spec), sort_keys=True, default=str)
    digest = digest_of((weights,)) + base.sha256 + spec_text
    check_problem(name, spec.get("problem_type"))
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


def _whole(theirs: str, ours: str) -> tuple[str, str]:
    """``bert`` -> ``encoder`` means all that begins with them and a dot."""
    return (f"{theirs.rstrip('.')}.", f"{ours}.") if f"{ours}." in _ROOMS else (theirs, ours)


def _numbered(name: str, weights: Path, keys: Mapping[str, str]) -> list[str]:
    """``LABEL_0`` and so on, as many as the classifier has outputs."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "np") as file:
            for key in file.keys():  # noqa: SIM118 (the file is no mapping)
                if _ours(key, keys) == "classifier.weight":
                    return [f"LABEL_{n}" for n in range(file.get_slice(key).get_shape()[0])]
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{name}: {weights.name} cannot be read ({error})") from error
    raise CheckpointError(
        f"{name}: none of the keys of {weights.name} leads to classifier.weight: name the key of "
        "the last linear layer (or labels, the classes in order)"
    )


def _ours(key: str, keys: Mapping[str, str]) -> str | None:
    """Our name of one of their tensors, by the longest entry of the table; None: no entry."""
    fitting = [theirs for theirs in keys if key.startswith(theirs)]
    longest = max(fitting, key=len, default=None)
    return None if longest is None else str(keys[longest]) + key[len(longest) :]


def _read(checkpoint: Checkpoint, attn_implementation: str) -> Loaded:
    from analysis.checkpoints.layouts.parts import assemble, fill, tensors
    from analysis.checkpoints.opening import KeyReport, load_encoder

    spec = checkpoint.spec
    # Its tensors are filled from the file below; those that the file must bring are checked there.
    encoder, _ = load_encoder(spec["encoder"], attn_implementation)
    model = assemble(checkpoint, encoder)
    rooms: dict[str, dict[str, Tensor]] = {room: {} for room in _ROOMS}
    unused = []
    for key, tensor in tensors([Path(spec["weights"])]).items():
        ours = _ours(key, spec["keys"])
        if ours is None:
            unused.append(key)
            continue
        room = next(room for room in _ROOMS if ours.startswith(room))
        rooms[room][ours.removeprefix(room)] = tensor
    parts = {"encoder.": encoder, "head.": model.head, "classifier.": model.classifier}
    for room, part in parts.items():
        try:
            unused += fill(checkpoint.id, part, rooms[room], room)
        except CheckpointError as error:
            if not unused:
                raise
            shown = ", ".join(unused[:4]) + (", ..." if len(unused) > 4 else "")
            raise CheckpointError(
                f"{error} Tensors of the file that no entry of keys names: {shown}"
            ) from error
    return model, KeyReport((), tuple(sorted(unused))), Path(spec["encoder"])


LAYOUT = Layout("keys", _recognise, _describe, _read)
