"""Weights that several loaded checkpoints have in common are held once.

Pooling heads on one frozen encoder each have a module of their own (hooks and locks stay apart),
and all of these point to the same numbers. Nothing in PoolLens changes loaded weights in place.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

_HELD: weakref.WeakValueDictionary[Hashable, nn.Parameter] = weakref.WeakValueDictionary()
_ONE_AT_A_TIME = threading.Lock()


def hold_once(encoder: nn.Module, sha256: str) -> None:
    """Let the encoder's parameters point to those of a loaded one with the same weights.

    `sha256` is that of the weights' file; type, device and shape have to agree as well.
    """
    with _ONE_AT_A_TIME, torch.no_grad():
        for name, own in encoder.named_parameters():
            key = (sha256, name, own.dtype, str(own.device), tuple(own.shape))
            held = _HELD.get(key)
            if held is None:
                _HELD[key] = own
            elif held is not own:
                own.data = held.data


def weights_of(classifier: Classifier) -> dict[str, int]:
    """Bytes of a checkpoint's weights by name: its encoder's, which others may have in common with
    it, and its own."""
    known = classifier.checkpoint
    frozen = known if known.kind == "encoder" else known.base
    encoder = _bytes(classifier.encoder)
    whose = frozen.sha256 if frozen is not None else known.id
    return {
        f"encoder of {whose}": encoder,
        f"head of {known.id}": _bytes(classifier.model) - encoder,
    }


def _bytes(module: nn.Module) -> int:
    """Bytes of the parameters of a module, each once."""
    return sum(p.numel() * p.element_size() for p in module.parameters())
