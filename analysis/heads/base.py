"""The base class of pooling heads, and the record that they return."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from analysis.straight_line.layers import Activation, Dense, HeadLayers, Layer, Norm

_VARIANT_NUMBERS = 2**24  # hidden numbers in one batch of variants: 64 MB in float32


@dataclass(frozen=True)
class LayerWinners:
    """Winners of a max-pool for a batch, with absolute layer indices (0 = embeddings)."""

    layer: Tensor  # (B, d) or (B, T, d) int64
    token: Tensor | None  # (B, d) int64 where the maximum runs over tokens
    margin: Tensor  # like `layer`
    layers: tuple[int, ...]  # the layers that competed


@dataclass(frozen=True)
class Pooled:
    """Output of a pooling head. Only `vector` is required of a head of your own."""

    vector: Tensor  # (B, D)
    winners: LayerWinners | None = None
    attention: Tensor | None = None  # (B, P, T): rows sum to 1 over the real tokens
    weights: Tensor | None = None  # (B, P, T) or (B, P, T, d): the linear weights, if there are any
    values: Tensor | None = None  # (B, T, d): the vectors that are weighted
    # Where several layers are added up, with weights of their own, and not compared: the K layers
    # (absolute indices), beside values (B, K, T, d) and weights (B, P, K, T).
    layers: tuple[int, ...] = ()


class PoolingHead(nn.Module):
    """Base of every pooling head.

    Subclasses name their options as keyword arguments of ``__init__`` and implement
    :meth:`read`. `layer_norm` and `pooler="tanh"` (the stock BERT pooler: dense layer, then tanh)
    follow the pooled vector; both are non-linear, so a logit splits along a straight line through
    them (:mod:`analysis.straight_line.layers`), and not exactly.

    A head that computes layers of its own after the pooled vector overrides :meth:`finish` and
    describes them once more in :meth:`steps`; `read_size` is the size of the vector before them.
    """

    key = ""  # set by @head
    reach: int | None = None  # how many of the last layers read() looks at; None: any

    def __init__(
        self,
        hidden_size: int,
        num_layers: int,
        *,
        output_size: int | None = None,
        read_size: int | None = None,
        layer_norm: bool = False,
        pooler: str = "none",
    ) -> None:
        super().__init__()
        if pooler not in ("none", "tanh"):
            raise ValueError(f"pooler is {pooler!r}; known: 'none', 'tanh'")
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.output_size = output_size or hidden_size
        self.read_size = read_size or self.output_size
        self.value_size = hidden_size  # d of the values, where they are no hidden states
        size = self.output_size
        self.norm: nn.Module | None = nn.LayerNorm(size) if layer_norm else None
        self.pooler: nn.Module | None = nn.Linear(size, size) if pooler == "tanh" else None

    def read(self, hidden: Tensor, attention_mask: Tensor) -> Pooled:
        """(L+1, B, T, d), (B, T) -> Pooled, before layer norm and tanh pooler.

        A head that pools by the encoder's own attentions takes them as a third argument,
        ``read(self, hidden, attention_mask, attentions=None)``: (L, B, H, T, T) float32. They are
        computed for such heads alone.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement read()")

    @classmethod
    def reads_attentions(cls) -> bool:
        """Whether :meth:`read` asks for the encoder's attentions."""
        return _takes_attentions(cls.read)

    def forward(
        self, hidden: Tensor, attention_mask: Tensor, attentions: Tensor | None = None
    ) -> Pooled:
        """Pool `hidden` (L+1, B, T, d) under `attention_mask` (B, T); `attentions` (L, B, H, T, T).

        Raises
        ------
        ValueError
            The head reads the encoder's attentions, and none are given.
        """
        self._check(hidden, attention_mask)
        if not self.reads_attentions():
            pooled = self.read(hidden, attention_mask)
        elif attentions is None:
            raise ValueError(
                f"the pooling head {self.key!r} reads the encoder's attentions, and none are given "
                "here: give attentions (L, B, H, T, T)"
            )
        else:
            pooled = self.read(hidden, attention_mask, attentions)  # type: ignore[call-arg]
        return replace(pooled, vector=self.finish(pooled.vector))

    def finish(self, vector: Tensor) -> Tensor:
        """(B, D) as it was read -> (B, D) after layer norm and tanh pooler, where there are any."""
        if self.norm is not None:
            vector = self.norm(vector)
        return vector if self.pooler is None else torch.tanh(self.pooler(vector))

    def steps(self) -> tuple[Layer, ...] | None:
        """The layers of :meth:`finish`, as NumPy; () where it leaves the vector as it is.

        None where it is not known: a subclass whose own :meth:`finish` has no steps beside it.
        """
        return self.last_steps() if type(self).finish is PoolingHead.finish else None

    def last_steps(self) -> tuple[Layer, ...]:
        """Layer norm and tanh pooler, where there are any, as NumPy."""
        norm = () if self.norm is None else (norm_step(self.norm),)
        return norm if self.pooler is None else (*norm, dense_step(self.pooler), Activation("tanh"))

    @property
    def linear(self) -> bool:
        """Whether the vector is linear in the values, given weights and winners."""
        return self.norm is None and self.pooler is None and self.steps() == ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the P parts a linear pooling head sums over."""
        return (self.key,)

    def fold(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        """Fold a linear layer ``weight (C, D)``, ``bias (C,)`` on the read vector into its values.

        Returns (C, P, d) and (C,): ``weight @ vector + bias = constant + sum over p, t of
        folded[:, p] @ (weights[p, t] * values[t])`` for the vector of :meth:`read`. The default
        fits every head whose vector is its P parts side by side; None where that is not so.
        """
        if self.read_size != len(self.parts) * self.value_size:
            return None
        return weight.reshape(len(weight), len(self.parts), self.value_size), bias

    def readout(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor] | None:
        """Fold the classifier ``weight (C, D)``, ``bias (C,)`` into the pooling head.

        Returns readout (C, P, d) and constant (C,) with
        ``logit = constant + sum over p, t of readout[:, p] @ (weights[p, t] * values[t])``,
        or None where the pooling head is not linear.
        """
        return self.fold(weight, bias) if self.linear else None

    @property
    def pool_layers(self) -> tuple[int, ...]:
        """Absolute indices of the layers whose maximum is taken; () where one layer is read."""
        last_k = getattr(self, "last_k", None)
        if last_k is None:
            return ()
        return tuple(range(self.num_layers - last_k + 1, self.num_layers + 1))

    def with_last_k(self, last_k: int) -> PoolingHead:
        """The head with the same weights, not copied, and a maximum over another last k layers.

        Raises ``ValueError`` where no maximum over layers is taken, or `last_k` is impossible.
        """
        if not self.pool_layers:
            raise ValueError(
                f"the pooling head {self.key!r} reads one layer and takes no maximum over layers: "
                "there is no last_k to change. Choose max_cls or max_seq_mha."
            )
        copied: Any = copy.copy(self)
        copied.last_k = check_last_k(last_k, self.num_layers)
        return cast(PoolingHead, copied)

    def ended_at(self, layer: int) -> PoolingHead:
        """The head with the same weights, not copied, for an encoder of `layer` layers.

        It takes hidden states (layer + 1, B, T, d). A maximum runs over as many of the last k
        layers as there are; at layer 0 it reads the embeddings alone.

        Raises
        ------
        ValueError
            The encoder has no such layer.
        """
        if not 0 <= layer <= self.num_layers:
            raise ValueError(
                f"layer is {layer}; the encoder has layers 0 (embeddings) to {self.num_layers}"
            )
        copied: Any = copy.copy(self)
        copied.num_layers = layer
        if self.pool_layers:
            copied.last_k = min(len(self.pool_layers), max(layer, 1))
        return cast(PoolingHead, copied)

    def without_at(
        self,
        hidden: Tensor,
        attention_mask: Tensor,
        places: Sequence[tuple[int, int]],
        attentions: Tensor | None = None,
    ) -> Tensor:
        """(L+1, 1, T, d), (1, T) -> (n, D): the vector without a layer at one token, for n such.

        A place is (layer, token); the layer is minus infinity there and wins no maximum. A pooling
        head that knows a shorter way may take it: here every variant is read from the beginning.
        """
        vectors, size = [], max(1, _VARIANT_NUMBERS // hidden.numel())
        for start in range(0, len(places), size):
            part = places[start : start + size]
            variants = hidden.repeat(1, len(part), 1, 1)
            for row, (layer, token) in enumerate(part):
                variants[layer, row, token] = -torch.inf
            mask = attention_mask.expand(len(part), -1)
            vectors.append(self(variants, mask, of_rows(attentions, len(part))).vector)
        return torch.cat(vectors)

    def value_norms(self, weights: Tensor, values: Tensor) -> Tensor:
        """(P, T) or (P, T, d), (T, d) -> (P, T): length of what each token adds to each part.

        ``norm(alpha f(x))`` of Kobayashi et al. 2020, where f is what a part makes of a value
        before it is weighted: nothing at all, unless a subclass says otherwise. Values of several
        layers, (P, K, T) and (K, T, d), are added up first.
        """
        if values.dim() == 3:
            weighted = torch.einsum("pkt,ktd->ptd", weights, values)
        else:
            weighted = (weights if weights.dim() == 3 else weights[:, :, None]) * values
        norms: Tensor = torch.linalg.vector_norm(weighted, dim=-1)
        return norms

    def reset_parameters(self) -> None:
        """Initialise anew: Xavier-uniform projections, zero biases (MaxPoolBERT)."""
        for module in self.modules():
            initialise(module)

    def _check(self, hidden: Tensor, attention_mask: Tensor) -> None:
        expected = (self.num_layers + 1, None, None, self.hidden_size)
        fits = hidden.dim() == 4 and all(
            want is None or want == have for have, want in zip(hidden.shape, expected, strict=True)
        )
        if not fits or hidden.shape[1:3] != attention_mask.shape:
            raise ValueError(
                f"hidden has shape {tuple(hidden.shape)} and attention_mask "
                f"{tuple(attention_mask.shape)}; expected ({self.num_layers + 1}, B, T, "
                f"{self.hidden_size}) and (B, T)"
            )


@lru_cache(maxsize=256)
def _takes_attentions(read: Callable[..., Pooled]) -> bool:
    return "attentions" in inspect.signature(read).parameters


def of_rows(attentions: Tensor | None, rows: int) -> Tensor | None:
    """(L, 1, H, T, T) of one text for several variants of what is pooled, not copied."""
    return None if attentions is None else attentions.expand(-1, rows, -1, -1, -1)


def initialise(module: nn.Module) -> None:
    """Initialise one module of a pooling head, its submodules excepted."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.MultiheadAttention):
        module._reset_parameters()  # Xavier-uniform on the joint q, k, v projection
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.LayerNorm | nn.RMSNorm):
        module.reset_parameters()


def dense_step(module: nn.Module) -> Dense:
    """A linear layer as NumPy."""
    weight = module.weight.detach().double().cpu().numpy()  # type: ignore[operator]
    bias = cast("Tensor | None", module.bias)
    return Dense(
        weight,
        np.zeros(len(weight)) if bias is None else bias.detach().double().cpu().numpy(),
    )


def norm_step(module: nn.Module) -> Norm:
    """A layer norm or RMS norm as NumPy."""
    norm = cast("nn.LayerNorm", module)  # or one with its attributes
    centred = isinstance(module, nn.LayerNorm)
    size = norm.normalized_shape[0]
    weight, bias = (
        default if tensor is None else tensor.detach().double().cpu().numpy()
        for tensor, default in (
            (norm.weight, np.ones(size)),
            (getattr(norm, "bias", None), np.zeros(size)),
        )
    )
    epsilon = torch.finfo(torch.float32).eps if norm.eps is None else norm.eps
    return Norm(weight, bias, float(epsilon), centred)


def head_layers(module: PoolingHead, classifier: nn.Module) -> HeadLayers | None:
    """A pooling head's own layers and the classifier as a function of the vector that it reads.

    None where the head describes no steps, or its vector is no sum of its parts' values.
    """
    steps = module.steps()
    if steps is None:
        return None
    weight = cast("Tensor", classifier.weight)
    size = module.read_size
    with torch.no_grad():
        folded = module.fold(torch.eye(size).to(weight), weight.new_zeros(size))
    if folded is None:
        return None
    layers = (*steps, dense_step(classifier))
    if type(module).fold is PoolingHead.fold:  # the parts stand side by side
        return HeadLayers(layers, size)
    matrix, offset = (tensor.double().cpu().numpy() for tensor in folded)
    return HeadLayers(layers, size, matrix, offset)


def check_last_k(last_k: int, num_layers: int) -> int:
    """`last_k`, where the encoder has as many layers.

    Raises
    ------
    ValueError
        It is not from 1 to `num_layers`.
    """
    if not 1 <= last_k <= num_layers:
        raise ValueError(
            f"last_k is {last_k}, and the encoder has {num_layers} layers: "
            f"choose last_k from 1 to {num_layers}"
        )
    return last_k
