"""Views of the winners: the values drawn are the values meant."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis import interventions
from analysis.checkpoints.profiles import Profile
from analysis.figures import view
from analysis.reading import margins
from analysis.reading.dimensions import dimensions
from analysis.reading.winner_statistics import (
    between_groups,
    collect,
    seed_disagreement,
    summarise,
    summarise_by_class,
)
from analysis.reading.winners import wins_by_token
from analysis.text.token_types import TYPES
from tests.support import zoo
from tests.support.sentences import in_order
from tests.support.view_samples import TEXT, TEXTS, profile_of, seen


@pytest.mark.parametrize("words", [False, True])
def test_winners_by_layer_and_token_are_each_quantity(words):
    trace, profile = seen(), profile_of("max_seq_mha")
    split = analysis.decompose(trace, "zero")
    units = trace.tokens.word_groups() if words else [(t,) for t in range(len(trace.tokens))]
    wins = wins_by_token(trace.head.winners, len(trace.tokens))
    deviation = view("winners", trace, "deviation", profile=profile, words=words).mark
    contribution = view("winners", trace, "contribution", 1, split=split, words=words).mark
    listened = view("winners", trace, "attention", words=words).mark
    weight = trace.head.attention.mean(axis=0)
    for u, unit in enumerate(units):
        for k in range(3):
            share = sum(wins[t, k] for t in unit) / (32 * len(unit))
            usual = profile.share_of_wins[:, k].mean()
            assert deviation.values[k, u] == pytest.approx(100 * (share - usual), abs=1e-6)
            own = sum(split.contrast(1)[p, t, k] for p in range(4) for t in unit)
            assert contribution.values[k, u] == pytest.approx(own, abs=1e-9)
            mass = sum(weight[t] * wins[t, k] / 32 for t in unit)
            assert listened.values[k, u] == pytest.approx(100 * mass, abs=1e-4)
    assert listened.values.sum() == pytest.approx(100, abs=1e-3)
    assert deviation.rows == ("2", "3", "4")
    assert deviation.bounds[0] == -deviation.bounds[1]


def test_the_shown_contribution_changes_with_the_reference():
    trace = seen()
    first, other = (
        view("winners", trace, "contribution", 1, split=analysis.decompose(trace, reference))
        for reference in ("zero", np.full(32, 0.3))
    )
    assert np.abs(first.mark.values - other.mark.values).max() > 1e-3
    assert "relative to zero" in first.notes[0]
    assert "reference of your own" in other.notes[0]


def test_drop_effects_by_token_are_drawn_and_never_summed_into_words():
    trace = seen()
    effects = interventions.drop_effects(zoo.loaded("max_seq_mha"), TEXT, by_token=True)
    mark = view("winners", trace, "drop effect", 1, effects=effects, limit=2.0).mark
    np.testing.assert_array_equal(mark.values, effects.contrast_by_token(1).T)
    assert mark.bounds == (-2.0, 2.0)
    with pytest.raises(ValueError, match="not add up to words"):
        view("winners", trace, "drop effect", 1, effects=effects, words=True)
    with pytest.raises(ValueError, match="give effects"):
        view("winners", trace, "drop effect", 1)


def test_for_max_cls_only_cls_has_wins_to_deviate():
    mark = view("winners", seen("max_cls"), "deviation", profile=profile_of("max_cls")).mark
    assert np.isfinite(mark.values[:, 0]).all()
    assert np.isnan(mark.values[:, 1:]).all()


def test_a_head_without_a_maximum_over_layers_has_no_source_layers():
    for name in ("mha", "max", "bert"):
        with pytest.raises(ValueError, match="no maximum over layers"):
            view("winners", seen(name))


def test_without_a_corpus_there_is_no_deviation_from_the_usual_share():
    split = analysis.decompose(seen(), "zero")
    plot = view("layer_quantities", seen(), 1, split)
    assert plot.mark.subtitles == ("share of wins", "contribution")
    assert "eviation" not in " ".join(plot.notes) + plot.caption


def test_what_wins_and_what_matters_stand_side_by_side():
    trace, profile = seen(), profile_of("max_seq_mha")
    split = analysis.decompose(trace, "zero")
    effects = interventions.drop_effects(zoo.loaded("max_seq_mha"), TEXT)
    plot = view("layer_quantities", trace, 1, split, effects, profile)
    share, percentile, deviation, contribution, fall = plot.mark.panels
    own = trace.head.winners.share_by_layer()
    np.testing.assert_allclose(share.values[0], 100 * own)
    np.testing.assert_allclose(
        deviation.values[0], 100 * (own - profile.share_of_wins.mean(axis=0)), atol=1e-9
    )
    np.testing.assert_allclose(contribution.values[0], split.by_layer(1))
    np.testing.assert_allclose(fall.values[0], effects.contrast(1))
    assert contribution.bounds == fall.bounds
    below = [(profile.share_of_wins[:, k] < own[k]).sum() for k in range(3)]
    equal = [(profile.share_of_wins[:, k] == own[k]).sum() for k in range(3)]
    expected = 100 * (np.array(below) + np.array(equal) / 2) / len(TEXTS)
    np.testing.assert_allclose(percentile.values[0], expected)
    assert any("percent of 3 sentences" in note for note in plot.notes)
    sentence = (
        f"exact given source layers and attention weights, relative to zero; measured error "
        f"{split.error:.0e}."
    )
    assert any(sentence in note for note in plot.notes)
    assert sentence in plot.caption
    assert view("layer_quantities", trace, 1).mark.subtitles == ("share of wins",)
    assert "contribution" not in view("layer_quantities", trace, 1).caption


def test_a_seed_group_has_its_mean_its_spread_and_a_dot_a_seed():
    traces = [seen("max_seq_mha"), seen("lora"), seen("residual")]
    splits = [analysis.decompose(trace, "zero") for trace in traces]
    contribution = view("layer_quantities", traces, 1, splits).mark.panels[-1]
    by_seed = np.array([split.by_layer(1) for split in splits])
    np.testing.assert_allclose(contribution.values[0], by_seed.mean(axis=0))
    np.testing.assert_allclose(contribution.dots[0], by_seed.T)
    np.testing.assert_allclose(
        contribution.intervals[0, :, 1] - by_seed.mean(axis=0), by_seed.std(axis=0, ddof=1)
    )


def test_margins_are_counted_and_noise_is_told():
    trace, profile = seen(), profile_of("max_seq_mha")
    histogram = margins.margin_histogram(trace.head.winners)
    flips = margins.noise_flips(trace, profile.token_deviation)
    plot = view("margins", histogram, flips, trace.checkpoint, trace.tokens)
    np.testing.assert_array_equal(plot.mark.values[0], histogram.counts)
    assert in_order(plot.notes[1], f"{100 * flips.share:.1f} %", "flip", "noise of 1 %")


def test_a_sweep_is_drawn_with_its_flips_and_its_caution():
    sweeps = [interventions.sweep_last_k(zoo.loaded(n), TEXT) for n in ("max_cls", "max_seq_mha")]
    plot = view("sweep", sweeps, target=2)
    np.testing.assert_allclose(plot.mark.y, [s.probabilities[:, 2] for s in sweeps])
    np.testing.assert_array_equal(plot.mark.flags, [s.flips for s in sweeps])
    assert "Trained with k = 3 only" in plot.notes[0]
    turned = view("sweep_pooled", sweeps, names=["one", "other"]).mark
    for line, sweep in zip(turned.y, sweeps, strict=True):
        own = sweep.pooled[2]
        for k, vector in enumerate(sweep.pooled):
            cosine = vector @ own / np.sqrt((vector @ vector) * (own @ own))
            assert line[k] == pytest.approx(cosine, abs=1e-5)
        assert line[2] == pytest.approx(1)
    shares = view("sweep_winners", sweeps[1]).mark.values
    np.testing.assert_allclose(np.nansum(shares, axis=1), 100)


def test_what_if_stands_before_and_after():
    result = interventions.what_if(
        zoo.loaded("max_seq_mha"), TEXT, drop_layers=(4,), mask_tokens=(2,)
    )
    mark = view("what_if", result).mark
    np.testing.assert_array_equal(mark.values, result.probabilities)
    assert "layer 4" in mark.series[1]
    assert mark.predicted == result.predicted
    other = interventions.what_if(zoo.loaded("lora"), TEXT, drop_layers=(4,), mask_tokens=(2,))
    group = view("what_if", [result, other]).mark
    both = np.stack([result.probabilities, other.probabilities])
    np.testing.assert_allclose(group.values, both.mean(axis=0))
    np.testing.assert_allclose(group.dots, np.moveaxis(both, 0, -1))
    np.testing.assert_allclose(
        group.intervals[..., 1] - group.intervals[..., 0], 2 * both.std(axis=0, ddof=1)
    )
    with pytest.raises(ValueError, match="different changes"):
        view("what_if", [result, interventions.what_if(zoo.loaded("lora"), TEXT, (3,))])


def test_means_over_a_data_set_carry_their_intervals():
    sample = collect(zoo.loaded("max_seq_mha"), TEXTS)
    whole = summarise(sample.wins_by_layer())
    plot = view("winner_means", whole, [str(layer) for layer in sample.layers])
    np.testing.assert_allclose(plot.mark.values[0], 100 * whole.mean)
    np.testing.assert_allclose(plot.mark.intervals[0], 100 * whole.interval)
    parts = summarise_by_class(sample, sample.contribution_by_type(), np.array([0, 1, 1]))
    drawn = view("winner_means", list(parts), TYPES, "contribution (logit)", "token type", 1.0)
    assert drawn.mark.series == sample.checkpoint.labels[:2]
    assert drawn.mark.categories == TYPES


def test_seeds_and_groups_are_drawn_beside_their_yardsticks():
    members = [zoo.loaded("max_seq_mha"), zoo.loaded("lora")]
    seeds = seed_disagreement(members, TEXTS)
    mark = view("seed_disagreement", seeds).mark
    np.testing.assert_allclose(mark.values, [100 * seeds.share, 100 * seeds.chance])
    groups = [[collect(member, TEXTS[:2]), collect(member, TEXTS[1:])] for member in members]
    difference = between_groups(*groups)
    drawn = view("group_difference", difference, ("one", "other")).mark
    np.testing.assert_allclose(
        drawn.values, 100 * np.stack([difference.difference, difference.within])
    )
    np.testing.assert_allclose(drawn.intervals[0], 100 * difference.interval)
    assert np.isnan(drawn.intervals[1]).all()
    assert drawn.categories == ("2", "3", "4")


@pytest.mark.parametrize("name", ["max_seq_mha", "max"])
def test_the_dimensions_that_carry_the_most_are_drawn_with_all_their_numbers(name):
    trace = seen(name)
    table = dimensions(trace, 2, reference="zero")
    adds, weighs, values, margin = view("dimensions", table, count=6).mark.panels
    held = np.arange(32) if table.held_by is None else np.flatnonzero(table.held_by == 2)
    order = held[np.argsort(-np.abs(table.contribution[held]), kind="stable")][:6]
    assert adds.categories == tuple(map(str, order))
    np.testing.assert_allclose(adds.values[0], table.contribution[order])
    np.testing.assert_allclose(weighs.values[0], table.weight[order])
    np.testing.assert_allclose(margin.values[0], table.margin[order])
    if table.held_by is None:
        np.testing.assert_allclose(values.values, trace.hidden[[2, 3, 4], 2][:, order].T)
    else:
        np.testing.assert_allclose(values.values[0], trace.hidden[-1, 2, order])


def test_a_profile_of_other_layers_is_not_used():
    profile = Profile(np.zeros(32), np.full((3, 2), 0.5), (3, 4), 3, "another pool")
    plot = view("winners", seen(), "deviation", profile=profile)
    assert "no corpus profile" in plot.notes[0]
