"""Many people at once: fewer points along the line, which is said, and all of them when quiet."""

from __future__ import annotations

import pytest

import analysis
from analysis.attribution import in_words
from pages.ui.engine import crowd as engine
from pages.ui.engine.replies import common_class
from tests.support import attributions_reader as reading
from tests.support import compare_reader as seen
from tests.support.sentences import in_order

METHOD = ["integrated_gradients"]


@pytest.fixture
def crowd(monkeypatch):
    """Whether many people wait, to be changed by the test."""
    state = {"crowded": True}
    monkeypatch.setattr(engine, "crowded", lambda: state["crowded"])
    monkeypatch.setattr(engine, "quiet", lambda: not state["crowded"])
    return state


def captions(app):
    return " ".join(str(caption.value).replace("\\", "") for caption in app.caption)


def test_while_many_wait_fewer_points_are_taken_and_said_and_all_when_quiet(
    open_attributions, four, crowd
):
    app = open_attributions(four, methods=METHOD)
    assert in_order(captions(app), "Many people", f"{engine.FEW_STEPS} points")
    rough = shown(app)
    traces = [analysis.record(analysis.load(four / id), reading.SENTENCE) for id in rough]
    labels = traces[0].checkpoint.labels
    target = labels.index(common_class([labels[trace.predicted] for trace in traces]))
    for id, values in rough.items():
        few = reading.attributed(four / id, n_steps=engine.FEW_STEPS, target=target)
        assert few.options["n_steps"] == engine.FEW_STEPS
        assert values == words(four / id, few), id
    assert "no attribution is waiting" in captions(app)
    assert captions(app).count(engine.LATER) == 2  # the evidence, and the layers' part in it
    crowd["crowded"] = False
    reading.again(app)
    assert "Many people" not in captions(app)
    assert "no attribution is waiting" not in captions(app)
    for id, values in shown(app).items():
        assert values == words(four / id, reading.attributed(four / id, target=target)), id


def test_what_is_known_in_full_stays_in_full(open_attributions, four, crowd):
    crowd["crowded"] = False
    app = open_attributions(four, methods=METHOD)
    fine = shown(app)
    crowd["crowded"] = True
    reading.again(app)
    assert "Many people" not in captions(app)
    assert shown(app) == fine


def test_the_cards_of_compare_take_fewer_points_too(open_app, four, crowd):
    app = open_app(four, text=reading.SENTENCE, checkpoints=["toy-mha"])
    assert engine.NOTICE in captions(app)
    few = reading.attributed(four / "toy-mha", n_steps=engine.FEW_STEPS)
    card = seen.cards(app)["toy-mha"]
    assert [unit.value for unit in seen.strip(card.attribution)] == words(four / "toy-mha", few)
    crowd["crowded"] = False
    app.run()
    assert engine.NOTICE not in captions(app)


def shown(app):
    """Checkpoint -> the values of its strip, as written."""
    values = {}
    for lines in reading.strips(app).values():
        for id, line in lines.items():
            values[id] = line.values
    assert set(values) == {"toy-cls", "toy-max_cls", "toy-mha", "toy-max_seq_mha"}
    return values


def words(folder, result):
    return reading.written(in_words(result, reading.tokens_of(folder)).scores)
