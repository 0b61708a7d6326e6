"""Winners of a max-pool: which source layer (or token) holds each maximum, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.records import freeze
from analysis.text.tokens import Tokens
from analysis.text.words import merge

if TYPE_CHECKING:
    from analysis.reading.trace import HeadTrace


@dataclass(frozen=True)
class Winners:
    """Winners of a maximum; ties go to the earliest layer (or token).

    Shapes are (d,) where only one position is pooled (`max_cls`), or where tokens compete (`max`,
    and the maximum that is one part of `concat`); (T, d) where every token is (`max_seq_mha`).
    """

    layer: np.ndarray  # (d,) or (T, d) int: absolute index of the source layer, 0 = embeddings
    token: np.ndarray | None  # (d,) int where the max runs over tokens, else None
    margin: np.ndarray  # like `layer`: maximum minus runner-up, >= 0; 0 is a tie, inf if unopposed
    layers: tuple[int, ...]  # the absolute indices of the layers that competed

    def __post_init__(self) -> None:
        if self.margin.shape != self.layer.shape:
            raise ValueError(f"margin has shape {self.margin.shape}, layer has {self.layer.shape}")
        if self.token is not None and self.token.shape != self.layer.shape:
            raise ValueError(f"token has shape {self.token.shape}, layer has {self.layer.shape}")
        freeze(self)

    @property
    def ties(self) -> int:
        """Number of maxima that tie with their runner-up."""
        return int((self.margin == 0).sum())

    @property
    def contested(self) -> bool:
        """Whether any maximum has a runner-up."""
        return bool(np.isfinite(self.margin).any())

    def share_by_layer(self) -> np.ndarray:
        """Share of wins of each competing layer, in the order of `layers`; sums to 1."""
        return np.array([(self.layer == index).mean() for index in self.layers])


def part_of_maximum(head: HeadTrace) -> int | None:
    """Part of a pooling head that is its maximum over tokens; None where it takes none.

    The part that reads each dimension from its winner alone, with weight 1. Of several such (a
    text whose first token wins everything) it is the last, where `concat` has its maximum.
    """
    won = head.winners
    if won is None or won.token is None or head.weights is None or head.weights.ndim == 2:
        return None
    at_winner = head.weights[:, won.token, np.arange(len(won.token))]  # (P, d)
    alone = (at_winner == 1).all(axis=1) & (np.count_nonzero(head.weights, axis=1) == 1).all(axis=1)
    return int(np.flatnonzero(alone)[-1]) if alone.any() else None


def wins_by_word(winners: Winners, tokens: Tokens) -> np.ndarray:
    """(U, K) how many dimensions each competing layer wins at each word, all its pieces counted.

    For a maximum over tokens K is 1. Where only [CLS] is pooled all wins are its own.
    """
    return merge(wins_by_token(winners, len(tokens)), tokens, axis=0)


def wins_by_token(winners: Winners, length: int) -> np.ndarray:
    """(T, K) how many dimensions each competing layer wins at each token."""
    layers = np.array(winners.layers)
    if winners.token is not None:
        return np.bincount(winners.token, minlength=length)[:, None]
    counts = np.zeros((length, len(layers)), dtype=np.int64)
    rows = winners.layer[None] if winners.layer.ndim == 1 else winners.layer
    counts[: len(rows)] = (rows[:, :, None] == layers).sum(axis=1)
    return counts
