"""A pooling head of one's own that pools by the encoder's attentions: computed for it alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import analysis
from analysis import heads
from analysis.attribution.registry import METHODS
from analysis.checkpoints.model import PoolingClassifier
from analysis.interventions import depth_logits, drop_effects, leave_one_out, what_if
from analysis.reading.layers import trajectory
from tests.support import tiny, zoo

TEXT = tiny.SENTENCE


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """[CLS]'s attention in the last layer, mean over its attention heads, weights the maxima."""
    before = dict(heads.HEADS)

    @heads.head("by_attention")
    class ByAttention(heads.MaxSeqMean):
        def read(self, hidden, attention_mask, attentions=None):
            pooled = super().read(hidden, attention_mask)
            rows = attentions[-1].mean(1) if len(attentions) else pooled.weights
            weights = rows[:, :1]
            vector = (weights[..., None] * pooled.values[:, None]).sum(2)[:, 0]
            return heads.Pooled(vector, pooled.winners, weights, weights, pooled.values)

    folder = tmp_path_factory.mktemp("offered") / "one"
    tiny.make_pooling_checkpoint(folder, "by_attention", seed=3)
    yield analysis.load(folder, device="cpu", attn_implementation="sdpa")
    heads.HEADS.clear()
    heads.HEADS.update(before)


def test_attentions_are_computed_for_a_head_that_asks_and_for_no_other(classifier):
    assert classifier.model.config._attn_implementation == "eager"
    usual = zoo.loaded("max_seq_mha")  # while it is loaded, a few passes are tried
    calls = []
    encode = PoolingClassifier.encode

    def spy(self, *args, **inputs):
        output = encode(self, *args, **inputs)
        calls.append(bool(output.attentions))
        return output

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PoolingClassifier, "encode", spy)
        analysis.record(classifier, TEXT)
        analysis.record(usual, TEXT)
    assert calls == [True, False]
    own = {cls.reads_attentions() for key, cls in heads.HEADS.items() if key != "by_attention"}
    assert own == {False}


def test_the_vector_is_weighted_by_the_encoders_attentions_and_splits(classifier):
    trace = analysis.record(classifier, TEXT)
    row = trace.attentions[-1, :, 0].mean(0)
    np.testing.assert_allclose(trace.head.attention[0], row, atol=1e-6)
    values = trace.hidden[2:].max(0)
    np.testing.assert_allclose(trace.head.pooled, row @ values, atol=1e-5)
    split = analysis.decompose(trace)
    assert split.exact
    assert split.error < 1e-5
    with torch.no_grad():
        ids = torch.tensor(trace.tokens.ids)[None]
        np.testing.assert_allclose(classifier.model(ids).logits[0], trace.logits, atol=1e-5)


def test_whoever_runs_the_head_again_gives_it_the_attentions(classifier):
    trace = analysis.record(classifier, TEXT)
    np.testing.assert_allclose(what_if(classifier, TEXT).logits[1], trace.logits, atol=1e-5)
    np.testing.assert_allclose(depth_logits(classifier, trace)[-1], trace.logits, atol=1e-5)
    np.testing.assert_allclose(trajectory(classifier, TEXT).logits[-1], trace.logits, atol=1e-5)
    dropped = drop_effects(classifier, TEXT, by_token=True)
    values = trace.hidden[3:].max(0)  # without layer 2
    weight, bias = (p.detach().numpy() for p in classifier.model.classifier.parameters())
    without = weight @ (trace.head.attention[0] @ values) + bias
    np.testing.assert_allclose(dropped.effects[:, 0], trace.logits - without, atol=1e-4)
    for where in ("head", "encoder"):
        assert np.isfinite(leave_one_out(classifier, TEXT, where=where).effects[:, 1:]).all()


def test_gradients_and_hidden_units_reach_it_and_the_joint_layers_say_why_not(classifier):
    result = analysis.attribute(classifier, TEXT)
    assert result.completeness_gap < 0.05 * max(abs(result.delta), 0.1)
    reason = METHODS["joint_layers"].why_not(classifier)
    assert "reads the encoder's attentions" in reason
    table = analysis.corpus.embed(classifier, [TEXT, "dull"], pooling=("head",))
    trace = analysis.record(classifier, TEXT)
    np.testing.assert_allclose(table.vectors[("head", 4)][0], trace.head.pooled, atol=1e-5)


def test_without_attentions_it_says_what_is_missing(classifier):
    states = torch.randn(tiny.LAYERS + 1, 1, 3, tiny.HIDDEN_SIZE)
    with pytest.raises(ValueError, match=r"'by_attention' reads the encoder's attentions"):
        classifier.model.head(states, torch.ones(1, 3))
    with pytest.raises(ValueError, match="attn_implementation='eager'"):
        classifier.model.pool(tuple(states), torch.ones(1, 3), ())
