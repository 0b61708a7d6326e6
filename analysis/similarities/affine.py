"""The layers behind a pooling, as an affine map that holds at one vector: ``g(v) == A v + c``.

A dense layer is its own map. A norm is linear once the mean and the length of its input are given.
An elementwise function is read along the straight line from a reference (Aumann and Shapley 1974):
its mean slope on that line is its chord, so ``A (v - reference) == g(v) - g(reference)``. For the
usual dense layer and tanh that is the straight line through both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from analysis.straight_line.layers import (
    ACTIVATIONS,
    Activation,
    Dense,
    Layer,
    MeanOfBlocks,
    Norm,
    Residual,
    UnitLength,
    run,
)

LINE = "split along a straight line through the dense layer"
AT_SCALE = "layer norm at the scale of the sentence"
_SAME = 1e-9  # numbers no further apart have no chord, but a slope


@dataclass(frozen=True)
class Affine:
    """``vector == matrix @ v + offset`` at the vector `v` it was made for."""

    matrix: np.ndarray  # (E, D)
    offset: np.ndarray  # (E,)
    vector: np.ndarray  # (E,) what the layers give of v
    gap: float  # length of vector - (matrix @ v + offset), over that of the vector
    rules: tuple[str, ...]  # what holds the map fixed, in words


@dataclass(frozen=True)
class _Step:
    """One layer at one vector."""

    matrix: np.ndarray  # (E, D), or (D,) where each number is scaled by itself
    offset: np.ndarray  # (E,)
    rules: tuple[str, ...] = ()

    def times(self, vectors: np.ndarray) -> np.ndarray:
        """(D,) or (D, n) -> (E,) or (E, n)."""
        if self.matrix.ndim == 2:
            return np.asarray(self.matrix @ vectors)
        return np.asarray(
            self.matrix * vectors if vectors.ndim == 1 else self.matrix[:, None] * vectors
        )


def affine(layers: Sequence[Layer], vector: np.ndarray) -> Affine:
    """The map of layers, one after another, at a vector (D,), measured from the zero vector.

    Raises
    ------
    ValueError
        A layer is of a kind that has no such map.
    """
    start = np.asarray(vector, dtype=np.float64)
    step = _through(layers, start, np.zeros_like(start))
    at = run(layers, start[None])[0]
    error = float(np.linalg.norm(at - step.matrix @ start - step.offset))
    gap = error / max(float(np.linalg.norm(at)), 1e-300)
    return Affine(step.matrix, step.offset, at, gap, tuple(dict.fromkeys(step.rules)))


def _through(layers: Sequence[Layer], at: np.ndarray, reference: np.ndarray) -> _Step:
    """Several layers as one, with a whole matrix."""
    matrix: np.ndarray | None = None  # None: no layer yet
    offset = np.zeros_like(at)
    rules: tuple[str, ...] = ()
    for layer in layers:
        step = _step(layer, at, reference)
        if matrix is not None:
            matrix = step.times(matrix)
        else:
            matrix = step.matrix if step.matrix.ndim == 2 else np.diag(step.matrix)
        offset = step.times(offset) + step.offset
        reference = step.times(reference) + step.offset
        at, rules = layer(at[None])[0], (*rules, *step.rules)
    return _Step(np.eye(len(at)) if matrix is None else matrix, offset, rules)


@singledispatch
def _step(layer: Layer, at: np.ndarray, reference: np.ndarray) -> _Step:
    raise ValueError(f"a layer {type(layer).__name__} has no affine map at a vector")


@_step.register
def _(layer: Dense, at: np.ndarray, reference: np.ndarray) -> _Step:
    return _Step(layer.weight, layer.bias)


@_step.register
def _(layer: Activation, at: np.ndarray, reference: np.ndarray) -> _Step:
    of, slope = ACTIVATIONS[layer.name]
    apart = at - reference
    same = np.abs(apart) <= _SAME * (1 + np.abs(at))
    chord = (of(at) - of(reference)) / np.where(same, 1.0, apart)
    scale = np.where(same, slope(at), chord)
    return _Step(scale, of(at) - scale * at, (LINE,))


@_step.register
def _(layer: Norm, at: np.ndarray, reference: np.ndarray) -> _Step:
    moved = at - at.mean() if layer.centred else at
    scale = layer.weight / np.sqrt((moved**2).mean() + layer.epsilon)
    rules = (AT_SCALE if layer.centred else AT_SCALE.replace("layer", "RMS"),)
    if not layer.centred:
        return _Step(scale, layer.bias, rules)
    centring = np.eye(len(at)) - 1.0 / len(at)
    return _Step(scale[:, None] * centring, layer.bias, rules)


@_step.register
def _(layer: UnitLength, at: np.ndarray, reference: np.ndarray) -> _Step:
    # A cosine divides by both lengths anyway: no rule of its own.
    length = max(float(np.linalg.norm(at)), layer.least)
    return _Step(np.full(len(at), 1 / length), np.zeros(len(at)))


@_step.register
def _(layer: Residual, at: np.ndarray, reference: np.ndarray) -> _Step:
    inner = _through(layer.layers, at, reference)
    way = np.eye(len(at)) if layer.beside is None else layer.beside
    return _Step(inner.matrix + way, inner.offset, inner.rules)


@_step.register
def _(layer: MeanOfBlocks, at: np.ndarray, reference: np.ndarray) -> _Step:
    blocks = at.reshape(layer.count, -1), reference.reshape(layer.count, -1)
    steps = [_through(layer.layers, *both) for both in zip(*blocks, strict=True)]
    return _Step(
        np.concatenate([step.matrix for step in steps], axis=1) / layer.count,
        np.mean([step.offset for step in steps], axis=0),
        tuple(rule for step in steps for rule in step.rules),
    )
