"""Results of changing something: sweep, what-if, drop effects, leave-one-out. NumPy only.

Every effect has one sign: **before minus after**, what a logit loses by the change. Positive
means that what was taken away spoke for the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.records import freeze, require_shape
from analysis.reading.decomposition import contrast_of
from analysis.reading.trace import HeadTrace
from analysis.text.tokens import Tokens

# Three different questions, and none of them is "the" effect of a token.
WHERE = {
    "head": "hidden from the pooling head, which still reads tokens that saw it in the encoder",
    "encoder": "hidden from the encoder's attention and from the pooling head, its place kept",
    "replace": "replaced by the mask token before the encoder, which reads the mask instead",
}


@dataclass(frozen=True)
class Sweep:
    """The pooling head over the last k layers for k = 1 .. L, without training it again."""

    checkpoint: Checkpoint
    tokens: Tokens
    last_k: np.ndarray  # (L,) int: 1 .. L
    trained: int  # the k that the checkpoint was trained with
    logits: np.ndarray  # (L, C)
    probabilities: np.ndarray  # (L, C); for a regression the value itself
    shares: np.ndarray  # (L, L) share of wins of layer 1 .. L; NaN = did not compete; sums to 1
    pooled: np.ndarray  # (L, D) input of the classifier

    def __post_init__(self) -> None:
        size = len(self.last_k)
        require_shape("logits", self.logits, size, None)
        require_shape("probabilities", self.probabilities, *self.logits.shape)
        require_shape("shares", self.shares, size, size)
        require_shape("pooled", self.pooled, size, None)
        freeze(self)

    @property
    def predicted(self) -> np.ndarray:
        """(L,) class with the largest logit at each k."""
        return np.asarray(self.logits.argmax(axis=1))

    @property
    def flips(self) -> np.ndarray:
        """(L,) bool: the label differs from that at k - 1; never at k = 1."""
        return np.concatenate([[False], self.predicted[1:] != self.predicted[:-1]])

    @property
    def differs(self) -> np.ndarray:
        """(L,) bool: the label differs from that at the k trained with."""
        return np.asarray(self.predicted != self.predicted[self.trained - 1])

    @property
    def cosine_to_trained(self) -> np.ndarray:
        """(L,) cosine of the pooled vector to that of the k trained with; 1 there."""
        vectors = self.pooled.astype(np.float64)
        own = vectors[self.trained - 1]
        length = np.linalg.norm(vectors, axis=1) * np.linalg.norm(own)
        return np.asarray(vectors @ own / np.where(length > 0, length, np.nan))


@dataclass(frozen=True)
class WhatIf:
    """One text before and after layers left the pool or tokens were masked."""

    checkpoint: Checkpoint
    tokens: Tokens
    where: str  # "head", "encoder" or "replace": see WHERE
    drop_layers: tuple[int, ...]  # absolute indices
    mask_tokens: tuple[int, ...]  # positions
    logits: np.ndarray  # (2, C) before and after
    probabilities: np.ndarray  # (2, C)
    before: HeadTrace
    after: HeadTrace

    def __post_init__(self) -> None:
        require_shape("logits", self.logits, 2, None)
        require_shape("probabilities", self.probabilities, *self.logits.shape)
        freeze(self)

    @property
    def effect(self) -> np.ndarray:
        """(C,) logits before minus after."""
        return np.asarray(self.logits[0] - self.logits[1])

    @property
    def predicted(self) -> tuple[int, int]:
        """Class before and after."""
        before, after = self.logits.argmax(axis=1).tolist()
        return before, after

    @property
    def flipped(self) -> bool:
        """Whether the label changed."""
        return self.predicted[0] != self.predicted[1]

    @property
    def changed_wins(self) -> float | None:
        """Share of maxima that another layer or token holds afterwards; None without winners.

        Masked tokens are left out where every token is pooled.
        """
        old, new = self.before.winners, self.after.winners
        if old is None or new is None:
            return None
        changed = old.layer != new.layer
        if old.token is not None and new.token is not None:
            changed = changed | (old.token != new.token)
        if changed.ndim == 2:
            changed = np.delete(changed, self.mask_tokens, axis=0)
        return float(changed.mean())


@dataclass(frozen=True)
class DropEffects:
    """Loss of every logit when one competing layer leaves the pool: before minus after."""

    checkpoint: Checkpoint
    layers: tuple[int, ...]  # (K,) absolute indices of the competing layers
    logits: np.ndarray  # (C,) with all of them
    effects: np.ndarray  # (C, K) the layer leaves the pool at every token
    by_token: np.ndarray | None  # (C, T, K) it leaves at that token only; not additive

    def __post_init__(self) -> None:
        classes, count = len(self.logits), len(self.layers)
        require_shape("effects", self.effects, classes, count)
        if self.by_token is not None:
            require_shape("by_token", self.by_token, classes, None, count)
        freeze(self)

    def contrast(self, target: int) -> np.ndarray:
        """(K,) loss of the target logit minus the mean loss of the others."""
        return contrast_of(self.effects, target)

    def contrast_by_token(self, target: int) -> np.ndarray:
        """(T, K) the same at each token; raises ``ValueError`` where it was not asked for."""
        if self.by_token is None:
            raise ValueError("effects by token were not computed: ask with by_token=True")
        return contrast_of(self.by_token, target)


@dataclass(frozen=True)
class LeaveOneOut:
    """Loss of every logit when one unit (a piece or a word) is left out: before minus after."""

    checkpoint: Checkpoint
    tokens: Tokens
    where: str  # "head", "encoder" or "replace": see WHERE
    units: tuple[tuple[int, ...], ...]  # (U,) token positions of each unit
    logits: np.ndarray  # (C,) with everything in place
    effects: np.ndarray  # (C, U); NaN for [CLS] where it cannot be left out

    def __post_init__(self) -> None:
        require_shape("effects", self.effects, len(self.logits), len(self.units))
        freeze(self)

    def contrast(self, target: int) -> np.ndarray:
        """(U,) loss of the target logit minus the mean loss of the others."""
        return contrast_of(self.effects, target)
