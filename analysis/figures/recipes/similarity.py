"""Recipes of why two sentences are similar; the second sentence is the pair.

`struck` names words that are left out, each as (sentence 0 or 1, first and last character);
`centre` "mean" measures vectors from the mean over the sentences of the data set.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import Data, Request, Subject
from analysis.figures.recipes.results import Member, trace
from analysis.figures.views import similarity as views
from analysis.similarities.token_pairs import MAXSIM, SPLADE, Span, TokenPairs

if TYPE_CHECKING:
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.pair_scores import PairScores
    from analysis.similarities.splade import SharedTerms
    from analysis.similarities.split import Similarity

Centre = Literal["zero", "mean"]
ALL_LAYERS = "all"


def token_pairs(
    member: Member,
    pooling: str,
    layer: int = -1,
    struck: tuple[Span, ...] = (),
    data: Data | None = None,
    precision: str = "float32",
) -> TokenPairs:
    """One pooling's score of two sentences, by pairs of tokens; from the mean of `data`, if any.

    Raises
    ------
    ValueError
        There is no second sentence, or the checkpoint has no such pooling or layer.
    """
    from analysis.similarities import token_pairs as pairs

    if not member.pair:
        raise ValueError("two sentences are compared: give the second one as the pair")
    encoder = member.classifier
    if pooling == MAXSIM:
        return pairs.maxsim_pairs(encoder, member.text, member.pair, struck)
    if pooling == SPLADE:
        return pairs.splade_pairs(encoder, member.text, member.pair, struck)
    first, second = (member.reads(text, None) for text in (member.text, member.pair))
    return pairs.pooled_pairs(
        encoder,
        first.result(trace),
        second.result(trace),
        pooling,
        -1 if pooling == "head" else layer,
        struck,
        None if data is None else mean_over(member, data, pooling, layer, precision),
    )


def mean_over(member: Member, data: Data, pooling: str, layer: int, precision: str) -> np.ndarray:
    """The mean vector (D,) of a pooling over the sentences of a data set, float64."""
    from analysis.corpus.embedding import keys_of

    if pooling == "head":
        layer = -1
    scores = member.reads("", None).result(pair_scores, data, (pooling,), (layer,), precision)
    (key,) = keys_of(member.classifier, (pooling,), (layer,))
    return np.asarray(scores.means[scores.keys.index(key)], dtype=np.float64)


def pair_scores(
    member: Member,
    data: Data,
    poolings: tuple[str, ...],
    layers: tuple[int, ...] | str,
    precision: str,
) -> PairScores:
    """Cosines of all pairs of a data set under these poolings and layers of a checkpoint."""
    from analysis.corpus import runs
    from analysis.similarities.pair_scores import over_pairs

    encoder = runs.open_for_data(member.checkpoint, dtype=precision)
    with tempfile.TemporaryDirectory(prefix="poollens-pairs-") as folder:
        scores = over_pairs(encoder, data.table, poolings, layers, folder)
    assert scores is not None  # nobody stops it here
    return scores


@recipe("similarity_bands")
def similarity_bands(
    request: Request,
    poolings: list[str] | str = "mean",
    layer: int = -1,
    words: bool = True,
    count: int = views.BANDS,
    limit: float | None = None,
    struck: list[list[int]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Bands between the tokens of two sentences, one picture a pooling and checkpoint.

    Raises
    ------
    ValueError
        None of the checkpoints has any of the poolings.
    """
    from analysis.corpus.embedding import poolings_of

    names = [poolings] if isinstance(poolings, str) else list(poolings)
    several = len(request.subjects) > 1  # each then shows the poolings that it has
    results = [
        _split(request, subject, name, layer, struck, centre, precision)
        for subject, _ in request
        for name in names
        if not several or name in poolings_of(subject.only("similarity_bands").checkpoint)
    ]
    if not results:
        raise ValueError(f"none of these checkpoints has {' or '.join(names)}")
    owners = [subject.members[0].checkpoint for subject in request.subjects]
    return views.similarity_bands(results, owners, words=words, count=count, limit=limit)


@recipe("similarity_map")
def similarity_map(
    request: Request,
    pooling: str = "mean",
    layer: int = -1,
    words: bool = True,
    limit: float | None = None,
    struck: list[list[int]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Contribution of every pair of tokens of two sentences to their cosine."""
    subject, _ = request.only("similarity_map")
    result = _split(request, subject, pooling, layer, struck, centre, precision)
    return views.similarity_map(result, subject.checkpoint, words=words, limit=limit)


@recipe("similarity_layers")
def similarity_layers(
    request: Request,
    pooling: str = "head",
    layer: int = -1,
    limit: float | None = None,
    struck: list[list[int]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Contribution of each pair of source layers, or of parts of the pooling head."""
    subject, _ = request.only("similarity_layers")
    result = _split(request, subject, pooling, layer, struck, centre, precision)
    return views.similarity_layers(result, subject.checkpoint, limit=limit)


@recipe("max_winners")
def max_winners(
    request: Request,
    pooling: str = "max",
    layer: int = -1,
    words: bool = True,
    most: int = 12,
    struck: list[list[int]] | None = None,
    centre: Centre = "zero",
    precision: str = "float32",
) -> Plot:
    """Winners of the maximum over tokens in both sentences."""
    subject, _ = request.only("max_winners")
    result = _split(request, subject, pooling, layer, struck, centre, precision)
    return views.max_winners(result, subject.checkpoint, words=words, most=most)


@recipe("maxsim_margins")
def maxsim_margins(request: Request, most: int = 40, struck: list[list[int]] | None = None) -> Plot:
    """Best match of each token of the first sentence in the second (MaxSim)."""
    subject, _ = request.only("maxsim_margins")
    pairs = subject.only("maxsim_margins").result(token_pairs, MAXSIM, -1, _spans(struck))
    return views.maxsim_margins(cast("MaxSim", pairs.result), subject.checkpoint, most=most)


@recipe("splade_terms")
def splade_terms(request: Request, most: int = 20, struck: list[list[int]] | None = None) -> Plot:
    """Terms that both sentences share under a masked language model's head (SPLADE)."""
    subject, _ = request.only("splade_terms")
    pairs = subject.only("splade_terms").result(token_pairs, SPLADE, -1, _spans(struck))
    return views.splade_terms(cast("SharedTerms", pairs.result), subject.checkpoint, most=most)


@recipe("pair_correlations")
def pair_correlations(
    request: Request,
    poolings: list[str] | None = None,
    layers: list[int] | None = None,
    centred: bool = False,
    metric: Literal["spearman", "pearson"] = "spearman",
    precision: str = "float32",
) -> Plot:
    """Correlation of each pooling and layer with the gold scores of a data set of pairs.

    Raises
    ------
    ValueError
        The data set has no gold scores.
    """
    scores, subject = _scores_of(request, "pair_correlations", poolings, layers, precision)
    if scores.gold is None:
        raise ValueError("these pairs have no gold scores: name the column of them as the label")
    return views.pair_correlations(scores, subject.checkpoint, centred, metric)


@recipe("pair_anisotropy")
def pair_anisotropy(
    request: Request,
    poolings: list[str] | None = None,
    layers: list[int] | None = None,
    centred: bool = False,
    precision: str = "float32",
) -> Plot:
    """Mean cosine of two different sentences of a data set of pairs, by pooling and layer."""
    scores, subject = _scores_of(request, "pair_anisotropy", poolings, layers, precision)
    return views.pair_anisotropy(scores, subject.checkpoint, centred)


def _scores_of(
    request: Request,
    view: str,
    poolings: Sequence[str] | None,
    layers: Sequence[int] | None,
    precision: str,
) -> tuple[PairScores, Subject]:
    request.table  # noqa: B018 (says that a data set is missing)
    assert request.data is not None
    subject, _ = request.only(view)
    member = subject.only(view).reads("", None)
    own = tuple(poolings or ("mean", "max", "cls"))
    which = ALL_LAYERS if layers is None else tuple(layers)
    return member.result(pair_scores, request.data, own, which, precision), subject


def _split(
    request: Request,
    subject: Subject,
    pooling: str,
    layer: int,
    struck: Sequence[Sequence[int]] | None,
    centre: Centre,
    precision: str,
) -> Similarity:
    """The split of one checkpoint; a seed group has no single vector to split."""
    data = None
    if centre == "mean":
        request.table  # noqa: B018 (says that a data set is missing)
        data = request.data
    member = subject.only("similarity")
    if pooling in (MAXSIM, SPLADE):
        raise ValueError(f"{pooling} is no pooled vector: its picture is another one")
    pairs = member.result(token_pairs, pooling, layer, _spans(struck), data, precision)
    return cast("Similarity", pairs.result)


def _spans(struck: Sequence[Sequence[int]] | None) -> tuple[Span, ...]:
    """Words that are left out. Raises ``ValueError`` for what names no place in a sentence."""
    spans = []
    for span in struck or ():
        if len(span) != 3 or span[0] not in (0, 1) or not 0 <= span[1] <= span[2]:
            raise ValueError(
                f"struck is {list(span)}: (sentence 0 or 1, first and last character) is meant"
            )
        spans.append((span[0], span[1], span[2]))
    return tuple(spans)
