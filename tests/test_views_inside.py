"""Views of layers, winners and attention: the values drawn are the values meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import zoo

import analysis
from analysis import attention, figures, interventions, layers, margins
from analysis.dimensions import dimensions
from analysis.figures import view
from analysis.figures.marks import Grid
from analysis.figures.views_encoder import mosaic_place
from analysis.profiles import Profile
from analysis.token_types import TYPES
from analysis.trace import measure_profile
from analysis.winner_statistics import (
    between_groups,
    collect,
    seed_disagreement,
    summarise,
    summarise_by_class,
)
from analysis.words import wins_by_token

TEXT, PAIR = "The plots thinned, not dully.", "He said it was great."
TEXTS = [TEXT, PAIR, tiny.SENTENCE]


def seen(name="max_seq_mha", pair=None, text=TEXT):
    return analysis.record(zoo.loaded(name), text, pair, attentions=True)


def profile_of(name):
    return measure_profile(zoo.loaded(name), TEXTS, None, "three sentences")


def long_trace(length=512, count=12):
    """A trace as long as BERT's limit, with 12 layers of 12 attention heads."""
    words = " ".join(["plot"] * (tiny.POSITIONS - 2))
    short = seen("mha", text=words)
    rows = np.random.default_rng(0).dirichlet(np.ones(length), size=(count, count, 8))
    rows = np.tile(rows, (1, 1, length // 8, 1)).astype(np.float32)
    middle = ["plot"] * (length - 2)
    tokens = analysis.tokens.Tokens(
        text=" ".join(middle), pair=None, ids=np.zeros(length, int),
        pieces=("[CLS]", *middle, "[SEP]"), words=np.array([-1, *range(length - 2), -1]),
        offsets=np.array([(0, 0), *((5 * i, 5 * i + 4) for i in range(length - 2)), (0, 0)]),
        special=np.array([True] + [False] * (length - 2) + [True]),
        segment=np.zeros(length, int), dropped=0,
    )  # fmt: skip
    hidden = np.zeros((count + 1, length, 32), np.float32)
    return replace(short, tokens=tokens, attentions=rows, hidden=hidden)


# --- layers -----------------------------------------------------------------------------------


def test_the_vector_by_layer_is_drawn_in_every_way():
    trace, profile = seen(), profile_of("max_seq_mha")
    states = trace.hidden[:, 0]
    np.testing.assert_allclose(view("cls_by_layer", trace).mark.values, states)
    steps = view("cls_by_layer", trace, values="difference").mark.values
    assert np.isnan(steps[0]).all()
    np.testing.assert_allclose(steps[2], states[2] - states[1], atol=1e-6)
    scaled = view("cls_by_layer", trace, values="standardised", profile=profile).mark.values
    assert np.isnan(scaled[0]).all()  # [CLS] never moves before the first layer
    expected = (states[3, 5] - profile.cls_mean[3, 5]) / profile.cls_deviation[3, 5]
    assert scaled[3, 5] == pytest.approx(expected, rel=1e-5)
    other = seen(text=TEXT.replace("not", "very"))
    gap = view("cls_by_layer", trace, token=3, values="reference", reference=other).mark.values
    np.testing.assert_allclose(gap, trace.hidden[:, 3] - other.hidden[:, 3], atol=1e-6)


def test_dimensions_stand_in_the_order_asked_for():
    trace = seen("cls")
    weights = layers.dimension_weights(trace, 1)
    final = trace.hidden[-1, 0]
    by_value = view("cls_by_layer", trace, order="final").mark
    assert (np.diff(by_value.values[-1]) <= 0).all()
    assert by_value.columns[0] == str(final.argmax())
    by_weight = view("cls_by_layer", trace, order="weight", weights=weights).mark
    assert by_weight.columns[0] == str(weights.argmax())
    top = view("cls_by_layer", trace, order="top", top=7, weights=weights).mark
    assert set(map(int, top.columns)) == set(np.argsort(-np.abs(weights * final))[:7].tolist())
    with pytest.raises(ValueError, match="no exact split"):
        view("cls_by_layer", trace, order="top")
    with pytest.raises(ValueError, match="known: raw, standardised"):
        view("cls_by_layer", trace, values="cooked")
    with pytest.raises(ValueError, match="holds no mean and deviation"):
        view("cls_by_layer", trace, values="standardised")


@pytest.mark.parametrize("name", ["cls", "mha", "max_seq_mha", "residual", "max"])
def test_dimension_weights_make_the_contribution_of_a_token(name):
    trace = seen(name)
    split = analysis.decompose(trace, "zero")
    for token in (0, 3):
        weights = layers.dimension_weights(trace, 2, token)
        expected = split.contrast(2)[:, token].sum()
        assert weights @ trace.head.values[token] == pytest.approx(expected, abs=1e-5)
    assert layers.dimension_weights(seen("cls_mlp"), 0) is None


def test_depth_lines_are_the_trajectories_and_flips_are_ringed():
    paths = [layers.trajectory(zoo.loaded(name), TEXT) for name in ("cls", "max_seq_mha")]
    grid = view("depth", paths, target=1).mark
    norm, previous, last, prediction = grid.panels
    np.testing.assert_allclose(norm.y, [path.norm for path in paths])
    np.testing.assert_allclose(last.y, [path.cosine_to_last for path in paths])
    assert np.isnan(previous.y[:, 0]).all()
    np.testing.assert_allclose(prediction.y, [path.probabilities[:, 1] for path in paths])
    np.testing.assert_array_equal(prediction.flags, [path.flips for path in paths])
    group = view("depth", [paths], target=1).mark.panels[0]
    np.testing.assert_allclose(group.y[0], (paths[0].norm + paths[1].norm) / 2)
    spread = np.std([path.norm for path in paths], axis=0, ddof=1)
    np.testing.assert_allclose(group.bands[0, :, 1] - group.y[0], spread)
    bare = view("depth", layers.trajectory(zoo.loaded("bare"), TEXT))
    assert len(bare.mark.panels) == 3
    assert bare.notes == ()


def test_one_dimension_is_drawn_by_layer_for_each_checkpoint():
    traces = [seen("max_seq_mha"), seen("lora")]
    mark = view("dimension", traces, 7, token=2).mark
    np.testing.assert_allclose(mark.y, [trace.hidden[:, 2, 7] for trace in traces])
    group = view("dimension", [traces], 7, token=2).mark
    np.testing.assert_allclose(group.y[0], np.mean([t.hidden[:, 2, 7] for t in traces], axis=0))
    with pytest.raises(ValueError, match="there are 0 to 31"):
        view("dimension", traces, 32)


def test_cka_is_drawn_from_zero_to_one():
    texts = [" ".join(np.random.default_rng(i).choice(tiny.WORDS, 6)) for i in range(140)]
    result = layers.layer_cka(zoo.loaded("cls"), zoo.loaded("bert"), texts)
    plot = view("cka", result)
    np.testing.assert_array_equal(plot.mark.values, result.values)
    assert plot.mark.bounds == (0.0, 1.0)
    assert f"Over {result.sentences} sentences" in plot.notes[0]


# --- winners ----------------------------------------------------------------------------------


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
    one, other = (
        view("winners", trace, "contribution", 1, split=analysis.decompose(trace, reference))
        for reference in ("zero", np.full(32, 0.3))
    )
    assert np.abs(one.mark.values - other.mark.values).max() > 1e-3
    assert "relative to zero" in one.notes[0]
    assert "relative to a reference of one's own" in other.notes[0]


def test_drop_effects_by_token_are_drawn_and_never_summed_into_words():
    trace = seen()
    effects = interventions.drop_effects(zoo.loaded("max_seq_mha"), TEXT, by_token=True)
    mark = view("winners", trace, "drop effect", 1, effects=effects, limit=2.0).mark
    np.testing.assert_array_equal(mark.values, effects.contrast_by_token(1).T)
    assert mark.bounds == (-2.0, 2.0)
    with pytest.raises(ValueError, match="do not add up to words"):
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
    said = f"exact given source layers and attention weights, relative to zero; measured error " \
        f"{split.error:.0e}."
    assert any(said in note for note in plot.notes)
    assert said in plot.caption
    assert len(view("layer_quantities", trace, 1).mark.panels) == 2
    assert "contribution" not in view("layer_quantities", trace, 1).caption


def test_a_seed_group_has_its_mean_its_spread_and_a_dot_a_seed():
    traces = [seen("max_seq_mha"), seen("lora"), seen("residual")]
    splits = [analysis.decompose(trace, "zero") for trace in traces]
    panels = view("layer_quantities", traces, 1, splits).mark.panels
    by_seed = np.array([split.by_layer(1) for split in splits])
    np.testing.assert_allclose(panels[2].values[0], by_seed.mean(axis=0))
    np.testing.assert_allclose(panels[2].dots[0], by_seed.T)
    np.testing.assert_allclose(
        panels[2].intervals[0, :, 1] - by_seed.mean(axis=0), by_seed.std(axis=0, ddof=1)
    )


def test_margins_are_counted_and_noise_is_told():
    trace, profile = seen(), profile_of("max_seq_mha")
    histogram = margins.margin_histogram(trace.head.winners)
    flips = margins.noise_flips(trace, profile.token_deviation)
    plot = view("margins", histogram, flips, trace.checkpoint, trace.tokens)
    np.testing.assert_array_equal(plot.mark.values[0], histogram.counts)
    assert f"{100 * flips.share:.1f} % of the wins flip under noise of 1 %" in plot.notes[1]


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
    other = interventions.what_if(
        zoo.loaded("lora"), TEXT, drop_layers=(4,), mask_tokens=(2,)
    )
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
    np.testing.assert_allclose(drawn.values, 100 * np.stack([difference.difference,
                                                             difference.within]))
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


# --- attention --------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [False, True])
def test_the_pooling_heads_attention_is_drawn_by_token_or_word(words):
    trace = seen("mha")
    mark = view("pooling_attention", trace, words=words).mark
    units = trace.tokens.word_groups() if words else [(t,) for t in range(len(trace.tokens))]
    for u, unit in enumerate(units):
        own = trace.head.attention[:, list(unit)].sum(axis=1)
        np.testing.assert_allclose(mark.values[:, u], own, atol=1e-6)
    assert mark.rows == ("0", "1", "2", "3")
    norms = attention.value_norms(zoo.loaded("mha"), trace)
    weighted = view("pooling_attention", trace, norms=norms).mark
    np.testing.assert_allclose(weighted.values, norms.share, atol=1e-6)


def test_hidden_special_tokens_leave_their_mass_in_a_note():
    trace = seen("mha")
    plot = view("pooling_attention", trace, special=False)
    gone = 100 * attention.special_mass(trace.head.attention, trace.tokens).mean()
    assert plot.notes == (
        f"Special tokens are not shown; they took {gone:.0f} % of the attention.",
    )
    assert "[CLS]" not in plot.mark.columns
    assert len(plot.mark.columns) == len(trace.tokens) - 2


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("window", [None, (1, 4)])
def test_the_mass_of_hidden_tokens_is_that_of_the_queries_that_are_drawn(words, window):
    trace = seen()
    tokens = trace.tokens
    units = tokens.word_groups() if words else [(t,) for t in range(len(tokens))]
    drawn = [unit for unit in units if not tokens.special[unit[0]]]
    part = drawn if window is None else drawn[window[0] : window[1]]
    one = trace.attentions[1, 2]
    gone = 100 * np.mean([one[list(unit)][:, tokens.special].sum(axis=1).mean() for unit in part])
    plot = view("encoder_head", trace, 2, 2, words, special=False, window=window)
    assert f"they took {gone:.0f} % of the attention of the" in plot.notes[0]
    every = 100 * np.mean([
        head[list(unit)][:, tokens.special].sum(axis=1).mean()
        for layer in trace.attentions for head in layer for unit in drawn
    ])
    notes = view("encoder_heads", trace, words, special=False).notes
    assert any(f"they took {every:.0f} % of the attention of the" in note for note in notes)


def test_the_cls_row_rollout_and_one_tokens_attention_are_drawn():
    trace = seen()
    np.testing.assert_allclose(view("cls_row", trace, layer=2).mark.values,
                               trace.attentions[1, :, 0])  # fmt: skip
    result = attention.rollout(trace)
    np.testing.assert_allclose(view("rollout", trace, result).mark.values, result.values[:, 0])
    asks = view("token_attention", trace, 3, "query").mark.values
    np.testing.assert_allclose(asks, trace.attentions.mean(axis=1)[:, 3], atol=1e-6)
    asked = view("token_attention", trace, 3, "key", head=1, words=True).mark.values
    words = trace.tokens.word_groups()
    asked_word = next(list(word) for word in words if 3 in word)
    for u, word in enumerate(words):
        # averaged over the pieces that ask, summed into the word that is asked
        own = trace.attentions[:, 1][:, list(word)][:, :, asked_word].sum(axis=2).mean(axis=1)
        np.testing.assert_allclose(asked[:, u], own, atol=1e-6)


def test_leave_one_out_stands_beside_its_agreement_and_null_band():
    trace = seen("mha")
    left = interventions.leave_one_out(zoo.loaded("mha"), TEXT)
    tau = attention.agreement(trace.head.attention, left, 1)
    plot = view("leave_one_out", left, 1, tau)
    np.testing.assert_array_equal(plot.mark.values[0], left.contrast(1))
    assert np.isnan(plot.mark.values[0, 0])
    assert f"{tau.tau:+.2f}" in plot.notes[2]
    assert f"{tau.null[0]:+.2f} to {tau.null[1]:+.2f}" in plot.notes[2]
    hidden = view("leave_one_out", left, 1, special=False).mark
    np.testing.assert_array_equal(hidden.values[0], left.contrast(1)[1:-1])


def test_all_heads_at_a_glance_are_the_encoders_matrices():
    trace = seen()
    count = len(trace.tokens)
    mark = view("encoder_heads", trace).mark
    gap = (mark.values.shape[0] - 4 * count) // 3
    assert gap >= 1
    for layer in range(4):
        for head in range(4):
            top, left = layer * (count + gap), head * (count + gap)
            block = mark.values[top : top + count, left : left + count]
            np.testing.assert_allclose(block, trace.attentions[layer, head], atol=1e-7)
            assert mosaic_place(trace, top + 1, left + count - 1) == (layer + 1, head)
    assert [row for row in mark.rows if row] == ["1", "2", "3", "4"]
    axis = view("encoder_heads", trace).screen().layout.yaxis
    assert axis.ticktext == ("1", "2", "3", "4")
    assert [mark.rows[place] for place in axis.tickvals] == list(axis.ticktext)
    assert np.isnan(mark.values[count]).all()


def test_one_head_is_drawn_in_large_in_full_or_through_a_window():
    trace = seen()
    np.testing.assert_allclose(view("encoder_head", trace, 3, 1).mark.values,
                               trace.attentions[2, 1])  # fmt: skip
    np.testing.assert_allclose(view("encoder_head", trace, 3).mark.values,
                               trace.attentions[2].mean(axis=0))  # fmt: skip
    part = view("encoder_head", trace, 1, 0, window=(2, 5)).mark
    np.testing.assert_allclose(part.values, trace.attentions[0, 0, 2:5, 2:5])
    assert part.rows == part.columns == trace.tokens.labels[2:5]
    with pytest.raises(ValueError, match="choose 1 to 4"):
        view("encoder_head", trace, 0)
    with pytest.raises(ValueError, match="attention head 9 does not exist"):
        view("encoder_head", trace, 1, 9)


def test_a_long_text_is_coarsened_by_the_rule_of_attention():
    trace = long_trace()
    plot = view("encoder_head", trace, 2, 3)
    assert plot.mark.values.shape == (128, 128)
    np.testing.assert_allclose(plot.mark.values.sum(axis=1), 1, atol=1e-5)
    block = trace.attentions[1, 3, 4:8, 8:12].sum(axis=1).mean()
    assert plot.mark.values[1, 2] == pytest.approx(block, abs=1e-7)
    assert "4 x 4 tokens" in plot.notes[0]
    bare = view("encoder_head", trace, 2, 3, special=False, words=True).mark.values
    inner = trace.attentions[1, 3, 1:5, 1:5]
    assert bare[0, 0] == pytest.approx(inner.sum(axis=1).mean(), abs=1e-7)
    whole = view("encoder_head", trace, 2, 3, window=(100, 200)).mark.values
    np.testing.assert_allclose(whole, trace.attentions[1, 3, 100:200, 100:200])


def test_512_tokens_of_144_heads_stay_below_5_megabytes():
    trace = long_trace()
    plot = view("encoder_heads", trace)
    assert plot.mark.values.size <= 45_000
    sent = len(plot.screen().to_json())
    assert sent < 3e6, sent
    assert mosaic_place(trace, 0, 0) == (1, 0)
    rows, columns = plot.mark.values.shape
    assert mosaic_place(trace, rows - 1, columns - 1) == (12, 11)
    large = len(view("encoder_head", trace, 5).screen().to_json())
    assert sent + large < 5e6


def test_heads_are_summed_up_by_entropy_and_distance():
    trace = seen()
    entropy = attention.head_entropy(trace)
    mark = view("head_summary", entropy, trace.checkpoint, trace.tokens).mark
    np.testing.assert_array_equal(mark.values, entropy.normalised)
    assert mark.bounds == (0.0, 1.0)
    distance = attention.head_distance(trace)
    np.testing.assert_array_equal(view("head_summary", distance).mark.values, distance.tokens)


def test_blocks_of_a_pair_are_drawn_in_percent():
    trace = seen(pair=PAIR)
    masses = attention.block_masses(trace.attentions, trace.tokens)
    plot = view("blocks", masses, layer=2)
    np.testing.assert_allclose(plot.mark.values, 100 * masses.values[1].mean(axis=0), atol=1e-4)
    assert "layer 2, mean over attention heads; rows sum to 100 %" in plot.caption
    np.testing.assert_allclose(view("blocks", masses).mark.values.sum(axis=1), 100, atol=1e-3)


def test_blocks_of_one_attention_head_say_which_and_stand_below_the_pooling_heads_own():
    trace = seen(pair=PAIR)
    masses = attention.block_masses(trace.attentions, trace.tokens)
    own = attention.row_masses(trace.head.attention, trace.tokens)
    inside = [trace.tokens.special, *(~trace.tokens.special & (trace.tokens.segment == s)
                                      for s in (0, 1))]  # fmt: skip
    np.testing.assert_allclose(
        own, np.stack([trace.head.attention[:, here].sum(axis=1) for here in inside], axis=1),
        atol=1e-6,
    )
    plot = view("blocks", masses, layer=3, head=1, own=own)
    np.testing.assert_allclose(plot.mark.values[0], 100 * own.mean(axis=0))
    np.testing.assert_allclose(plot.mark.values[1:], 100 * masses.values[2, 1], atol=1e-4)
    assert plot.mark.rows == ("the pooling head", *masses.blocks)
    assert "layer 3, attention head 1; first row: the pooling head's own" in plot.caption
    assert "mean over" not in plot.caption + plot.notes[0]


def test_what_is_chosen_is_marked_alike_in_every_view():
    trace = seen()
    plots = [
        view("winners", trace, chosen_token=2, chosen_layer=3),
        view("pooling_attention", trace, chosen_token=2),
        view("cls_row", trace, chosen_token=2),
        view("encoder_head", trace, 1, chosen_token=2),
    ]
    for plot in plots:
        marked = [i for i, label in enumerate(plot.mark.columns) if label.startswith("▸ ")]
        assert marked == [2]
    assert plots[0].mark.rows == ("2", "▸ 3", "4")


def every_plot():
    trace, classifier = seen(pair=PAIR), zoo.loaded("max_seq_mha")
    profile = profile_of("max_seq_mha")
    effects = interventions.drop_effects(classifier, TEXT, PAIR)
    sweep = interventions.sweep_last_k(classifier, TEXT, PAIR)
    sample = collect(classifier, TEXTS)
    yield view("cls_by_layer", trace)
    yield view("cls_by_layer", trace, values="standardised", profile=profile)
    yield view("depth", layers.trajectory(classifier, TEXT))
    yield view("dimension", trace, 5)
    texts = [" ".join(np.random.default_rng(i).choice(tiny.WORDS, 6)) for i in range(140)]
    yield view("cka", layers.layer_cka(zoo.loaded("cls"), zoo.loaded("bert"), texts))
    yield view("dimensions", dimensions(trace, 2, reference="zero"), trace.checkpoint, trace.tokens)
    yield view("sweep_pooled", sweep)
    members = [zoo.loaded("max_seq_mha"), zoo.loaded("lora")]
    yield view("seed_disagreement", seed_disagreement(members, TEXTS))
    pair = [[collect(member, TEXTS[:2]), collect(member, TEXTS[1:])] for member in members]
    yield view("group_difference", between_groups(*pair), ("one", "other"))
    yield view("winners", trace, profile=profile)
    yield view("layer_quantities", trace, 1, analysis.decompose(trace), effects, profile)
    yield view("margins", margins.margin_histogram(trace.head.winners))
    yield view("sweep", sweep)
    yield view("sweep_winners", sweep)
    yield view("what_if", interventions.what_if(classifier, TEXT, drop_layers=(3,)))
    yield view("winner_means", summarise(sample.wins_by_type()), TYPES)
    yield view("pooling_attention", trace)
    yield view("cls_row", trace)
    yield view("rollout", trace, attention.rollout(trace))
    yield view("token_attention", trace)
    yield view("leave_one_out", interventions.leave_one_out(classifier, TEXT), 1)
    yield view("encoder_heads", trace)
    yield view("encoder_head", trace, 1)
    yield view("head_summary", attention.head_entropy(trace))
    yield view("blocks", attention.block_masses(trace.attentions, trace.tokens))


def test_every_view_is_drawn_on_screen_and_on_paper():
    keys = set()
    for plot in every_plot():
        keys.add(plot.view)
        panels = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
        assert len(plot.screen().data) >= len(panels)
        assert plot.paper(format="pdf").startswith(b"%PDF")
        assert plot.frame().shape[0] > 0
        assert str(zoo.root()) not in str(dict(plot.provenance))
        assert plot.caption.endswith(".")
    assert keys <= set(figures.known_views())


def test_a_profile_of_other_layers_is_not_used():
    profile = Profile(np.zeros(32), np.full((3, 2), 0.5), (3, 4), 3, "another pool")
    plot = view("winners", seen(), "deviation", profile=profile)
    assert "no corpus profile" in plot.notes[0]
