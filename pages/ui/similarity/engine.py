"""What each pooling says of two sentences: scores, contributions, and the same without words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.cache import Cache
from analysis.figures.views.similarity import TITLES
from pages.ui.engine import models
from pages.ui.kit.cards import Span

if TYPE_CHECKING:
    from analysis.reading.trace import Trace
    from analysis.similarities.split import Similarity
    from analysis.text.tokens import Tokens

MAXSIM, SPLADE = "maxsim", "splade"
_BYTES = 100_000_000


@dataclass(frozen=True)
class Score:
    """One pooling on the two sentences as they are shown (without the words struck out)."""

    pooling: str
    title: str
    a: Tokens | None = None
    b: Tokens | None = None
    score: float = float("nan")
    before: float | None = None  # with all words, where some are struck out
    contributions: np.ndarray | None = None  # (Ta, Tb)
    unit: str = "of the cosine"
    result: Any = None  # Similarity, MaxSim or SharedTerms
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def single(self) -> bool:
        """Whether one pair of tokens is the whole score."""
        return self.contributions is not None and np.count_nonzero(self.contributions) == 1


@dataclass(frozen=True)
class Pair:
    """What is compared, and how."""

    member: Checkpoint
    text: str
    pair: str
    layer: int
    struck: tuple[Span, ...] = ()
    centres: tuple[tuple[str, bytes], ...] = ()  # pooling -> float32 bytes of its centre

    @property
    def key(self) -> tuple[Any, ...]:
        """What its scores hang on."""
        own = (self.member.id, self.member.sha256)
        return (*own, self.text, self.pair, self.layer, self.struck, self.centres)

    def centre(self, pooling: str) -> np.ndarray | None:
        """The vector that a pooling is measured from; None is zero."""
        held = dict(self.centres).get(pooling)
        return None if held is None else np.frombuffer(held, np.float32).astype(np.float64)


@st.cache_resource(show_spinner=False, max_entries=1)
def _kept() -> Cache[Score]:
    return Cache[Score](_BYTES)


def offered(members: Sequence[Checkpoint]) -> list[str]:
    """Poolings that at least one checkpoint has, in a fixed order; MaxSim and SPLADE last."""
    from analysis.corpus.embedding import poolings_of
    from analysis.similarities.splade import has_head

    own = {name for member in members for name in poolings_of(member)}
    found = [name for name in TITLES if name in own]
    sparse = any(_try(lambda m=m: has_head(models.classifier(m)), False) for m in members)
    return [*found, MAXSIM, *([SPLADE] if sparse else [])]


def _try(ask: Any, otherwise: Any) -> Any:
    try:
        return ask()
    except ValueError:  # a checkpoint that cannot be loaded says so in its card
        return otherwise


def scores(given: Pair, poolings: Sequence[str]) -> list[Score]:
    """One for each pooling; a failure stays in its own row."""
    return [
        _kept().get_or_make(
            (*given.key, models.precision(), pooling), partial(_score, given, pooling), _size
        )
        for pooling in poolings
    ]


def _size(score: Score) -> int:
    return 1000 if score.contributions is None else 3 * score.contributions.nbytes


def _score(given: Pair, pooling: str) -> Score:
    title = TITLES.get(pooling, pooling)
    try:
        if pooling == MAXSIM:
            return _maxsim(given, title)
        if pooling == SPLADE:
            return _splade(given, title)
        return _pooled(given, pooling, title)
    except ValueError as error:
        return Score(pooling, title, problem=str(error))


def _pooled(given: Pair, pooling: str, title: str) -> Score:
    from analysis.similarities.split import compare

    encoder = models.classifier(given.member)
    first, second = (models.trace(given.member, text, None) for text in (given.text, given.pair))
    layer = -1 if pooling == "head" else given.layer
    centre = given.centre(pooling)
    a = _without(encoder, first, given.struck, 0)
    b = _without(encoder, second, given.struck, 1)
    result = compare(encoder, a, b, pooling, layer, centre)
    before = None
    if given.struck:
        before = compare(encoder, first, second, pooling, layer, centre).score
    return Score(
        pooling,
        title,
        result.a.tokens,
        result.b.tokens,
        result.score,
        before,
        result.contributions,
        result=result,
        notes=_notes(result),
    )


def _notes(result: Similarity) -> tuple[str, ...]:
    if not result.rules:
        return ()
    return (f"{'; '.join(result.rules)} (gap {result.gap:.1e})",)


def _without(encoder: Any, trace: Trace, struck: Sequence[Span], side: int) -> Trace:
    from analysis.similarities.edits import without

    positions = positions_of(trace.tokens, struck, side)
    return without(encoder, trace, positions, "encoder", ("first", "second")[side])


def positions_of(tokens: Tokens, spans: Sequence[Span], side: int) -> tuple[int, ...]:
    """Positions of a text's tokens that lie within the spans struck out on this side."""
    found = []
    for position, (start, end) in enumerate(tokens.offsets.tolist()):
        if not tokens.special[position] and any(
            segment == side and start < last and first < end for segment, first, last in spans
        ):
            found.append(position)
    return tuple(found)


def _typed(given: Pair) -> tuple[str, str]:
    """Both texts without the characters of the words struck out."""
    texts = []
    for side, text in enumerate((given.text, given.pair)):
        for segment, start, end in sorted(given.struck, reverse=True):
            if segment == side:
                text = text[:start] + " " * (end - start) + text[end:]
        texts.append(text)
    return texts[0], texts[1]


def _maxsim(given: Pair, title: str) -> Score:
    import analysis

    encoder = models.classifier(given.member)
    result = analysis.maxsim(encoder, *_typed(given))
    count = max(int(result.query_counts.sum()), 1)
    before = None
    if given.struck:
        whole = analysis.maxsim(encoder, given.text, given.pair)
        before = whole.score / max(int(whole.query_counts.sum()), 1)
    return Score(
        MAXSIM,
        title,
        _as_typed(result.query, given.text),
        _as_typed(result.document, given.pair),
        result.score / count,
        before,
        result.contributions / count,
        unit="of the mean best match",
        result=result,
        notes=(
            f"Sum {result.score:.2f} over {count} query tokens; {result.compared}."
            + (f" {result.ties} ties." if result.ties else ""),
        ),
    )


def _as_typed(tokens: Tokens, typed: str) -> Tokens:
    """Tokens of a text with a declared prefix, placed in the text without it."""
    before = len(tokens.text) - len(typed)
    if before <= 0:
        return tokens
    offsets = np.maximum(tokens.offsets - before, 0)
    special = tokens.special | (tokens.offsets[:, 1] <= before)
    return replace(tokens, text=typed, offsets=offsets, special=special)


def _splade(given: Pair, title: str) -> Score:
    import analysis
    from analysis.similarities.splade import shared_terms

    encoder = models.classifier(given.member)

    def both(texts: tuple[str, str]) -> Any:
        a, b = (analysis.splade(encoder, text) for text in texts)
        return shared_terms(a, b), float(np.linalg.norm(a.weight) * np.linalg.norm(b.weight))

    result, length = both(_typed(given))
    before = None
    if given.struck:
        whole, other = both((given.text, given.pair))
        before = whole.score / max(other, 1e-30)
    return Score(
        SPLADE,
        title,
        result.a.tokens,
        result.b.tokens,
        result.score / max(length, 1e-30),
        before,
        result.contributions / max(length, 1e-30),
        result=result,
        notes=(
            f"Dot product {result.score:.2f} over {len(result.terms):,} shared terms; shown as a "
            "cosine.",
        ),
    )
