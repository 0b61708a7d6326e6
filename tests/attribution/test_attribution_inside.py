"""Looking inside: pooled layers as joint inputs, attention times gradient, the exact split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import analysis
from analysis import heads
from analysis.attribution import attribute, why_not
from analysis.checkpoints.loading import register_heads
from analysis.figures.registry import draw
from analysis.reading.trace import model_inputs
from tests.support import demo, oracles, tiny, zoo

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"
DEMO = Path(__file__).resolve().parents[2] / "checkpoints"

OWN_HEAD = '''
from analysis.heads import Pooled, PoolingHead, head
from analysis import pooling

@head("two_ends")
class TwoEnds(PoolingHead):
    """[CLS] of the last layer and of the one before, multiplied."""

    def read(self, hidden, attention_mask):
        index = pooling.first_token(attention_mask)
        last, before = (pooling.take_token(layer, index) for layer in (hidden[-1], hidden[-2]))
        return Pooled(last * before)
'''


@pytest.fixture
def own(tmp_path):
    """A checkpoint whose pooling head comes from its user's own file."""
    known = dict(heads.HEADS)
    file = tmp_path / "my_heads.py"
    file.write_text(OWN_HEAD)
    register_heads(file)
    yield analysis.load(tiny.make_pooling_checkpoint(tmp_path / "own", "two_ends"), device="cpu")
    heads.HEADS.clear()
    heads.HEADS.update(known)


def both_states(classifier, text=TEXT, pair=None):
    """Hidden states (L+1) of text and [PAD] baseline, each (1, T, d), and the inputs."""
    tokens = analysis.record(classifier, text, pair).tokens
    inputs = model_inputs(classifier, tokens)
    empty = dict(inputs)
    empty["input_ids"] = torch.where(
        torch.tensor(tokens.special), inputs["input_ids"], classifier.tokenizer.pad_token_id
    )
    with torch.no_grad():
        return [classifier.model.encode(**row).hidden_states for row in (inputs, empty)], inputs


# --- the pooled layers as joint inputs -----------------------------------------------------------


@pytest.mark.parametrize("name", ["max_seq_mha", "max_cls", "mha"])
def test_joint_layers_equal_a_plain_sum_over_the_line(name):
    classifier = zoo.loaded(name)
    (text, empty), inputs = both_states(classifier)
    layers = (2, 3, 4) if name.startswith("max") else (4,)
    steps = 400
    want = {layer: torch.zeros_like(text[0]) for layer in layers}
    for step in range(steps):
        along = (step + 0.5) / steps
        moved = [
            (b + along * (x - b)).requires_grad_(i in layers)
            for i, (x, b) in enumerate(zip(text, empty, strict=True))
        ]
        vector = classifier.model.head(torch.stack(moved), inputs["attention_mask"]).vector
        classifier.model.classifier(vector)[0, 1].backward()
        for layer in layers:
            want[layer] += moved[layer].grad * (text[layer] - empty[layer]) / steps
    result = attribute(classifier, TEXT, method="joint_layers", target=1, n_steps=400)
    assert result.layers == layers
    for column, layer in enumerate(layers):
        np.testing.assert_allclose(
            result.layer_scores[:, column], want[layer][0].sum(-1).numpy(), atol=2e-3
        )
    np.testing.assert_allclose(result.layer_scores.sum(1), result.scores, atol=1e-9)


@pytest.mark.parametrize("output", ["logit", "contrast", "probability"])
@pytest.mark.parametrize("name", [*zoo.OWN, "layer_norm", "tanh", *tiny.FOREIGN])
def test_joint_layers_sum_to_the_difference_of_the_output(name, output):
    classifier = zoo.loaded(name)
    result = attribute(classifier, TEXT, PAIR, "joint_layers", output=output, tolerance=1e-3)
    whole = attribute(classifier, TEXT, PAIR, n_steps=1, output=output)
    assert result.delta == pytest.approx(whole.delta, abs=1e-5)
    assert result.completeness_gap == pytest.approx(
        abs(result.layer_scores.sum() - result.delta), abs=1e-9
    )
    reached = result.completeness_gap <= 1e-3 * max(abs(result.delta), 0.01)
    assert result.converged == reached
    # A ReLU on the line: such a kink takes points in proportion to what is asked for.
    assert reached or (name == "distilbert" and result.completeness_gap < 5e-3)


def test_conductance_gives_the_layers_more_than_the_whole_and_is_no_split():
    from captum.attr import LayerConductance

    classifier = zoo.loaded("max_seq_mha")
    model = classifier.model
    tokens = analysis.record(classifier, TEXT).tokens
    inputs = model_inputs(classifier, tokens)
    ids = inputs.pop("input_ids")
    embed = model.get_input_embeddings()
    empty = embed(torch.where(torch.tensor(tokens.special), ids, 0))

    def value(embeddings):
        rest = {name: tensor.expand(len(embeddings), -1) for name, tensor in inputs.items()}
        return model(inputs_embeds=embeddings, **rest).logits[:, 1]

    shares = [
        float(
            LayerConductance(value, model.encoder.encoder.layer[layer - 1])
            .attribute(embed(ids).requires_grad_(), empty, n_steps=64)[0]
            .sum()
            .detach()
        )
        for layer in (2, 3, 4)
    ]
    result = attribute(classifier, TEXT, method="joint_layers", target=1, tolerance=1e-3)
    by_layer = result.layer_scores.sum(0)
    assert shares[0] == pytest.approx(result.delta, abs=0.02)  # the first layer has it all
    assert abs(sum(shares) - result.delta) > 50 * result.completeness_gap
    assert not np.allclose(shares, by_layer, atol=0.05)


def test_a_pooling_head_of_ones_own_is_asked_which_layers_it_reads(own):
    result = attribute(own, TEXT, method="joint_layers", target=1)
    assert result.layers == (tiny.LAYERS - 1, tiny.LAYERS)
    assert result.layer == "output of layers 3 to 4"
    assert (result.layer_scores[1:] == 0).all()  # it reads [CLS] alone
    assert result.completeness_gap < 0.01


@pytest.mark.parametrize("name", tiny.FOREIGN)
def test_a_stock_classifier_has_its_last_layer_alone(name):
    result = attribute(zoo.loaded(name), TEXT, method="joint_layers", target=1)
    assert result.layers == (tiny.LAYERS,)
    assert (result.scores[1:] == 0).all()  # all four classify by their first token
    assert result.scores[0] == pytest.approx(result.delta, abs=0.01)


# --- attention times gradient --------------------------------------------------------------------


@pytest.mark.parametrize("layers", ["all", "last"])
def test_attention_times_gradient_is_the_slope_along_a_scale_of_a_tokens_weights(
    layers, monkeypatch
):
    """Weights to one token times 1 + e, at first order, by finite differences."""
    from transformers.models.bert import modeling_bert

    classifier = zoo.loaded("bert")
    inputs = model_inputs(classifier, analysis.record(classifier, TEXT).tokens)
    scale = torch.ones(inputs["input_ids"].shape[1])
    seen = []

    def scaled(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **kwargs):
        weights = query @ key.transpose(2, 3) * (scaling or query.shape[-1] ** -0.5)
        weights = (weights if attention_mask is None else weights + attention_mask).softmax(-1)
        seen.append(0)
        if layers == "all" or len(seen) % tiny.LAYERS == 0:
            weights = weights * scale
        return (weights @ value).transpose(1, 2).contiguous(), weights

    result = attribute(classifier, TEXT, method="attention_x_gradient", target=1, layers=layers)
    monkeypatch.setattr(modeling_bert, "eager_attention_forward", scaled)
    step, slopes = 2e-2, []
    for token in range(len(scale)):
        ends = []
        for sign in (1, -1):
            scale[token] = 1 + sign * step
            with torch.no_grad():
                ends.append(float(classifier.model(**inputs).logits[0, 1]))
            scale[token] = 1
        slopes.append((ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(result.scores, slopes, atol=5e-3)
    assert len(seen) == 2 * tiny.LAYERS * len(scale)


# --- the exact split -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*zoo.LINEAR, "cls_tanh", "bert"])
def test_the_exact_split_is_that_of_the_output(name):
    classifier = zoo.loaded(name)
    split = analysis.decompose(analysis.record(classifier, TEXT), "zero")
    by_class = split.contributions.sum(1)  # (C, T, K)
    for output, target, want in (
        ("logit", 2, by_class[2]),
        ("contrast", 2, oracles.contrast(by_class, 2)),
        ("logit", (0, 1), by_class[0] - by_class[1]),
    ):
        result = attribute(
            classifier, TEXT, method="exact_split", target=target, output=output, reference="zero"
        )
        np.testing.assert_allclose(result.layer_scores, want, atol=1e-5)
        np.testing.assert_allclose(result.scores, want.sum(-1), atol=1e-5)
        assert result.layers == split.layers
        assert result.completeness_gap < 1e-4


def test_the_exact_split_names_its_reference():
    classifier = analysis.load(DEMO / "sst2-max_seq_mha", device="cpu")
    corpus, zero = (
        attribute(classifier, TEXT, method="exact_split", reference=reference)
        for reference in (None, "zero")
    )
    assert (corpus.options["reference"], zero.options["reference"]) == ("corpus", "zero")
    assert (corpus.baseline, zero.baseline) == ("corpus mean of the values", "values of zero")
    assert not np.allclose(corpus.scores, zero.scores)
    assert corpus.delta != pytest.approx(zero.delta)


def test_where_there_is_no_exact_split_a_sentence_says_why():
    for classifier, message in (
        (zoo.silent(zoo.loaded("cls")), "reports no weights and values"),
        (zoo.loaded("bare"), "bare encoder"),
    ):
        assert message in why_not(classifier, "exact_split")
        with pytest.raises(ValueError, match=message):
            attribute(classifier, TEXT, method="exact_split")
    with pytest.raises(ValueError, match="a probability is no sum"):
        attribute(zoo.loaded("mha"), TEXT, method="exact_split", output="probability")


# --- any checkpoint ------------------------------------------------------------------------------


def test_a_stock_classifier_and_ones_own_head_are_coloured_by_one_method(own):
    for classifier in (zoo.loaded("bert"), own):
        result = attribute(classifier, TEXT)
        tokens = analysis.record(classifier, TEXT).tokens
        picture = draw("input_attribution", result, tokens, classifier.checkpoint)
        assert result.completeness_gap <= 0.01 * max(abs(result.delta), 1)
        assert f"completeness gap {result.completeness_gap:.1e}" in " ".join(picture.notes)
        assert list(picture.mark.values) == result.scores.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", demo.FOUR)
def test_attributions_of_a_demo_checkpoint_are_complete(name):
    classifier = analysis.load(name, device="cpu")
    pair = "The acting is dull." if classifier.checkpoint.pairs else None
    for method in ("integrated_gradients", "joint_layers", "exact_split"):
        result = attribute(classifier, "The plot is thin.", pair, method, unit="word")
        gap = abs(result.scores.sum() - result.delta)
        assert gap == pytest.approx(result.completeness_gap, abs=1e-9)
        assert gap <= 0.01 * max(abs(result.delta), 1), method


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sst2-max_seq_mha", "sst2-cls"])
def test_on_a_demo_checkpoint_scores_are_those_of_captum(name):
    from captum.attr import LayerIntegratedGradients

    classifier = analysis.load(DEMO / name, device="cpu")
    tokens = analysis.record(classifier, TEXT).tokens
    inputs = model_inputs(classifier, tokens)
    ids = inputs.pop("input_ids")
    empty = torch.where(torch.tensor(tokens.special), ids, classifier.tokenizer.pad_token_id)

    def value(ids):
        rest = {name: tensor.expand(len(ids), -1) for name, tensor in inputs.items()}
        return classifier.model(input_ids=ids, **rest).logits[:, 1]

    captum = LayerIntegratedGradients(value, classifier.model.get_input_embeddings())

    def by_captum(steps):
        expected = captum.attribute(ids, baselines=empty, n_steps=steps, internal_batch_size=50)
        return expected[0].sum(-1).detach().numpy()

    fixed = attribute(classifier, TEXT, target=1, n_steps=20)
    np.testing.assert_allclose(fixed.scores, by_captum(20), atol=1e-4)
    many, own = by_captum(200), attribute(classifier, TEXT, target=1)
    assert own.options["n_steps"] < 100
    assert np.abs(own.scores - many).max() < 0.02 * np.abs(many).max()
