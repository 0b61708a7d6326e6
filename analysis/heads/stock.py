"""The classification layers of a Transformers model, recognised and read as a pooling head.

Nothing here knows a model by its name. One short text goes through the model; from the logits back
each number is traced to the layer that made it, until what is left is a pooling of the last hidden
states ([CLS], the last token, the mean, ...). The layers found are then tried on another text, and
kept only where they give the model's own logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from analysis.heads.base import Pooled, PoolingHead, dense_step, norm_step
from analysis.heads.of_cls import Cls
from analysis.heads.of_tokens import LastToken, Max, Mean, MeanSqrtLen
from analysis.straight_line.layers import Activation, Layer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TOLERANCE = 1e-5  # of the largest number compared
_TEXTS = ("One short text, and a second part of it.", "Two more words are here: not the same?")
_READERS: tuple[type[PoolingHead], ...] = (Cls, LastToken, Mean, MeanSqrtLen, Max)

_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {  # those of head_layers.ACTIVATIONS
    "tanh": torch.tanh,
    "gelu": nn.functional.gelu,
    "gelu_tanh": lambda x: nn.functional.gelu(x, approximate="tanh"),
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": nn.functional.relu,
    "silu": nn.functional.silu,
    "mish": nn.functional.mish,
    "sigmoid": torch.sigmoid,
}


class Elementwise(nn.Module):
    """An activation by its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return _FUNCTIONS[self.name](x)


class StockHead(PoolingHead):
    """A pooling of the last layer, then the model's own layers; `classifier` is the last of them.

    `before` are layers that each token goes through before it is pooled: the values are then what
    they give, and for a linear rest the split is exact given those.
    """

    reach = 1

    def __init__(
        self,
        reader: PoolingHead,
        before: list[nn.Module],
        inner: list[nn.Module],
        classifier: nn.Linear,
        num_layers: int,
    ) -> None:
        super().__init__(reader.hidden_size, num_layers)
        # Of the vectors that are pooled, which layers before the pooling may make shorter.
        of_values = [module.out_features for module in before if isinstance(module, nn.Linear)]
        self.value_size = self.read_size = (of_values or [reader.hidden_size])[-1]
        self.reader = reader
        self.key = reader.key
        self.before = nn.ModuleList(before)
        self.inner = nn.ModuleList(inner)
        self.classifier = classifier
        self.output_size = classifier.in_features

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        last = hidden[-1:]
        for module in self.before:
            last = module(last)
        return self.reader.read(last, attention_mask)

    def finish(self, vector: Tensor) -> Tensor:
        for module in self.inner:
            vector = module(vector)
        return vector

    def steps(self) -> tuple[Layer, ...]:
        return tuple(_step(module) for module in self.inner)

    @property
    def linear(self) -> bool:
        return not self.inner


def _step(module: nn.Module) -> Layer:
    if isinstance(module, Elementwise):
        return Activation(module.name)
    return dense_step(module) if isinstance(module, nn.Linear) else norm_step(module)


def recognise(model: nn.Module, tokenizer: PreTrainedTokenizerFast) -> StockHead | None:
    """The head of a Transformers classifier in float32; None where it is no such chain of layers.

    Two short texts are run, with hooks on the model meanwhile: nobody else may use it yet.
    """
    try:
        head = _traced(model, probe_inputs(model, tokenizer))
        if head is None:
            return None
        inputs = probe_inputs(model, tokenizer, _TEXTS[1])
        with torch.no_grad():
            output = model(**inputs, output_hidden_states=True, return_dict=True)
            mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))
            vector = head.finish(head.read(output.hidden_states[-1][None], mask).vector)
            return head if same(head.classifier(vector), output.logits) else None
    except Exception:
        # Whatever a model does with a probe is no reason not to load it: it has no split, then.
        return None


def probe_inputs(
    model: nn.Module, tokenizer: PreTrainedTokenizerFast, text: str = _TEXTS[0]
) -> dict[str, Tensor]:
    """One short text as the tensors (1, T) that a model takes."""
    taken = inspect.signature(model.forward).parameters
    encoded = tokenizer(text, return_tensors="pt", truncation=True, max_length=24, padding=False)
    return {name: tensor for name, tensor in encoded.items() if name in taken}


def _traced(model: nn.Module, inputs: dict[str, Tensor]) -> StockHead | None:
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if args and isinstance(args[0], Tensor) and isinstance(output, Tensor):
            calls.append((module, args[0], output))

    was_training = model.training
    model.eval()
    with ExitStack() as hooks, torch.no_grad():
        for module in model.modules():
            if not any(True for _ in module.children()):
                hooks.callback(module.register_forward_hook(note).remove)
        output = model(**inputs, output_hidden_states=True, return_dict=True)
    model.train(was_training)
    states = output.hidden_states
    mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))
    depth, size = len(states) - 1, states[-1].shape[-1]
    readers = [cls(size, depth) for cls in _READERS]
    result, pooled_by = output.logits, None
    path: list[nn.Module] = []
    while True:
        if pooled_by is not None and same(states[-1], result):
            return _head(pooled_by, path, [], depth)
        for reader in [] if pooled_by is not None else readers:
            if same(reader.read(states[-1][None], mask).vector, result):
                return _head(reader, [], path, depth)
        step = _maker(result, calls)
        if step is None and not path:  # each token has logits of its own, and they are averaged
            pooled_by = readers[2]
            step = _averaged(result, calls, mask, pooled_by)
        if step is None:
            return None
        result, modules, calls = step
        path = [*modules, *path]


def _head(
    reader: PoolingHead, before: list[nn.Module], inner: list[nn.Module], num_layers: int
) -> StockHead | None:
    layers = inner or before
    if not layers or not isinstance(last := layers[-1], nn.Linear):
        return None
    return StockHead(reader, before[:-1], inner[:-1], last, num_layers)


def _averaged(
    result: Tensor,
    calls: list[tuple[nn.Module, Tensor, Tensor]],
    mask: Tensor,
    reader: PoolingHead,
) -> tuple[Tensor, list[nn.Module], list[tuple[nn.Module, Tensor, Tensor]]] | None:
    """As :func:`_maker`, where (1, T, C) outputs of a linear layer were pooled to (1, C)."""
    for index in range(len(calls) - 1, -1, -1):
        module, source, made = calls[index]
        of_tokens = isinstance(module, nn.Linear) and made.shape[:2] == mask.shape
        if of_tokens and made.dim() == 3 and same(reader.read(made[None], mask).vector, result):
            return source, [module], calls[:index]
    return None


def _maker(
    result: Tensor, calls: list[tuple[nn.Module, Tensor, Tensor]]
) -> tuple[Tensor, list[nn.Module], list[tuple[nn.Module, Tensor, Tensor]]] | None:
    """The latest call that made `result`: its input, its layers, earlier calls.

    `result` is (1, D), or (1, T, D) where tokens are pooled after these layers.
    """
    for index in range(len(calls) - 1, -1, -1):
        module, before, made = calls[index]
        for row in _rows(made, result):
            own = made if row is None else made[:, row]
            name = _function(own, result)
            if name is None:
                continue
            source = before if row is None else before[:, row]
            layers = _layers(module, source, own)
            if layers is None or source.dim() != result.dim():
                return None
            after = [] if name == "" else [Elementwise(name)]
            return source, [*layers, *after], calls[:index]
    return None


def _rows(made: Tensor, result: Tensor) -> list[int | None]:
    """Where in an output (1, D) or (1, T, D) a (1, D) vector may stand; None: it is all of it."""
    if made.shape == result.shape:
        return [None]
    alike = made.dim() == 3 and result.dim() == 2 and len(made) == 1
    return [*range(made.shape[1])] if alike and made.shape[-1] == result.shape[-1] else []


def _function(before: Tensor, made: Tensor) -> str | None:
    """The elementwise function between two tensors; "" where none fits."""
    if same(before, made):
        return ""
    gaps = {name: _gap(function(before), made) for name, function in _FUNCTIONS.items()}
    best = min(gaps, key=lambda name: gaps[name])
    return best if gaps[best] <= TOLERANCE else None


def _layers(module: nn.Module, before: Tensor, made: Tensor) -> list[nn.Module] | None:
    """A layer as steps of a head: [] where it changes nothing, None where it is not known."""
    if isinstance(module, nn.Linear | nn.LayerNorm | nn.RMSNorm):
        return [module]
    if before.shape != made.shape:
        return None
    name = _function(before, made)
    return None if name is None else [] if name == "" else [Elementwise(name)]


def _gap(first: Tensor, second: Tensor) -> float:
    if first.shape != second.shape:
        return float("inf")
    return float((first - second).abs().max() / second.abs().max().clamp(min=1e-12))


def same(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape (...) are equal up to rounding."""
    return _gap(first, second) <= TOLERANCE
