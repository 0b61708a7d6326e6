"""Results that recipes of similarity draw: of one checkpoint, and of a seed group their mean."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.recipes.request import Data, Subject
from analysis.figures.recipes.results import Member, trace
from analysis.similarities.pair_edits import Put, Span
from analysis.similarities.token_pairs import MAXSIM, NOT_POOLED, SPLADE, TokenPairs

if TYPE_CHECKING:
    from analysis.similarities.edits import PairEffects
    from analysis.similarities.pair_scores import PairScores


@dataclass(frozen=True)
class PairQuestion:
    """Settings of a comparison of two sentences, whatever they are and whatever reads them."""

    pooling: str
    layer: int = -1  # of the encoder; a pooling head's own vector has its own
    struck: tuple[Span, ...] = ()
    put: tuple[Put, ...] = ()
    data: Data | None = None  # vectors are measured from the mean over its sentences
    precision: str = "float32"  # in which that data set is read

    def __post_init__(self) -> None:
        if self.pooling == "head":
            object.__setattr__(self, "layer", -1)
        if self.pooling in NOT_POOLED:  # no vector, so no layer of it and no mean
            object.__setattr__(self, "layer", -1)
            object.__setattr__(self, "data", None)

    def centre(self, member: Member) -> np.ndarray | None:
        """(D,) what a checkpoint's vectors are measured from; None is zero."""
        from analysis.corpus.embedding import keys_of

        if self.data is None:
            return None
        ((_, absolute),) = keys_of(member.classifier, (self.pooling,), (self.layer,))
        of = member.reads("", None)
        return of.result(mean_over, self.data, self.pooling, absolute, self.precision)


def token_pairs(member: Member, question: PairQuestion) -> TokenPairs:
    """One pooling's score of two sentences, by pairs of tokens.

    Raises
    ------
    ValueError
        There is no second sentence, or the checkpoint has no such pooling or layer.
    """
    from analysis.similarities import token_pairs as pairs

    encoder, texts = member.classifier, _texts(member)
    edits = question.struck, question.put
    if question.pooling == MAXSIM:
        return pairs.maxsim_pairs(encoder, *texts, *edits)
    if question.pooling == SPLADE:
        return pairs.splade_pairs(encoder, *texts, *edits)
    first, second = (member.reads(text, None).result(trace) for text in texts)
    return pairs.pooled_pairs(
        encoder,
        first,
        second,
        question.pooling,
        question.layer,
        question.struck,
        question.centre(member),
        question.put,
    )


def pair_effects(member: Member, question: PairQuestion, words: bool = True) -> PairEffects:
    """Effect of each word of two sentences on one pooling's score, without edits.

    Raises
    ------
    ValueError
        There is no second sentence, or the checkpoint has no such pooling or layer.
    """
    from analysis.similarities import edits, token_pairs

    encoder, texts = member.classifier, _texts(member)
    if question.pooling in NOT_POOLED:
        return token_pairs.effects_of(question.pooling, encoder, *texts, words)
    centre = question.centre(member)
    return edits.effects(encoder, *texts, question.pooling, question.layer, centre, words=words)


def _texts(member: Member) -> tuple[str, str]:
    if not member.pair:
        raise ValueError("two sentences are compared: give the second one as the pair")
    return member.text, member.pair


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


def pairs_of_subject(subject: Subject, question: PairQuestion) -> TokenPairs:
    """:func:`token_pairs` of a checkpoint, or the mean over the seeds of a group.

    Raises
    ------
    ValueError
        As `token_pairs`, or where the seeds read the sentences as different tokens.
    """
    from analysis.seed_groups.similarities import mean_pairs

    return mean_pairs(subject.each(token_pairs, question), subject.name)


def scores_of_subject(
    subject: Subject,
    data: Data,
    poolings: tuple[str, ...],
    layers: tuple[int, ...] | str,
    precision: str,
) -> PairScores:
    """:func:`pair_scores` of a checkpoint, or the mean over the seeds of a group."""
    from analysis.seed_groups.similarities import mean_scores

    members = subject.reads("", None)
    return mean_scores(members.each(pair_scores, data, poolings, layers, precision), subject.name)
