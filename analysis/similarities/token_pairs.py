"""A score of two sentences split over pairs of their tokens, whichever way it was pooled.

The cosine of two pooled vectors, MaxSim (as a mean) and SPLADE (as a cosine) in one record, with
or without some of the words: what a reader sets side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.records import freeze, require_shape

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.reading.trace import Trace
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.splade import SharedTerms
    from analysis.similarities.split import Similarity
    from analysis.text.tokens import Tokens

MAXSIM, SPLADE = "maxsim", "splade"
Span = tuple[int, int, int]  # sentence (0 or 1), first and last character of a word left out


@dataclass(frozen=True)
class TokenPairs:
    """One score of two sentences: ``contributions.sum() == score``.

    `result` is what the score was made from; `before` the score with all words, where some are left
    out, else None.
    """

    pooling: str
    a: Tokens
    b: Tokens
    score: float
    before: float | None
    contributions: np.ndarray  # (Ta, Tb)
    unit: str  # what a contribution is a share of, in words
    result: Similarity | MaxSim | SharedTerms
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_shape("contributions", self.contributions, len(self.a), len(self.b))
        freeze(self)

    @property
    def single(self) -> bool:
        """Whether one pair of tokens is the whole score."""
        return int(np.count_nonzero(self.contributions)) == 1


def pooled_pairs(
    encoder: Classifier,
    first: Trace,
    second: Trace,
    pooling: str,
    layer: int = -1,
    spans: Sequence[Span] = (),
    centre: np.ndarray | None = None,
) -> TokenPairs:
    """The cosine of two recorded sentences, read anew without the words in `spans`.

    `centre` is (D,), as for :func:`analysis.similarity`, which names what is raised.
    """
    from analysis.similarities.edits import without
    from analysis.similarities.split import compare

    names = ("first", "second")
    a, b = (
        without(encoder, trace, positions_within(trace.tokens, spans, side), "encoder", names[side])
        for side, trace in enumerate((first, second))
    )
    result = compare(encoder, a, b, pooling, layer, centre)
    before = compare(encoder, first, second, pooling, layer, centre).score if spans else None
    rules = (f"{'; '.join(result.rules)} (gap {result.gap:.1e})",) if result.rules else ()
    return TokenPairs(
        pooling,
        result.a.tokens,
        result.b.tokens,
        result.score,
        before,
        result.contributions,
        "of the cosine",
        result,
        rules,
    )


def maxsim_pairs(
    encoder: Classifier, text: str, pair: str, spans: Sequence[Span] = ()
) -> TokenPairs:
    """MaxSim as the mean best match of the query's tokens, without the words in `spans`.

    Raises as :func:`analysis.maxsim` does.
    """
    from analysis.similarities.maxsim import maxsim

    result = maxsim(encoder, *blanked(text, pair, spans))
    count = max(int(result.query_counts.sum()), 1)
    before = None
    if spans:
        whole = maxsim(encoder, text, pair)
        before = whole.score / max(int(whole.query_counts.sum()), 1)
    ties = f" {result.ties} ties." if result.ties else ""
    return TokenPairs(
        MAXSIM,
        _without_prefix(result.query, text),
        _without_prefix(result.document, pair),
        result.score / count,
        before,
        result.contributions / count,
        "of the mean best match",
        result,
        (f"Sum {result.score:.2f} over {count} query tokens; {result.compared}.{ties}",),
    )


def splade_pairs(
    encoder: Classifier, text: str, pair: str, spans: Sequence[Span] = ()
) -> TokenPairs:
    """The cosine of two sparse vectors (SPLADE), without the words in `spans`.

    Raises as :func:`analysis.splade` does.
    """
    from analysis.similarities.splade import shared_terms, splade

    def terms_and_length(texts: tuple[str, str]) -> tuple[SharedTerms, float]:
        a, b = (splade(encoder, text) for text in texts)
        length = float(np.linalg.norm(a.weight) * np.linalg.norm(b.weight))
        return shared_terms(a, b), max(length, 1e-30)

    result, length = terms_and_length(blanked(text, pair, spans))
    before = None
    if spans:
        whole, whole_length = terms_and_length((text, pair))
        before = whole.score / whole_length
    return TokenPairs(
        SPLADE,
        result.a.tokens,
        result.b.tokens,
        result.score / length,
        before,
        result.contributions / length,
        "of the cosine",
        result,
        (
            f"Dot product {result.score:.2f} over {len(result.terms):,} shared terms; shown as a "
            "cosine.",
        ),
    )


def positions_within(tokens: Tokens, spans: Sequence[Span], side: int) -> tuple[int, ...]:
    """Positions of the tokens of sentence `side` that lie within the spans; no special token."""
    return tuple(
        position
        for position, (start, end) in enumerate(tokens.offsets.tolist())
        if not tokens.special[position]
        and any(which == side and start < last and first < end for which, first, last in spans)
    )


def blanked(text: str, pair: str, spans: Sequence[Span]) -> tuple[str, str]:
    """Both sentences with spaces where the spans are; no other character moves."""
    sentences = [text, pair]
    for side, start, end in spans:
        whole = sentences[side]
        sentences[side] = whole[:start] + " " * (end - start) + whole[end:]
    return sentences[0], sentences[1]


def _without_prefix(tokens: Tokens, text: str) -> Tokens:
    """Tokens of a sentence with a declared prefix, placed in the sentence without it."""
    before = len(tokens.text) - len(text)
    if before <= 0:
        return tokens
    changes: dict[str, Any] = {
        "offsets": np.maximum(tokens.offsets - before, 0),
        "special": tokens.special | (tokens.offsets[:, 1] <= before),
    }
    return replace(tokens, text=text, **changes)
