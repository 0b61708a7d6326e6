"""Weights and encoder outputs that several loaded checkpoints share, held once.

Pooling heads on one frozen encoder each have a module of their own (hooks and locks stay apart),
and all of these point to the same numbers. Nothing in PoolLens changes loaded weights in place.
What the encoder makes of a text is the same for all of them, and is computed once.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from analysis.common.cache import Cache

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

_HELD: weakref.WeakValueDictionary[Hashable, nn.Parameter] = weakref.WeakValueDictionary()
_ONE_AT_A_TIME = threading.Lock()
_OUTPUTS = Cache[Any](64_000_000, most=32)  # 512 tokens of a base-size encoder: 20 MB


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


def encoded(classifier: Classifier, inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
    """The encoder's output for these inputs; of a frozen encoder also what another head asked for.

    Only without gradients: what is kept belongs to no graph.
    """
    model: Any = classifier.model
    base = classifier.checkpoint.base
    if base is None or torch.is_grad_enabled():
        return model.encode(**inputs, **outputs)
    key = (
        base.sha256,
        classifier.dtype,
        str(classifier.device),
        classifier.encoder.config._attn_implementation,  # type: ignore[union-attr]
        bool(outputs) or model.head.reads_attentions(),
        tuple(
            (name, tuple(tensor.shape), tensor.cpu().numpy().tobytes())
            for name, tensor in sorted(inputs.items())
        ),
    )
    output = _OUTPUTS.get(key)
    if output is None:
        output = model.encode(**inputs, **outputs)
        every = (*output.hidden_states, *(output.attentions or ()))
        _OUTPUTS.put(key, output, sum(state.numel() * state.element_size() for state in every))
    return output


def weights_of(classifier: Classifier) -> dict[str, int]:
    """Bytes of a checkpoint's weights by name: its encoder's, which others may have in common with
    it, and its own."""
    known = classifier.checkpoint
    frozen = known if known.kind == "encoder" else known.base
    encoder = _bytes(classifier.encoder)
    whose = frozen.encoder_digest if frozen is not None else known.id
    return {
        f"encoder of {whose}": encoder,
        f"head of {known.id}": _bytes(classifier.model) - encoder,
    }


def _bytes(module: nn.Module) -> int:
    """Bytes of the parameters of a module, each once."""
    return sum(p.numel() * p.element_size() for p in module.parameters())
