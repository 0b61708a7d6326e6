"""The Data set tab of the Evaluate page: files, refusals, a run, and what is drawn of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.common import jobs
from analysis.figures.style.style import CLASS_COLOURS
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.sentences import in_order

PAGE = "pages/8_Evaluate.py"
GOOD = b"text,label\nthe film is good,negative\nthe plot is thin,positive\na fine film,negative\n"


@pytest.fixture
def two(folder: Path) -> Path:
    """Two checkpoints of one task, one of another, one for pairs."""
    labels = ("negative", "positive")
    for seed, head in enumerate(("cls", "mha")):
        tiny.make_pooling_checkpoint(folder / f"sst2-{head}", head, labels, task="sst2", seed=seed)
    tiny.make_pooling_checkpoint(folder / "trec-cls", "cls", ("place", "person"), task="trec")
    tiny.make_pooling_checkpoint(
        folder / "mrpc-cls", "cls", ("different", "same"), task="mrpc", pairs=True
    )
    return folder


@pytest.fixture
def open_data(open_app: Any, two: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`open_data(**chosen) -> AppTest` on the Data set tab, with a folder of results of its own."""
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))

    def start(**chosen: Any) -> Any:
        kept = {"evaluate": "Data set", "checkpoints": ["sst2-cls", "sst2-mha"], **chosen}
        return open_app(two, page=PAGE, held=kept)

    return start


def upload(app: Any, content: bytes, name: str = "mine.csv") -> Any:
    """The file as a person would give it."""
    app.file_uploader[0].set_value((name, content, "text/csv")).run()
    return app


def run_all(app: Any) -> Any:
    """Press the button, wait for the job, and draw the page again."""
    app.button(key="job-go").click().run()
    for job in list(jobs._jobs.values()):
        assert job.wait(120)
    return app.run()


def text_of(app: Any) -> str:
    elements = (*app.text, *app.markdown, *app.caption, *app.warning, *app.error, *app.info)
    return " ".join(element.value for element in elements).replace("\\", "")


def listed(app: Any) -> list[dict[str, str]]:
    """The table of examples as read: a line a row of the data set."""
    lines = [n for n in seen.pieces(app)["examples-table"].walk() if "data-class" in n.attributes]
    return [
        {cell.attributes["data-name"]: cell.text for cell in line.walk() if cell.tag == "td"}
        for line in lines
    ]


def test_a_file_is_run_and_scored_as_the_library_scores_it(open_data, two):
    app = run_all(upload(open_data(source="file"), GOOD))
    assert not app.exception
    classifier = analysis.load(two / "sst2-cls")
    texts = ["the film is good", "the plot is thin", "a fine film"]
    answers = [int(analysis.record(classifier, text).predicted) for text in texts]
    right = sum(a == b for a, b in zip(answers, (0, 1, 0), strict=True))
    assert in_order(text_of(app), "sst2-cls", "right", f"{right} of 3 rows")


def test_rows_with_a_problem_are_named_by_number_and_the_others_kept(open_data):
    content = GOOD + b",positive\nan other film,\n"
    app = upload(open_data(source="file"), content)
    assert not app.exception
    problems = next(e.value for e in app.dataframe if "problem" in e.value.columns)
    lines = content.decode().splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if "" in line.split(",")]
    assert list(problems["row"]) == wrong == [5, 6]
    assert "3 of 5 rows" in text_of(app)


def test_unknown_labels_are_offered_a_mapping(open_data):
    content = GOOD + b"the end,meh\n"
    app = upload(open_data(source="file"), content)
    assert "none of negative, positive" in text_of(app)
    assert "3 of 4 rows" in text_of(app)
    choice = next(box for box in app.selectbox if box.label.startswith("meh"))
    choice.set_value("positive")
    next(button for button in app.button if button.label == "Use these").click().run()
    assert "4 of 4 rows" in text_of(app)


def right(app: Any, name: str) -> int:
    match = re.search(rf"{name} is right on (\d+) of", text_of(app))
    assert match
    return int(match[1])


def test_changed_labels_change_the_scores_of_the_same_texts(open_data):
    app = run_all(upload(open_data(source="file"), GOOD))
    before = right(app, "sst2-cls")
    swapped = (
        GOOD.replace(b"negative", b"x").replace(b"positive", b"negative").replace(b"x", b"positive")
    )
    upload(app, swapped, "swapped.csv")
    assert not app.exception
    assert right(app, "sst2-cls") == 3 - before
    app.session_state["look"] = "examples"
    app.run()
    wrong = sum(line["sst2-cls"].startswith("✗") for line in listed(app))
    assert wrong == before


def test_what_labels_mean_can_be_changed_and_reset(open_data):
    """Zeros and ones are read by the index of the class; this file means the opposite."""
    numbered = GOOD.replace(b"negative", b"0").replace(b"positive", b"1")
    app = upload(open_data(source="file"), numbered)
    assert "negative 2, positive 1" in text_of(app)
    for value, label in (("0", "positive"), ("1", "negative")):
        box = next(box for box in app.selectbox if box.label.startswith(f"{value} ("))
        assert box.value == ("negative" if value == "0" else "positive")
        box.set_value(label)
    next(button for button in app.button if button.label == "Use these").click().run()
    assert "negative 1, positive 2" in text_of(app)
    boxes = {box.label[0]: box.value for box in app.selectbox if ", first in row" in box.label}
    assert boxes == {"0": "positive", "1": "negative"}
    next(button for button in app.button if button.label == "Reset").click().run()
    assert "negative 2, positive 1" in text_of(app)
    assert not [button for button in app.button if button.label == "Reset"]


def test_rows_that_were_cut_are_counted_and_can_be_listed(open_data):
    long = " ".join(["film"] * 2000)
    app = run_all(upload(open_data(source="file"), GOOD + f"{long},positive\n".encode()))
    assert not app.exception
    assert in_order(text_of(app), "sst2-cls", "1 row", "cut")
    app.session_state["examples_show"] = "cut"
    app.session_state["look"] = "examples"
    app.run()
    (shown,) = listed(app)
    assert shown["row"] == "5"


def test_pairs_of_checkpoints_are_corrected_together(open_data, two):
    tiny.make_pooling_checkpoint(
        two / "sst2-max_cls", "max_cls", ("negative", "positive"), task="sst2", seed=7
    )
    chosen = ["sst2-cls", "sst2-mha", "sst2-max_cls"]
    app = run_all(open_data(source="suite", checkpoints=chosen))
    app.session_state["look"] = "agreement"
    app.run()
    assert not app.exception
    lines = [element.value for element in app.text if "alone is right on" in element.value]
    assert len(lines) == 3
    assert all("after Holm over 3 pairs" in line for line in lines)
    assert "98.33 % interval" in text_of(app)


def test_a_checkpoint_that_fails_leaves_the_others_their_turn(open_data, monkeypatch):
    from analysis.corpus import runs

    real = runs.run

    def breaks(classifier: Any, *arguments: Any, **more: Any) -> Any:
        if classifier.checkpoint.id == "sst2-cls":
            raise RuntimeError("out of memory")
        return real(classifier, *arguments, **more)

    monkeypatch.setattr(runs, "run", breaks)
    app = run_all(upload(open_data(source="file"), GOOD))
    assert not app.exception
    assert "out of memory" in " ".join(error.value for error in app.error)
    assert "sst2-mha is right on" in text_of(app)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"text,label\n", "no rows"), (b"PK\x03\x04" + bytes(200), "ZIP")],
)
def test_a_file_that_cannot_be_read_says_why(open_data, content, message):
    app = upload(open_data(source="file"), content)
    assert not app.exception
    assert app.error
    assert message in app.error[0].value


def test_a_checkpoint_of_another_task_is_refused_with_the_reason(open_data):
    chosen = ["sst2-cls", "trec-cls", "mrpc-cls"]
    app = upload(open_data(source="file", checkpoints=chosen), GOOD)
    assert not app.exception
    reasons = " ".join(warning.value for warning in app.warning).replace("\\", "")
    assert "trec-cls" in reasons
    assert "mrpc-cls reads pairs" in reasons
    assert app.button(key="job-go").label.startswith("Run 3 rows")


def test_the_behaviour_suite_runs_and_lists_failures(open_data):
    app = run_all(open_data(source="suite"))
    assert not app.exception
    assert "templates" in text_of(app)
    keys = [json.loads(e.proto.spec) for e in app.get("plotly_chart")]
    maps = [f for f in keys if any(t["type"] == "heatmap" for t in f["data"])]
    assert len(maps) == 1
    failing = [e.value for e in app.dataframe if "what failed" in e.value.columns]
    assert failing
    assert app.selectbox(key="capability").value is not None


@pytest.mark.parametrize("look", ["confusion", "calibration", "agreement", "examples"])
def test_every_look_is_drawn(open_data, look):
    app = run_all(upload(open_data(source="file", look=look), GOOD))
    app.session_state["look"] = look
    app.run()
    assert not app.exception
    assert app.session_state["look"] == look


def test_own_sentences_need_no_labels(open_data):
    app = open_data(source="own sentences", own_sentences="a good film\na bad film\n")
    app = run_all(app)
    assert not app.exception
    assert "nothing to score" in text_of(app)
    assert {line["text"] for line in listed(app)} == {"a good film", "a bad film"}


def test_examples_hold_what_the_checkpoints_answered(open_data, two):
    app = run_all(open_data(source="own sentences", own_sentences="a good film"))
    (shown,) = listed(app)
    trace = analysis.record(analysis.load(two / "sst2-mha"), "a good film")
    label = trace.checkpoint.labels[trace.predicted]
    p = float(np.max(trace.probabilities))
    assert shown["sst2-mha"] == f"{label} {p:.2f}"


def test_the_table_shows_the_whole_text_and_every_prediction_on_its_classes_colour(open_data, two):
    long = "the film is good and " * 120 + "the end is dull"
    app = run_all(open_data(source="own sentences", own_sentences=long))
    (line,) = listed(app)
    assert line["text"] == long
    for name in ("sst2-cls", "sst2-mha"):
        label = line[name].rpartition(" ")[0]
        place = ("negative", "positive").index(label)
        (held,) = [
            cell.all("p")[0]
            for cell in seen.pieces(app)["examples-table"].all("prediction")
            if cell.attributes.get("data-name") == name
        ]
        assert CLASS_COLOURS[place] in held.attributes["style"]


def test_a_clicked_row_opens_on_compare_and_the_place_is_kept(open_data):
    from pages.ui.evaluate import place

    app = run_all(open_data(source="own sentences", own_sentences="a good film\na bad film\n"))
    app.session_state[place._CLICKED] = 1
    app.run()
    assert app.session_state["text"] == "a bad film"
    assert app.title[0].value == "Compare"
    app.switch_page("pages/8_Evaluate.py").run()
    assert app.session_state["source"] == "own sentences"
    assert "a bad film" in app.session_state["own_sentences"]


def test_any_data_set_of_the_hub_is_read_with_its_columns(open_data, tmp_path, monkeypatch):
    import pandas as pd

    path = tmp_path / "0000.parquet"
    pd.DataFrame(
        {"review": ["the film is good", "the plot is thin"], "stars": ["5", "1"]}
    ).to_parquet(path)
    monkeypatch.setattr("analysis.datasets.hub.parquet_files", lambda *what: [path])
    app = open_data(source="Hub", hub_kind="any data set", hub_repo="someone/films")
    assert "Run" not in " ".join(button.label for button in app.button)
    next(button for button in app.button if button.label == "Fetch it").click().run()
    assert not app.exception
    next(box for box in app.selectbox if box.label == "Label").set_value("stars").run()
    for value, label in (("5", "positive"), ("1", "negative")):
        next(b for b in app.selectbox if b.label.startswith(f"{value} (")).set_value(label)
    next(button for button in app.button if button.label == "Use these").click().run()
    assert not app.exception
    assert "2 rows: negative 1, positive 1" in text_of(app)
    assert app.button(key="job-go").label.startswith("Run 2 rows")


@pytest.mark.parametrize(
    ("repo", "message"),
    [
        ("someone/films", "no connection"),
        ("no such name", "no name on the Hub"),
    ],
)
def test_a_hub_that_does_not_answer_is_a_sentence(open_data, monkeypatch, repo, message):
    monkeypatch.setattr("analysis.datasets.hub.hub_unreachable", lambda: "no connection")
    app = open_data(source="Hub", hub_kind="any data set", hub_repo=repo)
    for button in [button for button in app.button if button.label == "Fetch it"]:
        button.click().run()
    assert not app.exception
    assert message in app.error[0].value.replace("\\", "")


def test_a_suite_without_an_answered_test_says_so(open_data, monkeypatch):
    from analysis.suite import Results
    from pages.ui.evaluate import suite

    app = run_all(open_data(source="suite"))
    monkeypatch.setattr(
        suite, "_results", lambda chosen, single: Results(single.checkpoint, (), (), 0, 0)
    )
    app.run()
    assert not app.exception
    assert "No test of the suite" in text_of(app)


def test_a_folder_that_is_not_there_says_so(open_data, tmp_path):
    app = open_data(source="GLUE folder", folder=str(tmp_path / "nothing"))
    assert not app.exception
    assert "No dev.tsv" in app.error[0].value.replace("\\", "")
