"""The norm that a pre-norm encoder applies once, after its last layer, and its states by depth.

ModernBERT, GPT-2, Llama, Qwen, Gemma and others normalise before each layer: what lies between
two layers lacks the norm that the last state has had. Where a lower layer is read as if it were
the last, that norm has to be applied. It is found by running one short text, not by a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from analysis.heads.stock import probe_inputs, same

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, eq=False)
class FinalNorm:
    """The encoder's final norm; `applied` says whether the last hidden state has had it."""

    module: nn.Module
    applied: bool

    def __call__(self, states: Sequence[Tensor], layer: int) -> Tensor:
        """Hidden states of all L+1 layers -> one as the encoder would give it if it ended there."""
        layer = layer % len(states)
        if self.applied and layer == len(states) - 1:
            return states[layer]
        normed: Tensor = self.module(states[layer])
        return normed


def find_final_norm(encoder: nn.Module, tokenizer: PreTrainedTokenizerFast) -> FinalNorm | None:
    """The norm after the last layer of an encoder.

    None for a post-norm encoder (BERT), whose layers end in norms of their own, and for whatever
    does not run alone. Nobody else may use the model yet: hooks are on it meanwhile.
    """
    in_layers = {
        id(module)
        for layers in encoder.modules()
        if isinstance(layers, nn.ModuleList)
        for module in layers.modules()
    }
    candidates = [
        module
        for module in encoder.modules()
        if "norm" in type(module).__name__.lower()
        and id(module) not in in_layers
        and not any(True for _ in module.children())
    ]
    if not candidates:
        return None
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(module: nn.Module, args: tuple[object, ...], made: object) -> None:
        if args and isinstance(args[0], Tensor) and isinstance(made, Tensor):
            calls.append((module, args[0], made))

    try:
        inputs = probe_inputs(encoder, tokenizer)
        with ExitStack() as hooks, torch.no_grad():
            for module in candidates:
                hooks.callback(module.register_forward_hook(note).remove)
            output = encoder(**inputs, output_hidden_states=True, return_dict=True)
        states, last = output.hidden_states, output.last_hidden_state
    except Exception:
        # An encoder that does not run alone (one with a decoder) has no depth to be read at.
        return None
    for module, states_before, made in reversed(calls):
        if same(made, last) and made.shape == states[-1].shape and not same(states[0], made):
            applied = same(states[-1], made)
            return (
                FinalNorm(module, applied) if applied or same(states[-1], states_before) else None
            )
    return None
