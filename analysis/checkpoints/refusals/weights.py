"""Weights that are not opened: in another format, half copied, changed, quantised. No torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.checkpoints import frozen
from analysis.checkpoints.configuration import read_json
from analysis.checkpoints.encoders import sha256_of, weight_files
from analysis.checkpoints.refusals import formats
from analysis.checkpoints.sizes import excess, shapes_of
from analysis.common.faults import CheckpointError


def check_weights(folder: Path, name: str) -> tuple[Path, ...]:
    """The safetensors files of a folder.

    Raises
    ------
    CheckpointError
        There are none; what lies there in another format is answered with the way to convert it.
    """
    files = weight_files(folder)
    adapter = (folder / "adapter_config.json").is_file()
    prefix = "adapter_model" if adapter else "head" if frozen.is_frozen(folder) else "model"
    files = tuple(file for file in files if file.name.startswith(prefix))
    if not files or (prefix == "model" and not _plain(folder, files)):
        known = formats.in_folder(folder)
        if known:
            raise CheckpointError(f"{name}: its weights are {known}")
        both = adapter and (folder / "model.safetensors").is_file()
        hint = (
            " Its adapter_config.json declares an adapter, and it holds a whole model: where the "
            "adapter is merged into it, take adapter_config.json away; else copy the adapter's "
            "file."
            if both
            else " Copy it there too, or save the model again."
        )
        raise CheckpointError(f"{name}: there is no {prefix}.safetensors beside config.json.{hint}")
    for file in files:
        _check_safetensors(file, name)
    _check_shards(folder, name)
    return files


def _plain(folder: Path, files: Sequence[Path]) -> bool:
    """Whether these are the files that Transformers opens: one, or those of an index."""
    names = {file.name for file in files}
    return "model.safetensors" in names or (folder / "model.safetensors.index.json").is_file()


def _check_shards(folder: Path, name: str) -> None:
    """Every file that the index of weights in several files names is there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file() or (folder / "model.safetensors").is_file():
        return
    table = read_json(index).get("weight_map")
    files = sorted(set(map(str, table.values()))) if isinstance(table, dict) else []
    lost = [file for file in files if not (folder / file).is_file()]
    if lost:
        raise CheckpointError(
            f"{name}: {', '.join(lost[:3])}{' and more' if len(lost) > 3 else ''} of the "
            f"{len(files)} files of its weights {'is' if len(lost) == 1 else 'are'} not there "
            f"({index.name} names them). Copy or download the folder again."
        )


def _check_safetensors(file: Path, name: str) -> None:
    """The header says how long the file must be: a cut download is found without loading it."""
    size = file.stat().st_size
    with open(file, "rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        header = opened.read(length) if 0 < length <= min(size - 8, 100_000_000) else b""
        opened.seek(0)
        pointer = formats.is_pointer(opened.read(64))
    if pointer:
        raise CheckpointError(
            f"{name}: {file.name} is a pointer of Git LFS, {size} bytes in the place of the "
            "weights. Fetch them in that folder: git lfs pull."
        )
    try:
        tensors = {key: value for key, value in json.loads(header).items() if key != "__metadata__"}
        expected = 8 + length + max((t["data_offsets"][1] for t in tensors.values()), default=0)
    except (ValueError, LookupError, TypeError, AttributeError):
        expected = -1
    if expected != size:
        phrase = (
            f"it should have {expected:,} bytes and has {size:,}" if expected > 0 else "no header"
        )
        raise CheckpointError(
            f"{name}: {file.name} is truncated or damaged ({phrase}). Copy or download it again."
        )


def check_sizes(name: str, config: dict[str, Any], weights: tuple[Path, ...]) -> None:
    """Refuse a configuration whose sizes its weights do not have.

    Raises
    ------
    CheckpointError
        The configuration is of another, larger model.
    """
    reason = excess(config, shapes_of(weights))
    if reason:
        raise CheckpointError(f"{name}: {reason}. Its config.json is of another model.")


def sums_of(weights: Sequence[Path]) -> dict[str, str]:
    """The sha256 of each file of weights, as ``training.json`` keeps them."""
    return {file.name: sha256_of(file) for file in weights}


def check_sums(name: str, facts: dict[str, Any], weights: tuple[Path, ...]) -> None:
    """Compare the weights with their digests: one changed bit would change logits unnoticed.

    Raises
    ------
    CheckpointError
        A file is not the one that was trained.
    """
    sums = facts.get("weights")
    known = sums if isinstance(sums, dict) else {}
    for file in weights:
        if known.get(file.name, sha256_of(file)) != sha256_of(file):
            raise CheckpointError(
                f"{name}: {file.name} is not the file that was trained: it was damaged or replaced "
                "since. Copy the checkpoint again; where you changed it yourself, take 'weights' "
                "out of training.json."
            )


def check_quantised(name: str, config: dict[str, Any]) -> None:
    """Weights of a few bits have their own arithmetic and no gradients of their inputs.

    Raises
    ------
    CheckpointError
        The configuration says that the weights are quantised.
    """
    settings = config.get("quantization_config")
    if isinstance(settings, dict):
        raise CheckpointError(
            f"{name}: its weights are quantised "
            f"({settings.get('quant_method', 'quantization_config')}), and PoolLens reads whole "
            "ones. Take the model that was quantised, or write it whole where that library is "
            "installed: model.dequantize().save_pretrained(folder)."
        )
