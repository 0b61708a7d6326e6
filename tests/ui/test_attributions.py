"""The Attributions page: what it draws is what the methods give, and what is missing it says."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import seen
import tiny
from reading_attributions import (
    again,
    bars,
    charts,
    evidence,
    focus,
    numbers,
    said,
    start,
    strips,
)

import analysis
from analysis.attribution import (
    COLUMNS,
    MEASURES,
    METHODS,
    aligned,
    faithfulness,
    in_words,
    largest_disagreement,
    rank_agreement,
)
from analysis.figures.style import number
from analysis.tokens import tokenize

SENTENCE = "the plots thinned, not dully but fine"
IG, GRADIENT, LOO = "Integrated gradients", "Gradient × input", "Leave one out"
THREE = ["integrated_gradients", "gradient_x_input", "leave_one_out"]


@pytest.fixture
def open_attributions(open_app, monkeypatch, tmp_path):
    """`open_attributions(folder, **chosen) -> AppTest` on the Attributions page."""
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    return lambda root, **chosen: start(open_app, root, **{"text": SENTENCE, **chosen})


def attributed(folder, method="integrated_gradients", text=SENTENCE, **asked):
    asked = {"output": "contrast", **asked}
    return analysis.attribute(analysis.load(folder), text, method=method, **asked)


def tokens_of(folder, text=SENTENCE, pair=None):
    classifier = analysis.load(folder)
    return tokenize(classifier.tokenizer, text, pair, classifier.limit)


def written(values):
    return pytest.approx(np.asarray(values, float).tolist(), abs=0.0051)


# --- strips ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", THREE)
def test_strips_hold_the_scores_of_each_method_by_piece(open_attributions, four, method):
    app = open_attributions(four, checkpoints=["toy-mha"], unit="pieces", methods=[method])
    line = strips(app)[METHODS[method].title][""]
    result = attributed(four / "toy-mha", method)
    assert line.values == written(result.scores)
    assert line.labels == list(tokens_of(four / "toy-mha").labels)
    assert [unit.negative for unit in line.units] == (result.scores < 0).tolist()


def test_words_sum_gradients_and_are_perturbed_as_a_whole(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=THREE)
    tokens = tokens_of(four / "toy-mha")
    found = strips(app)
    summed = in_words(attributed(four / "toy-mha", "gradient_x_input"), tokens)
    assert found[GRADIENT][""].values == written(summed.scores)
    whole = attributed(four / "toy-mha", "leave_one_out", unit="word")
    assert found[LOO][""].values == written(whole.scores)
    assert found[LOO][""].labels == found[IG][""].labels


def test_every_checkpoint_has_a_strip_and_methods_have_one_scale(open_attributions, four):
    app = open_attributions(four, methods=["integrated_gradients", "leave_one_out"])
    found = strips(app)
    names = ["toy-cls", "toy-max_cls", "toy-mha", "toy-max_seq_mha"]
    assert list(found) == [IG, LOO]
    for block in found.values():
        assert list(block) == names
    for name in names:
        scores = in_words(attributed(four / name), tokens_of(four / name)).scores
        assert found[IG][name].values == written(scores)
    turned = strips(again(app, strips="by checkpoint"))
    assert list(turned) == names
    assert list(turned["toy-mha"]) == [IG, LOO]
    assert turned["toy-mha"][IG].values == found[IG]["toy-mha"].values


def test_integration_error_and_steps_are_told(open_attributions, four):
    app = open_attributions(
        four, checkpoints=["toy-cls"], unit="pieces", methods=THREE,
        **{"integrated_gradients.n_steps": 3},
    )
    result = attributed(four / "toy-cls", n_steps=3)
    line = strips(app)[IG][""]
    assert "n_steps 3" in line.told
    assert float(line.error) == pytest.approx(result.completeness_gap, rel=0.5, abs=0.006)
    assert strips(app)[LOO][""].error == "–", "theory promises no sum"


def test_what_is_explained_and_the_baseline_are_chosen(open_attributions, four):
    app = open_attributions(
        four, checkpoints=["toy-mha"], unit="pieces", methods=["integrated_gradients"]
    )
    before: dict[str, str] = {}
    for chosen in ({"output": "probability"}, {"output": "logit"}, {"baseline": "mask"},
                   {"baseline": "mean"}, {"baseline": "text", "baseline_text": "a fine film"}):
        before = {"output": "contrast", "baseline": "pad", "baseline_text": "", **chosen}
        again(app, **before)
        asked = {name: value for name, value in before.items() if value}
        expected = attributed(four / "toy-mha", **asked)
        assert strips(app)[IG][""].values == written(expected.scores)
        assert expected.baseline in seen.pieces(app)["strips-drawing"].text


def test_a_class_or_the_difference_of_two_is_explained(open_attributions, four):
    labels = analysis.load(four / "toy-mha").checkpoint.labels
    app = open_attributions(
        four, checkpoints=["toy-mha"], unit="pieces", methods=["integrated_gradients"],
        target=labels[2], against=labels[0],
    )
    expected = attributed(four / "toy-mha", target=(2, 0))
    assert strips(app)[IG][""].values == written(expected.scores)
    assert f"{labels[2]} against {labels[0]}" in said(app)
    again(app, against=labels[2])
    assert "cannot be explained against itself" in strips(app)[IG][""].instead


def test_a_span_is_one_unit(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=THREE, span="not dully")
    start_at = SENTENCE.index("not dully")
    span = [(0, start_at, start_at + len("not dully"))]
    for key, title in zip(THREE, (IG, GRADIENT, LOO), strict=True):
        line = strips(app)[title][""]
        assert "not dully" in line.labels
        expected = attributed(four / "toy-mha", key, unit="span", span=span)
        assert line.values == written(expected.scores)
    again(app, span="nowhere")
    assert "“nowhere” does not stand in the text" in strips(app)[IG][""].instead


def test_a_marked_token_is_marked_in_every_strip_and_bar(open_attributions, four):
    app = open_attributions(four, methods=THREE)
    app.session_state["marked_token"] = ((SENTENCE, None), (0, 4, 9))  # "plots"
    app.run()
    for block in strips(app).values():
        for line in block.values():
            assert [u.label for u in line.units if "marked" in u.classes] == ["plots"]
    assert [row.label for row in bars(app) if "marked" in row.classes] == ["plots"]


# --- words ---------------------------------------------------------------------------------------


def test_answer_names_the_words_that_speak_most_for_and_against(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["integrated_gradients"])
    tokens = tokens_of(four / "toy-mha")
    result = in_words(attributed(four / "toy-mha"), tokens)
    own = [(score, unit) for score, unit in zip(result.scores, result.unit_tokens, strict=True)
           if not tokens.special[unit[0]]]  # fmt: skip
    top, low = max(own), min(own)
    told = seen.verdict(app)
    for score, unit in (top, low):
        first, last = unit[0], unit[-1]
        word = SENTENCE[tokens.offsets[first][0] : tokens.offsets[last][1]]
        assert f"“{word}”" in told
        assert number(score, "signed") in told


def test_page_says_where_methods_and_checkpoints_differ_most(open_attributions, four):
    app = open_attributions(
        four, checkpoints=["toy-cls", "toy-mha"], methods=["gradient_x_input", "leave_one_out"],
        unit="pieces", focus="leave_one_out",
    )
    told = said(app)
    differ = [
        largest_disagreement(
            [attributed(four / name, key) for key in ("gradient_x_input", "leave_one_out")],
            tokens_of(four / name), ["gradient × input", "leave one out"],
        )
        for name in ("toy-cls", "toy-mha")
    ]
    most = max(differ, key=lambda one: abs(one.scores[0] - one.scores[1]))
    assert most.sentence in told
    between = largest_disagreement(
        [attributed(four / name, "leave_one_out") for name in ("toy-cls", "toy-mha")],
        tokens_of(four / "toy-cls"), ["toy-cls", "toy-mha"],
    )
    assert f"By leave one out, of these checkpoints (one seed each) {between.sentence}" in told
    assert seen.verdict(app).endswith("One seed each.")


def test_checkpoints_of_two_tokenizers_are_compared_by_word_or_it_is_said_why(
    open_attributions, four
):
    tiny.make_foreign_checkpoint(four / "other", "roberta", seed=7)
    names = ["other", "toy-mha"]
    app = open_attributions(four, checkpoints=names, methods=["leave_one_out"],
                            evidence_of="all checkpoints")  # fmt: skip
    results = [attributed(four / name, "leave_one_out", unit="word") for name in names]
    tokens = [tokens_of(four / name) for name in names]
    assert tokens[0].pieces != tokens[1].pieces
    differ = largest_disagreement(aligned(results, tokens), tokens[0], names)
    assert differ.sentence in said(app)
    assert "Agreement of checkpoints" in said(app)
    again(app, unit="pieces")
    assert "not compared: their tokenizers cut the text into different pieces" in said(app)


def test_an_integration_that_does_not_reach_its_tolerance_says_so(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-cls"], methods=["integrated_gradients"],
                            **{"integrated_gradients.n_steps": 1,
                               "integrated_gradients.tolerance": 1e-6})  # fmt: skip
    told = "did not reach the tolerance (0.0001 % of the output's change): these scores are not"
    assert f"At 1 points integrated gradients {told} converged." in said(app)
    assert "the tolerance was not reached" in strips(app)[IG][""].told
    again(app, **{"integrated_gradients.n_steps": None, "integrated_gradients.tolerance": 0.1})
    assert "did not reach" not in said(app)


# --- bars --------------------------------------------------------------------------------------


def test_bars_are_those_of_the_method_in_focus(open_attributions, four):
    app = open_attributions(four, methods=THREE, focus="leave_one_out", unit="pieces")
    assert focus(app) == LOO
    names = ["toy-cls", "toy-max_cls", "toy-mha", "toy-max_seq_mha"]
    results = {name: attributed(four / name, "leave_one_out").scores for name in names}
    for place, row in enumerate(bars(app)):
        for name in names:
            assert row.told[name].split()[0] == number(results[name][place], "signed")


def test_bars_stand_by_size_when_asked_for(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], unit="pieces", largest=True,
                            methods=["leave_one_out"])  # fmt: skip
    sizes = np.abs(attributed(four / "toy-mha", "leave_one_out").scores)
    shown = [abs(float(row.told["toy-mha"].split()[0])) for row in bars(app)]
    assert shown == written(np.sort(sizes)[::-1])


@pytest.mark.parametrize("unit", ["pieces", "words"])
@pytest.mark.parametrize("method", [key for key in METHODS if METHODS[key].family == "sampling"])
def test_sampling_methods_show_their_interval(open_attributions, four, method, unit):
    app = open_attributions(four, checkpoints=["toy-mha"], unit=unit, methods=[method])
    result = attributed(four / "toy-mha", method, unit=unit.removesuffix("s"))
    assert strips(app)[METHODS[method].title][""].values == written(result.scores)
    for place, row in enumerate(bars(app)):
        low, high = (number(end, "signed") for end in result.interval[place])
        assert row.told["toy-mha"].endswith(f"({low} to {high})")
        assert row.intervals == [1]
    assert "95 % interval" in said(app)


def test_a_seed_group_is_its_mean_with_spread_and_a_dot_for_each_seed(open_attributions, folder):
    for seed in range(3):
        tiny.make_pooling_checkpoint(
            folder / f"toy-mha-s{seed}", "mha", tiny.random_labels(5), task="toy", seed=seed,
            facts={"group": "toy-mha", "seed": seed},
        )  # fmt: skip
    app = open_attributions(folder, checkpoints=["toy-mha"], unit="pieces",
                            methods=["leave_one_out"])  # fmt: skip
    traces = [analysis.record(analysis.load(folder / f"toy-mha-s{s}"), SENTENCE) for s in range(3)]
    target = int(np.mean([trace.probabilities for trace in traces], axis=0).argmax())
    scores = np.array([
        attributed(folder / f"toy-mha-s{s}", "leave_one_out", target=target).scores
        for s in range(3)
    ])  # fmt: skip
    assert strips(app)[LOO][""].values == written(scores.mean(axis=0))
    spread = scores.std(axis=0, ddof=1)
    for place, row in enumerate(bars(app)):
        mean = scores[:, place].mean()
        low, high = (number(mean + sign * spread[place], "signed") for sign in (-1, 1))
        assert row.told["toy-mha"] == f"{number(mean, 'signed')} ({low} to {high})"
        assert row.dots == [3]
    assert "dots: one seed each" in said(app)
    inner = slice(1, -1)
    best = int(scores.mean(axis=0)[inner].argmax()) + 1
    mean = number(scores.mean(axis=0)[best], "signed")
    assert f"({mean} ± {spread[best]:.2f} logits)" in seen.verdict(app)
    assert seen.verdict(app).endswith("Mean over 3 seeds, ± one standard deviation.")
    again(app, evidence_of="toy-mha")
    target_asked = {"target": target, "unit": "piece"}
    each = []
    for seed in range(3):
        result = attributed(folder / f"toy-mha-s{seed}", "leave_one_out", **target_asked)
        classifier = analysis.load(folder / f"toy-mha-s{seed}")
        each.append(faithfulness(classifier, SENTENCE, result).measure("comprehensiveness"))
    normalised = np.mean([one.normalised for one in each])
    shown = evidence(app)[LOO][1]
    assert shown.startswith(f"{np.mean([one.value for one in each]):+.2f}|±")
    assert shown.endswith(f"|{normalised:+.1f} sd"), shown


# --- evidence --------------------------------------------------------------------------------


def measured(folder, method, n_steps=None, **asked):
    options = {} if n_steps is None else {"n_steps": n_steps}
    result = attributed(folder, method, unit="word", **options)
    classifier = analysis.load(folder)
    return result, faithfulness(classifier, SENTENCE, result, **asked)


def test_evidence_table_holds_the_measures_beside_random_rankings(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out", "occlusion"])
    table = evidence(app)
    assert list(table) == [LOO, "Occlusion", "random rankings"]
    for key, name in (("leave_one_out", LOO), ("occlusion", "Occlusion")):
        _, record = measured(four / "toy-mha", key)
        error, comprehensive, sufficient, noise = table[name]
        assert (error, noise) == ("–", ""), "no sum is promised; sensitivity is measured on request"
        for shown, column in ((comprehensive, "comprehensiveness"), (sufficient, "sufficiency")):
            one = record.measure(column)
            assert shown == f"{one.value:+.2f}|{one.normalised:+.1f} sd"
    random = record.measure("comprehensiveness")
    low, high = random.band
    assert table["random rankings"][1] == f"{random.random:+.2f}|{low:.2f} to {high:.2f}"
    assert "By construction comprehensiveness and deletion favour" in said(app)


def test_evidence_of_all_checkpoints_is_by_the_method_in_focus(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-cls", "toy-mha"], methods=["leave_one_out"],
                            evidence_of="all checkpoints")  # fmt: skip
    table = evidence(app)
    assert list(table) == ["toy-cls", "toy-mha", "random rankings, toy-cls"]
    for name in ("toy-cls", "toy-mha"):
        _, record = measured(four / name, "leave_one_out")
        assert table[name][1].endswith(
            f"{record.measure('comprehensiveness').normalised:+.1f} sd")


def test_replacement_and_output_of_the_evidence_are_chosen(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out"],
                            evidence_replace="remove", evidence_output="what is explained")
    _, record = measured(four / "toy-mha", "leave_one_out", replace="remove", output="contrast")
    assert evidence(app)[LOO][1].startswith(f"{record.measure('comprehensiveness').value:+.2f}|")


@pytest.fixture
def downloads(monkeypatch):
    """Key of a download button -> what a click on it would save."""
    import streamlit

    found, real = {}, streamlit.download_button

    def button(label, data=None, **options):
        found[options.get("key")] = data
        return real(label, data, **options)

    monkeypatch.setattr(streamlit, "download_button", button)
    return found


def read_csv(content):
    import io

    import pandas as pd

    return pd.read_csv(io.BytesIO(content() if callable(content) else content))


def test_the_file_of_the_evidence_holds_every_method_and_how_it_was_asked(
    open_attributions, four, downloads
):
    """The exact split of a pooling head that reads [CLS] alone has no ranking to measure."""
    app = open_attributions(
        four, checkpoints=["toy-cls"], methods=["integrated_gradients", "exact_split"],
        evidence_replace="pad", **{"integrated_gradients.n_steps": 5},
    )
    table = read_csv(downloads["evidence-csv"])
    assert table["name"].tolist() == [IG, METHODS["exact_split"].title, "random rankings"]
    result, record = measured(four / "toy-cls", "integrated_gradients", n_steps=5, replace="pad")
    assert table["completeness_gap"][0] == pytest.approx(result.completeness_gap, abs=1e-5)
    assert table["completeness_gap"].notna().tolist() == [True, True, False]
    assert table["deletion"][0] == pytest.approx(record.measure("deletion").value, abs=1e-5)
    assert np.isnan(table["deletion"][1])
    assert table["seconds"].notna().tolist()[:2] == [True, True]
    assert "n_steps=5" in table["options"][0]
    assert table.loc[0, ["checkpoint", "output", "baseline", "replaced_by", "measured_on"]].tolist(
        ) == ["toy-cls", "contrast", "[PAD]", "pad", "probability"]  # fmt: skip
    assert evidence(app)["Exact split of the pooling head"][1] == ""


def test_curves_are_those_of_the_measured_rankings_beside_random_ones(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out", "occlusion"])
    drawn = charts(app)
    for curve in ("deletion", "insertion"):
        lines = {trace["name"]: trace for trace in drawn[f"curve-drawing-{curve}"]
                 if trace.get("name") and not trace.get("fill")}  # fmt: skip
        for key in ("leave_one_out", "occlusion"):
            _, record = measured(four / "toy-mha", key)
            line = lines[METHODS[key].title]
            np.testing.assert_allclose(numbers(line["x"]), 100 * record.fractions)
            np.testing.assert_allclose(numbers(line["y"]), getattr(record, curve), atol=1e-5)
        random = numbers(lines["random rankings"]["y"])
        np.testing.assert_allclose(random, record.band(curve)[0], atol=1e-5)


def test_the_map_of_methods_holds_shares_of_each_methods_largest_score(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out", "occlusion"])
    cells = next(trace for trace in charts(app)["methods-map"] if trace["type"] == "heatmap")
    for key, row in zip(("leave_one_out", "occlusion"), numbers(cells["z"]), strict=True):
        scores = attributed(four / "toy-mha", key, unit="word").scores
        np.testing.assert_allclose(row, scores / np.abs(scores).max(), atol=1e-5)


def test_checkpoints_are_compared_by_standard_scores_of_the_method_in_focus(
    open_attributions, four
):
    names = ["toy-mha", "toy-cls"]
    app = open_attributions(four, checkpoints=names, methods=["leave_one_out"],
                            evidence_of="all checkpoints")  # fmt: skip
    cells = next(trace for trace in charts(app)["compared-drawing"] if trace["type"] == "heatmap")
    for name in names:
        _, record = measured(four / name, "leave_one_out")
        want = [record.measure(key).normalised for key in MEASURES]
        assert any(np.allclose(want, row, atol=1e-4) for row in numbers(cells["z"]))
    assert "One seed each." in said(app)


def test_rank_agreement_stands_on_the_band_of_chance(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out", "occlusion"])
    results = [attributed(four / "toy-mha", key, unit="word")
               for key in ("leave_one_out", "occlusion")]  # fmt: skip
    found = rank_agreement(results, tokens_of(four / "toy-mha"))
    pair = seen.pieces(app)["agreement-drawing"].all("pair")[0]
    assert pair.text == f"Leave one out · Occlusion{found.tau[0, 1]:+.2f}"
    assert f"chance ±{found.null[1]:.2f}" in pair.attributes["title"]


def test_layers_are_those_of_joint_gradients_and_the_exact_split(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-max_seq_mha"], methods=["leave_one_out"])
    piece = seen.pieces(app)["layers-toy-max_seq_mha"]
    for panel, key in zip(piece.all("panel"), ("joint_layers", "exact_split"), strict=True):
        result = attributed(four / "toy-max_seq_mha", key)
        shown = {int(bar.attributes["title"].split(":")[0]): bar.all("num")[0].text
                 for bar in panel.all("bar")}  # fmt: skip
        by_layer = dict(zip(result.layers, result.layer_scores.sum(axis=0), strict=True))
        assert shown == {layer: number(value, "signed") for layer, value in by_layer.items()}


# --- what takes a while ------------------------------------------------------------------------


def ended():
    """Wait until the session's job is over."""
    from analysis import jobs

    for job in list(jobs._jobs.values()):
        assert job.wait(120)
        assert job.error is None, job.error


def test_a_slow_method_tells_its_time_and_is_computed_when_asked(open_attributions, four):
    app = open_attributions(
        four, checkpoints=["toy-mha"], methods=["shapley_sampling"],
        **{"shapley_sampling.n_samples": 3000},
    )
    title = METHODS["shapley_sampling"].title
    assert "Takes a while" in strips(app)[title][""].instead
    told = said(app)
    assert f"passes over {len(tokens_of(four / 'toy-mha'))} tokens" in told
    button = app.button(key="compute-shapley_sampling")
    assert button.label.replace("\\", "").startswith("Compute for toy-mha (")
    app.session_state["shapley_sampling.n_samples"] = 700
    app.run()
    app.button(key="compute-shapley_sampling").click().run()
    ended()
    app.run()
    expected = attributed(four / "toy-mha", "shapley_sampling", unit="word", n_samples=700,
                          allow_cost=True)  # fmt: skip
    assert strips(app)[title][""].values == written(expected.scores)


def test_a_stopped_sampling_method_keeps_what_it_has_and_says_so(open_attributions, four):
    app = open_attributions(
        four, checkpoints=["toy-mha"], methods=["shapley_sampling"], text=f"{SENTENCE} " * 4,
        unit="pieces", **{"shapley_sampling.n_samples": 9000},
    )
    app.button(key="compute-shapley_sampling").click().run()
    from analysis import jobs

    job = list(jobs._jobs.values())[-1]
    while job.running and job.progress.share == 0:
        job.wait(0.05)
    job.stop()
    ended()
    app.run()
    title = METHODS["shapley_sampling"].title
    line = strips(app)[title][""]
    assert line.values
    assert line.time.endswith("*")
    assert "was stopped" in said(app)
    assert app.button(key="again-shapley_sampling").label == "Compute in full"


def test_sensitivity_and_random_weights_are_measured_on_request(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["gradient_x_input"])
    app.button(key="measure-sensitivity").click().run()
    ended()
    app.run()
    expected = analysis.attribution.sensitivity(
        analysis.load(four / "toy-mha"), SENTENCE, method="gradient_x_input", unit="word",
        output="contrast", target=attributed(four / "toy-mha").target,
    )
    assert evidence(app)[GRADIENT][3] == f"{expected.maximum:.2f}"
    app.button(key="randomise").click().run()
    ended()
    app.run()
    assert "toy-mha: does it follow the model?" in said(app)
    found = analysis.attribution.randomisation(
        analysis.load(four / "toy-mha"), SENTENCE, method="gradient_x_input", unit="word",
        output="contrast", target=attributed(four / "toy-mha").target,
    )
    lines = [trace for element in app.get("plotly_chart")
             for trace in json.loads(element.proto.spec)["data"]
             if trace.get("name") == "scores" and not trace.get("fill")]  # fmt: skip
    np.testing.assert_allclose(numbers(lines[0]["y"])[1:], found.spearman, atol=1e-5)


def test_layers_that_take_a_while_are_offered_and_computed_when_asked(
    open_attributions, four, monkeypatch
):
    from pages.ui import attributions_engine

    monkeypatch.setattr(attributions_engine, "AT_ONCE", 50)
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out"])
    assert "Which layer carries the prediction?" in said(app)
    assert "from 4 up to" in said(app)
    app.button(key="layers-compute-joint_layers").click().run()
    ended()
    app.run()
    assert "layers-toy-mha" in seen.pieces(app)


# --- what is not there is said -----------------------------------------------------------------


def test_bare_encoder_and_special_tokens_alone_are_sentences(open_attributions, four):
    tiny.make_bare_encoder(four / "bare")
    app = open_attributions(four, checkpoints=["toy-mha", "bare"], methods=["leave_one_out"])
    found = strips(app)[LOO]
    assert "bare is a bare encoder" in found["bare"].instead
    assert found["toy-mha"].values, "the others are not touched"
    again(app, text="\u200b", checkpoints=["toy-mha"])  # the tokenizer leaves nothing of it
    told = strips(app)[LOO][""]
    assert "special tokens only" in told.instead or "blank" in told.instead, told.instead


def test_one_token_is_explained(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], text="plot", methods=THREE)
    for title in (IG, GRADIENT, LOO):
        assert strips(app)[title][""].labels == ["[CLS]", "plot", "[SEP]"]
    assert evidence(app)[IG][1].startswith(("+", "-"))


def test_foreign_classifier_regression_and_pair_are_explained(open_attributions, four):
    tiny.make_foreign_checkpoint(four / "stock", seed=7)
    tiny.make_pooling_checkpoint(four / "number", "mha", None, task="toy", seed=2)
    app = open_attributions(four, checkpoints=["stock"], methods=["integrated_gradients"],
                            unit="pieces")  # fmt: skip
    assert strips(app)[IG][""].values == written(attributed(four / "stock").scores)
    again(app, checkpoints=["number"])
    assert strips(app)[IG][""].values == written(attributed(four / "number").scores)
    assert "the predicted value" in said(app)
    again(app, checkpoints=["stock"], pair="a fine film")
    expected = attributed(four / "stock", pair="a fine film")
    assert strips(app)[IG][""].values == written(expected.scores)


def test_gradients_that_are_not_finite_are_a_sentence(open_attributions, four, monkeypatch):
    real = METHODS["gradient_x_input"]

    def broken(problem, **options):
        result = real.run(problem, **options)
        return replace(result, scores=np.full_like(result.scores, np.nan))

    monkeypatch.setitem(METHODS, "gradient_x_input", replace(real, run=broken))
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["gradient_x_input"],
                            text="the poor film is not finite")  # fmt: skip
    assert "not finite" in strips(app)[GRADIENT][""].instead


def test_no_method_asks_for_one(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"])
    app.multiselect(key="methods").set_value([]).run()
    assert "Choose at least one method" in said(app)
    app.session_state["text"] = " "
    app.run()
    assert "Type a sentence above" in said(app)


# --- over a data set -----------------------------------------------------------------------------


OWN = ("the film is fine", "the plot is thin", "the acting is dull")
RECORDS = ("over-csv-per text", "over-csv-means", "over-csv-agreement", "over-csv-words")


def over(open_attributions, folder, methods, **chosen):
    """The page with the three texts measured."""
    app = open_attributions(folder, checkpoints=["toy-mha"], methods=methods, over=True,
                            source="own sentences")  # fmt: skip
    again(app, own_sentences="\n".join(OWN), over_texts=50, **chosen)  # 50: as a larger one had it
    before = said(app)
    app.button(key="job-go").click().run()
    ended()
    app.run()
    assert not app.exception
    return app, before


def test_evidence_over_sentences_of_ones_own(open_attributions, four, downloads):
    methods = ["leave_one_out", "gradient_x_input"]
    app, before = over(open_attributions, four, methods)
    assert "6 attributions with their evidence, about" in before
    assert "is left out and counted" in before
    assert "Mean over 3 texts" in said(app)
    classifier = analysis.load(four / "toy-mha")
    want = list(analysis.attribution.over_texts([classifier], [(t, None) for t in OWN], methods,
                                                output="contrast"))  # fmt: skip
    texts, means, agreement, words = (read_csv(downloads[key]) for key in RECORDS)
    assert texts["row"].tolist() == [0, 0, 1, 1, 2, 2]
    for column in ("comprehensiveness", "insertion_normalised"):
        place = COLUMNS.index(column)
        np.testing.assert_allclose(texts[column], [one.values[place] for one in want], atol=1e-5)
    row = means[(means["method"] == methods[0]) & (means["column"] == "deletion")].iloc[0]
    own = [one.values[COLUMNS.index("deletion")] for one in want if one.method == methods[0]]
    assert row["mean"] == pytest.approx(np.mean(own), abs=1e-5)
    found, = analysis.attribution.agreement_over_texts(want)
    assert agreement["tau"].tolist() == pytest.approx([found.mean], abs=1e-6)
    assert set(words["word"]) <= set(" ".join(OWN).split())
    table = app.dataframe[0].value
    assert table["mean tau"].tolist() == [number(found.mean, "signed")]


def test_the_controls_of_the_page_hold_for_the_data_set_too(open_attributions, four, downloads):
    labels = analysis.load(four / "toy-mha").checkpoint.labels
    app, before = over(
        open_attributions, four, ["integrated_gradients"], baseline="text",
        baseline_text="a poor story", against=labels[0], evidence_replace="remove",
        evidence_output="what is explained", over_sensitivity=True,
    )
    assert f"its predicted class against {labels[0]} by contrast" in before
    assert "“a poor story”" in before
    assert "replaced by nothing (taken out) and measured on the contrast" in before
    classifier = analysis.load(four / "toy-mha")
    want = list(analysis.attribution.over_texts(
        [classifier], [(text, None) for text in OWN], ["integrated_gradients"], output="contrast",
        against=labels[0], baseline="text", baseline_text="a poor story", replace="remove",
        measured="contrast", sensitivity_samples=10,
    ))  # fmt: skip
    texts = read_csv(downloads["over-csv-per text"])
    assert texts["problem"].notna().tolist() == [bool(one.problem) for one in want]
    for column in ("comprehensiveness", "sensitivity"):
        place = COLUMNS.index(column)
        np.testing.assert_allclose(texts[column], [one.values[place] for one in want], atol=1e-4)
    assert "explained against itself" in said(app) or not any(one.problem for one in want)


def test_a_pass_goes_on_where_another_one_left_it_and_counts_no_text_twice(
    open_attributions, four, downloads
):
    """Two selections of methods share their records; a button may be older than they are."""
    from pages.ui.attributions_over_run import _store

    app, _ = over(open_attributions, four, ["leave_one_out"])
    again(app, methods=["leave_one_out", "occlusion"])
    stale = app.button(key="job-go")
    assert stale.label == "Go on"
    files = list(Path(os.environ["POOLLENS_RESULTS"]).glob("evidence/*.jsonl"))
    assert len(files) == 1
    assert len(files[0].read_text().splitlines()) == 1 + 3
    _store.clear()  # as after a restart
    app.run()
    assert app.button(key="job-go").label == "Go on"
    app.button(key="job-go").click().run()
    ended()
    app.run()
    texts = read_csv(downloads["over-csv-per text"])
    assert len(texts) == 6
    assert not texts.duplicated(["row", "checkpoint", "method"]).any()
    lines = files[0].read_text().splitlines()
    assert len(lines) == 1 + 6


def test_work_begun_from_two_buttons_is_done_once(monkeypatch, tmp_path, four):
    """Both were drawn before either ran."""
    from types import SimpleNamespace

    from pages.ui import attributions_over_run, engine
    from pages.ui.attributions_controls import OTHERS, Wanted
    from pages.ui.attributions_measured import Setting

    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path))
    classifier = analysis.load(four / "toy-mha")
    monkeypatch.setattr(engine, "classifier", lambda member: classifier)
    desk = SimpleNamespace(report=lambda *given, **named: None, check=lambda: None)
    runs = [
        attributions_over_run.Run(
            [classifier.checkpoint], [(text, None) for text in OWN],
            Wanted(methods, methods[0], "logit", OTHERS, "pad", "", "", 0),
            Setting("mask", "probability"), 0,
        )
        for methods in (("leave_one_out",), ("leave_one_out", "saliency"))
    ]  # fmt: skip
    works = [run.work() for run in runs]
    for work in works:
        work(desk)
    assert [len(run.done()) for run in runs] == [3, 6]
    [file] = (tmp_path / "evidence").glob("*.jsonl")
    assert len(file.read_text().splitlines()) == 1 + 6


# --- one's own pooling head beside a stock model -----------------------------------------------


HEAD_FILE = '''from analysis.heads import Pooled, PoolingHead, head


@head("second_token")
class Second(PoolingHead):
    """The token after [CLS], with its own way of looking at it."""

    def read(self, hidden, attention_mask):
        return Pooled((hidden[-1][:, 1] * hidden[-2][:, 1]).tanh())
'''


@pytest.fixture
def own_head(tmp_path):
    from analysis import heads
    from analysis.loading import register_heads

    before = dict(heads.HEADS)
    file = tmp_path / "my_heads.py"
    file.write_text(HEAD_FILE)
    register_heads(file)
    yield
    heads.HEADS.clear()
    heads.HEADS.update(before)


def test_stock_model_and_own_head_are_coloured_by_the_same_method(
    open_attributions, folder, own_head
):
    tiny.make_foreign_checkpoint(folder / "stock", seed=7)
    tiny.make_pooling_checkpoint(folder / "mine", "second_token", seed=6)
    app = open_attributions(folder, checkpoints=["stock", "mine"], unit="pieces",
                            methods=["integrated_gradients"])  # fmt: skip
    found = strips(app)[IG]
    for name in ("stock", "mine"):
        result = attributed(folder / name)
        assert found[name].values == written(result.scores)
        assert float(found[name].error) == pytest.approx(
            result.completeness_gap, rel=0.5, abs=0.006
        )
    assert "no exact split" in seen.pieces(app)["layers-mine"].text
