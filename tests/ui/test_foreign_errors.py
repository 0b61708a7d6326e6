"""An error of one checkpoint, of whatever type, stays with it: the others answer, on every page."""

from __future__ import annotations

import importlib
import shutil

import pytest

SENTENCE = "the film is good"


class Foreign(Exception):
    """Of no kind that anybody here raises."""


@pytest.fixture
def two(made, folder):
    shutil.copytree(made / "toy-max_seq_mha", folder / "good")
    shutil.copytree(made / "toy-max_seq_mha", folder / "bad")
    return folder


def spoil(monkeypatch, name: str) -> None:
    """The function fails for the checkpoint in the folder "bad"."""
    module, function = name.rsplit(".", 1)
    room = importlib.import_module(module)
    real = getattr(room, function)

    def spoilt(first, *args, **kwargs):
        checkpoint = getattr(first, "checkpoint", first)
        if checkpoint.folder.name == "bad":
            raise Foreign("the tensor fell into the sea")
        return real(first, *args, **kwargs)

    monkeypatch.setattr(room, function, spoilt)


@pytest.mark.parametrize(
    ("page", "engine"),
    [
        ("", "analysis.reading.trace.record"),
        ("", "analysis.attribution.attribute"),
        ("pages/1_Layers.py", "analysis.reading.trace.record"),
        ("pages/1_Layers.py", "analysis.reading.layers.trajectory"),
        ("pages/2_Max_pool_winners.py", "analysis.reading.trace.record"),
        ("pages/2_Max_pool_winners.py", "analysis.interventions.drop_effects"),
        ("pages/2_Max_pool_winners.py", "analysis.interventions.sweep_last_k"),
        ("pages/3_Attention.py", "analysis.reading.trace.record"),
        ("pages/3_Attention.py", "analysis.reading.attention.value_norms"),
        ("pages/4_Attributions.py", "analysis.reading.trace.record"),
        ("pages/4_Attributions.py", "analysis.attribution.attribute"),
    ],
)
def test_a_foreign_error_leaves_the_page_standing(open_app, two, monkeypatch, page, engine):
    spoil(monkeypatch, engine)
    app = open_app(two, page=page, text=SENTENCE, checkpoints=["good", "bad"])
    assert not app.exception
