"""Views of the layers: the values drawn are the values meant."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.corpus.layer_cka import layer_cka
from analysis.figures import view
from analysis.reading import layers
from tests.support import tiny, zoo
from tests.support.view_samples import TEXT, profile_of, seen


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
    other = analysis.record(zoo.loaded("max_seq_mha"), TEXT.replace("not", "very"))
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
    with pytest.raises(ValueError, match="no split"):
        view("cls_by_layer", trace, order="top")
    with pytest.raises(ValueError, match="known: raw, standardised"):
        view("cls_by_layer", trace, values="cooked")
    with pytest.raises(ValueError, match="holds no mean and deviation"):
        view("cls_by_layer", trace, values="standardised")


@pytest.mark.parametrize("name", ["cls", "mha", "max_seq_mha", "residual", "max", "tanh", "bert"])
def test_dimension_weights_make_the_contribution_of_a_token(name):
    trace = seen(name)
    split = analysis.decompose(trace, "zero")
    for token in (0, 3):
        weights = layers.dimension_weights(trace, 2, token)
        expected = split.contrast(2)[:, token].sum()
        assert weights @ trace.head.values[token] == pytest.approx(expected, abs=1e-5)
    assert layers.dimension_weights(seen("latent_attention"), 0) is None  # it weights others
    assert layers.dimension_weights(seen("weighted_layers"), 0).shape == (tiny.HIDDEN_SIZE,)


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
    result = layer_cka(zoo.loaded("cls"), zoo.loaded("bert"), texts)
    plot = view("cka", result)
    np.testing.assert_array_equal(plot.mark.values, result.values)
    assert plot.mark.bounds == (0.0, 1.0)
    assert f"Over {result.sentences} sentences" in plot.notes[0]


def test_a_line_keeps_its_place_where_one_has_no_prediction():
    bare, own = zoo.loaded("bare"), zoo.loaded("cls")
    paths = [layers.follow(path, analysis.record(path, TEXT), 0) for path in (bare, own)]
    panels = view("depth", paths, ["bare", "own"]).mark.panels
    assert {panel.series for panel in panels} == {("bare", "own")}
    assert np.isnan(panels[3].y[0]).all()
    assert np.isfinite(panels[3].y[1]).all()
