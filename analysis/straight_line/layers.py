"""Layers of a pooling head after the pooled vector, as NumPy: values, slopes, their average.

A head that ends in layers of its own (dense and tanh, GELU, a norm) is a function ``g`` of the
pooled vector. Its output splits along the straight line from a reference (Aumann and Shapley 1974;
integrated gradients, Sundararajan et al. 2017, of the head alone): the average slope on that line
takes the place of a linear head's weights. No encoder runs for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from analysis.common.records import freeze, require_shape

POINTS = 32  # Gauss-Legendre points on the line, or on a piece of it
MOST_POINTS = 4096  # of all pieces
SMALL_GAP = 1e-6  # of the size of what is split

# Minus the gap of a piece of the line, its two ends, (2, C) logits there, (C, D) its share.
Piece = tuple[float, float, float, np.ndarray, np.ndarray]
Elementwise = Callable[[np.ndarray], np.ndarray]


class Layer(Protocol):
    """One step of a head: (n, D) in, (n, E) out."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(n, D) -> (n, E)."""

    def pull(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """(n, D) inputs, (n, C, E) slopes by the output -> (n, C, D) slopes by the input."""


@dataclass(frozen=True)
class Dense:
    """``x @ weight.T + bias``."""

    weight: np.ndarray  # (E, D)
    bias: np.ndarray  # (E,)

    def __post_init__(self) -> None:
        require_shape("bias", self.bias, len(self.weight))
        freeze(self)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x @ self.weight.T + self.bias)

    def pull(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """(n, D) inputs, (n, C, E) slopes by the output -> (n, C, D) slopes by the input."""
        return np.asarray(slopes @ self.weight)


def _erf(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return np.asarray(erf(x))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(x))


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def _gelu_tanh_slope(x: np.ndarray) -> np.ndarray:
    inner = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    outer = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2)
    return np.asarray(0.5 * (1 + inner) + 0.5 * x * (1 - inner**2) * outer)


def _gelu_slope(x: np.ndarray) -> np.ndarray:
    normal = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    return np.asarray(0.5 * (1 + _erf(x / np.sqrt(2))) + x * normal)


def _swish_slope(x: np.ndarray, scale: float) -> np.ndarray:
    gate = _sigmoid(scale * x)
    return np.asarray(gate + scale * x * gate * (1 - gate))


# Name -> the function and its slope, both elementwise.
ACTIVATIONS: dict[str, tuple[Elementwise, Elementwise]] = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0.0), lambda x: (x > 0).astype(np.float64)),
    "gelu": (lambda x: 0.5 * x * (1 + _erf(x / np.sqrt(2))), _gelu_slope),
    "gelu_tanh": (_gelu_tanh, _gelu_tanh_slope),
    "quick_gelu": (lambda x: x * _sigmoid(1.702 * x), lambda x: _swish_slope(x, 1.702)),
    "silu": (lambda x: x * _sigmoid(x), lambda x: _swish_slope(x, 1.0)),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
    "mish": (
        lambda x: x * np.tanh(np.logaddexp(0.0, x)),
        lambda x: (
            np.tanh(np.logaddexp(0.0, x))
            + x * (1 - np.tanh(np.logaddexp(0.0, x)) ** 2) * _sigmoid(x)
        ),
    ),
}


@dataclass(frozen=True)
class Activation:
    """An elementwise function, a key of :data:`ACTIVATIONS`."""

    name: str

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return ACTIVATIONS[self.name][0](x)

    def pull(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """(n, D) inputs, (n, C, E) slopes by the output -> (n, C, D) slopes by the input."""
        return np.asarray(slopes * ACTIVATIONS[self.name][1](x)[:, None])


@dataclass(frozen=True)
class Norm:
    """Layer norm (`centred`) or RMS norm over the last axis, then ``* weight + bias``."""

    weight: np.ndarray  # (D,)
    bias: np.ndarray  # (D,)
    epsilon: float
    centred: bool = True

    def __post_init__(self) -> None:
        require_shape("bias", self.bias, len(self.weight))
        freeze(self)

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.centred:
            x = x - x.mean(axis=-1, keepdims=True)
        length = np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.epsilon)
        return x / length, length

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._parts(x)[0] * self.weight + self.bias)

    def pull(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """(n, D) inputs, (n, C, E) slopes by the output -> (n, C, D) slopes by the input."""
        unit, length = self._parts(x)
        moved = slopes * self.weight
        moved = moved - unit[:, None] * (moved * unit[:, None]).mean(axis=-1, keepdims=True)
        if self.centred:
            moved = moved - moved.mean(axis=-1, keepdims=True)
        return np.asarray(moved / length[:, None])


@dataclass(frozen=True)
class MeanOfBlocks:
    """Layers applied to each of `count` blocks side by side, then their mean."""

    layers: tuple[Layer, ...]
    count: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        blocks = run(self.layers, x.reshape(len(x) * self.count, -1))
        return np.asarray(blocks.reshape(len(x), self.count, -1).mean(axis=1))

    def pull(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """(n, D) inputs, (n, C, E) slopes by the output -> (n, C, D) slopes by the input."""
        blocks = x.reshape(len(x) * self.count, -1)
        every = np.repeat(slopes / self.count, self.count, axis=0)
        pulled = _pull(self.layers, blocks, every)  # (n count, C, d)
        pulled = pulled.reshape(len(x), self.count, slopes.shape[1], -1).swapaxes(1, 2)
        return np.asarray(pulled.reshape(len(x), slopes.shape[1], -1))


@dataclass(frozen=True)
class UnitLength:
    """Each vector over its length; one no longer than `least` over `least`."""

    least: float = 1e-12

    def _length(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), self.least))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x / self._length(x))

    def pull(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """(n, D) inputs, (n, C, E) slopes by the output -> (n, C, D) slopes by the input."""
        length = self._length(x)
        unit = np.where(length > self.least, x / length, 0.0)[:, None]
        along = (slopes * unit).sum(axis=-1, keepdims=True)
        return np.asarray((slopes - along * unit) / length[:, None])


@dataclass(frozen=True)
class Residual:
    """``run(layers, x) + x``, or ``+ x @ beside.T`` where the sizes differ."""

    layers: tuple[Layer, ...]
    beside: np.ndarray | None = None  # (E, D)

    def __post_init__(self) -> None:
        freeze(self)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        way = x if self.beside is None else x @ self.beside.T
        return np.asarray(run(self.layers, x) + way)

    def pull(self, x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """(n, D) inputs, (n, C, E) slopes by the output -> (n, C, D) slopes by the input."""
        way = slopes if self.beside is None else slopes @ self.beside
        return np.asarray(_pull(self.layers, x, slopes) + way)


def run(layers: Sequence[Layer], x: np.ndarray) -> np.ndarray:
    """(n, D) through all layers in turn."""
    for layer in layers:
        x = layer(x)
    return x


def _pull(layers: Sequence[Layer], x: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    inputs = []
    for layer in layers:
        inputs.append(x)
        x = layer(x)
    for layer, before in zip(reversed(layers), reversed(inputs), strict=True):
        slopes = layer.pull(before, slopes)
    return slopes


@dataclass(frozen=True)
class HeadLayers:
    """The function ``g`` from the pooled vector to the logits, and what that vector is made of.

    ``vector = offset + sum over p, t of matrix[:, p] @ (weights[p, t] * values[t])``; without a
    matrix the vector is its P parts side by side.
    """

    layers: tuple[Layer, ...]
    size: int  # D, numbers in the pooled vector
    matrix: np.ndarray | None = None  # (D, P, d)
    offset: np.ndarray | None = None  # (D,)

    def __post_init__(self) -> None:
        if self.matrix is not None:
            require_shape("matrix", self.matrix, self.size, None, None)
        if self.offset is not None:
            require_shape("offset", self.offset, self.size)
        freeze(self)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers before the classifier: ("dense", "tanh")."""
        return tuple(name for layer in self.layers[:-1] for name in _names(layer))

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """(n, D) -> (n, C)."""
        return run(self.layers, vectors)

    def slopes(self, vectors: np.ndarray) -> np.ndarray:
        """(n, D) -> (n, C, D): derivative of each logit by the pooled vector."""
        classes = self.logits(vectors[:1]).shape[1]
        unit = np.broadcast_to(np.eye(classes), (len(vectors), classes, classes))
        return _pull(self.layers, vectors, unit)

    def vector(self, parts: np.ndarray) -> np.ndarray:
        """(P, d) weighted sums of values -> (D,) the pooled vector."""
        if self.matrix is None:
            vector = parts.reshape(-1)
        else:
            vector = np.einsum("upd,pd->u", self.matrix, parts)
        return vector if self.offset is None else vector + self.offset

    def to_values(self, slopes: np.ndarray, parts: int) -> np.ndarray:
        """(C, D) slopes by the pooled vector -> (C, P, d) by the weighted sums of values."""
        if self.matrix is None:
            return slopes.reshape(len(slopes), parts, -1)
        return np.asarray(np.einsum("cu,upd->cpd", slopes, self.matrix))

    def average_slope(self, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, int]:
        """(D,), (D,) -> (C, D) mean slope on the straight line between them, and points used.

        ``average @ (end - start) == logits(end) - logits(start)`` up to the error of the
        integral. That error is known for every piece of the line, from its two ends: the piece
        with the largest is halved until the sum is small. A norm near zero and the kink of a ReLU
        are found so.
        """
        step = end - start

        def piece(low: float, high: float, ends: np.ndarray) -> Piece:
            places, weights = _rule(POINTS)
            slopes = self.slopes(start + (low + (high - low) * places)[:, None] * step)
            share = (high - low) * np.einsum("n,ncd->cd", weights, slopes)
            gap = float(np.abs(share @ step - (ends[1] - ends[0])).max())
            return -gap, low, high, ends, share

        def at(place: float) -> np.ndarray:
            return np.asarray(self.logits((start + place * step)[None])[0])

        pieces = [piece(0.0, 1.0, np.stack([at(0.0), at(1.0)]))]
        points = POINTS
        scale = float(np.abs(pieces[0][4] * step).sum(axis=1).max())
        scale = max(scale, float(np.abs(np.diff(pieces[0][3], axis=0)).max()))
        while -sum(piece[0] for piece in pieces) > SMALL_GAP * scale and points < MOST_POINTS:
            widest = min(range(len(pieces)), key=lambda index: pieces[index][0])
            _, low, high, ends, _ = pieces.pop(widest)
            middle = (low + high) / 2
            inner = at(middle)
            pieces.append(piece(low, middle, np.stack([ends[0], inner])))
            pieces.append(piece(middle, high, np.stack([inner, ends[1]])))
            points += 2 * POINTS
        return np.sum([piece[4] for piece in pieces], axis=0), points


def _names(layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, MeanOfBlocks):
        return (*(name for inner in layer.layers for name in _names(inner)), "mean of the queries")
    if isinstance(layer, Residual):
        return (*(name for inner in layer.layers for name in _names(inner)), "residual")
    if isinstance(layer, UnitLength):
        return ("normalise",)
    if isinstance(layer, Activation):
        return ("GELU" if layer.name.startswith("gelu") else layer.name,)
    if isinstance(layer, Norm):
        return ("layer norm" if layer.centred else "RMS norm",)
    return ("dense",)


@lru_cache(maxsize=16)
def _rule(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre places and weights on (0, 1)."""
    places, weights = np.polynomial.legendre.leggauss(points)
    return (places + 1) / 2, weights / 2
