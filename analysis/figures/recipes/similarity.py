"""Recipes of why two sentences are similar; the second sentence is the pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import analysis
from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import Request, Subject
from analysis.figures.views import similarity as views

if TYPE_CHECKING:
    from analysis.similarities.split import Similarity


@recipe("similarity_bands")
def similarity_bands(
    request: Request,
    poolings: list[str] | str = "mean",
    layer: int = -1,
    words: bool = True,
    count: int = views.BANDS,
    limit: float | None = None,
) -> Plot:
    """Bands between the tokens of two sentences, one picture a pooling and checkpoint."""
    names = [poolings] if isinstance(poolings, str) else list(poolings)
    results = [_split(s, name, layer) for s, _ in request for name in names]
    owners = [subject.checkpoint for subject in request.subjects]
    return views.similarity_bands(results, owners, words=words, count=count, limit=limit)


@recipe("similarity_map")
def similarity_map(
    request: Request,
    pooling: str = "mean",
    layer: int = -1,
    words: bool = True,
    limit: float | None = None,
) -> Plot:
    """Contribution of every pair of tokens of two sentences to their cosine."""
    subject, _ = request.only("similarity_map")
    result = _split(subject, pooling, layer)
    return views.similarity_map(result, subject.checkpoint, words=words, limit=limit)


@recipe("similarity_layers")
def similarity_layers(
    request: Request, pooling: str = "head", layer: int = -1, limit: float | None = None
) -> Plot:
    """Contribution of each pair of source layers, or of parts of the pooling head."""
    subject, _ = request.only("similarity_layers")
    return views.similarity_layers(_split(subject, pooling, layer), subject.checkpoint, limit=limit)


@recipe("max_winners")
def max_winners(
    request: Request, pooling: str = "max", layer: int = -1, words: bool = True, most: int = 12
) -> Plot:
    """Winners of the maximum over tokens in both sentences."""
    subject, _ = request.only("max_winners")
    return views.max_winners(
        _split(subject, pooling, layer), subject.checkpoint, words=words, most=most
    )


@recipe("maxsim_margins")
def maxsim_margins(request: Request, most: int = 40) -> Plot:
    """Best match of each token of the first sentence in the second (MaxSim)."""
    subject, _ = request.only("maxsim_margins")
    result = analysis.maxsim(
        subject.only("maxsim_margins").classifier, request.text, _second(request)
    )
    return views.maxsim_margins(result, subject.checkpoint, most=most)


@recipe("splade_terms")
def splade_terms(request: Request, most: int = 20) -> Plot:
    """Terms that both sentences share under a masked language model's head (SPLADE)."""
    from analysis.similarities.splade import shared_terms

    subject, _ = request.only("splade_terms")
    model = subject.only("splade_terms").classifier
    a, b = (analysis.splade(model, text) for text in (request.text, _second(request)))
    return views.splade_terms(shared_terms(a, b), subject.checkpoint, most=most)


def _split(subject: Subject, pooling: str, layer: int) -> Similarity:
    """The split of one checkpoint; a seed group has no single vector to split."""
    member = subject.only("similarity")
    if not member.pair:
        raise ValueError("two sentences are compared: give the second one as the pair")
    return analysis.similarity(member.classifier, member.text, member.pair, pooling, layer)


def _second(request: Request) -> str:
    if not request.pair:
        raise ValueError("two sentences are compared: give the second one as the pair")
    return request.pair
