"""Many seeds of one pooling head as one model with a leading dimension, its members.

Parameters are stacked, (M, ...), and ``torch.func.vmap`` maps the head over them. A head that
cannot be mapped (of a user's own, with a branch on values) is called member by member; the numbers
are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from analysis import heads
from analysis.common.memory import is_out_of_memory
from analysis.heads import pooling
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
            return Readout(self.reading.head(module), outputs, pooled=is_free(module))

    def logits(self, inputs: Sequence[Tensor], keep: Tensor | None, *, shared: bool) -> Tensor:
        """(M, B, C) of a batch a member (inputs (M, B, ...)), or of one for all (``shared``)."""
        tensors = {**self.parameters, **self.buffers}
        with pooling.clean_padding():
            if self._mapped:
                in_dims = (0, None if keep is None else 0, *(None if shared else 0 for _ in inputs))
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
