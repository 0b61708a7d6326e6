"""The Evaluate page: a study in a folder made by the test, and a data set through checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.figures import view
from analysis.statistics import compare
from analysis.statistics.verdicts import ALPHA
from analysis.study.results import Scores, read_study
from pages.ui.evaluate import significance
from pages.ui.evaluate import words as evaluate_words
from tests.support import compare_reader as seen
from tests.support import study_folders as made_studies
from tests.support.plotly_arrays import numbers
from tests.support.sentences import in_order

PAGE = "pages/8_Evaluate.py"
PRIMARY = ("rte", "mrpc", "cola")


def helps(task: str, share: float, head: str) -> float:
    """max_seq_mha is far better on RTE and MRPC."""
    return 0.05 if head == "max_seq_mha" and task != "cola" else 0.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study all of whose runs are done: ten seeds, and five on parts of the training set."""
    families = [
        made_studies.family("primary", PRIMARY, 10, primary=True),
        made_studies.family("learning_curves", ("rte",), 5, (0.1, 0.5)),
    ]
    return made_studies.write(tmp_path_factory.mktemp("whole") / "toy", families, helps)


@pytest.fixture
def open_study(open_app: Any, made: Path) -> Any:
    """`open_study(folder, **chosen) -> AppTest` on the Study tab."""

    def start(folder: Path, **chosen: Any) -> Any:
        return open_app(made, page=PAGE, held={"study": str(folder), **chosen})

    return start


def texts(app: Any) -> list[str]:
    return [element.value for element in (*app.text, *app.markdown, *app.caption)]


def table(app: Any, column: str = "p (Holm)") -> Any:
    """The table that has this column."""
    return next(element.value for element in app.dataframe if column in element.value.columns)


def charts(app: Any) -> dict[str, dict[str, Any]]:
    """Plotly figures by the key of their widget."""
    return seen.charts(app, r"drawing-[\w-]+$")


def test_the_headline_is_the_stratified_test_of_the_library(open_study, whole):
    app = open_study(whole)
    assert not app.exception
    study = read_study(whole)
    report = compare(study.scores(study.primary))
    for comparison in report.headlines:
        assert comparison.sentence("Over RTE, MRPC and CoLA") in texts(app)
    assert any(in_order(text, "max_seq_mha", "better than cls") for text in texts(app))
    assert made_studies.NOTE.replace(":", "\\:") in "".join(texts(app)).replace("\\.", ".").replace(
        "\\-", "-"
    )


def test_a_family_is_said_in_three_sentences_with_the_numbers_of_its_tests(open_study, whole):
    study = read_study(whole)
    report = compare(study.scores(study.primary))
    largest, power = evaluate_words.summary(report)
    most = max(report.headlines, key=lambda c: abs(c.difference))
    assert in_order(largest, most.head, f"{100 * most.difference:+.2f} points", "cls")
    assert f"{100 * most.interval[0]:.2f} to {100 * most.interval[1]:.2f}" in largest
    assert f"{min(100 * c.detectable for c in report.headlines):.1f}" in power
    page_text = texts(open_study(whole))
    assert {largest, power} <= set(page_text)


def test_three_sentences_and_a_picture_come_first_and_every_number_behind_a_fold(open_study, whole):
    app = open_study(whole)
    study = read_study(whole)
    report = compare(study.scores(study.primary))
    behind = next(part for part in app.expander if "Every test" in part.label)
    hidden = {element.value for element in behind.text}
    first = [line.value for line in app.text if line.value not in hidden]
    assert first[:2] == evaluate_words.summary(report)
    assert set(evaluate_words.by_task(report)) <= hidden
    assert set(evaluate_words.by_task(report)).isdisjoint(first)
    assert [table for table in behind.dataframe if "p (Holm)" in table.value.columns]
    drawn = [element.proto.id for element in behind.get("plotly_chart")]
    assert any("study_differences" in key for key in drawn)
    assert not any("study_scores" in key for key in drawn)


def test_the_table_holds_every_test_with_its_numbers(open_study, whole):
    shown = table(open_study(whole))
    study = read_study(whole)
    report = compare(study.scores(study.primary))
    every = [*report.headlines, *report.comparisons]
    assert len(shown) == len(every) == 12
    np.testing.assert_allclose(shown["p (Holm)"], [c.adjusted for c in every])
    np.testing.assert_allclose(shown["smallest p"], [c.smallest for c in every])
    np.testing.assert_allclose(shown["detectable"], [100 * c.detectable for c in every])
    np.testing.assert_allclose(shown["standardised"], [c.standardised for c in every])
    np.testing.assert_allclose(shown["difference"], [100 * c.difference for c in every])


def test_filters_and_metrics_change_what_is_drawn_and_no_p(open_study, whole):
    before = table(open_study(whole)).set_index(["task", "pooling head"])
    app = open_study(whole, tasks_shown=["mrpc"], study_metric="f1")
    after = table(app).set_index(["task", "pooling head"])
    assert len(after) == 6  # three headlines and mrpc
    for column in ("p", "p (Holm)", "difference"):
        np.testing.assert_array_equal(after[column], before.loc[after.index, column])
    drawn = charts(app)
    assert "drawing-study_scores-0" in drawn
    assert "drawing-study_scores-1" not in drawn
    assert any(in_order(text, "F1", "metric declared for each task") for text in texts(app))
    assert any(in_order(text, "12 tests", "cls", "corrected", "6") for text in texts(app))


def test_every_seed_is_a_dot(open_study, whole):
    app = open_study(whole)
    figure = charts(app)["drawing-study_scores-0"]
    dots = next(trace for trace in figure["data"] if trace["marker"]["symbol"] == "circle")
    study = read_study(whole)
    values = 100 * study.scores(study.primary).values[0].ravel()
    np.testing.assert_allclose(numbers(dots["x"]), values)


def test_curves_have_the_share_of_the_training_set_on_x(open_study, whole):
    figure = charts(open_study(whole))["drawing-curves-0"]
    lines = [trace for trace in figure["data"] if trace.get("showlegend") is not False]
    assert [trace["name"] for trace in lines] == list(made_studies.HEADS)
    np.testing.assert_allclose(numbers(lines[0]["x"]), [10, 50, 100])
    study = read_study(whole)
    scores = study.scores(study.families[1]).values
    np.testing.assert_allclose(numbers(lines[0]["y"])[:2], 100 * scores[:, 0].mean(axis=1))


def test_a_family_with_runs_missing_decides_nothing_and_names_them(open_study, tmp_path):
    families = [made_studies.family("primary", ("rte", "mrpc"), 10, primary=True)]
    folder = made_studies.write(
        tmp_path / "part",
        families,
        helps,
        keep=lambda task, share, head, seed: task == "rte" and seed < 9,
    )
    app = open_study(folder)
    assert not app.exception
    page_text = " ".join(texts(app))
    assert "36 of 80 runs" in page_text
    assert in_order(page_text, "Missing", "4 of 40 runs of RTE", "all 40 runs of MRPC")
    assert "better" not in page_text
    shown = table(app)
    assert set(shown["verdict"]) == {"not decided yet"}
    assert shown["p"].isna().all()


def test_an_unfinished_family_decides_no_steadiness_and_promises_nothing(open_study, tmp_path):
    families = [made_studies.family("primary", ("rte", "mrpc"), 10, primary=True)]
    folder = made_studies.write(
        tmp_path / "part",
        families,
        effect=lambda task, share, head: 0.0,
        spread=0.01,
        keep=lambda task, share, head, seed: task == "rte" or seed < 4,
    )
    for path in (folder / "runs").glob("*.json"):  # mha hardly varies
        record = json.loads(path.read_text())
        if record["variant"] == "mha":
            score = record["metrics"]["dev"]
            record["metrics"]["dev"] = {name: 0.7 + (v - 0.7) / 1000 for name, v in score.items()}
            path.write_text(json.dumps(record))
    app = open_study(folder)
    assert not app.exception
    page_text = " ".join(texts(app))
    assert "steadier here" not in page_text
    assert "less steady here" not in page_text
    assert in_order(page_text, "not decided", "missing")
    assert table(app)["detectable"].isna().all()


def test_captions_count_the_seeds_that_are_there(tmp_path):
    families = [made_studies.family("primary", ("rte", "mrpc"), 10, primary=True)]
    folder = made_studies.write(
        tmp_path / "part",
        families,
        keep=lambda task, share, head, seed: seed < (7 if task == "rte" else 3),
    )
    study = read_study(folder)
    scores = study.scores(study.primary)
    for key, study_part in (
        ("study_scores", scores),
        ("study_differences", compare(scores)),
        ("study_spread", compare(scores)),
    ):
        assert "3 to 7 seeds (unfinished)" in view(key, study_part).caption
        if key != "study_differences":  # its first panel is of all tasks, whatever is shown
            assert "over 7 seeds (unfinished)" in view(key, study_part, ["rte"]).caption
    whole = made_studies.write(tmp_path / "whole", families)
    scores = read_study(whole).scores(read_study(whole).primary)
    assert "over 10 seeds:" in view("study_scores", scores).caption


def test_what_does_not_vary_is_said_without_a_number(tmp_path):
    families = [made_studies.family("primary", ("rte",), 10, primary=True)]
    scores = read_study(made_studies.write(tmp_path / "flat", families)).scores
    family = read_study(tmp_path / "flat").primary
    values = scores(family).values.copy()
    values[0, 1] = 0.7
    (line,) = evaluate_words.steadier(compare(Scores(family, values)))
    assert in_order(line, "cannot be compared", "max_cls")
    assert "nan" not in line
    assert in_order(line, "not decided", "Holm over 3 comparisons", "ratio above")


def test_a_family_of_one_seed_is_drawn(open_study, tmp_path):
    families = [made_studies.family("primary", PRIMARY, 1, primary=True)]
    app = open_study(made_studies.write(tmp_path / "one", families))
    assert not app.exception
    assert all("too few seeds" in verdict for verdict in table(app)["verdict"])


@pytest.mark.parametrize("typed", ["~nobody-of-this-name/x", "x" * 300])
def test_a_name_that_is_no_folder_says_so(open_study, typed):
    app = open_study(typed)
    assert not app.exception
    assert "cannot be read" in app.error[0].value


def test_a_folder_of_several_studies_offers_them(open_study, tmp_path):
    families = [made_studies.family("primary", ("rte",), 4, primary=True)]
    for name in ("first", "second"):
        made_studies.write(tmp_path / name, families, name=name)
    app = open_study(tmp_path)
    assert not app.exception
    assert app.selectbox(key="study_name").options == ["first", "second"]
    app.selectbox(key="study_name").set_value("second").run()
    assert not app.exception
    assert app.session_state["study_name"] == "second"


def test_a_record_that_lacks_its_score_is_named(open_study, tmp_path):
    families = [made_studies.family("primary", ("rte",), 4, primary=True)]
    folder = made_studies.write(tmp_path / "odd", families)
    path = sorted((folder / "runs").glob("*.json"))[0]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": {}}))
    app = open_study(folder)
    assert not app.exception
    assert "has no accuracy" in app.error[0].value.replace("\\", "")


def test_how_it_was_run_has_the_command_and_names_mixed_precision(tmp_path):
    families = [made_studies.family("primary", ("rte",), 4, primary=True)]
    study = read_study(made_studies.write(tmp_path / "one", families))
    lines = significance.made_with(study)
    assert lines[-1].endswith(": python -m training study toy.yaml --data GLUE_FOLDER")
    assert not any("precision" in line for line in lines)
    mixed = made_studies.write(
        tmp_path / "mixed", families, precision=lambda head: "fp32" if head == "mha" else "bf16"
    )
    lines = significance.made_with(read_study(mixed))
    assert any(in_order(line, "precision", "12 in bf16", "4 in fp32") for line in lines)


def test_few_seeds_are_too_few_and_never_no_difference(open_study, tmp_path):
    families = [made_studies.family("primary", PRIMARY, 4, primary=True)]
    folder = made_studies.write(tmp_path / "few", families, helps)
    app = open_study(folder)
    study = read_study(folder)
    report = compare(study.scores(study.primary))
    assert all(c.smallest > ALPHA for c in report.comparisons)
    page_text = " ".join(texts(app)).lower()
    assert "too few seeds" in page_text
    for forbidden in ("no difference between", "equally good", "no effect", "the same as"):
        assert forbidden not in page_text
    assert all("too few seeds" in verdict for verdict in table(app)["verdict"][3:])


def test_a_study_without_runs_and_a_folder_without_a_study_say_so(open_study, tmp_path):
    families = [made_studies.family("primary", ("rte",), 10, primary=True)]
    folder = made_studies.write(tmp_path / "none", families, keep=lambda *cell: False)
    app = open_study(folder)
    assert not app.exception
    assert "0 of 40 runs" in " ".join(texts(app))
    app = open_study(tmp_path / "nothing here")
    assert not app.exception
    assert "No study" in app.error[0].value
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "study.json").write_text("{")
    app = open_study(broken)
    assert not app.exception
    assert "JSON" in app.error[0].value


def test_the_committed_study_shows_at_once(open_app, made):
    app = open_app(made, page=PAGE)
    assert not app.exception
    assert not app.error
    assert "MiniLM" in " ".join(texts(app))
    assert "AllNLI" in " ".join(texts(app))


@pytest.mark.parametrize(
    ("numbers", "words"), [([0, 1, 2, 5], "0 to 2, 5"), ([3], "3"), ([1, 2], "1, 2"), ([], "")]
)
def test_seeds_are_named_as_ranges(numbers, words):
    assert evaluate_words.ranges(numbers) == words
