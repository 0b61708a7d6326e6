"""The Attributions page: the evidence beside the strips is what the measures give."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.attribution import (
    MEASURES,
    METHODS,
    MethodEvidence,
    faithfulness,
    rank_agreement,
    trust,
)
from analysis.figures.style.style import number
from pages.ui.attributions import words
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.attributions_reader import (
    IG,
    LOO,
    SENTENCE,
    attributed,
    charts,
    evidence,
    read_csv,
    text_of,
    tokens_of,
)
from tests.support.plotly_arrays import numbers
from tests.support.sentences import in_order


def measured(folder, method, n_steps=None, target=None, **settings):
    options = {"n_steps": n_steps, "target": target}
    options = {name: value for name, value in options.items() if value is not None}
    result = attributed(folder, method, unit="word", **options)
    classifier = analysis.load(folder)
    return result, faithfulness(classifier, SENTENCE, result, **settings)


def test_evidence_table_holds_the_measures_beside_random_rankings(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out", "occlusion"])
    table = evidence(app)
    assert list(table) == [LOO, "Occlusion", "random rankings"]
    for key, name in (("leave_one_out", LOO), ("occlusion", "Occlusion")):
        _, record = measured(four / "toy-mha", key)
        error, comprehensive, sufficient, noise = table[name]
        assert (error, noise) == ("–", ""), "no sum is promised; sensitivity is measured on request"
        for shown, column in ((comprehensive, "comprehensiveness"), (sufficient, "sufficiency")):
            measure = record.measure(column)
            assert shown == f"{measure.value:+.2f}|{measure.normalised:+.1f} sd"
    random = record.measure("comprehensiveness")
    low, high = random.band
    assert table["random rankings"][1] == f"{random.random:+.2f}|{low:.2f} to {high:.2f}"
    assert in_order(text_of(app), "By construction", "comprehensiveness", "deletion", "favour")


def test_the_page_ends_with_the_method_that_its_evidence_supports(open_attributions, four):
    keys = ["leave_one_out", "occlusion"]
    app = open_attributions(four, checkpoints=["toy-mha"], methods=keys)
    records = {key: measured(four / "toy-mha", key)[1] for key in keys}
    expected = trust(
        [
            MethodEvidence(words.in_sentence(METHODS[key].title), (records[key],), replaces=True)
            for key in keys
        ]
    )
    ends = app.main.text[-1].value
    assert ends == f"toy-mha: {expected.sentence}"
    several = open_attributions(
        four, checkpoints=["toy-cls", "toy-mha"], methods=keys, evidence_of="all checkpoints"
    )
    assert "choose one checkpoint" in several.main.text[-1].value


def test_evidence_of_all_checkpoints_is_by_the_method_in_focus(open_attributions, four):
    app = open_attributions(
        four,
        checkpoints=["toy-cls", "toy-mha"],
        methods=["leave_one_out"],
        evidence_of="all checkpoints",
        target=tiny.random_labels(11)[2],
    )
    table = evidence(app)
    assert list(table) == ["toy-cls", "toy-mha", "random rankings, toy-cls"]
    for name in ("toy-cls", "toy-mha"):
        _, record = measured(four / name, "leave_one_out", target=2)
        assert table[name][1].endswith(f"{record.measure('comprehensiveness').normalised:+.1f} sd")


def test_replacement_and_output_of_the_evidence_are_chosen(open_attributions, four):
    app = open_attributions(
        four,
        checkpoints=["toy-mha"],
        methods=["leave_one_out"],
        evidence_replace="remove",
        evidence_output="what is explained",
    )
    _, record = measured(four / "toy-mha", "leave_one_out", replace="remove", output="contrast")
    assert evidence(app)[LOO][1].startswith(f"{record.measure('comprehensiveness').value:+.2f}|")


def test_the_file_of_the_evidence_holds_every_method_and_how_it_was_asked(
    open_attributions, four, downloads
):
    """The exact split of a pooling head that reads [CLS] alone has no ranking to measure."""
    app = open_attributions(
        four,
        checkpoints=["toy-cls"],
        methods=["integrated_gradients", "exact_split"],
        evidence_replace="pad",
        **{"integrated_gradients.n_steps": 5},
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
    assert table.loc[
        0, ["checkpoint", "output", "baseline", "replaced_by", "measured_on"]
    ].tolist() == ["toy-cls", "contrast", "[PAD]", "pad", "probability"]
    assert evidence(app)["Split of the pooling head"][1] == ""


def test_curves_are_those_of_the_measured_rankings_beside_random_ones(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out", "occlusion"])
    drawn = charts(app)
    for curve in ("deletion", "insertion"):
        lines = {
            trace["name"]: trace
            for trace in drawn[f"curve-drawing-{curve}"]
            if trace.get("name") and not trace.get("fill")
        }
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
    app = open_attributions(
        four,
        checkpoints=names,
        methods=["leave_one_out"],
        evidence_of="all checkpoints",
        target=tiny.random_labels(11)[2],
    )
    cells = next(trace for trace in charts(app)["compared-drawing"] if trace["type"] == "heatmap")
    for name in names:
        _, record = measured(four / name, "leave_one_out", target=2)
        want = [record.measure(key).normalised for key in MEASURES]
        assert any(np.allclose(want, row, atol=1e-4) for row in numbers(cells["z"]))
    assert "One seed each." in text_of(app)


def test_rank_agreement_stands_on_the_band_of_chance(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out", "occlusion"])
    results = [
        attributed(four / "toy-mha", key, unit="word") for key in ("leave_one_out", "occlusion")
    ]
    agreement = rank_agreement(results, tokens_of(four / "toy-mha"))
    pair = seen.pieces(app)["agreement-drawing"].all("pair")[0]
    assert pair.text == f"Leave one out · Occlusion{agreement.tau[0, 1]:+.2f}"
    assert f"chance ±{agreement.null[1]:.2f}" in pair.attributes["title"]


def test_layers_are_those_of_joint_gradients_and_the_exact_split(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-max_seq_mha"], methods=["leave_one_out"])
    piece = seen.pieces(app)["layers-toy-max_seq_mha"]
    for panel, key in zip(piece.all("panel"), ("joint_layers", "exact_split"), strict=True):
        result = attributed(four / "toy-max_seq_mha", key)
        shown = {
            int(bar.attributes["title"].split(":")[0]): bar.all("num")[0].text
            for bar in panel.all("bar")
        }
        by_layer = dict(zip(result.layers, result.layer_scores.sum(axis=0), strict=True))
        assert shown == {layer: number(value, "signed") for layer, value in by_layer.items()}
