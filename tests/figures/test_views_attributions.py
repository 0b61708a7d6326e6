"""Views of attributions: the values drawn are the values meant, on the units they are shown in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import analysis
from analysis.attribution import in_words
from analysis.figures import view
from analysis.figures.views import attribution_results as results
from analysis.text.tokens import tokenize
from tests.support import zoo

TEXT = "The plots thinned, not dully."


def tokens_of(name="mha", text=TEXT, pair=None):
    classifier = zoo.loaded(name)
    return tokenize(classifier.tokenizer, text, pair, classifier.limit)


def result(method="gradient_x_input", name="mha", **options):
    return analysis.attribute(zoo.loaded(name), TEXT, method=method, **options)


def test_strips_hold_each_score_and_one_scale_within_a_method():
    names = ("mha", "cls")
    rows = [
        [result(method, name) for name in names] for method in ("gradient_x_input", "leave_one_out")
    ]
    plot = view(
        "attribution_strips",
        rows,
        [tokens_of(n) for n in names],
        [zoo.loaded(n).checkpoint for n in names],
    )
    panels = plot.mark.panels
    for place, strip in enumerate(row for pair in rows for row in pair):
        np.testing.assert_array_equal(panels[place].values, strip.scores)
    for first, pair in ((0, rows[0]), (2, rows[1])):
        largest = max(np.abs(item.scores).max() for item in pair)
        assert panels[first].bound == panels[first + 1].bound == pytest.approx(largest)
    assert plot.mark.subtitles[0] == "Gradient × input, mha"
    assert plot.mark.subtitles[3] == "Leave one out, cls"
    assert plot.provenance["method"] == ["gradient_x_input", "leave_one_out"]


def test_one_result_is_a_strip_of_its_own_with_the_limit_asked_for():
    plot = view("attribution_strips", [[result()]], tokens_of(), limits=[7.0])
    assert plot.mark.bound == 7.0
    assert plot.title.startswith("Attribution to class")


def test_a_missing_result_is_refused():
    with pytest.raises(ValueError, match="at least one result"):
        view("attribution_strips", [], [])
    with pytest.raises(ValueError, match="a result for every checkpoint"):
        view("attribution_strips", [[result()], [result(), result()]], [tokens_of()] * 2)


def test_bars_keep_the_methods_own_interval():
    sampled = result("shapley_sampling", n_samples=4)
    plot = view("attribution_bars", [sampled], tokens_of())
    np.testing.assert_array_equal(plot.mark.values[0], sampled.scores)
    np.testing.assert_array_equal(plot.mark.intervals[0], sampled.interval)
    assert "95 % interval" in plot.notes[0]
    assert plot.mark.bounds[1] >= np.abs(sampled.interval).max()


def test_bars_of_a_group_are_mean_spread_and_a_dot_for_each_seed():
    base = result()
    group = [replace(base, scores=base.scores + shift) for shift in (0.0, 0.5, 2.0)]
    plot = view("attribution_bars", [group], tokens_of())
    stacked = np.stack([member.scores for member in group])
    np.testing.assert_allclose(plot.mark.values[0], stacked.mean(axis=0))
    spread = stacked.std(axis=0, ddof=1)
    np.testing.assert_allclose(plot.mark.intervals[0, :, 1], stacked.mean(axis=0) + spread)
    np.testing.assert_allclose(plot.mark.dots[0], stacked.T)
    assert "standard deviation" in plot.notes[0]


def test_bars_stand_in_the_order_asked_for_and_mark_a_token():
    attribution = result()
    order = list(np.argsort(-np.abs(attribution.scores)))
    plot = view("attribution_bars", [attribution], tokens_of(), order=order, chosen=2)
    assert (np.diff(np.abs(plot.mark.values[0])) <= 0).all()
    marked = [label for label in plot.mark.categories if label.startswith("▸")]
    assert marked == ["▸ ##s"] or len(marked) == 1


def test_methods_are_shares_of_their_own_largest_score_on_the_coarsest_units():
    tokens = tokens_of()
    pieces, words = result(), result("leave_one_out", unit="word")
    plot = view("attribution_methods", [pieces, words], tokens)
    summed = in_words(pieces, tokens).scores
    np.testing.assert_allclose(plot.mark.values[0], summed / np.abs(summed).max())
    np.testing.assert_allclose(plot.mark.values[1], words.scores / np.abs(words.scores).max())
    assert np.abs(plot.mark.values).max() == 1.0
    assert len(plot.mark.columns) == len(tokens.word_groups())
    bare = view("attribution_methods", [pieces, words], tokens, special=False)
    assert len(bare.mark.columns) == len(tokens.word_groups()) - 2


def test_units_that_do_not_contain_each_other_are_refused():
    span_scores = result("leave_one_out", unit="span", span=[(0, 9)])
    other = result("leave_one_out", unit="span", span=[(4, 17)])
    with pytest.raises(ValueError, match="other units"):
        results.on_common_units([span_scores, other])


def test_disagreement_is_the_difference_of_shares():
    tokens, gradients, other = tokens_of(), result(), result("leave_one_out")
    plot = view("attribution_disagreement", gradients, other, tokens, ("A", "B"))
    own = ~tokens.special
    first, second = (r.scores / np.abs(r.scores).max() for r in (gradients, other))
    np.testing.assert_allclose(plot.mark.panels[2].values[0], (first - second)[own])
    assert plot.title == "A against B"


@pytest.mark.parametrize("name", ["max_cls", "max_seq_mha"])
def test_layers_sum_to_what_each_says_in_all(name):
    joint = result("joint_layers", name)
    split = result("exact_split", name, reference="zero")
    plot = view("attribution_layers", joint, split, zoo.loaded(name).checkpoint, tokens_of(name))
    left, right = plot.mark.panels
    assert left.categories == right.categories
    assert np.nansum(left.values) == pytest.approx(joint.delta, abs=0.02)
    assert np.nansum(right.values) == pytest.approx(split.scores.sum(), abs=1e-4)
    assert left.bounds == right.bounds
    assert f"{np.nansum(left.values):+.2f} in all" in plot.notes[-1]


def test_a_layer_that_is_not_read_has_no_bar():
    joint, split = result("joint_layers", "cls"), result("exact_split", "max_cls")
    left, right = view("attribution_layers", joint, split).mark.panels
    assert np.isnan(left.values[0]).sum() == len(split.layers) - 1
    assert not np.isnan(right.values).any()


def test_a_result_without_layers_is_refused():
    with pytest.raises(ValueError, match="use joint_layers or exact_split"):
        view("attribution_layers", result())


def test_the_difference_of_two_classes_is_named():
    attribution = result(target=(0, 2))
    checkpoint = zoo.loaded("mha").checkpoint
    assert results.explained(checkpoint, attribution) == " against ".join(
        checkpoint.labels[index] for index in (0, 2)
    )
    assert "difference of the two classes" in results.output_words(attribution)


def test_a_scale_of_zeros_stays_zero():
    assert (results.shares(np.zeros(3)) == 0).all()
