"""Pictures of a study and of a data set's results hold their numbers, on screen and on paper."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.corpus.predictions import Predictions
from analysis.datasets.table import Table
from analysis.evaluation.agreement import agreement
from analysis.evaluation.scores import evaluate
from analysis.figures import Bars, Grid, HeatMap, Lines, view
from analysis.statistics import compare, mean_interval
from analysis.study.curves import curves
from analysis.study.results import read_study
from tests.support import study_folders as made_studies
from tests.support.known_results import checkpoint

LABELS = ("negative", "positive")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    families = [
        made_studies.family("primary", ("rte", "cola"), 5, primary=True),
        made_studies.family("learning_curves", ("rte",), 4, (0.1, 0.5)),
    ]
    folder = tmp_path_factory.mktemp("study") / "toy"
    return read_study(
        made_studies.write(folder, families, keep=lambda task, share, head, seed: task == "rte")
    )


def answers(name: str, seed: int, rows: int = 40, data: str = "d") -> Predictions:
    draw = np.random.default_rng(seed)
    return Predictions(
        name,
        "0" * 64,
        data,
        "float32",
        LABELS,
        "softmax",
        rows,
        np.arange(rows),
        draw.normal(size=(rows, 2)).astype(np.float32),
        np.full(rows, 9, np.int32),
        np.zeros(rows, np.int32),
    )


@pytest.fixture(scope="module")
def evaluated():
    label = np.random.default_rng(5).integers(0, 2, 40)
    table = Table("sst2", "dev", tuple(map(str, range(40))), None, label, LABELS)
    return table, [answers("sst2-cls", 1), answers("sst2-mha", 2)]


def plots(study, evaluated):
    table, runs = evaluated
    report = compare(study.scores(study.primary))
    evaluations = [evaluate(table, run) for run in runs]
    checkpoints = [checkpoint("sst2-cls"), checkpoint("sst2-mha")]
    return [
        view("study_scores", study.scores(study.primary)),
        view("study_differences", report),
        view("study_spread", report),
        view("learning_curves", curves([study.scores(f) for f in study.families])),
        *(
            view(key, evaluations, "toy", checkpoints)
            for key in ("data_set_scores", "confusion", "reliability")
        ),
        view("agreement", agreement(table, runs), "toy", checkpoints),
        view("predicted_values", ["a"], np.arange(5.0), [np.arange(5.0) + 1]),
    ]


def test_every_picture_is_drawn_on_screen_and_on_paper(study, evaluated):
    import pypdf

    for plot in plots(study, evaluated):
        assert plot.screen().data
        assert len(pypdf.PdfReader(io.BytesIO(plot.paper("acl", "full"))).pages) == 1
        assert len(plot.frame())


def test_scores_have_every_seed_the_mean_and_its_interval(study):
    scores = study.scores(study.primary)
    plot = view("study_scores", scores)
    assert isinstance(plot.mark, Grid)
    assert [panel.series[0] for panel in plot.mark.panels] == ["RTE"]  # CoLA has no run
    assert "No run yet: CoLA." in plot.notes
    bars = plot.mark.panels[0]
    assert isinstance(bars, Bars)
    mean, interval = mean_interval(100 * scores.values[0].T)
    np.testing.assert_allclose(bars.values[0], mean)
    np.testing.assert_allclose(bars.intervals[0], interval)
    np.testing.assert_allclose(bars.dots[0], 100 * scores.values[0])
    assert bars.bounds[0] > 0  # points need not begin at zero


def test_a_filter_of_tasks_that_are_not_there_is_refused(study):
    with pytest.raises(ValueError, match="no task"):
        view("study_scores", study.scores(study.primary), ["mrpc"])


def test_curves_take_the_whole_set_from_the_family_that_has_it(study):
    (curve,) = curves([study.scores(family) for family in study.families])
    assert curve.shares == (0.1, 0.5, 1.0)
    np.testing.assert_allclose(curve.values[:, 2], study.scores(study.primary).values[0])
    assert np.isfinite(curve.values[:, 0]).sum(axis=1).tolist() == [4] * 4
    panel = view("learning_curves", [curve]).mark.panels[0]
    assert isinstance(panel, Lines)
    np.testing.assert_allclose(panel.x, [10, 50, 100])
    np.testing.assert_allclose(panel.y, 100 * np.nanmean(curve.values, axis=2))


def test_confusion_is_in_shares_of_the_label(evaluated):
    table, runs = evaluated
    evaluations = [evaluate(table, run) for run in runs]
    panel = view("confusion", evaluations).mark.panels[0]
    assert isinstance(panel, HeatMap)
    np.testing.assert_allclose(panel.values.sum(axis=1), 100)
    negative = table.label == 0
    expected = 100 * np.mean(runs[0].predicted[negative] == 1)
    assert panel.values[0, 1] == pytest.approx(expected)
    assert panel.rows[0] == f"negative ({negative.sum()})"


def test_the_bins_are_stated(evaluated):
    table, runs = evaluated
    plot = view("reliability", [evaluate(table, run, bins=7) for run in runs])
    assert "7 bins of equal width" in plot.notes[0]
    perfect = plot.mark.panels[0].y[1]
    np.testing.assert_allclose(perfect, plot.mark.panels[0].x)


def test_failure_rates_are_those_of_the_results():
    rate = SimpleNamespace(capability="negation", kind="MFT", n=40, rate=0.25)
    other = SimpleNamespace(capability="hedges", kind="INV", n=10, rate=0.0)
    results = [
        SimpleNamespace(checkpoint="a", rates=(rate, other)),
        SimpleNamespace(checkpoint="b", rates=(rate,)),
    ]
    mark = view("failure_rates", results).mark
    assert mark.rows == ("negation MFT (40)", "hedges INV (10)")
    np.testing.assert_array_equal(mark.values, [[25, 25], [0, np.nan]])


def test_no_path_of_this_machine_is_in_a_source(study, evaluated):
    for plot in plots(study, evaluated):
        assert "/" not in str(plot.provenance)
