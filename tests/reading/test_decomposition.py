"""The exact split: it sums to the logits, and equals the formulas over the weight matrices."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import analysis
from analysis.checkpoints import profiles
from analysis.reading.decomposition import Decomposition, NoExactSplit, contrast_of
from analysis.reading.trace import measure_profile
from tests.support import demo, oracles, tiny, zoo

TEXT, PAIR = "The plot is thin, but not dull.", "Who said it?"
LINEAR = (*zoo.LINEAR, "lora", "regression", "residual")
EXACT = 1e-5


def sums(split: Decomposition) -> np.ndarray:
    return split.contributions.sum((1, 2, 3)) + split.constant


def close(split: Decomposition) -> bool:
    """Within the method's bound: error over the sum of all absolute addends, each class."""
    gap = np.abs(sums(split) - split.logits)
    addends = np.abs(split.contributions).sum((1, 2, 3)) + np.abs(split.constant)
    return bool((gap <= EXACT * addends).all())


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """A checkpoint with a corpus profile beside it."""
    folder = tmp_path_factory.mktemp("profiled") / "one"
    shutil.copytree(zoo.folder("max_seq_mha"), folder)
    classifier = analysis.load(folder, device="cpu")
    measure_profile(classifier, [TEXT, "Dull.", PAIR], None, "three texts").save(folder)
    return classifier


@pytest.mark.parametrize("name", LINEAR)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.0, 0.1, 1.0, 30.0]))
@example(seed=38896, scale=1.0)  # one class to which [CLS] contributes next to nothing
@settings(max_examples=15)
def test_contributions_sum_to_the_logits_for_every_reference(name, seed, scale):
    trace = analysis.record(zoo.loaded(name), TEXT, PAIR if seed % 2 else None)
    mu = scale * np.random.default_rng(seed).normal(size=tiny.HIDDEN_SIZE)
    split = analysis.decompose(trace, mu)
    assert split.reference == "custom"
    assert split.contributions.shape[:1] == trace.logits.shape
    assert split.contributions.shape[2] == len(trace.tokens)
    np.testing.assert_allclose(sums(split), trace.logits, rtol=1e-4, atol=1e-4 * max(scale, 0.1))
    assert close(split)
    assert split.error < EXACT


@pytest.mark.parametrize("name", LINEAR)
def test_zero_is_the_reference_where_there_is_no_profile(name):
    trace = analysis.record(zoo.loaded(name), TEXT)
    split = analysis.decompose(trace)
    assert split.reference == "zero"
    assert np.array_equal(split.contributions, analysis.decompose(trace, "zero").contributions)
    np.testing.assert_allclose(sums(split), trace.logits, atol=1e-5)


def test_the_corpus_is_the_reference_where_there_is_a_profile(profiled):
    trace = analysis.record(profiled, TEXT)
    mu = profiles.read(profiled.checkpoint.folder).value_mean
    split = analysis.decompose(trace)
    assert split.reference == "corpus"
    by_hand = analysis.decompose(trace, mu)
    np.testing.assert_allclose(split.contributions, by_hand.contributions)
    np.testing.assert_allclose(sums(split), trace.logits, atol=1e-5)
    zero = analysis.decompose(trace, "zero")
    assert zero.reference == "zero"
    assert not np.allclose(zero.contributions, split.contributions)


# --- against loops over the weight matrices ---------------------------------------------------


def weights_of(classifier) -> tuple[dict, np.ndarray, np.ndarray]:
    """The attention layer's and the classifier's weights, straight from the state dictionary."""
    state = {k: v.double().numpy() for k, v in classifier.model.state_dict().items()}
    prefix = "head.attention."
    layer = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return layer, state["classifier.weight"], state["classifier.bias"]


@pytest.mark.parametrize("reference", ["zero", "random"])
@pytest.mark.parametrize("name", ["mha", "max_seq_mha", "lora", "regression"])
def test_attention_heads_split_as_the_formulas_say(name, reference):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT, PAIR)
    hidden = trace.hidden.astype(np.float64)
    layers, values, source = (tiny.LAYERS,), hidden[-1], np.full(hidden[-1].shape, tiny.LAYERS)
    if name != "mha":
        layers = (2, 3, 4)
        values, source, _ = oracles.max_layers(hidden, 3)
    draw = np.random.default_rng(1).normal(size=tiny.HIDDEN_SIZE)
    mu = draw if reference == "random" else np.zeros_like(draw)
    layer, w_cls, b_cls = weights_of(classifier)
    _, alpha = oracles.attend(values[0], values, np.ones(len(values)), layer, 4)
    want, constant = oracles.split_attention(values, source, alpha, layers, layer, w_cls, b_cls, mu)
    split = analysis.decompose(trace, mu if reference == "random" else "zero")
    assert split.layers == layers
    assert split.parts == tuple(f"attention head {h}" for h in range(4))
    np.testing.assert_allclose(split.contributions, want, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(split.constant, constant, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["cls", "max_cls"])
def test_cls_heads_split_as_the_formulas_say_and_sit_on_cls_alone(name):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT)
    hidden = trace.hidden[:, :1].astype(np.float64)
    layers, values, source = (tiny.LAYERS,), hidden[-1], np.full(hidden[-1].shape, tiny.LAYERS)
    if name == "max_cls":
        layers = (2, 3, 4)
        values, source, _ = oracles.max_layers(hidden, 3)
    _, w_cls, b_cls = weights_of(classifier)
    mu = np.random.default_rng(2).normal(size=tiny.HIDDEN_SIZE)
    want, constant = oracles.split_cls(values[0], source[0], layers, w_cls, b_cls, mu)
    split = analysis.decompose(trace, mu)
    assert split.layers == layers
    assert (split.contributions[:, :, 1:] == 0).all()
    np.testing.assert_allclose(split.contributions[:, 0, 0], want, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(split.constant, constant, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["mean", "max", "weighted_mean"])
def test_poolings_over_tokens_split_by_token(name):
    classifier = zoo.loaded(name)
    trace = analysis.record(classifier, TEXT)
    tokens = trace.hidden[-1].astype(np.float64)
    length = len(tokens)
    share = np.full(tokens.shape, 1 / length)
    if name == "max":
        _, winner, _ = oracles.max_tokens(tokens, np.ones(length))
        share = (np.arange(length)[:, None] == winner[None]).astype(float)
    if name == "weighted_mean":
        score = classifier.model.head.score
        scores = [float(score.weight[0].numpy() @ t + score.bias.item()) for t in tokens]
        share = np.repeat(oracles.softmax(scores)[:, None], tiny.HIDDEN_SIZE, axis=1)
    _, w_cls, _ = weights_of(classifier)
    want = np.array([[row @ (share[t] * tokens[t]) for t in range(length)] for row in w_cls])
    split = analysis.decompose(trace, "zero")
    np.testing.assert_allclose(split.contributions[:, 0, :, 0], want, rtol=1e-3, atol=1e-5)


def test_the_residual_is_one_more_part_that_sits_on_cls():
    classifier = zoo.loaded("residual")
    trace = analysis.record(classifier, TEXT)
    split = analysis.decompose(trace, "zero")
    assert split.parts[-1] == "residual"
    _, w_cls, _ = weights_of(classifier)
    own = split.contributions[:, -1]
    assert (own[:, 1:] == 0).all()
    np.testing.assert_allclose(own[:, 0].sum(-1), w_cls @ trace.hidden[2:, 0].max(0), rtol=1e-4)


# --- what is said of it -----------------------------------------------------------------------


def test_the_contrast_is_the_target_minus_the_mean_of_the_others():
    trace = analysis.record(zoo.loaded("max_seq_mha"), TEXT)
    split = analysis.decompose(trace, "zero")
    for target in range(3):
        want = oracles.contrast(split.contributions, target)
        np.testing.assert_allclose(split.contrast(target), want)
        np.testing.assert_allclose(split.by_token(target), want.sum((0, 2)))
        np.testing.assert_allclose(split.by_layer(target), want.sum((0, 1)))
        total = split.by_token(target).sum() + oracles.contrast(split.constant, target)
        assert total == pytest.approx(oracles.contrast(trace.logits, target), abs=1e-5)


@given(st.integers(0, 10**6), st.floats(-50, 50))
def test_a_shift_common_to_all_classes_cancels_in_the_contrast(seed, shift):
    values = np.random.default_rng(seed).normal(size=(4, 3))
    for target in range(4):
        np.testing.assert_allclose(
            contrast_of(values + shift, target), contrast_of(values, target), atol=1e-9
        )
    assert contrast_of(values[:1], 0).tolist() == values[0].tolist()


def test_the_printed_error_is_the_methods():
    split = Decomposition(
        contributions=np.array([[[[1.0, -2.0]]], [[[3.0, 0.0]]]]),
        constant=np.array([0.5, 0.0]),
        logits=np.array([-0.5, 3.3]),
        layers=(1, 2),
        parts=("a",),
        reference="zero",
    )
    assert split.error == pytest.approx(0.3 / 3)


def test_a_bare_encoder_has_no_split():
    trace = analysis.record(zoo.loaded("bare"), TEXT)
    with pytest.raises(NoExactSplit, match="no logit"):
        analysis.decompose(trace)
    assert issubclass(NoExactSplit, ValueError)


def test_a_reference_that_does_not_exist_is_refused(profiled):
    trace = analysis.record(zoo.loaded("mha"), TEXT)
    with pytest.raises(ValueError, match="no corpus profile"):
        analysis.decompose(trace, "corpus")
    with pytest.raises(ValueError, match="'zero', 'corpus', or a vector"):
        analysis.decompose(trace, "mean")
    with pytest.raises(ValueError, match=r"reference has shape \(3,\)"):
        analysis.decompose(trace, np.zeros(3))


def test_a_bfloat16_encoder_still_splits_exactly():
    classifier = analysis.load(zoo.folder("max_seq_mha"), device="cpu", dtype="bfloat16")
    split = analysis.decompose(analysis.record(classifier, TEXT))
    assert split.error < EXACT


@pytest.mark.slow
@pytest.mark.parametrize("name", demo.FOUR)
def test_a_demo_checkpoint_splits_exactly(name):
    classifier = analysis.load(name, device="cpu")
    for text in (tiny.SENTENCE, "What is the capital of Peru?"):
        trace = analysis.record(classifier, text, PAIR if classifier.checkpoint.pairs else None)
        for reference in ("zero", None):
            split = analysis.decompose(trace, reference)
            assert close(split)
            assert split.error < EXACT
            np.testing.assert_allclose(sums(split), trace.logits, atol=1e-4)
