"""Recipes of why two sentences are similar; the second sentence is the pair.

`struck` names words that are left out, each as (sentence 0 or 1, first and last character); `put`
words that have another in their place, which stands fourth. Both name characters of the sentences
as given. `centre` "mean" measures vectors from the mean over the sentences of the data set. Of a
seed group everything is the mean over its seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import Request, Subject
from analysis.figures.recipes.similarity_results import (
    PairQuestion,
    pair_effects,
    pairs_of_subject,
    token_pairs,
)
from analysis.figures.views import late_interaction
from analysis.figures.views import similarity as views
from analysis.similarities.pair_edits import Put, Span
from analysis.similarities.token_pairs import MAXSIM, NOT_POOLED, SPLADE

if TYPE_CHECKING:
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.splade import SharedTerms

Centre = Literal["zero", "mean"]


@recipe("similarity_bands")
def similarity_bands(
    request: Request,
    poolings: list[str] | str = "mean",
    layer: int = -1,
    words: bool = True,
    count: int = views.BANDS,
    limit: float | None = None,
    limits: dict[str, float] | None = None,
    struck: list[list[int]] | None = None,
    put: list[list[Any]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Bands between the tokens of two sentences, one picture a pooling and checkpoint.

    Raises
    ------
    ValueError
        None of the checkpoints has any of the poolings.
    """
    names = [poolings] if isinstance(poolings, str) else list(poolings)
    several = len(request.subjects) > 1  # each then shows the poolings that it has
    for name, end in (limits or {}).items():
        if not 0 < end < float("inf"):
            raise ValueError(f"the limit of {name} is {end:g}: expected a number above 0")
    results = [
        pairs_of_subject(subject, _question(request, name, layer, struck, put, centre, precision))
        for subject, _ in request
        for name in names
        if not several or _has(subject, name)
    ]
    if not results:
        raise ValueError(f"none of these checkpoints has {' or '.join(names)}")
    owners = [subject.checkpoint for subject in request.subjects]
    return views.similarity_bands(
        results, owners, words=words, count=count, limit=limit, limits=limits
    )


def _has(subject: Subject, pooling: str) -> bool:
    """Whether a checkpoint has a pooling, so that a picture of several shows it."""
    from analysis.corpus.embedding import poolings_of
    from analysis.similarities.splade import has_head

    if pooling == SPLADE:
        return has_head(subject.members[0].classifier)
    return pooling == MAXSIM or pooling in poolings_of(subject.members[0].checkpoint)


@recipe("similarity_map")
def similarity_map(
    request: Request,
    pooling: str = "mean",
    layer: int = -1,
    words: bool = True,
    limit: float | None = None,
    struck: list[list[int]] | None = None,
    put: list[list[Any]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Contribution of every pair of tokens of two sentences to their score."""
    subject, _ = request.only("similarity_map")
    question = _question(request, pooling, layer, struck, put, centre, precision)
    result = pairs_of_subject(subject, question)
    return views.similarity_map(result, subject.checkpoint, words=words, limit=limit)


@recipe("similarity_layers")
def similarity_layers(
    request: Request,
    pooling: str = "head",
    layer: int = -1,
    limit: float | None = None,
    struck: list[list[int]] | None = None,
    put: list[list[Any]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Contribution of each pair of source layers, or of parts of the pooling head."""
    subject, _ = request.only("similarity_layers")
    question = _question(request, pooling, layer, struck, put, centre, precision)
    result = pairs_of_subject(subject, question)
    return views.similarity_layers(result, subject.checkpoint, limit=limit)


@recipe("max_winners")
def max_winners(
    request: Request,
    pooling: str = "max",
    layer: int = -1,
    words: bool = True,
    most: int = 12,
    struck: list[list[int]] | None = None,
    put: list[list[Any]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Winners of the maximum over tokens in both sentences."""
    subject, _ = request.only("max_winners")
    question = _question(request, pooling, layer, struck, put, centre, precision)
    result = pairs_of_subject(subject, question)
    return views.max_winners(result, subject.checkpoint, words=words, most=most)


@recipe("similarity_effects")
def similarity_effects(
    request: Request,
    pooling: str = "mean",
    layer: int = -1,
    words: bool = True,
    most: int = 12,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Words by what the score of two sentences loses without each of them."""
    from analysis.seed_groups.similarities import mean_effects

    subject, _ = request.only("similarity_effects")
    question = _question(request, pooling, layer, None, None, centre, precision)
    result = mean_effects(subject.each(pair_effects, question, words))
    return views.similarity_effects(result, subject.checkpoint, most=most)


@recipe("maxsim_margins")
def maxsim_margins(
    request: Request,
    most: int = 40,
    struck: list[list[int]] | None = None,
    put: list[list[Any]] | None = None,
) -> Plot:
    """Best match of each token of the first sentence in the second (MaxSim)."""
    subject, _ = request.only("maxsim_margins")
    question = _question(request, MAXSIM, struck=struck, put=put)
    pairs = subject.only("maxsim_margins").result(token_pairs, question)
    return late_interaction.maxsim_margins(
        cast("MaxSim", pairs.results[0]), subject.checkpoint, most=most
    )


@recipe("splade_terms")
def splade_terms(
    request: Request,
    most: int = 20,
    struck: list[list[int]] | None = None,
    put: list[list[Any]] | None = None,
) -> Plot:
    """Terms that both sentences share under a masked language model's head (SPLADE)."""
    subject, _ = request.only("splade_terms")
    question = _question(request, SPLADE, struck=struck, put=put)
    pairs = subject.only("splade_terms").result(token_pairs, question)
    return late_interaction.splade_terms(
        cast("SharedTerms", pairs.results[0]), subject.checkpoint, most=most
    )


def _question(
    request: Request,
    pooling: str,
    layer: int = -1,
    struck: Sequence[Sequence[int]] | None = None,
    put: Sequence[Sequence[Any]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> PairQuestion:
    """The comparison that a recipe makes. Raises ``ValueError`` for edits that name no place."""
    if centre == "mean" and pooling not in NOT_POOLED:
        request.table  # noqa: B018 (says that a data set is missing)
    data = request.data if centre == "mean" else None
    return PairQuestion(pooling, layer, _spans(struck), _puts(put), data, precision)


def _spans(struck: Sequence[Sequence[int]] | None) -> tuple[Span, ...]:
    """Words that are left out. Raises ``ValueError`` for what names no place in a sentence."""
    spans = []
    for span in struck or ():
        if len(span) != 3 or span[0] not in (0, 1) or not 0 <= span[1] <= span[2]:
            raise ValueError(
                f"struck is {list(span)}: expected (sentence 0 or 1, first character, last "
                "character)"
            )
        spans.append((span[0], span[1], span[2]))
    return tuple(spans)


def _puts(put: Sequence[Sequence[Any]] | None) -> tuple[Put, ...]:
    """Words put in. Raises ``ValueError`` for what names no place in a sentence, or no word."""
    puts = []
    for edit in put or ():
        if len(edit) != 4 or not isinstance(edit[3], str):
            raise ValueError(
                f"put is {list(edit)}: expected (sentence 0 or 1, first character, last character, "
                "word)"
            )
        ((side, start, end),) = _spans([edit[:3]])
        puts.append((side, start, end, edit[3]))
    return tuple(puts)
