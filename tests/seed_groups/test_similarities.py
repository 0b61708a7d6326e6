"""Similarity of a seed group: the mean of exact splits is the exact split of the mean cosine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import analysis
from analysis import corpus
from analysis.datasets import Table
from analysis.figures.recipes.registry import make
from analysis.figures.recipes.request import loaded
from analysis.seed_groups.similarities import mean_effects, mean_nearest, mean_pairs, mean_scores
from analysis.similarities.edits import effects
from analysis.similarities.pair_scores import over_pairs
from analysis.similarities.token_pairs import pairs_of
from tests.support import tiny, zoo

FIRST, SECOND = "The plot is thin, but not dull.", "A film with a thin story."


@pytest.fixture(scope="module")
def members():
    return [
        analysis.load(
            tiny.make_pooling_checkpoint(
                zoo.root() / f"three-max_seq_mha-s{seed}", "max_seq_mha", ("one", "two"),
                seed=seed, encoder=zoo.folder("bare"),
            ),
            device="cpu",
        )
        for seed in range(3)
    ]  # fmt: skip


@pytest.mark.parametrize("pooling", ["mean", "max", "head"])
def test_score_and_contributions_are_means_over_the_seeds(members, pooling):
    splits = [analysis.similarity(member, FIRST, SECOND, pooling) for member in members]
    group = mean_pairs([pairs_of(split) for split in splits], "three")
    assert group.score == pytest.approx(np.mean([split.score for split in splits]))
    expected = sum(split.contributions for split in splits) / 3
    np.testing.assert_allclose(group.contributions, expected, atol=1e-12)
    assert group.contributions.sum() == pytest.approx(group.score, abs=1e-6)
    assert group.scores == tuple(split.score for split in splits)
    assert group.splits == tuple(splits)


def test_seeds_that_read_other_tokens_have_no_mean(members):
    pairs = pairs_of(analysis.similarity(members[0], FIRST, SECOND))
    other = pairs_of(analysis.similarity(members[1], FIRST + " good", SECOND))
    with pytest.raises(ValueError, match="different tokens"):
        mean_pairs([pairs, other], "three")


def test_effects_are_means_over_the_seeds(members):
    every = [effects(member, FIRST, SECOND, "head") for member in members]
    group = mean_effects(every)
    np.testing.assert_allclose(group.a, np.mean([result.a for result in every], axis=0))
    assert group.score == pytest.approx(np.mean([result.score for result in every]))


def test_pictures_of_a_group_show_the_mean(members):
    subject = loaded("three", members)
    splits = [analysis.similarity(member, FIRST, SECOND, "head") for member in members]
    plot = make(
        "similarity_map", [subject], FIRST, SECOND, None, {"pooling": "head", "words": False}
    )
    expected = np.mean([split.contributions for split in splits], axis=0)
    np.testing.assert_allclose(plot.mark.values, expected, atol=1e-12)
    assert "3 seeds" in plot.caption
    layers = make("similarity_layers", [subject], FIRST, SECOND, None, {"pooling": "head"})
    np.testing.assert_allclose(
        layers.mark.values, np.mean([split.by_layer for split in splits], axis=0), atol=1e-9
    )
    won = make("max_winners", [subject], FIRST, SECOND, None, {"pooling": "max", "words": False})
    shares = np.zeros(len(splits[0].a.tokens))
    for member in members:
        winners = analysis.similarity(member, FIRST, SECOND, "max").a.winners
        shares += np.bincount(winners.token, minlength=len(shares)) / len(winners.token) / 3
    top = won.mark.panels[0].values[0]
    np.testing.assert_allclose(top, 100 * np.sort(shares)[::-1][: len(top)], atol=1e-9)
    assert make("similarity_bands", [subject], FIRST, SECOND, None, {}).mark is not None
    assert make("similarity_effects", [subject], FIRST, SECOND, None, {}).mark is not None


@pytest.mark.parametrize("centred", [False, True])
def test_neighbours_of_a_group_are_near_by_the_mean_over_its_seeds(members, centred):
    texts = (FIRST, SECOND, "a good story", "who lives in the city", "the plot is dull")
    group = mean_nearest(members, "three", FIRST, texts, ("mean", "head"), count=3, centred=centred)
    for near in group:
        every = []
        for member in members:
            vectors = corpus.embed(member, texts, pooling=(near.pooling,))[near.pooling, -1]
            moved = vectors - (vectors.mean(0) if centred else 0)
            unit = moved / np.linalg.norm(moved, axis=1, keepdims=True)
            every.append(unit[1:] @ unit[0])  # row 0 is the sentence itself
        cosines = np.mean(every, axis=0)
        order = np.argsort(-cosines)[:3]
        np.testing.assert_array_equal(near.rows, order + 1)
        np.testing.assert_allclose(near.cosine, cosines[order], atol=1e-5)
        for place, why in zip(order, near.why, strict=True):
            assert why.checkpoint == "three"
            np.testing.assert_allclose(why.scores, [own[place] for own in every], atol=1e-5)
            assert why.contributions.sum() == pytest.approx(cosines[place], abs=1e-5)


def test_scores_over_pairs_are_means_with_intervals_over_the_seeds(members):
    texts = tuple(f"the {noun} is {word}" for noun in ("plot", "film", "story")
                  for word in ("thin", "dull", "good"))  # fmt: skip
    table = Table("own", "own", texts, texts[::-1], np.linspace(0, 5, 9), ())
    every = [over_pairs(member, table, ("mean", "head"), (-1,)) for member in members]
    group = mean_scores(every, "three")
    np.testing.assert_allclose(group.cosine, np.mean([result.cosine for result in every], axis=0))
    for key in range(len(group.keys)):
        values = [result.spearman[key, 0, 0] for result in every]
        assert group.spearman[key, 0, 0] == pytest.approx(np.mean(values))
        if np.ptp(values) > 0:
            low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
            assert group.spearman[key, 0, 1:] == pytest.approx([low, high])
    with pytest.raises(ValueError, match="same poolings"):
        mean_scores([every[0], replace(every[1], keys=every[1].keys[::-1])], "three")
