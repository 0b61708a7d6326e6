"""The layers behind a pooling, as an affine map that holds at one vector: ``g(v) == A v + c``.

A linear step is its own map. A normalisation is linear once its scale is given. Any other step is
read along the straight line from a reference (Aumann-Shapley): A is the mean of its Jacobian on
that line, so ``A (v - reference) == g(v) - g(reference)`` up to the error of the quadrature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

_POINTS = 32  # of the Gauss-Legendre rule on the line


@dataclass(frozen=True)
class Affine:
    """``vector == matrix @ v + offset`` at the vector `v` it was made for."""

    matrix: Tensor  # (E, D)
    offset: Tensor  # (E,)
    vector: Tensor  # (E,) what the step gives of v
    reference: Tensor  # (E,) what it gives of the reference
    rules: tuple[str, ...] = ()  # what holds the map fixed, in words
    gap: float = 0.0  # length of vector - (matrix @ v + offset)

    def then(self, step: Callable[[Tensor], Tensor], rule: str = "") -> Affine:
        """With one more step, (D,) -> (E,), after it: exact for a linear step or a norm, else along
        the line.
        """
        matrix, offset, own = affine_step(step, self.vector, self.reference)
        vector = step(self.vector[None])[0]
        reference = matrix @ self.reference + offset
        rules = (*self.rules, *(name for name in (rule or own,) if name))
        gap = self.gap + float(torch.linalg.vector_norm(matrix @ self.vector + offset - vector))
        through = matrix @ self.offset + offset
        return Affine(matrix @ self.matrix, through, vector, reference, rules, gap)


def identity(vector: Tensor) -> Affine:
    """The map of a vector (D,) that does nothing, measured from zero."""
    size, zero = len(vector), torch.zeros_like(vector)
    return Affine(torch.eye(size, dtype=vector.dtype), zero, vector, zero)


def affine_step(
    step: Callable[[Tensor], Tensor], vector: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor, str]:
    """(matrix (E, D), offset (E,), rule in words) of a step at one vector (D,).

    `step` maps (N, D) to (N, E). ``nn.Linear`` and ``nn.Identity`` are exact; of a layer norm the
    mean and the scale of `vector` are kept; everything else goes along the straight line.
    """
    if isinstance(step, nn.Identity | nn.Dropout):
        return torch.eye(len(vector), dtype=vector.dtype), torch.zeros_like(vector), ""
    if isinstance(step, nn.Linear):
        bias = step.bias if step.bias is not None else torch.zeros(step.out_features)
        return step.weight.to(vector.dtype), bias.to(vector.dtype), ""
    if isinstance(step, nn.LayerNorm):
        size = len(vector)
        centred = torch.eye(size, dtype=vector.dtype) - 1.0 / size
        scale = torch.rsqrt(vector.var(unbiased=False) + step.eps)
        weight = torch.ones(size) if step.weight is None else step.weight
        bias = torch.zeros(size) if step.bias is None else step.bias
        matrix = weight.to(vector.dtype)[:, None] * centred * scale
        return matrix, bias.to(vector.dtype), "layer norm at the scale of the sentence"
    matrix, start = _along_the_line(step, vector, reference)
    return matrix, start - matrix @ reference, "split along a straight line through the dense layer"


def _along_the_line(
    step: Callable[[Tensor], Tensor], vector: Tensor, reference: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean Jacobian (E, D) of `step` between two vectors, and its value at the first."""
    places, weights = np.polynomial.legendre.leggauss(_POINTS)
    steps = torch.as_tensor((places + 1) / 2, dtype=vector.dtype)
    shares = torch.as_tensor(weights / 2, dtype=vector.dtype)
    points = reference + steps[:, None] * (vector - reference)

    def single(point: Tensor) -> Tensor:
        return step(point[None])[0]

    jacobian = torch.func.jacrev(single)
    total = sum(
        share * jacobian(point).detach() for share, point in zip(shares, points, strict=True)
    )
    return torch.as_tensor(total), step(reference[None])[0].detach()
