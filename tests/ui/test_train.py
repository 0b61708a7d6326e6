"""The Train page: from a data set to fresh checkpoints on Compare."""

from __future__ import annotations

import pytest

from analysis.common import jobs
from analysis.study.fits import read_fit
from tests.support import tiny

HEADS = ["cls", "mean"]


@pytest.fixture
def train(open_app, four, monkeypatch, tmp_path):
    """The page with two heads, two seeds and a tiny encoder chosen."""
    monkeypatch.setenv("POOLLENS_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("POOLLENS_STATES", str(tmp_path / "states"))
    for key in list(jobs._jobs):
        jobs.forget(key)

    def start(**held):
        chosen = {"train_heads": HEADS, "train_seeds": 2, "train_encoder": "toy-mha"}
        return open_app(four, page="pages/7_Train.py", held=chosen | held)

    return start


def fit(app):
    button = next(b for b in app.button if b.key == "fit-go")
    button.click().run()
    key = next(key for key in list(jobs._jobs) if key.startswith("fit-"))
    assert jobs.find(key).wait(300)
    assert jobs.find(key).state == "done", jobs.find(key).error
    return app.run()


def test_a_fit_is_kept_told_and_opened_on_compare(train, tmp_path):
    app = fit(train(train_name="first"))
    assert not app.exception
    kept = read_fit(tmp_path / "results" / "fits" / "first")
    assert {head.name for head in kept.heads} == set(HEADS)
    assert all(len(head.scores) == 2 for head in kept.heads)
    assert set(kept.checkpoints) == {f"first-{head}-s{seed}" for head in HEADS for seed in (0, 1)}
    shown = next(frame.value for frame in app.dataframe if "pooling head" in frame.value)
    for head in kept.heads:
        row = shown[shown["pooling head"] == head.name].iloc[0]
        assert row["mean"] == pytest.approx(100 * head.scores.mean())
    next(b for b in app.button if b.label == "Compare them now").click().run()
    assert not app.exception
    assert app.session_state["checkpoints"] == [f"first-{head}-s0" for head in HEADS]
    assert app.session_state["text"] == kept.example[0]


def test_a_name_that_is_taken_is_never_written_over(train):
    fit(train(train_name="first"))
    app = train(train_name="first", train_seeds=3)
    assert any("is kept already" in warning.value for warning in app.warning)
    assert not [b for b in app.button if b.key == "fit-go"]


def test_a_name_that_nobody_typed_is_always_free(train, tmp_path):
    fit(train())
    kept = {path.name for path in (tmp_path / "results" / "fits").iterdir() if path.is_dir()}
    assert not train().warning  # the same again is the fit that is there
    app = train(train_seeds=3)
    assert not app.warning
    assert [button for button in app.button if button.key == "fit-go"]
    field = next(field for field in app.text_input if field.label == "Name")
    assert field.placeholder not in kept


def test_what_cannot_be_fitted_is_said_before_anything_runs(train):
    for held, words in (
        ({"train_heads": []}, "No pooling head is chosen"),
        ({"train_name": "../escape"}, "cannot be a folder"),
        ({"train_how": "lora"}, "begins from an encoder"),
        ({"source": "own sentences", "own_sentences": "one\ntwo"}, "no labels"),
    ):
        app = train(**held)
        assert not app.exception
        assert any(words in warning.value for warning in app.warning), held


@pytest.mark.slow
def test_heads_are_tuned_with_the_encoder_and_opened_on_compare(train, four, tmp_path):
    tiny.make_bare_encoder(four / "bare")
    chosen = {
        "train_encoder": "bare",
        "train_how": "lora",
        "train_heads": ["cls"],
        "train_seeds": 1,
    }
    app = fit(train(train_name="tuned", **chosen))
    assert not app.exception
    kept = read_fit(tmp_path / "results" / "fits" / "tuned")
    assert kept.tuning == "lora"
    assert kept.checkpoints == ("tuned-cls-s0",)
    next(b for b in app.button if b.label == "Compare them now").click().run()
    assert not app.exception
    assert app.session_state["checkpoints"] == ["tuned-cls-s0"]
