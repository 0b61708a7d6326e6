"""A seed group's similarity of two sentences: the mean of what its seeds say.

Cosines and contributions are linear in what is averaged, so the mean of exact splits is the exact
split of the mean cosine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.phrases import listed
from analysis.seed_groups.averages import mean
from analysis.similarities.token_pairs import NOT_POOLED, TokenPairs

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.corpus.embedding import Embeddings
    from analysis.similarities.edits import PairEffects
    from analysis.similarities.neighbours import Neighbours
    from analysis.similarities.pair_scores import PairScores


def mean_pairs(members: Sequence[TokenPairs], name: str) -> TokenPairs:
    """Score and contributions of a seed group `name`, each the mean over its members.

    Raises
    ------
    ValueError
        The members read the sentences as different tokens.
    """
    first = members[0]
    if len(members) == 1:
        return first
    if any((m.a.pieces, m.b.pieces) != (first.a.pieces, first.b.pieces) for m in members):
        raise ValueError(f"the seeds of {name} read these sentences as different tokens")
    before = [m.before for m in members if m.before is not None]
    scores = tuple(m.score for m in members)
    spread = f"{min(scores):.2f} to {max(scores):.2f} over {len(scores)} seeds."
    notes = first.notes
    if first.pooling in NOT_POOLED:  # what they sum up to differs by seed
        compared = getattr(first.results[0], "compared", "")
        notes = (f"{compared}.",) if compared else ()
    return replace(
        first,
        checkpoint=name,
        score=float(np.mean(scores)),
        before=float(np.mean(before)) if len(before) == len(members) else None,
        contributions=mean([m.contributions for m in members]),
        results=tuple(result for m in members for result in m.results),
        scores=scores,
        gap=max(m.gap for m in members),
        notes=(*notes, spread),
    )


def mean_effects(members: Sequence[PairEffects]) -> PairEffects:
    """Effects of leaving words out, the mean over the members of a seed group."""
    first = members[0]
    if len(members) == 1:
        return first
    return replace(
        first,
        a=mean([m.a for m in members]),
        b=mean([m.b for m in members]),
        score=float(np.mean([m.score for m in members])),
    )


def mean_nearest(
    encoders: Sequence[Classifier],
    name: str,
    sentence: str,
    corpus: Sequence[str],
    poolings: Sequence[str] = ("mean", "max", "cls"),
    layer: int = -1,
    count: int = 5,
    centred: bool = False,
    *,
    vectors: Sequence[Embeddings | None] | None = None,
) -> tuple[Neighbours, ...]:
    """:func:`analysis.similarities.nearest` of a seed group `name`.

    A row is near where the mean of the seeds' cosines is high, each about its own corpus mean where
    `centred`; why it is near is the mean of their splits. `vectors` has the corpus's own, one a
    seed, where they exist already.

    Raises
    ------
    ValueError
        As for one checkpoint, or where the seeds read a sentence as different tokens.
    """
    from analysis.similarities.neighbours import BesideCorpus, check, ranked

    check(sentence, count)
    seeds = [
        BesideCorpus.of(encoder, sentence, corpus, poolings, layer, centred, own)
        for encoder, own in zip(encoders, vectors or (None,) * len(encoders), strict=True)
    ]
    return ranked(seeds, sentence, corpus, count, lambda each: mean_pairs(each, name))


def mean_scores(members: Sequence[PairScores], name: str) -> PairScores:
    """Scores over a data set of pairs: the mean over the members of a seed group.

    Intervals of correlations are those of the mean over seeds (t); cosines are their mean.

    Raises
    ------
    ValueError
        The members were not asked for the same poolings and layers, or not over the same pairs.
    """
    first = members[0]
    if len(members) == 1:
        return first
    if any(m.keys != first.keys or not np.array_equal(m.rows, first.rows) for m in members):
        raise ValueError(f"the seeds of {name} were not asked for the same poolings and pairs")
    return replace(
        first,
        checkpoint=name,
        cosine=mean([m.cosine for m in members]),
        centred=mean([m.centred for m in members]),
        anisotropy=mean([m.anisotropy for m in members]),
        spearman=_over_seeds([m.spearman[..., 0] for m in members]),
        pearson=_over_seeds([m.pearson[..., 0] for m in members]),
        own=mean([m.own for m in members]),
        encoder=float(np.mean([m.encoder for m in members])),
        seconds=sum(m.seconds for m in members),
        means=(),
        note=f"Means over {len(members)} seeds: "
        f"{listed([m.checkpoint for m in members])}; intervals by t over the seeds.",
    )


def _over_seeds(values: Sequence[np.ndarray]) -> np.ndarray:
    """M of (K, 2) -> (K, 2, 3): the mean over seeds with its 95 % interval by t."""
    from analysis.attribution.methods.shapley import interval_of_mean

    every = np.stack(values).reshape(len(values), -1)
    ends = interval_of_mean(every)
    assert ends is not None  # a group has two seeds at least
    held = np.concatenate([every.mean(axis=0)[:, None], ends], axis=1)
    return held.reshape(*values[0].shape, 3)
