"""Linear layers of an encoder that an adapter goes to, found by its structure.

The blocks of an encoder are its list of layers. Inside them the attention's projections go by a
dozen names; where none is known, all linear layers of the blocks are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from transformers.pytorch_utils import Conv1D

# What the projections of an attention layer are called; a joint one serves for each of them.
_ROLES = {
    "query": ("query", "q_lin", "q_proj", "query_proj", "q", "Wq", "linear_q"),
    "key": ("key", "k_lin", "k_proj", "key_proj", "k", "Wk", "linear_k"),
    "value": ("value", "v_lin", "v_proj", "value_proj", "v", "Wv", "linear_v"),
}
_JOINT = ("Wqkv", "c_attn", "qkv", "qkv_proj", "query_key_value", "in_proj", "kv_proj")
_PROJECTIONS = {name for names in _ROLES.values() for name in names} | set(_JOINT)


def names_of(encoder: nn.Module, kinds: Sequence[str] = ("query", "value")) -> list[str]:
    """Names of the encoder's linear layers of these kinds, in the order of its modules.

    A kind is "query", "key" or "value" (whatever the encoder calls them, joint projections
    included), "dense" for all other linear layers of the blocks, or a layer's own last name.
    Where the attention's projections go by no known name all linear layers of the blocks are taken.

    Raises ``ValueError`` that lists the linear layers there are for a name that none of them has,
    or where no blocks can be found.
    """
    every = [name for name, module in encoder.named_modules() if isinstance(module, _LINEAR)]
    prefixes = _blocks(encoder)
    inside = [name for name in every if name.startswith(prefixes)] if prefixes else []
    roles = {name for kind in kinds for name in _ROLES.get(kind, (kind,))}
    roles |= set(_JOINT) if any(kind in _ROLES for kind in kinds) else set()
    others = "dense" in kinds

    def matches(name: str) -> bool:
        last = name.rsplit(".", 1)[-1]
        return last in roles or (others and name in inside and last not in _PROJECTIONS)

    names = [name for name in every if matches(name)]
    if not names and all(kind in _ROLES for kind in kinds):
        names = inside
    if names:
        return names
    shown = sorted({name.rsplit(".", 1)[-1] for name in every})
    name = type(encoder).__name__
    if not shown:
        raise ValueError(
            f"{name} has no linear layers that LoRA could adapt: tune all weights (--tuning full)."
        )
    raise ValueError(
        f"{name} has no linear layers named {', '.join(kinds)}; it has {', '.join(shown)}. Name "
        "some of these (--lora-targets), or tune all weights (--tuning full)."
    )


_LINEAR = (nn.Linear, Conv1D)


def _blocks(encoder: nn.Module) -> tuple[str, ...]:
    """Prefixes of the names inside the encoder's lists of layers; the outermost lists only."""
    lists: list[str] = []
    for name, module in encoder.named_modules():
        kind: Any = nn.ModuleList
        if not isinstance(module, kind) or any(name.startswith(outer) for outer in lists):
            continue
        if any(isinstance(part, _LINEAR) for part in module.modules()):
            lists.append(f"{name}.")
    return tuple(lists)
