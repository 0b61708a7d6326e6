"""The Layers page shows what the library computes, and says in one sentence what is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.reading import layers
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.layers_reader import NAMES, TEXT, cells, charts, lines, path
from tests.support.plotly_arrays import numbers
from tests.support.sentences import in_order


def test_lines_over_depth_are_the_numbers_of_each_checkpoint(open_layers, made):
    app = open_layers(made)
    assert app.title[0].value == "Layers"
    for index, name in enumerate(NAMES):
        shown = lines(app, index)
        assert set(shown) == {"toy-cls", "toy-max_cls", "toy-mha", "toy-max_seq_mha"}
        for checkpoint, values in shown.items():
            expected = getattr(path(made / checkpoint), name)
            np.testing.assert_allclose(values, expected, rtol=1e-5)
    hidden = analysis.record(analysis.load(made / "toy-mha"), TEXT).hidden[:, 0]
    np.testing.assert_allclose(lines(app, 0)["toy-mha"], np.sqrt((hidden**2).sum(1)), rtol=1e-5)


def test_prediction_by_depth_is_that_of_the_class_to_explain(open_layers, made):
    label = tiny.random_labels(11)[2]
    app = open_layers(made, target=label)
    shown = lines(app, 3)
    for checkpoint, values in shown.items():
        np.testing.assert_allclose(values, path(made / checkpoint).probabilities[:, 2], rtol=1e-5)
    assert f"Probability of {label}" in charts(app)["depth-chart-3"]["layout"]["title"]["text"]
    page_text = seen.text_of(app)
    assert in_order(page_text, "trained", "last layer only")


def test_sentence_above_says_from_which_layer_on_the_label_stands(open_layers, made):
    app = open_layers(made, checkpoints=["toy-cls"])
    predicted = path(made / "toy-cls").predicted
    settled = 1 + max(np.flatnonzero(predicted != predicted[-1]), default=-1)
    label = tiny.random_labels(11)[predicted[-1]]
    sentence = app.main.text[0].value
    assert in_order(sentence, f"final label {label}", f"from layer {settled}", "toy-cls")
    turn = path(made / "toy-cls").cosine_to_previous
    assert in_order(sentence, "[CLS] changes direction most", f"layer {np.nanargmin(turn)}")
    assert f"{np.nanmin(turn):.2f}" in sentence


def test_token_that_is_chosen_is_followed_in_every_view(open_layers, made):
    app = open_layers(made, checkpoints=["toy-mha"])
    app.selectbox(key="follow_token").set_value(3).run()
    assert not app.exception
    expected = path(made / "toy-mha", token=3)
    np.testing.assert_allclose(lines(app, 0)["toy-mha"], expected.norm, rtol=1e-5)
    np.testing.assert_allclose(cells(app)[0], expected.vectors, rtol=1e-5)
    strip = seen.pieces(app)["follow-strip"]
    assert [node.text for node in strip.all("marked")] == ["is"]
    assert "“is” changes direction most" in app.main.text[0].value
    app.session_state["text"] = "a film"
    app.run()
    np.testing.assert_allclose(
        lines(app, 0)["toy-mha"], path(made / "toy-mha", "a film").norm, rtol=1e-5
    )


def test_mark_made_on_another_page_is_followed_here(open_layers, made):
    app = open_layers(made, checkpoints=["toy-cls"], mark=(0, 4, 8))
    np.testing.assert_allclose(
        lines(app, 0)["toy-cls"], path(made / "toy-cls", token=2).norm, rtol=1e-5
    )
    assert app.selectbox(key="follow_token").value == 2


def test_closing_token_can_be_followed_too(open_layers, made):
    app = open_layers(made, checkpoints=["toy-cls"])
    last = len(path(made / "toy-cls").tokens) - 1
    app.selectbox(key="follow_token").set_value(last).run()
    expected = path(made / "toy-cls", token=last)
    np.testing.assert_allclose(lines(app, 0)["toy-cls"], expected.norm, rtol=1e-5)
    assert app.selectbox(key="follow_token").value == last


def test_layer_that_is_marked_is_marked_in_every_view(open_layers, made):
    app = open_layers(made, checkpoints=["toy-cls", "toy-mha"])
    app.selectbox(key="follow_layer").set_value("2").run()
    figures = charts(app)
    for index in range(4):
        (line,) = figures[f"depth-chart-{index}"]["layout"]["shapes"]
        assert (line["x0"], line["x1"]) == (2, 2)
    boxes = figures["map-chart"]["layout"]["shapes"]
    assert [(box["y0"], box["y1"]) for box in boxes] == [(1.5, 2.5)] * 2
    assert "▸ 2" in figures["map-chart"]["layout"]["yaxis"]["ticktext"]
    strip = seen.pieces(app)["follow-strip"].text
    assert in_order(strip, "change of direction", "layer 2", "toy-cls")
    trace = analysis.record(analysis.load(made / "toy-cls"), TEXT)
    before, after = trace.hidden[1:3].astype(float)
    cosine = (
        (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
    )
    shown = seen.strip(seen.pieces(app)["follow-strip"])
    assert shown[0].value == pytest.approx(1 - cosine[0], abs=0.006)
    app.selectbox(key="follow_layer").set_value("all").run()
    assert not charts(app)["depth-chart-0"]["layout"].get("shapes")


def test_vector_by_layer_is_drawn_raw_and_as_change_on_one_scale(open_layers, made):
    app = open_layers(made, checkpoints=["toy-cls", "toy-mha"])
    states = [path(made / name).vectors for name in ("toy-cls", "toy-mha")]
    for shown, expected in zip(cells(app), states, strict=True):
        np.testing.assert_allclose(shown, expected, rtol=1e-5)
    maps = [trace for trace in charts(app)["map-chart"]["data"] if trace["type"] == "heatmap"]
    assert len({(heat_map["zmin"], heat_map["zmax"]) for heat_map in maps}) == 1
    assert numbers(maps[0]["customdata"])[2].tolist() == list(range(32))
    app.session_state["layer_values"] = "difference"
    app.run()
    for shown, expected in zip(cells(app), states, strict=True):
        assert np.isnan(shown[0]).all()
        np.testing.assert_allclose(shown[1:], np.diff(expected, axis=0), rtol=1e-4, atol=1e-6)


def test_another_text_is_the_reference_that_was_typed(open_layers, made):
    other = "the plot is not thin but the acting is fine"
    app = open_layers(made, checkpoints=["toy-mha"], layer_values="reference")
    assert "Type a reference text" in seen.text_of(app)
    assert "map-chart" not in charts(app)
    app.session_state["layer_reference"] = other
    app.run()
    own, theirs = path(made / "toy-mha"), path(made / "toy-mha", other)
    np.testing.assert_allclose(cells(app)[0], own.vectors - theirs.vectors, atol=1e-5)
    table = app.dataframe[0].value
    cosine = (own.vectors * theirs.vectors).sum(1) / own.norm / theirs.norm
    np.testing.assert_allclose(table["cosine to the reference text"], cosine, rtol=1e-5)


def test_dimensions_that_matter_most_come_first(open_layers, made):
    label = tiny.random_labels(11)[1]
    app = open_layers(made, checkpoints=["toy-mha"], layer_order="top", layer_top=20, target=label)
    trace = analysis.record(analysis.load(made / "toy-mha"), TEXT)
    weighed = np.abs(layers.dimension_weights(trace, 1) * trace.hidden[-1, 0])
    (heat_map,) = charts(app)["map-chart"]["data"]
    assert numbers(heat_map["customdata"])[0].tolist() == np.argsort(-weighed)[:20].tolist()


def test_standardised_values_need_a_profile_and_use_it(open_layers, four):
    from analysis.reading.trace import measure_profile

    model = analysis.load(four / "toy-mha")
    profile = measure_profile(model, ["the film is good", TEXT, "a very dull story"], None, "test")
    profile.save(four / "toy-mha")
    app = open_layers(four, checkpoints=["toy-cls", "toy-mha"], layer_values="standardised")
    assert in_order(seen.text_of(app).replace("\\", ""), "toy-cls", "no profile")
    (shown,) = cells(app)
    apart = path(four / "toy-mha").vectors - profile.cls_mean
    expected = apart[1:] / profile.cls_deviation[1:]
    np.testing.assert_allclose(shown[1:], expected, rtol=2e-3, atol=1e-3)
    assert np.isnan(shown[0]).all()


def test_seed_group_is_its_mean_with_a_band_of_its_spread(open_layers, folder):
    for seed in range(3):
        tiny.make_pooling_checkpoint(
            folder / f"toy-mha-s{seed}", "mha", ("a", "b"), task="toy", seed=seed
        )
        shake_encoder(folder / f"toy-mha-s{seed}", seed)
    app = open_layers(folder)
    paths = [path(folder / f"toy-mha-s{seed}") for seed in range(3)]
    norms = np.stack([path.norm for path in paths])
    shown = lines(app, 0)
    assert list(shown) == ["toy-mha"]
    np.testing.assert_allclose(shown["toy-mha"], norms.mean(0), rtol=1e-5)
    (band,) = [
        trace for trace in charts(app)["depth-chart-0"]["data"] if trace.get("fill") == "toself"
    ]
    high = norms.mean(0) + norms.std(0, ddof=1)
    np.testing.assert_allclose(numbers(band["y"])[: len(high)], high, rtol=1e-5)
    np.testing.assert_allclose(
        cells(app)[0], np.mean([p.vectors for p in paths], axis=0), atol=1e-5
    )
    assert "Spread over the seeds" in seen.text_of(app)


def shake_encoder(folder: Path, seed: int) -> None:
    """Seeds of one recipe share the encoder they start from, and end with weights of their own."""
    import torch
    from safetensors.torch import load_file, save_file

    draw = torch.Generator().manual_seed(seed)
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if name.startswith("encoder."):
            tensors[name] = tensor + 0.05 * torch.randn(tensor.shape, generator=draw)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def test_models_without_pooling_head_have_lines_and_say_why_no_prediction(open_layers, four):
    labels = analysis.load(four / "toy-cls").checkpoint.labels
    tiny.make_foreign_checkpoint(four / "stock", "roberta", labels, seed=7)
    tiny.make_bare_encoder(four / "bare")
    app = open_layers(four, checkpoints=["toy-cls", "stock", "bare"], layer_order="weight")
    page_text = seen.text_of(app).replace("\\", "")
    assert in_order(page_text, "bare", "without a pooling head")
    assert set(lines(app, 0)) == {"toy-cls", "stock", "bare"}
    assert set(lines(app, 3)) == {"toy-cls", "stock"}
    np.testing.assert_allclose(lines(app, 0)["stock"], path(four / "stock").norm, rtol=1e-5)
    app.session_state["checkpoints"] = ["stock"]
    app.run()
    assert not app.exception
    trace = analysis.record(analysis.load(four / "stock"), TEXT)
    own = path(four / "stock").probabilities[:, trace.predicted]
    np.testing.assert_allclose(lines(app, 3)["stock"], own, rtol=1e-5)
    app.session_state["checkpoints"] = ["bare"]
    app.run()
    assert not app.exception
    assert in_order(seen.text_of(app), "None", "pooling head")
    assert len(charts(app)) == 3


def test_encoder_of_another_depth_is_named_and_left_out_of_the_lines(open_layers, four):
    tiny.make_bare_encoder(four / "deep", num_hidden_layers=6)
    app = open_layers(four, checkpoints=["toy-cls", "deep"])
    assert in_order(seen.text_of(app).replace("\\", ""), "deep", "6 layers", "left out")
    assert list(lines(app, 0)) == ["toy-cls"]
    assert sorted(array.shape for array in cells(app)) == [(5, 32), (7, 32)]


def test_checkpoints_of_different_classes_have_no_common_prediction(open_layers, four):
    tiny.make_pooling_checkpoint(four / "other", "cls", ("xu", "yo"), task="toy", seed=9)
    app = open_layers(four, checkpoints=["toy-cls", "other"])
    assert "different classes" in seen.text_of(app)
    assert "depth-chart-3" not in charts(app)


def test_checkpoint_that_cannot_answer_is_named_and_the_others_go_on(open_layers, four):
    (four / "toy-cls" / "model.safetensors").write_bytes(b"nothing")
    app = open_layers(four, checkpoints=["toy-cls", "toy-mha"])
    assert list(lines(app, 0)) == ["toy-mha"]


def test_without_text_the_page_asks_for_one(open_layers, made):
    app = open_layers(made, text=" ")
    assert "Type a sentence above" in seen.text_of(app)


def test_chosen_dimension_is_outlined_and_drawn_by_layer(open_layers, made):
    names = ["toy-mha", "toy-cls"]
    app = open_layers(made, checkpoints=names, marked_layer=2, marked_dimension=7)
    boxes = charts(app)["map-chart"]["layout"]["shapes"]
    narrow = [(box["x0"], box["x1"]) for box in boxes if box["x1"] - box["x0"] == 1]
    assert narrow == [(6.5, 7.5)] * 2
    drawn = {
        trace["name"]: numbers(trace["y"])
        for trace in charts(app)["dimension-chart"]["data"]
        if "lines" in trace["mode"]
    }
    for name, values in drawn.items():
        np.testing.assert_allclose(values, path(made / name).vectors[:, 7], rtol=1e-5)
    trace = analysis.record(analysis.load(made / "toy-mha"), TEXT)
    weights = next(h.proto.body for h in app.get("html") if "pl-weights" in h.proto.body)
    target = analysis.record(analysis.load(made / "toy-cls"), TEXT).predicted  # of the first one
    assert f"weight {layers.dimension_weights(trace, target)[7]:+.3f}" in weights
    app.button(key="dimension-close").click().run()
    assert "dimension-chart" not in charts(app)
    assert in_order(seen.text_of(app), "Click a cell", "layer", "dimension")
