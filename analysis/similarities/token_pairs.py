"""A score of two sentences split over pairs of their tokens, whichever way it was pooled.

The cosine of two pooled vectors, MaxSim (as a mean) and SPLADE (as a cosine) in one record, as the
sentences stand or after edits: what a reader sets side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.similarities.pair_edits import Put, Span, replaced

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.reading.trace import Trace
    from analysis.similarities.edits import PairEffects
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.splade import SharedTerms
    from analysis.similarities.split import Similarity
    from analysis.text.tokens import Tokens

MAXSIM, SPLADE = "maxsim", "splade"
NOT_POOLED = (MAXSIM, SPLADE)
_ROUNDING = 1e-6  # of a vector in float32


@dataclass(frozen=True, eq=False)
class TokenPairs:
    """One score of two sentences: ``contributions.sum() == score``.

    `results` holds what the score was made from, one entry a seed; score and contributions are
    their mean. `before` is the score of the sentences without edits, None where there are none.
    """

    pooling: str
    checkpoint: str  # id, or the name of the seed group
    a: Tokens
    b: Tokens
    score: float
    before: float | None
    contributions: np.ndarray  # (Ta, Tb)
    unit: str  # what a contribution is a share of, in words
    results: tuple[Similarity | MaxSim | SharedTerms, ...]
    scores: tuple[float, ...]  # one a seed
    layer: int | None = None  # absolute, of a pooled vector
    centred: bool = False  # whether both vectors are measured from a centre
    gap: float = 0.0  # of a layer that is not linear, over the length of the vector
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_shape("contributions", self.contributions, len(self.a), len(self.b))
        freeze(self)

    @property
    def single(self) -> bool:
        """Whether one pair of tokens is the whole score."""
        return int(np.count_nonzero(self.contributions)) == 1

    @property
    def splits(self) -> tuple[Similarity, ...]:
        """The splits of the cosine, one a seed.

        Raises
        ------
        ValueError
            MaxSim and SPLADE are no cosine of pooled vectors.
        """
        if self.pooling in NOT_POOLED:
            raise ValueError(f"{self.pooling} is no pooled vector: its picture is another one")
        return cast("tuple[Similarity, ...]", self.results)


def pairs_of(result: TokenPairs | Similarity | MaxSim | SharedTerms) -> TokenPairs:
    """Any result of this package as pairs of tokens; of MaxSim the mean best match."""
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.split import Similarity

    if isinstance(result, TokenPairs):
        return result
    if isinstance(result, Similarity):
        return _of_cosine(result)
    return _of_maxsim(result) if isinstance(result, MaxSim) else _of_terms(result)


def pooled_pairs(
    encoder: Classifier,
    first: Trace,
    second: Trace,
    pooling: str,
    layer: int = -1,
    spans: Sequence[Span] = (),
    centre: np.ndarray | None = None,
    puts: Sequence[Put] = (),
) -> TokenPairs:
    """The cosine of two recorded sentences after edits, both read anew.

    The words in `spans` are left out, those of `puts` have another word in their place; both name
    characters of the sentences as they were. `centre` is (D,), as for :func:`analysis.similarity`,
    which names what is raised.
    """
    from analysis.reading.trace import record
    from analysis.similarities.edits import without
    from analysis.similarities.split import compare

    before = [first, second]
    texts, moved = replaced((first.tokens.text, second.tokens.text), puts, spans)
    traces = [
        without(
            encoder,
            trace if text == trace.tokens.text else record(encoder, text),
            moved,
            side,
        )
        for side, (trace, text) in enumerate(zip(before, texts, strict=True))
    ]
    made = _of_cosine(compare(encoder, traces[0], traces[1], pooling, layer, centre))
    if not spans and not puts:
        return made
    whole = compare(encoder, first, second, pooling, layer, centre)
    return replace(made, before=whole.score)


def maxsim_pairs(
    encoder: Classifier, text: str, pair: str, spans: Sequence[Span] = (), puts: Sequence[Put] = ()
) -> TokenPairs:
    """MaxSim as the mean best match of the query's tokens, after edits as in `pooled_pairs`.

    Raises as :func:`analysis.maxsim` does.
    """
    from analysis.similarities.maxsim import maxsim

    edited = blanked(*replaced((text, pair), puts, spans))
    made = _of_maxsim(maxsim(encoder, *edited))
    made = replace(
        made,
        a=_without_prefix(made.a, edited[0]),
        b=_without_prefix(made.b, edited[1]),
    )
    if not spans and not puts:
        return made
    return replace(made, before=_of_maxsim(maxsim(encoder, text, pair)).score)


def splade_pairs(
    encoder: Classifier, text: str, pair: str, spans: Sequence[Span] = (), puts: Sequence[Put] = ()
) -> TokenPairs:
    """The cosine of two sparse vectors (SPLADE), after edits as in `pooled_pairs`.

    Raises as :func:`analysis.splade` does.
    """
    from analysis.similarities.splade import shared_terms, splade

    def of(texts: Sequence[str]) -> TokenPairs:
        return _of_terms(shared_terms(*(splade(encoder, text) for text in texts)))

    made = of(blanked(*replaced((text, pair), puts, spans)))
    return replace(made, before=of((text, pair)).score) if spans or puts else made


def effects_of(
    pooling: str, encoder: Classifier, text: str, pair: str, words: bool = True
) -> PairEffects:
    """Effect of each word (or token) on MaxSim or SPLADE: the score minus the score without it.

    Raises as :func:`analysis.maxsim` and :func:`analysis.splade` do.
    """
    from analysis.similarities.edits import PairEffects

    made = {MAXSIM: maxsim_pairs, SPLADE: splade_pairs}[pooling]
    whole = made(encoder, text, pair)
    values, groups = [], []
    for side, tokens in enumerate((whole.a, whole.b)):
        places = tuple(tokens.word_groups()) if words else tuple((i,) for i in range(len(tokens)))
        worth = np.full(len(places), np.nan)
        for number, group in enumerate(places):
            start, end = tokens.offsets[group[0]][0], tokens.offsets[group[-1]][1]
            span = (side, int(start), int(end))
            left = blanked((text, pair), [span])[side]
            if not tokens.special[list(group)].any() and left.strip():
                worth[number] = whole.score - made(encoder, text, pair, [span]).score
        values.append(worth)
        groups.append(places)
    return PairEffects(
        values[0], values[1], (groups[0], groups[1]), (whole.a, whole.b), whole.score, pooling,
        None,
    )  # fmt: skip


def blanked(texts: Sequence[str], spans: Sequence[Span]) -> tuple[str, str]:
    """Both sentences with spaces where the spans are; no other character moves."""
    sentences = list(texts)
    for side, start, end in spans:
        whole = sentences[side]
        sentences[side] = whole[:start] + " " * (end - start) + whole[end:]
    return sentences[0], sentences[1]


def _of_cosine(result: Similarity) -> TokenPairs:
    gap = f"gap {100 * result.gap:.2g} %" if result.gap >= _ROUNDING else "no gap"
    rules = "; ".join(result.rules)
    notes = (f"{rules[0].upper()}{rules[1:]} ({gap}).",) if rules else ()
    return TokenPairs(
        result.pooling,
        result.checkpoint,
        result.a.tokens,
        result.b.tokens,
        result.score,
        None,
        result.contributions,
        "of the cosine",
        (result,),
        (result.score,),
        result.layer,
        result.centre is not None,
        result.gap if rules else 0.0,
        notes,
    )


def _of_maxsim(result: MaxSim) -> TokenPairs:
    count = max(int(result.query_counts.sum()), 1)
    ties = f" {result.ties} ties." if result.ties else ""
    return TokenPairs(
        MAXSIM,
        result.checkpoint,
        result.query,
        result.document,
        result.score / count,
        None,
        result.contributions / count,
        "of the mean best match",
        (result,),
        (result.score / count,),
        notes=(f"Sum {result.score:.2f} over {count} query tokens; {result.compared}.{ties}",),
    )


def _of_terms(result: SharedTerms) -> TokenPairs:
    lengths = np.linalg.norm(result.a.weight) * np.linalg.norm(result.b.weight)
    length = max(float(lengths), 1e-30)
    return TokenPairs(
        SPLADE,
        result.a.checkpoint,
        result.a.tokens,
        result.b.tokens,
        result.score / length,
        None,
        result.contributions / length,
        "of the cosine",
        (result,),
        (result.score / length,),
        notes=(
            f"Dot product {result.score:.2f} over {len(result.terms):,} shared terms; shown as a "
            "cosine.",
        ),
    )


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
