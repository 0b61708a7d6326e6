"""Weights and encoder outputs that several loaded checkpoints share, held once.

Pooling heads on one frozen encoder, and adapters on one encoder, each have a module of their own
(hooks and locks stay apart), and all of these point to the same numbers where their weights are
the same. Nothing in PoolLens changes loaded weights in place.
What the encoder makes of a text is the same for all of them, and is computed once.
"""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from analysis.common.cache import Cache

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.protocols import EncoderOutput, PoolingModel

_HELD: weakref.WeakValueDictionary[Hashable, nn.Parameter] = weakref.WeakValueDictionary()
Modules = TypeVar("Modules")
_ONE_AT_A_TIME = threading.Lock()
_OUTPUTS = Cache["EncoderOutput"](64_000_000, most=32)  # 512 tokens of a base-size encoder: 20 MB


def hold_once(encoder: nn.Module, sha256: str) -> None:
    """Let the encoder's parameters point to those of a loaded one with the same weights.

    `sha256` is that of the weights' file; type, device and shape have to agree as well.
    """
    with _ONE_AT_A_TIME, torch.no_grad():
        for name, own in encoder.named_parameters():
            key = (sha256, name, own.dtype, str(own.device), tuple(own.shape))
            mark(own, sha256, name)
            held = _HELD.get(key)
            if held is None:
                _HELD[key] = own
            elif held is not own:
                own.data = held.data


def encoded(
    classifier: Classifier,
    model: PoolingModel,
    inputs: dict[str, Tensor],
    outputs: Mapping[str, bool],
) -> EncoderOutput:
    """The output of the encoder in the classifier's `model` for inputs (B, T); of a frozen encoder
    also what another head asked for.

    Only without gradients: what is kept belongs to no graph.
    """
    base = classifier.checkpoint.base
    if base is None or torch.is_grad_enabled():
        return model.encode(**inputs, **outputs)
    key = (
        base.sha256,
        classifier.dtype,
        str(classifier.device),
        classifier.encoder.config._attn_implementation,
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


def mark(weight: nn.Parameter, sha256: str, name: str) -> None:
    """Say of a weight which tensor of which file it is, so that it counts once."""
    weight.of_file = sha256, name, weight.dtype  # type: ignore[attr-defined]


def with_same_weights(modules: Modules) -> Modules:
    """A copy of a module (or of several, in a tuple) whose parameters are the same numbers.

    Hooks, buffers and whatever else it keeps are its own; the numbers are not to be changed in
    place.
    """
    held: dict[int, nn.Parameter] = {}
    for module in modules if isinstance(modules, tuple) else (modules,):
        for weight in module.parameters() if isinstance(module, nn.Module) else ():
            twin = nn.Parameter(weight.data, requires_grad=False)
            if hasattr(weight, "of_file"):
                twin.of_file = weight.of_file  # type: ignore[attr-defined]
            held.setdefault(id(weight), twin)
    return copy.deepcopy(modules, held)


def weights_of(classifier: Classifier) -> dict[Hashable, int]:
    """Bytes of a checkpoint's weights by name: those that others may have in common with it go by
    the file that they are of, its own by its id."""
    sizes: dict[Hashable, int] = {}
    for name, weight in classifier.model.named_parameters():
        of_file = getattr(weight, "of_file", None)
        common = of_file is not None and of_file[2] == weight.dtype
        key = of_file if common else (classifier.checkpoint.id, name)
        sizes[key] = weight.numel() * weight.element_size()
    return sizes
