"""From word pieces to words, by the rule of each quantity.

Attention is summed into a word (a query may look at any of its pieces) and averaged from it (each
piece asks once); contributions add up. Norms of weighted values are summed: what
the pieces move one by one, which is no less than what they move together. Leaving a word out is
an experiment of its own (`leave_one_out(..., words=True)`): effects of pieces do not add up to it.
"""

from __future__ import annotations

import numpy as np

from analysis.text.tokens import Tokens


def merge(values: np.ndarray, tokens: Tokens, axis: int = -1, how: str = "sum") -> np.ndarray:
    """(..., T, ...) -> (..., U, ...): one place a word, in the order of `tokens.word_groups()`.

    `how` is "sum" or "mean". Raises ``ValueError`` for another one, or another length.
    """
    if how not in ("sum", "mean"):
        raise ValueError(f"how is {how!r}; known: 'sum', 'mean'")
    moved = np.moveaxis(np.asarray(values), axis, -1)
    if moved.shape[-1] != len(tokens):
        raise ValueError(
            f"axis {axis} has {moved.shape[-1]} places and the text {len(tokens)} tokens"
        )
    groups = tokens.word_groups()
    starts = [group[0] for group in groups]  # groups are runs of neighbours
    merged = np.add.reduceat(moved, starts, axis=-1)
    if how == "mean":
        merged = merged / np.array([len(group) for group in groups])
    return np.asarray(np.moveaxis(merged, -1, axis))


def attention_by_word(attention: np.ndarray, tokens: Tokens) -> np.ndarray:
    """(..., T, T) queries x keys -> (..., U, U): averaged from, summed into. Rows keep their sum.

    Source: Clark et al. 2019, "What does BERT look at?", section 4.1.
    """
    return merge(merge(attention, tokens, axis=-1), tokens, axis=-2, how="mean")
