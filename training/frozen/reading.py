"""The hidden states that a pooling head reads, found by trying and not by its name.

Most heads read one sequence of vectors: the last layer, or the maximum or mean over the last k
layers. That sequence is made once, when the states are written, and the head then reads it as the
only layer there is. A head that reads several layers in another way gets those that change its
vector. So a head of a user's own needs no declaration.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb

import torch
from torch import Tensor

from analysis.heads import PoolingHead

MERGES: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda layers: layers.amax(0),
    "mean": lambda layers: layers.mean(0),
    "sum": lambda layers: layers.sum(0),
}
_TOKENS, _ROWS = 5, 3  # of the random states that a head is tried on
_CLOSE = 1e-4


@dataclass(frozen=True)
class View:
    """A sequence of vectors made of an encoder's layers: one layer, or several merged."""

    merge: str  # "layer", or one of MERGES
    layers: tuple[int, ...]  # absolute; 0 = embeddings

    @property
    def name(self) -> str:
        """Name of its folder: ``layer-6``, ``max-4-6``."""
        ends = dict.fromkeys((self.layers[0], self.layers[-1]))
        return "-".join([self.merge, *map(str, ends)])

    def of(self, hidden: Sequence[Tensor]) -> Tensor:
        """L+1 of (B, T, d) -> (B, T, d) float32."""
        if self.merge == "layer":
            return hidden[self.layers[0]].float()
        stacked = torch.stack([hidden[layer].float() for layer in self.layers])
        return MERGES[self.merge](stacked)


@dataclass(frozen=True)
class Reading:
    """The views that a head needs, and the way it reads them.

    ``merged``: there is one view, and the head reads it as the only layer. Otherwise the views are
    single layers, and the head reads all L+1, those that do not change its vector being zero.
    ``first_only``: tokens after the first ([CLS]) do not change its vector.
    """

    views: tuple[View, ...]
    merged: bool
    first_only: bool
    layers: int  # L

    def head(self, module: PoolingHead) -> PoolingHead:
        """The head with the same weights, reading what :meth:`hidden` makes."""
        return module.ended_at(0) if self.merged else module

    def hidden(self, states: Sequence[Tensor]) -> Tensor:
        """The views' states, (..., B, T, d) each, as the head takes them (..., layers, B, T, d)."""
        if self.merged:
            return states[0].unsqueeze(-4)
        state_by_layer = {
            view.layers[0]: part for view, part in zip(self.views, states, strict=True)
        }
        blank = torch.zeros_like(states[0])
        return torch.stack(
            [state_by_layer.get(layer, blank) for layer in range(self.layers + 1)], dim=-4
        )


def reading_of(module: PoolingHead) -> Reading:
    """Try a head on random states: which layers and tokens change its vector?

    Raises
    ------
    ValueError
        The head raises an error on states of the right shape, or returns no (B, D).
    """
    if module.reads_attentions():
        raise ValueError(
            f"pooling head {module.key!r} reads the encoder's attentions, and states hold none: "
            "fine-tune it (python -m training finetune), or leave it out"
        )
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        trial = copy.deepcopy(module).eval()
        for parameter in trial.parameters():  # zeros would hide what training will read
            parameter.normal_(std=0.3)
        layers = trial.num_layers
        hidden = torch.randn(layers + 1, _ROWS, _TOKENS, trial.hidden_size)
        mask = torch.ones(_ROWS, _TOKENS, dtype=torch.int64)
        mask[0, -2:] = 0
        vector = _vector(trial, hidden, mask)
        if not torch.isfinite(vector).all():
            raise ValueError(
                f"pooling head {module.key!r} returns a vector with numbers that are not finite "
                "(NaN or infinite) for random states. Correct its read()."
            )
        perturbed = hidden.clone()
        perturbed[:, :, 1:] = torch.randn_like(perturbed[:, :, 1:])
        first_only = _close(_vector(trial, perturbed, mask), vector)
        for view in _candidates(trial):
            if _reads(trial, view, hidden, mask, vector):
                return Reading((view,), True, first_only, layers)
        needed = []
        for layer in range(layers + 1):
            perturbed = hidden.clone()
            perturbed[layer] += torch.randn_like(perturbed[layer])
            if not _close(_vector(trial, perturbed, mask), vector):
                needed.append(View("layer", (layer,)))
        return Reading(tuple(needed or [View("layer", (layers,))]), False, first_only, layers)


def _candidates(module: PoolingHead) -> list[View]:
    last = module.num_layers
    count = getattr(module, "last_k", None) or getattr(module, "reach", None)
    views = [View("layer", (last,))]
    if isinstance(count, int) and 1 < count <= last + 1:
        views += [View(merge, tuple(range(last - count + 1, last + 1))) for merge in MERGES]
    return views


def _reads(module: PoolingHead, view: View, hidden: Tensor, mask: Tensor, vector: Tensor) -> bool:
    """Whether the head's vector is the same when it reads the view as its only layer."""
    try:
        short = module.ended_at(0)
        return _close(_vector(short, view.of(tuple(hidden))[None], mask), vector)
    except Exception:  # a head of a user's own that cannot read one layer reads several
        return False


def _vector(module: PoolingHead, hidden: Tensor, mask: Tensor) -> Tensor:
    try:
        vector = module(hidden, mask).vector
    except (Exception, SystemExit) as error:
        raise ValueError(
            f"pooling head {module.key!r} fails on states of shape {tuple(hidden.shape)} "
            f"({type(error).__name__}: {error}{_line_in(type(module), error)}). Correct its read()."
        ) from error
    expected = (hidden.shape[1], module.output_size)
    if not isinstance(vector, Tensor) or tuple(vector.shape) != expected:
        shape = tuple(vector.shape) if isinstance(vector, Tensor) else type(vector).__name__
        raise ValueError(
            f"pooling head {module.key!r} returns a vector of shape {shape}; expected (B, "
            f"{module.output_size}). Return Pooled(vector), or give output_size to __init__."
        )
    return vector


def _line_in(cls: type, error: BaseException) -> str:
    """The last line of the class's own file that an error went through; empty where none is."""
    try:
        file = inspect.getfile(cls)
    except (OSError, TypeError):  # a notebook's own class has no file
        return ""
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == file]
    return f", in line {frames[-1].lineno} of {Path(file).name}" if frames else ""


def _close(first: Tensor, second: Tensor) -> bool:
    return torch.allclose(first, second, atol=_CLOSE, rtol=_CLOSE)
