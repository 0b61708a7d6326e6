"""Heads with layers of their own: slopes by autograd, the straight line, stock BERT by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import analysis
from analysis.heads.base import dense_step, norm_step
from analysis.heads.stock import _FUNCTIONS
from analysis.reading.decomposition import EXACT, STRAIGHT_LINE
from analysis.straight_line.layers import ACTIVATIONS, Activation, HeadLayers, MeanOfBlocks
from tests.support import oracles, tiny, zoo

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"
BENT = (*zoo.BENT, "layer_norm", "tanh", *tiny.FOREIGN)
D = 6


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_and_its_slope_are_pytorchs(name):
    x = torch.linspace(-4, 4, 41, dtype=torch.float64, requires_grad=True)
    made = _FUNCTIONS[name](x)
    made.sum().backward()
    value, slope = ACTIVATIONS[name]
    np.testing.assert_allclose(value(x.detach().numpy()), made.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(slope(x.detach().numpy()), x.grad.numpy(), atol=1e-9)


def chain(kind: str):
    """A head as NumPy layers and as a PyTorch function, of D numbers (two blocks of 3)."""
    torch.manual_seed(3)
    first, second = nn.Linear(D, D).double(), nn.Linear(D, 4).double()
    small, last = nn.Linear(3, 3).double(), nn.Linear(3, 4).double()
    norm = (
        nn.LayerNorm(D, bias=False).double()
        if kind == "layer_norm"
        else nn.RMSNorm(D, eps=1e-6).double()
    )
    if kind == "blocks":
        layers = (MeanOfBlocks((dense_step(small), Activation("gelu")), 2), dense_step(last))

        def function(x):
            return last(nn.functional.gelu(small(x.reshape(2, 3))).mean(0))

        return layers, function
    with torch.no_grad():
        norm.weight.mul_(torch.randn(D).double())
    layers = (dense_step(first), Activation("tanh"), norm_step(norm), dense_step(second))
    return layers, lambda x: second(norm(torch.tanh(first(x))))


@pytest.mark.parametrize("kind", ["layer_norm", "rms_norm", "blocks"])
def test_values_and_slopes_are_those_of_autograd(kind):
    layers, function = chain(kind)
    x = draw(5, D)
    rest = HeadLayers(layers, D)
    for row, value, slopes in zip(x, rest.logits(x), rest.slopes(x), strict=True):
        point = torch.tensor(row)
        np.testing.assert_allclose(value, function(point).detach().numpy(), atol=1e-12)
        want = torch.autograd.functional.jacobian(function, point).numpy()
        np.testing.assert_allclose(slopes, want, atol=1e-12)


@pytest.mark.parametrize("kind", ["layer_norm", "rms_norm", "blocks"])
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.0, 1e-3, 1.0, 20.0]))
@settings(max_examples=10)
def test_the_average_slope_gives_back_the_change_of_every_logit(kind, seed, scale):
    layers, _ = chain(kind)
    rest = HeadLayers(layers, D)
    start, end = scale * draw(D, seed=seed), draw(D, seed=seed + 1)
    average, points = rest.average_slope(start, end)
    change = rest.logits(end[None])[0] - rest.logits(start[None])[0]
    np.testing.assert_allclose(average @ (end - start), change, atol=1e-5)
    assert points >= 32


def test_a_norm_from_zero_and_the_kink_of_a_relu_are_found():
    norm, dense = nn.RMSNorm(D, eps=1e-6).double(), nn.Linear(D, 3).double()
    for layers in (
        (norm_step(norm), dense_step(dense)),
        (Activation("relu"), dense_step(dense)),
    ):
        rest = HeadLayers(layers, D)
        for start in (np.zeros(D), draw(D, seed=4)):
            end = draw(D, seed=5)
            average, _ = rest.average_slope(start, end)
            change = rest.logits(end[None])[0] - rest.logits(start[None])[0]
            np.testing.assert_allclose(average @ (end - start), change, atol=1e-5)


# --- the split of whole checkpoints ------------------------------------------------------------


@pytest.mark.parametrize("name", BENT)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.0, 0.1, 1.0, 30.0]))
@settings(max_examples=5)
def test_contributions_sum_to_the_logits_for_every_reference(name, seed, scale):
    trace = analysis.record(zoo.loaded(name), TEXT, PAIR if seed % 2 else None)
    mu = scale * draw(tiny.HIDDEN_SIZE, seed=seed)
    split = analysis.decompose(trace, mu)
    assert (split.rule, split.exact) == (STRAIGHT_LINE, False)
    assert split.contributions.shape[2] == len(trace.tokens)
    np.testing.assert_allclose(
        split.contributions.sum((1, 2, 3)) + split.constant,
        trace.logits,
        atol=1e-4 * max(scale, 1),
    )
    assert split.gap == pytest.approx(
        np.abs(split.contributions.sum((1, 2, 3)) + split.constant - split.logits).max()
    )
    assert split.points >= 32


@pytest.mark.parametrize("name", ["cls", "mha", "max_seq_mha", "weighted_layers"])
def test_a_linear_head_is_called_exact_and_needs_no_points(name):
    split = analysis.decompose(analysis.record(zoo.loaded(name), TEXT), "zero")
    assert (split.rule, split.exact, split.points) == (EXACT, True, 0)


@pytest.mark.parametrize("reference", ["zero", "random"])
def test_stock_bert_splits_by_the_closed_form_of_dense_and_tanh(reference):
    """Hidden unit i hands (tanh z_i - tanh z_ref,i) on in proportion to its inputs."""
    classifier = zoo.loaded("bert")
    state = {k: v.double().numpy() for k, v in classifier.model.state_dict().items()}
    trace = analysis.record(classifier, TEXT)
    value = trace.hidden[-1, 0].astype(np.float64)
    mu = np.zeros_like(value) if reference == "zero" else draw(len(value), seed=7)
    dense, bias = state["bert.pooler.dense.weight"], state["bert.pooler.dense.bias"]
    z, z_ref = dense @ value + bias, dense @ mu + bias
    want = np.zeros((3, len(value)))
    for c in range(3):
        for i in range(len(z)):
            handed = state["classifier.weight"][c, i] * (np.tanh(z[i]) - np.tanh(z_ref[i]))
            for j in range(len(value)):
                want[c, j] += handed * dense[i, j] * (value[j] - mu[j]) / (z[i] - z_ref[i])
    split = analysis.decompose(trace, mu)
    assert split.layers == (tiny.LAYERS,)
    assert split.parts == ("cls",)
    assert (split.contributions[:, :, 1:] == 0).all()
    np.testing.assert_allclose(split.contributions[:, 0, 0, 0], want.sum(1), atol=1e-6)
    constant = state["classifier.weight"] @ np.tanh(z_ref) + state["classifier.bias"]
    np.testing.assert_allclose(split.constant, constant, atol=1e-6)


def test_cls_tanh_is_the_cls_head_with_the_tanh_pooler_and_splits_as_stock_bert_does():
    first, other = zoo.loaded("cls_tanh"), zoo.loaded("tanh")
    state = other.model.state_dict()
    torch.testing.assert_close(first.model.head.pooler.weight, state["head.pooler.weight"])
    traces = [analysis.record(classifier, TEXT) for classifier in (first, other)]
    np.testing.assert_allclose(traces[0].logits, traces[1].logits, atol=1e-6)
    splits = [analysis.decompose(trace, "zero") for trace in traces]
    np.testing.assert_allclose(splits[0].contributions, splits[1].contributions, atol=1e-6)


def test_a_max_over_layers_with_a_tanh_pooler_splits_over_its_source_layers(tmp_path):
    folder = tiny.make_pooling_checkpoint(
        tmp_path / "bent", "max_seq_mha", head_options={"pooler": "tanh"}
    )
    trace = analysis.record(analysis.load(folder, device="cpu"), TEXT)
    split = analysis.decompose(trace, "zero")
    assert split.layers == (2, 3, 4)
    np.testing.assert_allclose(
        split.contributions.sum((1, 2, 3)) + split.constant, trace.logits, atol=1e-5
    )
    # One layer's share is that of the values it won: all of them once where it holds every maximum.
    dimensions = analysis.decompose(trace, trace.head.values[3])
    assert np.abs(dimensions.contributions[:, :, 3]).max() < 1e-9


def test_layers_that_add_up_each_have_their_own_share():
    classifier = zoo.loaded("weighted_layers")
    trace = analysis.record(classifier, TEXT)
    state = {k: v.double().numpy() for k, v in classifier.model.state_dict().items()}
    share = oracles.softmax(state["head.scores.weight"][:, 0])
    split = analysis.decompose(trace, "zero")
    assert split.layers == (1, 2, 3, 4)
    for place, layer in enumerate(split.layers):
        for token in range(len(trace.tokens)):
            added = share[place] * trace.hidden[layer, token] / len(trace.tokens)
            want = state["classifier.weight"] @ added
            np.testing.assert_allclose(split.contributions[:, 0, token, place], want, atol=1e-6)


@pytest.mark.parametrize("kind", ["own", "stock"])
def test_randomised_weights_are_split_by_the_heads_own_random_layers(tmp_path, kind):
    """A head remembered from before the drawing would add up to no logits: no rank, but NaN."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from analysis.attribution import randomisation

    if kind == "own":
        tiny.make_pooling_checkpoint(tmp_path / "one", "mean", head_options={"pooler": "tanh"})
    else:
        size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = AutoConfig.for_model(
            "modernbert", vocab_size=100, intermediate_size=64, pad_token_id=0, **size,
            classifier_pooling="mean", num_labels=3,
        )  # fmt: skip
        model = AutoModelForSequenceClassification.from_config(config)
        tiny.randomize(model, seed=5).save_pretrained(tmp_path / "one")
        tiny.make_tokenizer(tmp_path / "one")
    classifier = analysis.load(tmp_path / "one", device="cpu")
    before = analysis.record(classifier, TEXT).logits
    result = randomisation(classifier, TEXT, method="exact_split", reference="zero")
    assert len(result.stages) > 3
    assert np.isfinite(result.spearman).all()
    np.testing.assert_array_equal(analysis.record(classifier, TEXT).logits, before)
