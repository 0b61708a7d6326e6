"""Results that recipes of similarity draw: of one checkpoint, and of a seed group their mean."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.recipes.request import Data, Subject
from analysis.figures.recipes.results import Member, trace
from analysis.similarities.pair_edits import Put, Span
from analysis.similarities.token_pairs import MAXSIM, NOT_POOLED, SPLADE, TokenPairs

if TYPE_CHECKING:
    from analysis.similarities.edits import PairEffects
    from analysis.similarities.pair_scores import PairScores


def token_pairs(
    member: Member,
    pooling: str,
    layer: int = -1,
    struck: tuple[Span, ...] = (),
    put: tuple[Put, ...] = (),
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
        return pairs.maxsim_pairs(encoder, member.text, member.pair, struck, put)
    if pooling == SPLADE:
        return pairs.splade_pairs(encoder, member.text, member.pair, struck, put)
    first, second = (member.reads(text, None) for text in (member.text, member.pair))
    return pairs.pooled_pairs(
        encoder,
        first.result(trace),
        second.result(trace),
        pooling,
        -1 if pooling == "head" else layer,
        struck,
        _centre(member, data, pooling, layer, precision),
        put,
    )


def pair_effects(
    member: Member,
    pooling: str,
    layer: int = -1,
    words: bool = True,
    data: Data | None = None,
    precision: str = "float32",
) -> PairEffects:
    """What each word of two sentences is worth for one pooling's score.

    Raises
    ------
    ValueError
        There is no second sentence, or the checkpoint has no such pooling or layer.
    """
    from analysis.similarities import edits, token_pairs

    if not member.pair:
        raise ValueError("two sentences are compared: give the second one as the pair")
    encoder, texts = member.classifier, (member.text, member.pair)
    if pooling in NOT_POOLED:
        return token_pairs.effects_of(pooling, encoder, *texts, words)
    centre = _centre(member, data, pooling, layer, precision)
    layer = -1 if pooling == "head" else layer
    return edits.effects(encoder, *texts, pooling, layer, centre, words=words)


def _centre(
    member: Member, data: Data | None, pooling: str, layer: int, precision: str
) -> np.ndarray | None:
    from analysis.corpus.embedding import keys_of

    if data is None:
        return None
    ((_, absolute),) = keys_of(member.classifier, (pooling,), (-1 if pooling == "head" else layer,))
    return member.reads("", None).result(mean_over, data, pooling, absolute, precision)


def mean_over(member: Member, data: Data, pooling: str, layer: int, precision: str) -> np.ndarray:
    """The mean vector (D,) of a pooling over the sentences of a data set, float64."""
    scores = member.result(pair_scores, data, (pooling,), (layer,), precision)
    return np.asarray(scores.means[scores.at(pooling, layer)], dtype=np.float64)


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


def pairs_of_subject(
    subject: Subject,
    pooling: str,
    layer: int = -1,
    struck: tuple[Span, ...] = (),
    put: tuple[Put, ...] = (),
    data: Data | None = None,
    precision: str = "float32",
) -> TokenPairs:
    """:func:`token_pairs` of a checkpoint, or the mean over the seeds of a group.

    Raises
    ------
    ValueError
        As `token_pairs`, or where the seeds read the sentences as different tokens.
    """
    from analysis.seed_groups.similarities import mean_pairs

    each = subject.each(token_pairs, pooling, layer, struck, put, data, precision)
    return mean_pairs(each, subject.name)


def scores_of_subject(
    subject: Subject, data: Data, poolings: tuple[str, ...], layers: Any, precision: str
) -> PairScores:
    """:func:`pair_scores` of a checkpoint, or the mean over the seeds of a group."""
    from analysis.seed_groups.similarities import mean_scores

    members = subject.reads("", None)
    return mean_scores(members.each(pair_scores, data, poolings, layers, precision), subject.name)
