"""The Attributions page: long work is offered, stopped and kept; data sets are measured once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.attribution import (
    COLUMNS,
    METHODS,
)
from analysis.figures.style.style import number
from tests.support import compare_reader as seen
from tests.support.attributions_reader import (
    GRADIENT,
    SENTENCE,
    again,
    attributed,
    ended,
    evidence,
    read_csv,
    strips,
    text_of,
    tokens_of,
    written,
)
from tests.support.plotly_arrays import numbers
from tests.support.sentences import in_order


def test_a_slow_method_tells_its_time_and_is_computed_when_asked(open_attributions, four):
    app = open_attributions(
        four,
        checkpoints=["toy-mha"],
        methods=["shapley_sampling"],
        **{"shapley_sampling.n_samples": 3000},
    )
    title = METHODS["shapley_sampling"].title
    assert "Takes a while" in strips(app)[title][""].instead
    page_text = text_of(app)
    assert in_order(page_text, "passes", f"{len(tokens_of(four / 'toy-mha'))} tokens")
    button = app.button(key="compute-shapley_sampling")
    assert button.label.replace("\\", "").startswith("Compute for toy-mha (")
    app.session_state["shapley_sampling.n_samples"] = 700
    app.run()
    app.button(key="compute-shapley_sampling").click().run()
    ended()
    app.run()
    expected = attributed(
        four / "toy-mha", "shapley_sampling", unit="word", n_samples=700, allow_cost=True
    )
    assert strips(app)[title][""].values == written(expected.scores)


def test_a_stopped_sampling_method_keeps_what_it_has_and_says_so(open_attributions, four):
    app = open_attributions(
        four,
        checkpoints=["toy-mha"],
        methods=["shapley_sampling"],
        text=f"{SENTENCE} " * 4,
        unit="pieces",
        **{"shapley_sampling.n_samples": 9000},
    )
    app.button(key="compute-shapley_sampling").click().run()
    from analysis.common import jobs

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
    assert "was stopped" in text_of(app)
    assert app.button(key="again-shapley_sampling").label == "Compute in full"


def test_sensitivity_and_random_weights_are_measured_on_request(open_attributions, four):
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["gradient_x_input"])
    app.button(key="measure-sensitivity").click().run()
    ended()
    app.run()
    expected = analysis.attribution.sensitivity(
        analysis.load(four / "toy-mha"),
        SENTENCE,
        method="gradient_x_input",
        unit="word",
        output="contrast",
        target=attributed(four / "toy-mha").target,
    )
    assert evidence(app)[GRADIENT][3] == f"{expected.maximum:.2f}"
    app.button(key="randomise").click().run()
    ended()
    app.run()
    assert "toy-mha: randomisation test" in text_of(app)
    stages = analysis.attribution.randomisation(
        analysis.load(four / "toy-mha"),
        SENTENCE,
        method="gradient_x_input",
        unit="word",
        output="contrast",
        target=attributed(four / "toy-mha").target,
    )
    lines = [
        trace
        for element in app.get("plotly_chart")
        for trace in json.loads(element.proto.spec)["data"]
        if trace.get("name") == "scores" and not trace.get("fill")
    ]
    np.testing.assert_allclose(numbers(lines[0]["y"])[1:], stages.spearman, atol=1e-5)


def test_layers_that_take_a_while_are_offered_and_computed_when_asked(
    open_attributions, four, monkeypatch
):
    from pages.ui.attributions import engine as attributions_engine

    monkeypatch.setattr(attributions_engine, "AT_ONCE", 50)
    app = open_attributions(four, checkpoints=["toy-mha"], methods=["leave_one_out"])
    assert "Which layer carries the prediction?" in text_of(app)
    assert "from 4 up to" in text_of(app)
    app.button(key="layers-compute-joint_layers").click().run()
    ended()
    app.run()
    assert "layers-toy-mha" in seen.pieces(app)


# --- over a data set -----------------------------------------------------------------------------


OWN = ("the film is fine", "the plot is thin", "the acting is dull")
RECORDS = ("over-csv-per text", "over-csv-means", "over-csv-agreement", "over-csv-words")


def over(open_attributions, folder, methods, **chosen):
    """The page with the three texts measured."""
    app = open_attributions(
        folder, checkpoints=["toy-mha"], methods=methods, over=True, source="own sentences"
    )
    again(app, own_sentences="\n".join(OWN), over_texts=50, **chosen)  # 50: as a larger one had it
    before = text_of(app)
    app.button(key="job-go").click().run()
    ended()
    app.run()
    assert not app.exception
    return app, before


def test_evidence_over_sentences_of_ones_own(open_attributions, four, downloads):
    methods = ["leave_one_out", "gradient_x_input"]
    app, before = over(open_attributions, four, methods)
    assert in_order(before, "6 attributions", "about")
    assert "is left out and counted" in before
    assert "Mean over 3 texts" in text_of(app)
    classifier = analysis.load(four / "toy-mha")
    want = list(
        analysis.attribution.over_texts(
            [classifier], [(t, None) for t in OWN], methods, output="contrast"
        )
    )
    texts, means, agreement, words = (read_csv(downloads[key]) for key in RECORDS)
    assert texts["row"].tolist() == [0, 0, 1, 1, 2, 2]
    for column in ("comprehensiveness", "insertion_normalised"):
        place = COLUMNS.index(column)
        np.testing.assert_allclose(
            texts[column], [record.values[place] for record in want], atol=1e-5
        )
    row = means[(means["method"] == methods[0]) & (means["column"] == "deletion")].iloc[0]
    own = [
        record.values[COLUMNS.index("deletion")] for record in want if record.method == methods[0]
    ]
    assert row["mean"] == pytest.approx(np.mean(own), abs=1e-5)
    (tau_table,) = analysis.attribution.agreement_over_texts(want)
    assert agreement["tau"].tolist() == pytest.approx([tau_table.mean], abs=1e-6)
    assert set(words["word"]) <= set(" ".join(OWN).split())
    table = app.dataframe[0].value
    assert table["mean tau"].tolist() == [number(tau_table.mean, "signed")]


def test_the_controls_of_the_page_hold_for_the_data_set_too(open_attributions, four, downloads):
    labels = analysis.load(four / "toy-mha").checkpoint.labels
    app, before = over(
        open_attributions,
        four,
        ["integrated_gradients"],
        baseline="text",
        baseline_text="a poor story",
        against=labels[0],
        evidence_replace="remove",
        evidence_output="what is explained",
        over_sensitivity=True,
    )
    assert in_order(before, "predicted class", labels[0], "logit margin")
    assert "“a poor story”" in before
    assert in_order(before, "replaced by", "taken out", "logit margin")
    classifier = analysis.load(four / "toy-mha")
    want = list(
        analysis.attribution.over_texts(
            [classifier],
            [(text, None) for text in OWN],
            ["integrated_gradients"],
            output="contrast",
            against=labels[0],
            baseline="text",
            baseline_text="a poor story",
            replace="remove",
            measured="contrast",
            sensitivity_samples=10,
        )
    )
    texts = read_csv(downloads["over-csv-per text"])
    assert texts["problem"].notna().tolist() == [bool(record.problem) for record in want]
    for column in ("comprehensiveness", "sensitivity"):
        place = COLUMNS.index(column)
        np.testing.assert_allclose(
            texts[column], [record.values[place] for record in want], atol=1e-4
        )
    assert "explained against itself" in text_of(app) or not any(record.problem for record in want)


def test_a_pass_goes_on_where_another_one_left_it_and_counts_no_text_twice(
    open_attributions, four, downloads
):
    """Two selections of methods share their records; a button may be older than they are."""
    from pages.ui.engine import server_wide

    app, _ = over(open_attributions, four, ["leave_one_out"])
    again(app, methods=["leave_one_out", "occlusion"])
    stale = app.button(key="job-go")
    assert stale.label == "Go on"
    files = list(Path(os.environ["POOLLENS_RESULTS"]).glob("evidence/*.jsonl"))
    assert len(files) == 1
    assert len(files[0].read_text().splitlines()) == 1 + 3
    server_wide.forget()  # as after a restart
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

    from analysis.datasets.table import Table
    from analysis.figures.recipes.request import Data
    from pages.ui.attributions import over_texts_run
    from pages.ui.attributions.controls import OTHERS, AttributionRequest
    from pages.ui.attributions.measurements import Setting
    from pages.ui.engine import models

    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path))
    classifier = analysis.load(four / "toy-mha")
    monkeypatch.setattr(models, "classifier", lambda member: classifier)
    desk = SimpleNamespace(report=lambda *arguments, **named: None, check=lambda: None)
    runs = [
        over_texts_run.EvidencePass(
            [classifier.checkpoint],
            Data(Table("toy", "own", tuple(OWN), None, None, ()), "three"),
            3,
            AttributionRequest(methods, methods[0], "logit", OTHERS, "pad", "", "", 0),
            Setting("mask", "probability"),
            0,
        )
        for methods in (("leave_one_out",), ("leave_one_out", "saliency"))
    ]
    works = [run.work() for run in runs]
    for work in works:
        work(desk)
    assert [len(run.done()) for run in runs] == [3, 6]
    [file] = (tmp_path / "evidence").glob("*.jsonl")
    assert len(file.read_text().splitlines()) == 1 + 6
