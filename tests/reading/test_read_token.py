"""The token that stands for a text: [CLS], or the one that a decoder's head reads."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.checkpoints.model import build_classifier
from analysis.families.table import make
from analysis.figures.views import attention as views
from analysis.reading.attention import cls_row, rollout
from tests.support import zoo

TEXT = "The plot is thin, but not dull."


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """``loaded("qwen3")``: a tiny model of the family, loaded once."""
    place, kept = tmp_path_factory.mktemp("families"), {}

    def of(name, classifier=True):
        if (name, classifier) not in kept:
            folder = make(place / f"{name}-{classifier}", name, classifier=classifier)
            kept[name, classifier] = analysis.load(folder, device="cpu")
        return kept[name, classifier]

    return of


@pytest.mark.parametrize("name", ["qwen3", "llama", "gpt2", "xlnet"])
@pytest.mark.parametrize("classifier", [True, False])
def test_a_decoder_is_read_at_its_last_token(loaded, name, classifier):
    model = loaded(name, classifier)
    trace = analysis.record(model, TEXT)
    causal = name != "xlnet"
    last = len(trace.tokens) - 1
    assert model.causal == causal
    assert trace.read_token == (last if causal or classifier else 0)
    if trace.read_token:
        assert trace.read_name.startswith("the last token, ")
        assert trace.tokens.labels[last] in trace.read_name


@pytest.mark.parametrize("name", ["bert", "cls", "mean", "max_seq_mha", "mha", "bare"])
def test_an_encoder_is_read_at_cls(name):
    trace = analysis.record(zoo.loaded(name), TEXT)
    assert (trace.read_token, trace.read_name) == (0, "[CLS]")


@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
def test_the_row_shown_is_that_of_the_token_that_is_read(loaded, name):
    trace = analysis.record(loaded(name), TEXT, attentions=True)
    rows = cls_row(trace)
    np.testing.assert_array_equal(rows, trace.attentions[-1, :, -1])
    assert np.abs(rows[:, :-1]).max() > 0.01, "the first token of a decoder sees itself alone"
    np.testing.assert_array_equal(rollout(trace).cls_row, rollout(trace).values[-1, -1])
    for plot in (views.cls_row(trace), views.rollout(trace, rollout(trace))):
        assert trace.tokens.labels[-1] in plot.title
        assert "[CLS]" not in plot.title + plot.caption


def test_pictures_of_a_decoder_and_an_encoder_follow_each_its_own_token(loaded):
    from analysis.figures.recipes.registry import make as draw

    qwen, bert = loaded("qwen3"), loaded("bert")
    both = draw("depth", [qwen, bert], TEXT)
    trace = analysis.record(qwen, TEXT)
    norms = np.linalg.norm(trace.hidden[:, -1], axis=1)
    np.testing.assert_allclose(both.mark.panels[0].y[0], norms, rtol=1e-4)
    row = draw("cls_row", [qwen], TEXT, params={"words": False})
    whole = analysis.record(qwen, TEXT, attentions=True)
    np.testing.assert_allclose(row.mark.values, whole.attentions[-1, :, -1], atol=1e-5)


def test_a_pooling_head_over_all_tokens_of_a_decoder_has_its_last_row(tmp_path):
    from transformers import AutoTokenizer

    encoder = make(tmp_path / "encoder", "qwen3", classifier=False)
    model = build_classifier(encoder, "mean", {}, ["a", "b"], attn_implementation="eager")
    model.save_pretrained(tmp_path / "saved")
    AutoTokenizer.from_pretrained(encoder).save_pretrained(tmp_path / "saved")
    trace = analysis.record(analysis.load(tmp_path / "saved", device="cpu"), TEXT)
    assert trace.read_token == len(trace.tokens) - 1
