"""Tiny checkpoints that many tests share, made once a run, each when it is first asked for."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from support import tiny

LINEAR = (
    "cls",
    "max_cls",
    "mha",
    "max_seq_mha",
    "mean",
    "max",
    "weighted_mean",
    "query_attention",
    "concat",
)
OWN = (*LINEAR, "cls_mlp", "lora", "regression", "residual")
POOLING = {  # name -> arguments of make_pooling_checkpoint; the others are pooling head keys
    "lora": {"head": "max_seq_mha", "adapter": True},
    "regression": {"head": "max_seq_mha", "labels": None},
    "residual": {"head": "max_seq_mha", "head_options": {"residual": True}},
    "layer_norm": {"head": "mha", "head_options": {"layer_norm": True}},
    "tanh": {"head": "cls", "head_options": {"pooler": "tanh"}},
}


@cache
def root() -> Path:
    """The folder that holds them; gone when the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="poollens-zoo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def folder(name: str) -> Path:
    """A checkpoint folder: a pooling head's key, a key of POOLING, one of tiny.FOREIGN, "bare"."""
    path = root() / name
    if name in tiny.FOREIGN:
        return tiny.make_foreign_checkpoint(path, name, seed=3)
    if name == "bare":
        return tiny.make_bare_encoder(path)
    return tiny.make_pooling_checkpoint(path, **{"seed": 3, **POOLING.get(name, {"head": name})})


@cache
def loaded(name: str) -> Any:
    """The checkpoint as `analysis.load` gives it. Shared: leave it as it was."""
    import analysis

    return analysis.load(folder(name), device="cpu")
