"""Attention: the pooling head's own, the encoder's, and what may be read off them.

Rows are queries, columns keys, and rows sum to 1 (norms do not). Attention is no explanation by
itself: :func:`agreement` holds it against what happens when a token is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.reading.trace import Trace
from analysis.statistics.basics import Agreement, kendall
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.interventions.effects import LeaveOneOut


@dataclass(frozen=True)
class Rollout:
    """Attention followed down through the layers, the residual stream counted as half."""

    values: np.ndarray  # (L, T, T) from the queries of layer 1 .. L to the input tokens
    tokens: Tokens
    read_token: int = 0  # that of the trace

    def __post_init__(self) -> None:
        require_shape("values", self.values, None, len(self.tokens), len(self.tokens))
        freeze(self)

    @property
    def cls_row(self) -> np.ndarray:
        """(T,) what [CLS] of the last layer draws from each input token; sums to 1.

        Of a decoder, and wherever else another token is the one that is read: what that one draws.
        """
        return np.asarray(self.values[-1, self.read_token])


@dataclass(frozen=True)
class HeadEntropy:
    """Entropy of each attention head of the encoder, as a mean over its queries."""

    nats: np.ndarray  # (L, H) 0 = one token only, log T = all tokens alike
    normalised: np.ndarray  # (L, H) nats / log T: 0 .. 1, to compare texts of different length
    length: int  # T

    def __post_init__(self) -> None:
        require_shape("normalised", self.normalised, *self.nats.shape)
        freeze(self)


@dataclass(frozen=True)
class HeadDistance:
    """Attention distance of each attention head of the encoder, as a mean over its queries."""

    tokens: np.ndarray  # (L, H) mean |key - query| in token positions, weighted by attention
    uniform: float  # what a head that looks at all tokens alike would read at this length

    def __post_init__(self) -> None:
        require_shape("tokens", self.tokens, None, None)
        freeze(self)


@dataclass(frozen=True)
class ValueNorms:
    """The pooling head's attention weighted by what it moves: norm(alpha f(x))."""

    norms: np.ndarray  # (P, T) in units of the pooled vector; rows do not sum to 1
    parts: tuple[str, ...]  # (P,)

    def __post_init__(self) -> None:
        require_shape("norms", self.norms, len(self.parts), None)
        freeze(self)

    @property
    def share(self) -> np.ndarray:
        """(P, T) norms as shares of their row, to stand beside weights."""
        return np.asarray(self.norms / self.norms.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class BlockMasses:
    """Attention between special tokens, the text and its pair: rows sum to 1."""

    values: np.ndarray  # (..., B, B) mean over the block's queries of the mass into each block
    blocks: tuple[str, ...]  # (B,) of "special tokens", "text", "pair"; those that exist

    def __post_init__(self) -> None:
        if self.values.shape[-2:] != (len(self.blocks),) * 2:
            raise ValueError(f"{self.values.shape} is no mass of {len(self.blocks)} blocks")
        freeze(self)


def pooling_attention(trace: Trace) -> np.ndarray:
    """(P, T) the pooling head's own attention; rows sum to 1.

    Raises ``ValueError`` where it has none, saying which do.
    """
    if trace.head.attention is None:
        name = trace.checkpoint.head
        what = f"the pooling head {name}" if name else "this model's classification head"
        reads = f" and reads {trace.head.reads}" if trace.head.reads else ""
        raise ValueError(
            f"{trace.checkpoint.name}: {what} has no attention of its own{reads}. mha, "
            "max_seq_mha, weighted_mean and query_attention have one."
        )
    return trace.head.attention


def encoder_attention(trace: Trace) -> np.ndarray:
    """(L, H, T, T) the encoder's attentions.

    Raises ``ValueError`` where the text was recorded without them.
    """
    if trace.attentions is None:
        raise ValueError(
            f"{trace.checkpoint.name}: this text was recorded without attentions; record it with "
            "attentions=True"
        )
    return trace.attentions


def cls_row(trace: Trace, layer: int = -1) -> np.ndarray:
    """(H, T) attention of [CLS] in one layer of the encoder.

    Where another token is the one that is read, as in a decoder (``trace.read_token``), its row.

    `layer` is absolute, 1 .. L; -1 is the last one. Layer 0 has no attention.

    Raises
    ------
    ValueError
        There is no such layer, or the trace was recorded without attentions.
    """
    attentions = encoder_attention(trace)
    index = len(attentions) if layer == -1 else layer
    if not 1 <= index <= len(attentions):
        raise ValueError(f"layer {layer} has no attention: choose 1 to {len(attentions)}")
    # A trace may hold the row of that token alone.
    alone = attentions.shape[2] == 1
    return np.asarray(attentions[index - 1, :, 0 if alone else trace.read_token])


def rollout(trace: Trace) -> Rollout:
    """Attention rollout: every row sums to 1.

    Source: Abnar and Zuidema 2020. Attention heads are averaged, the residual stream counts as
    much as the attention, and layers are multiplied.
    """
    mean = encoder_attention(trace).mean(axis=1, dtype=np.float64)
    layers = mean / 2 + np.eye(mean.shape[-1]) / 2
    layers /= layers.sum(axis=-1, keepdims=True)
    values = [layers[0]]
    for layer in layers[1:]:
        values.append(layer @ values[-1])
    return Rollout(np.stack(values), trace.tokens, trace.read_token)


def head_entropy(trace: Trace) -> HeadEntropy:
    """Entropy of every attention head of the encoder, in nats and as a share of log T."""
    # Layer by layer: in double precision all of 512 tokens would be another 300 MB, twice.
    nats = np.stack([entropy(layer).mean(axis=-1) for layer in encoder_attention(trace)])
    length = len(trace.tokens)
    with np.errstate(invalid="ignore", divide="ignore"):
        return HeadEntropy(nats, nats / np.log(length), length)


def entropy(rows: np.ndarray) -> np.ndarray:
    """(..., T) rows that sum to 1 -> (...) entropy in nats; an empty cell counts nothing."""
    rows = np.asarray(rows, dtype=np.float64)
    logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
    return np.asarray(-np.einsum("...t,...t->...", rows, logs))


def head_distance(trace: Trace) -> HeadDistance:
    """Mean distance between query and key of every attention head of the encoder, in tokens."""
    attentions = encoder_attention(trace)
    places = np.arange(attentions.shape[-1])
    apart = np.abs(places[:, None] - places[None, :]).astype(np.float64)
    by_head = np.array(
        [[float((head * apart).sum()) / len(places) for head in layer] for layer in attentions]
    )
    return HeadDistance(by_head, float(apart.mean()))


def value_norms(classifier: Classifier, trace: Trace) -> ValueNorms:
    """norm(alpha f(x)) of every part of the pooling head (Kobayashi et al. 2020).

    A large weight on a short vector moves little. Raises ``ValueError`` where the pooling head
    weights no tokens.
    """
    from analysis.reading.reread import part_norms

    return ValueNorms(part_norms(classifier, trace), trace.head.parts)


def special_mass(rows: np.ndarray, tokens: Tokens) -> np.ndarray:
    """(..., T) -> (...) the mass that special tokens took of each row."""
    return np.asarray(np.asarray(rows)[..., tokens.special].sum(axis=-1))


def block_masses(attention: np.ndarray, tokens: Tokens) -> BlockMasses:
    """(..., T, T) -> mass from each block to each: within a text, across a pair, special tokens.

    Raises ``ValueError`` for another shape than that of the text.
    """
    size = len(tokens)
    if attention.shape[-2:] != (size, size):
        raise ValueError(f"attention has shape {attention.shape}, the text {size} tokens")
    blocks, inside = _blocks(tokens)
    into = attention @ inside.T.astype(attention.dtype)  # (..., T, B)
    values = np.einsum("...qb,aq->...ab", into, inside / inside.sum(axis=1, keepdims=True))
    return BlockMasses(values, blocks)


def row_masses(rows: np.ndarray, tokens: Tokens) -> np.ndarray:
    """(..., T) -> (..., B) the mass of each row into each block, in the order of `block_masses`."""
    return np.asarray(np.asarray(rows, dtype=np.float64) @ _blocks(tokens)[1].T)


def _blocks(tokens: Tokens) -> tuple[tuple[str, ...], np.ndarray]:
    """(B,) names of the blocks that exist, and (B, T) which tokens are inside, 0 or 1."""
    members = {
        "special tokens": tokens.special,
        "text": ~tokens.special & (tokens.segment == 0),
        "pair": ~tokens.special & (tokens.segment == 1),
    }
    present = {name: here for name, here in members.items() if here.any()}
    return tuple(present), np.stack(list(present.values())).astype(np.float64)


def agreement(rows: np.ndarray, left_out: LeaveOneOut, target: int, seed: int = 0) -> Agreement:
    """Kendall's tau between attention and the size of leave-one-out effects, with its null band.

    `rows` is (T,) or (P, T): attention heads are averaged, pieces summed into the units that were
    left out. Places that cannot be left out ([CLS]) do not count. Never to be held against the
    exact split, which contains the attention.

    Raises ``ValueError`` for another length, or fewer than 4 places.
    """
    row = np.asarray(rows, dtype=np.float64)
    row = row.mean(axis=0) if row.ndim == 2 else row
    require_shape("attention", row, len(left_out.tokens))
    by_unit = np.array([row[list(unit)].sum() for unit in left_out.units])
    return kendall(by_unit, np.abs(left_out.contrast(target)), seed)
