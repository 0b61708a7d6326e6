"""Tiny checkpoints that many tests share, made once a run, each when it is first asked for."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import tiny

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
    "mean_sqrt_len",
    "max_seq_mean",
    "mean_seq_mha",
    "sum_seq_mha",
    "weighted_layers",
    "adapool",
    "latent_attention",
)
BENT = ("cls_mlp", "cls_tanh", "multi_layer")  # layers of their own follow the pooled vector
OWN = (*LINEAR, *BENT, "lora", "regression", "residual")
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
    if name == "masked_lm":
        return tiny.make_masked_lm(path)
    if name == "bare":
        return tiny.make_bare_encoder(path)
    return tiny.make_pooling_checkpoint(path, **{"seed": 3, **POOLING.get(name, {"head": name})})


@cache
def loaded(name: str) -> Any:
    """The checkpoint as `analysis.load` gives it. Shared: leave it as it was."""
    import analysis

    return analysis.load(folder(name), device="cpu")


def silent(classifier: Any) -> Any:
    """The same checkpoint with a pooling head that reports its vector alone, as one's own may."""
    from dataclasses import replace

    import torch

    from analysis.heads import Cls, Pooled

    class Silent(Cls):
        def read(self, hidden: torch.Tensor, attention_mask: torch.Tensor) -> Pooled:
            return Pooled(super().read(hidden, attention_mask).vector)

    model = type(classifier.model)(classifier.model.config)
    model.load_state_dict(classifier.model.state_dict())
    model.head = Silent(model.head.hidden_size, model.head.num_layers)
    return replace(classifier, model=model.eval())
