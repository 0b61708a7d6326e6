"""Edits of a pair: a sentence without a token or with another word, and the change of the score.

A contribution says where a score came from. What a token is worth is another question, and only a
rerun answers it: without the token the encoder reads all others anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from analysis.checkpoints.forward import forward
from analysis.common.memory import enough_memory
from analysis.common.records import freeze, require_shape
from analysis.corpus.embedding import PoolingReader, keys_of
from analysis.corpus.readers import Step
from analysis.reading.trace import (
    HeadTrace,
    Trace,
    head_trace,
    model_inputs,
    record,
    record_tokens,
)
from analysis.similarities.pair_edits import Span
from analysis.similarities.split import Similarity, compare, record_both
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

SIDES = ("a", "b")
WHERE = ("encoder", "pooling")
_MOST_TOKENS = 4096  # of one pass, padding there is none


@dataclass(frozen=True)
class PairEdit:
    """A pair before and after an edit of one or both sentences."""

    before: Similarity
    after: Similarity
    left_out: tuple[tuple[int, ...], tuple[int, ...]]  # positions in a and in b
    where: str  # "encoder": read anew without them; "pooling": read, and then not pooled

    @property
    def change(self) -> float:
        """Score after the edit minus score before."""
        return self.after.score - self.before.score


@dataclass(frozen=True)
class PairEffects:
    """Effect of each token (or word) of two sentences on their score.

    ``a[i]`` is the score minus the score without group i of the first sentence; NaN for special
    tokens, which stay. Positive: the group makes the sentences more similar.
    """

    a: np.ndarray  # (Ga,)
    b: np.ndarray  # (Gb,)
    groups: tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]
    tokens: tuple[Tokens, Tokens]
    score: float
    pooling: str
    layer: int | None  # absolute, of a pooled vector

    def __post_init__(self) -> None:
        require_shape("a", self.a, len(self.groups[0]))
        require_shape("b", self.b, len(self.groups[1]))
        freeze(self)


def leave_out(
    encoder: Classifier,
    a: str,
    b: str,
    positions_a: Sequence[int] = (),
    positions_b: Sequence[int] = (),
    pooling: str = "mean",
    layer: int = -1,
    centre: np.ndarray | None = None,
    *,
    where: str = "encoder",
) -> PairEdit:
    """The score of two sentences without some of their tokens.

    ``where="encoder"`` reads the sentence anew as if the tokens had not been there; "pooling"
    lets the encoder read them and the pooling pass them over. `centre` (D,) as in
    :func:`analysis.similarity`.

    Raises ``ValueError`` for a position that does not exist or is a special token, a sentence of
    which nothing stays, an unknown `where`, and as :func:`analysis.similarity` does.
    """
    if where not in WHERE:
        raise ValueError(f"where is {where!r}; known: {', '.join(WHERE)}")
    traces = record_both(encoder, a, b)
    chosen = (tuple(sorted(set(positions_a))), tuple(sorted(set(positions_b))))
    edited = [
        _without(encoder, trace, positions, where, side)
        for side, (trace, positions) in enumerate(zip(traces, chosen, strict=True))
    ]
    return PairEdit(
        before=compare(encoder, *traces, pooling, layer, centre),
        after=compare(encoder, edited[0], edited[1], pooling, layer, centre),
        left_out=chosen,
        where=where,
    )


def put_in(
    encoder: Classifier,
    a: str,
    b: str,
    side: str,
    position: int,
    word: str,
    pooling: str = "mean",
    layer: int = -1,
    centre: np.ndarray | None = None,
) -> PairEdit:
    """The score with the characters of one token replaced by `word`, read anew; `centre` is (D,).

    Raises ``ValueError`` for a side that is neither "a" nor "b", a position that does not exist
    or is a special token, and as :func:`analysis.similarity` does.
    """
    if side not in SIDES:
        raise ValueError(f"side is {side!r}; known: a, b")
    traces = record_both(encoder, a, b)
    number = SIDES.index(side)
    tokens = traces[number].tokens
    _check(tokens, (position,), ("first", "second")[number])
    start, end = tokens.offsets[position].tolist()
    # Some tokenizers count the space before a word as its first character: it stays.
    start += len(tokens.text[start:end]) - len(tokens.text[start:end].lstrip())
    text = tokens.text[:start] + word + tokens.text[end:]
    if not text.strip():
        raise ValueError("nothing stays of the sentence: give a word to put in its place")
    edited = list(traces)
    edited[number] = record(encoder, text)
    left_out = ((position,), ()) if side == "a" else ((), (position,))
    return PairEdit(
        before=compare(encoder, *traces, pooling, layer, centre),
        after=compare(encoder, edited[0], edited[1], pooling, layer, centre),
        left_out=left_out,
        where="encoder",
    )


def without(encoder: Classifier, trace: Trace, spans: Sequence[Span], side: int) -> Trace:
    """A recorded sentence read anew without the words that lie in these spans of sentence `side`.

    Raises
    ------
    ValueError
        Nothing stays of the sentence.
    """
    return _without(encoder, trace, positions_within(trace.tokens, spans, side), "encoder", side)


def positions_within(tokens: Tokens, spans: Sequence[Span], side: int) -> tuple[int, ...]:
    """Positions of the tokens of sentence `side` that lie within the spans; no special token."""
    return tuple(
        position
        for position, (start, end) in enumerate(tokens.offsets.tolist())
        if not tokens.special[position]
        and any(which == side and start < last and first < end for which, first, last in spans)
    )


def _without(
    encoder: Classifier, trace: Trace, positions: Sequence[int], where: str, side: int
) -> Trace:
    """A recorded sentence without some of its tokens; the trace itself where there are none."""
    if not positions:
        return trace
    _check(trace.tokens, positions, ("first", "second")[side])
    stay = np.setdiff1d(np.arange(len(trace.tokens)), positions)
    tokens = kept(trace.tokens, stay)
    if where == "encoder":
        return record_tokens(encoder, tokens)
    hidden = trace.hidden[:, stay]
    head = HeadTrace()
    own = encoder.head
    if own is not None:
        model = encoder.pooling_model
        with torch.no_grad():
            states = torch.tensor(trace.states[:, stay], device=encoder.device)[:, None]
            mask = torch.ones((1, len(stay)), dtype=torch.long, device=encoder.device)
            if model is not None:
                pooled = model.pool(tuple(states), mask)
            else:  # a stock model's layers read the last one
                pooled = own.read(states[-1:], mask)
                pooled = replace(pooled, vector=own.finish(pooled.vector))
            head = head_trace(encoder, pooled, None)
    return Trace(trace.checkpoint, tokens, hidden, head, None)


def effects(
    encoder: Classifier,
    a: str,
    b: str,
    pooling: str = "mean",
    layer: int = -1,
    centre: np.ndarray | None = None,
    *,
    words: bool = True,
) -> PairEffects:
    """Effect of each word (or token): the score minus the score without it, read anew. `centre`
    is (D,).

    One pass for all variants of a sentence that are equally long, so no padding enters. Raises
    ``ValueError`` as :func:`analysis.similarity` does.
    """
    ((pooling, layer),) = keys_of(encoder, (pooling,), (layer,))
    sides = [trace.tokens for trace in record_both(encoder, a, b)]
    reader = PoolingReader(pooling, layer)
    groups = [_groups(tokens, words) for tokens in sides]
    zero = 0.0 if centre is None else np.asarray(centre, dtype=np.float64)
    whole = [_vectors(encoder, [tokens], reader)[0] - zero for tokens in sides]
    score = _cosine(whole[0], whole[1][None])[0]
    worth = []
    for number, tokens in enumerate(sides):
        every = np.arange(len(tokens))
        change = np.full(len(groups[number]), np.nan)
        able = [
            place
            for place, group in enumerate(groups[number])
            if not tokens.special[list(group)].any()
            and not tokens.special[np.setdiff1d(every, group)].all()
        ]
        variants = [kept(tokens, np.setdiff1d(every, groups[number][place])) for place in able]
        if variants:
            vectors = _vectors(encoder, variants, reader) - zero
            change[able] = score - _cosine(whole[1 - number], vectors)
        worth.append(change)
    return PairEffects(
        worth[0], worth[1], (groups[0], groups[1]), (sides[0], sides[1]), float(score), pooling,
        layer,
    )  # fmt: skip


def kept(tokens: Tokens, positions: np.ndarray) -> Tokens:
    """Some `positions` (n,) of a sentence's tokens, as tokens; the text stays what it was."""
    by_position = {
        name: values[positions]
        for name, values in vars(tokens).items()
        if isinstance(values, np.ndarray)  # every array of tokens has an entry for each
    }
    pieces = tuple(tokens.pieces[position] for position in positions.tolist())
    return replace(tokens, pieces=pieces, **by_position)


def _groups(tokens: Tokens, words: bool) -> tuple[tuple[int, ...], ...]:
    return tokens.word_groups() if words else tuple((place,) for place in range(len(tokens)))


def _cosine(vector: np.ndarray, others: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vector) * np.linalg.norm(others, axis=1)
    return np.asarray(others @ vector / np.where(lengths == 0, np.nan, lengths))


def _vectors(encoder: Classifier, variants: list[Tokens], reader: PoolingReader) -> np.ndarray:
    """(N, D) float64 pooled vectors, passes of equal length together."""
    held: list[np.ndarray | None] = [None] * len(variants)
    lengths = np.array([len(tokens) for tokens in variants])
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        size = max(1, _MOST_TOKENS // length)
        for start in range(0, len(places), size):
            part = places[start : start + size].tolist()
            for place, vector in zip(
                part, _pooled(encoder, [variants[place] for place in part], reader), strict=True
            ):
                held[place] = vector
    return np.stack([vector for vector in held if vector is not None]).astype(np.float64)


def _pooled(encoder: Classifier, variants: list[Tokens], reader: PoolingReader) -> np.ndarray:
    rows = [model_inputs(encoder, tokens) for tokens in variants]
    inputs = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    count, length = inputs["input_ids"].shape
    with enough_memory(encoder, f"at {count} × {length} tokens"), torch.no_grad():
        output, pooled, _ = forward(encoder, inputs, {})
        step = Step(
            classifier=encoder,
            hidden=output.hidden_states,
            mask=inputs["attention_mask"],
            vector=None if pooled is None else pooled.vector,
            logits=None,
            tokens=np.full(count, length, np.int32),
            cut=np.zeros(count, np.int32),
        )
        return np.asarray(reader.vectors(step).float().cpu().numpy())


def _check(tokens: Tokens, positions: Sequence[int], which: str) -> None:
    outside = [place for place in positions if not 0 <= place < len(tokens)]
    if outside:
        raise ValueError(
            f"token {', '.join(map(str, outside))} does not exist: the {which} sentence has "
            f"positions 0 to {len(tokens) - 1}"
        )
    special = [place for place in positions if tokens.special[place]]
    if special:
        names = ", ".join(tokens.pieces[place] for place in special)
        raise ValueError(f"{names} cannot be left out: special tokens stay in every sentence")
    if set(np.flatnonzero(~tokens.special).tolist()) <= set(positions):
        raise ValueError(f"nothing stays of the {which} sentence: leave at least one token")
