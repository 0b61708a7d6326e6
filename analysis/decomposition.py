"""The exact split of a logit over (class, part of the pooling head, token, source layer)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.records import freeze, require_shape


class NoExactSplit(ValueError):
    """The pooling head has a non-linear step (or belongs to a foreign model): nothing to split."""


def contrast_of(values: np.ndarray, target: int) -> np.ndarray:
    """Target class minus the mean of the other classes, along the first axis.

    (C, ...) -> (...). A shift common to all classes changes no probability and cancels here.
    With one output (regression) the output itself is returned.
    """
    if values.shape[0] == 1:
        return values[0]
    others = np.delete(values, target, axis=0).mean(axis=0)
    return values[target] - others


@dataclass(frozen=True)
class Decomposition:
    """contributions.sum((1, 2, 3)) + constant == logits, for every reference.

    It is exact given the source layers and the attention weights, relative to `reference`.
    """

    contributions: np.ndarray  # (C, P, T, K) class, part of the pooling head, token, source layer
    constant: np.ndarray  # (C,) what no token contributes: biases and the reference's own value
    logits: np.ndarray  # (C,) of the forward pass
    layers: tuple[int, ...]  # (K,) absolute indices of the source layers
    parts: tuple[str, ...]  # (P,) names of the parts: attention heads, learned queries, blocks
    reference: str  # what the values are measured from: "zero", "corpus", "custom"

    def __post_init__(self) -> None:
        require_shape(
            "contributions", self.contributions,
            len(self.logits), len(self.parts), None, len(self.layers),
        )
        require_shape("constant", self.constant, len(self.logits))
        freeze(self)

    @property
    def error(self) -> float:
        """Largest |sum - logit| over sum |contribution|, over the classes."""
        gap = np.abs(self.contributions.sum((1, 2, 3)) + self.constant - self.logits)
        scale = np.abs(self.contributions).sum((1, 2, 3)) + np.abs(self.constant)
        return float((gap / np.maximum(scale, np.finfo(np.float64).tiny)).max())

    def contrast(self, target: int) -> np.ndarray:
        """(P, T, K) contributions to the target logit minus the mean of the other logits."""
        return contrast_of(self.contributions, target)

    def by_token(self, target: int) -> np.ndarray:
        """(T,) what the pooling head reads from each position, for the contrast of `target`."""
        return self.contrast(target).sum((0, 2))

    def by_layer(self, target: int) -> np.ndarray:
        """(K,) what each source layer contributes to the contrast of `target`."""
        return self.contrast(target).sum((0, 1))
