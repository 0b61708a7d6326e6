"""Many seeds of one pooling head as one model with a leading dimension, its members.

Parameters are stacked, (M, ...), and ``torch.func.vmap`` maps the head over them. A head that
cannot be mapped (of a user's own, with a branch on values) is called member by member; the numbers
are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from analysis import heads
from analysis.common.memory import is_out_of_memory
from analysis.heads import pooling
from analysis.heads.attending import through
from training.frozen.reading import Reading


@dataclass(frozen=True)
class HeadSpec:
    """A pooling head and its options, all of them written out; ``name`` is what results call it."""

    name: str
    key: str
    options: dict[str, Any]


class Readout(nn.Module):
    """The trained module: the pooling head (or its layers after an already pooled vector) and the
    classifier. Its parameters are called as in a checkpoint: ``head. ...``, ``classifier. ...``."""

    def __init__(self, head: heads.PoolingHead, outputs: int, *, pooled: bool) -> None:
        super().__init__()
        self.head, self.pooled = head, pooled
        self.classifier = nn.Linear(head.output_size, outputs)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, keep: Tensor | None, *inputs: Tensor) -> Tensor:
        """(hidden, mask) or (vectors,), and what dropout keeps (B, D) -> logits (B, C)."""
        vector = self.head.finish(inputs[0]) if self.pooled else self.head(*inputs).vector
        logits: Tensor = self.classifier(vector if keep is None else vector * keep)
        return logits


class _Apart(nn.MultiheadAttention):
    """Attention that holds W_Q, W_K and W_V apart, and gives them as one to whoever asks.

    Slices of one stacked tensor are copied in every product, and their gradients are put together
    in every step: together that is as long as the products themselves.
    """

    @property
    def in_proj_weight(self) -> Tensor:  # type: ignore[override]
        return torch.cat([getattr(self, name) for name in _PROJECTIONS])


_PROJECTIONS = ("q_proj_weight", "k_proj_weight", "v_proj_weight")


class _OwnLayout(nn.Linear):
    """A linear layer whose weight gets its gradient in its own layout (see ``through``)."""

    def forward(self, input: Tensor) -> Tensor:
        product = through(self.weight, input.reshape(-1, self.in_features))
        product = product.reshape(*input.shape[:-1], self.out_features)
        return product if self.bias is None else product + self.bias


def _made_fast(module: nn.Module) -> None:
    """Layers of the module are made as many seeds are trained fastest; their weights stay.

    Every attention layer whose projections are one tensor holds them apart.
    """
    for layer in module.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = _OwnLayout
        if type(layer) is nn.MultiheadAttention and layer._qkv_same_embed_dim:
            weight = layer._parameters.pop("in_proj_weight")
            assert weight is not None
            layer.__class__ = _Apart
            for name, part in zip(_PROJECTIONS, weight.detach().chunk(3), strict=True):
                layer.register_parameter(name, nn.Parameter(part.clone()))


def put_together(weights: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Weights (S, ...) under the names of a checkpoint: projections held apart are one again."""
    whole = {}
    for name, values in weights.items():
        *_, last = name.rpartition(".")
        place = name.removesuffix(last)
        if last not in _PROJECTIONS:
            whole[name] = values
        elif last == _PROJECTIONS[0]:
            parts = [weights[place + part] for part in _PROJECTIONS]
            whole[f"{place}in_proj_weight"] = np.concatenate(parts, axis=1)
    return whole


class Members:
    """M seeds of one pooling head with their classifiers.

    ``parameters`` maps names to leaf tensors (M, ...). A member's start depends on its seed alone.
    """

    def __init__(
        self,
        spec: HeadSpec,
        reading: Reading,
        width: int,
        layers: int,
        outputs: int,
        seeds: Sequence[int],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.spec, self.seeds, self.reading = spec, tuple(seeds), reading
        modules = [self._build(seed, width, layers, outputs).to(dtype) for seed in seeds]
        self.base = modules[0]
        self.output_size = int(self.base.head.output_size)
        parameters, self.buffers = stack_module_state(modules)
        self.parameters: dict[str, Tensor] = {
            name: tensor.detach().requires_grad_() for name, tensor in parameters.items()
        }
        self._mapped = True

    def _build(self, seed: int, width: int, layers: int, outputs: int) -> Readout:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = heads.build(self.spec.key, width, layers, **self.spec.options)
            _made_fast(module)
            return Readout(self.reading.head(module), outputs, pooled=is_free(module))

    def logits(self, inputs: Sequence[Tensor], keep: Tensor | None, *, shared: bool) -> Tensor:
        """(M, B, C) of a batch a member (inputs (M, B, ...)), or of one for all (``shared``).

        A batch for all goes to one member after the other: mapped, it would be copied for each.
        """
        tensors = {**self.parameters, **self.buffers}
        with pooling.clean_padding():
            if self._mapped and not shared:
                in_dims = (0, None if keep is None else 0, *(0 for _ in inputs))
                try:
                    mapped = vmap(self._seed_logits, in_dims)(tensors, keep, *inputs)
                    return torch.as_tensor(mapped)
                except RuntimeError as error:
                    if is_out_of_memory(error):
                        raise
                    self._mapped = False
            rows = [
                self._seed_logits(
                    {name: tensor[member] for name, tensor in tensors.items()},
                    None if keep is None else keep[member],
                    *(part if shared else part[member] for part in inputs),
                )
                for member in range(len(self.seeds))
            ]
            return torch.stack(rows)

    def _seed_logits(
        self, tensors: dict[str, Tensor], keep: Tensor | None, *inputs: Tensor
    ) -> Tensor:
        return torch.as_tensor(functional_call(self.base, tensors, (keep, *inputs)))

    @property
    def size(self) -> int:
        """Parameters of one member, classifier included."""
        return sum(tensor[0].numel() for tensor in self.parameters.values())


def is_free(head: heads.PoolingHead) -> bool:
    """Whether nothing is learnt before layer norm and tanh pooler: it pools alike for all seeds."""
    after = ("norm.", "pooler.")
    return all(name.startswith(after) for name, _ in head.named_parameters())
