"""Training: pooling heads on a frozen encoder, or encoder and pooling head together.

:func:`states` and :func:`fit` fit heads in seconds (:mod:`training.frozen`);
``python -m training --help`` lists the commands. Importing this package loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from analysis.common.threads import wait_passively

wait_passively()  # before anything here imports torch

_NAMES = {
    "states": "training.frozen.states",
    "fit": "training.frozen.fit",
    "save": "training.frozen.save",
}
__all__ = [*_NAMES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'training' has no attribute {name!r}")
