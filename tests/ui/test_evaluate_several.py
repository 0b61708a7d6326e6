"""The Evaluate page where a row may have several classes: scores, calibration, examples, maps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics

import analysis
from analysis.common import jobs
from tests.support import tiny
from tests.support.sentences import in_order

CLASSES = ("toxic", "rude", "threat")
TEXTS = [f"the {a} is {b}" for a in ("plot", "film", "song", "end") for b in ("fine", "dull")]
LABELS = np.random.default_rng(0).integers(0, 2, (len(TEXTS), 3))


@pytest.fixture
def two(folder):
    """Two checkpoints that give each class its own sigmoid."""
    for seed, name in enumerate(("bert", "roberta")):
        path = tiny.make_foreign_checkpoint(folder / name, name, CLASSES, seed=seed)
        config = json.loads((path / "config.json").read_text())
        config["problem_type"] = "multi_label_classification"
        (path / "config.json").write_text(json.dumps(config))
    return folder


def rows() -> bytes:
    names = [[CLASSES[c] for c in np.flatnonzero(row)] for row in LABELS]
    return json.dumps(
        [{"text": text, "labels": some} for text, some in zip(TEXTS, names, strict=True)]
    ).encode()


@pytest.fixture
def evaluated(open_app, two):
    """The page after both have been through the rows."""
    held = {"evaluate": "Data set", "checkpoints": ["bert", "roberta"], "source": "file"}
    app = open_app(two, page="pages/8_Evaluate.py", held=held)
    app.file_uploader[0].set_value(("mine.json", rows(), "application/json")).run()
    assert not app.exception
    app.button(key="job-go").click().run()
    for job in list(jobs._jobs.values()):
        assert job.wait(120)
    return app.run()


def text_of(app) -> str:
    elements = (*app.text, *app.markdown, *app.caption, *app.warning, *app.error, *app.info)
    return " ".join(element.value for element in elements).replace("\\", "")


def test_scores_are_scikit_learns(evaluated, two):
    assert not evaluated.exception
    loaded = analysis.load(two / "bert")
    chance = np.stack([analysis.record(loaded, text).probabilities for text in TEXTS])
    micro = metrics.f1_score(LABELS, chance > 0.5, average="micro")
    assert in_order(text_of(evaluated), "bert", "8 rows", f"micro F1 {micro:.3f}")
    shown = next(f.value for f in evaluated.dataframe if "average precision" in f.value.columns)
    want = metrics.f1_score(LABELS, chance > 0.5, average=None, zero_division=0.0)
    np.testing.assert_allclose(shown["F1"], want.round(3))
    assert "too good to be reported" in text_of(evaluated)


@pytest.mark.parametrize("look", ["calibration", "agreement", "examples"])
def test_each_look_is_drawn(evaluated, look):
    evaluated.session_state["look"] = look
    app = evaluated.run()
    assert not app.exception
    looks = next(c for c in app.get("button_group") if c.label == "Look at").options
    assert "confusion" not in str(looks)


def test_a_pooling_head_is_fitted_to_several_labels(open_app, four, monkeypatch, tmp_path):
    from analysis.study.fits import read_fit

    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("POOLLENS_STATES", str(tmp_path / "states"))
    held = {"train_heads": ["cls"], "train_seeds": 2, "train_encoder": "toy-mha"}
    held |= {"train_name": "several", "source": "file"}
    app = open_app(four, page="pages/7_Train.py", held=held)
    many = json.loads(rows()) * 5
    for number, row in enumerate(many):
        row["text"] += f" {number}"
    content = json.dumps(many).encode()
    app.file_uploader[0].set_value(("mine.json", content, "application/json")).run()
    assert not app.exception
    app.button(key="fit-go").click().run()
    key = next(key for key in list(jobs._jobs) if key.startswith("fit-"))
    assert jobs.find(key).wait(300)
    assert jobs.find(key).state == "done", jobs.find(key).error
    app.run()
    assert not app.exception
    kept = read_fit(tmp_path / "results" / "fits" / "several")
    fitted = analysis.load(tmp_path / "results" / "fits" / "several" / next(iter(kept.checkpoints)))
    assert fitted.checkpoint.output == "sigmoid"
    assert set(fitted.checkpoint.labels) == set(CLASSES)


def test_the_map_colours_by_sets(open_app, two):
    held = {"source": "file", "map": "pca", "checkpoints": ["bert"]}
    app = open_app(two, page="pages/6_Embedding_map.py", held=held)
    app.file_uploader[0].set_value(("mine.json", rows(), "application/json")).run()
    for _ in range(4):
        for job in list(jobs._jobs.values()):
            assert job.wait(120)
        app.run()
    assert not app.exception
