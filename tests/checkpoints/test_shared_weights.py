"""Pooling heads on one frozen encoder: its weights are held, and counted, once."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
import training
from analysis.checkpoints import shared
from analysis.checkpoints.shared import weights_of
from analysis.commands import main
from analysis.common.cache import Cache
from tests.support import frozen_data, zoo


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    place = tmp_path_factory.mktemp("shared")
    states = training.states(
        str(zoo.folder("bare")), frozen_data.table(24, 1), last_k=3, folder=place / "states"
    )
    fitted = training.fit(states, ("cls", "mean", "max"), seeds=1, epochs=1, learning_rate=1e-3)
    training.save(fitted, place / "heads", name="own")
    return place / "heads"


def test_what_they_have_in_common_counts_once(heads):
    loaded = [analysis.load(folder, device="cpu") for folder in sorted(heads.glob("own-*"))]
    parts = [weights_of(classifier) for classifier in loaded]
    together = {name: size for part in parts for name, size in part.items()}
    encoder = sum(p.numel() * p.element_size() for p in loaded[0].encoder.parameters())
    every = {
        p.data_ptr(): p.numel() * 4 for classifier in loaded for p in classifier.model.parameters()
    }
    assert sum(together.values()) == sum(every.values())
    assert sum(map(sum, (part.values() for part in parts))) - sum(together.values()) == 2 * encoder


def test_the_doctor_says_what_they_take_together(heads, capsys):
    assert main(["doctor", "--load", "--checkpoints", str(heads)]) == 0
    output = capsys.readouterr().out
    assert output.count(" MB") == 4
    assert "in memory together" in output


@pytest.mark.parametrize("attentions", [False, True])
def test_one_text_goes_through_the_encoder_once_for_all_of_them(heads, attentions, monkeypatch):
    def forget():
        monkeypatch.setattr(shared, "_OUTPUTS", Cache(10_000_000))

    text = f"the plot is thin, said {attentions}"
    loaded = [analysis.load(folder, device="cpu") for folder in sorted(heads.glob("own-*"))]
    alone = []
    for classifier in loaded:
        forget()
        alone.append(analysis.record(classifier, text, attentions=attentions))
    forget()
    passes = []
    for classifier in loaded:
        classifier.encoder.register_forward_hook(lambda *arguments: passes.append(1))
    for classifier, expected in zip(loaded, alone, strict=True):
        trace = analysis.record(classifier, text, attentions=attentions)
        assert np.array_equal(trace.hidden, expected.hidden)
        assert np.array_equal(trace.logits, expected.logits)
        assert (trace.attentions is None) == (expected.attentions is None)
    assert len(passes) == 1
    analysis.record(loaded[0], text + " again")
    assert len(passes) == 2


def test_what_is_kept_of_the_encoder_belongs_to_no_gradient(heads):
    classifier = analysis.load(min(heads.glob("own-*")), device="cpu")
    analysis.record(classifier, "the plot is thin")
    made = analysis.attribute(classifier, "the plot is thin", method="integrated_gradients")
    assert np.isfinite(made.scores).all()
    assert np.abs(made.scores).max() > 0
