"""Sizes in a configuration, compared with its weights before anything of that size is built."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# Key of a configuration -> what it counts. Each counts rows, columns or tensors of the weights.
_WIDTHS = {
    "hidden_size": "numbers in a token vector",
    "d_model": "numbers in a token vector",
    "dim": "numbers in a token vector",
    "n_embd": "numbers in a token vector",
    "num_labels": "classes",
}
_DEPTHS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers")


def shapes_of(files: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of these safetensors files, from their headers alone."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        with open(file, "rb") as opened:
            length = struct.unpack("<Q", opened.read(8))[0]
            header = json.loads(opened.read(min(length, 100_000_000)))
        for key, tensor in header.items():
            if key != "__metadata__":
                shapes[key] = tuple(int(size) for size in tensor["shape"])
    return shapes


def excess(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> str:
    """In one sentence what `config` asks for beyond the weights; empty where it fits them.

    Weights of a model have a tensor at least as wide as a token vector, one row for each class,
    and at least one tensor for each layer. What claims more would be built in vain: twenty
    thousand layers, or a matrix of 10¹² classes.
    """
    widest = max((size for shape in shapes.values() for size in shape), default=0)
    for key, counted in _WIDTHS.items():
        value = config.get(key)
        if _number(value) > max(widest, 1):
            return f"{key} is {value:,}, but no tensor of its weights holds as many {counted}"
    labels = config.get("id2label")
    if isinstance(labels, dict) and len(labels) > max(widest, 2):
        return f"id2label names {len(labels):,} classes, but no tensor of its weights has as many"
    for key in _DEPTHS:
        value = config.get(key)
        # ALBERT shares one layer's weights: its depth is bounded by sense, not by its tensors.
        if _number(value) > max(len(shapes), 200):
            return f"{key} is {value:,}, but its weights hold {len(shapes):,} tensors in all"
    nested = config.get("encoder")
    return excess(nested, shapes) if isinstance(nested, dict) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
