"""Attention in several seeds: how it agrees with effects of leaving tokens out, and its spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.reading import attention

if TYPE_CHECKING:
    from analysis.reading.attention import BlockMasses, ValueNorms
    from analysis.reading.decomposition import Decomposition
    from analysis.reading.trace import Trace
    from analysis.text.tokens import Tokens

Units = Sequence[Sequence[int]]  # positions of the tokens of each unit


def pooling_rows(
    traces: Sequence[Trace], norms: Sequence[ValueNorms] | None = None
) -> list[np.ndarray]:
    """(P, T) of each seed: the pooling head's attention, or with `norms` shares of value norms.

    Raises ``ValueError`` for a pooling head without attention.
    """
    rows = [attention.pooling_attention(trace) for trace in traces]
    return rows if norms is None else [norm.share for norm in norms]


def added_by_unit(splits: Sequence[Decomposition], target: int, units: Units) -> np.ndarray:
    """(M, U) what each unit adds to the contrast of a class, in logits, a row a seed."""
    rows = [split.by_token(target) for split in splits]
    return np.array([[row[list(unit)].sum() for unit in units] for row in rows])


def special_share(rows: Sequence[np.ndarray], tokens: Tokens, head: int | None) -> float:
    """Share of the attention that special tokens take: of one row, or the mean over all.

    `rows` are (P, T) of each seed; `head` counts over all of them.
    """
    every = np.concatenate(list(rows))
    chosen = every if head is None else every[head][None]
    return float(attention.special_mass(chosen, tokens).mean())


def spread_in_words(values: np.ndarray, layer: int, head: int) -> str:
    """ "0.52 ± 0.03" of an attention head over seeds: (M, L, H), layers counted from 1."""
    own = values[:, layer - 1, head]
    phrase = f" ± {own.std(ddof=1):.2f}" if len(own) > 1 else ""
    return f"{own.mean():.2f}{phrase}"


def spread(rows: Sequence[np.ndarray] | np.ndarray) -> np.ndarray | None:
    """(...) the standard deviation over seeds of (...) rows; None for a single one."""
    return np.asarray(np.std(rows, axis=0, ddof=1)) if len(rows) > 1 else None


def spread_of_masses(
    masses: Sequence[BlockMasses],
    layer: int,
    head: int | None,
    own: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """(R, B) standard deviation over seeds of the shares that go from each part into each part.

    Parameters
    ----------
    masses
        (L, H, B, B) of each seed.
    layer
        1 to L.
    head
        An attention head, or None for the mean over all.
    own
        (P, B) of each seed: the pooling head's masses; their mean is a first row.
    """
    each = np.stack([mass.values[layer - 1] for mass in masses])  # (M, H, B, B)
    rows = each.mean(axis=1) if head is None else each[:, head]
    if own is not None:
        first = np.stack([mass.mean(axis=0) for mass in own])[:, None]
        rows = np.concatenate([first, rows], axis=1)
    return np.asarray(rows.std(axis=0, ddof=1))
