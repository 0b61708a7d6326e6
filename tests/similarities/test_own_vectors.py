"""A checkpoint's own vector: declared modules of a sentence-transformers folder, a stock head's."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import analysis
from analysis.corpus.embedding import embed
from analysis.similarities.affine import affine
from analysis.straight_line.layers import (
    ACTIVATIONS,
    Activation,
    Dense,
    Layer,
    MeanOfBlocks,
    Norm,
    Residual,
    UnitLength,
)
from tests.support import tiny, zoo

A = "The plot is thin, but the acting is anything but dull."
B = "a film with poor acting"
DECLARED = ("mean", "modes", "dense", "tanh", "norm", "residual", "unlike")


@cache
def _saved(kind: str) -> tuple[Path, Any]:
    """A folder that sentence-transformers wrote, and its model."""
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    from sentence_transformers.base.modules import Dense as TheirDense
    from sentence_transformers.base.modules import Normalize
    from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling, Transformer

    torch.manual_seed(7)
    place = zoo.root() / f"declared-{kind}"
    size = tiny.HIDDEN_SIZE

    def dense(activation: Any, out: int = 12, inside: int = size, **options: Any) -> Any:
        return TheirDense(inside, out, activation_function=activation, **options)

    nn = torch.nn
    after = {
        "mean": [Normalize()],
        "modes": [dense(nn.Identity(), inside=3 * size), Normalize()],
        "dense": [dense(nn.Identity()), dense(nn.Identity(), 5, 12, bias=False)],
        "tanh": [dense(nn.Tanh()), Normalize()],
        "norm": [dense(nn.GELU()), LayerNorm(12), Normalize()],
        "residual": [dense(nn.GELU(), use_residual=True)],
        "unlike": [dense(nn.SiLU(), size, use_residual=True), dense(nn.Sigmoid(), 4)],
    }[kind]
    modes = {"modes": ["cls", "max", "mean"], "dense": ["max"]}.get(kind, ["mean"])
    transformer = Transformer(str(tiny.make_bare_encoder(place / "encoder", seed=5)),
                              max_seq_length=32)  # fmt: skip
    model = library.SentenceTransformer(
        modules=[transformer, Pooling(size, pooling_mode=modes), *after], device="cpu"
    )
    model.save(str(place / "saved"))
    return place / "saved", model


@pytest.mark.parametrize("kind", DECLARED)
def test_declared_modules_score_as_sentence_transformers_does(kind: str) -> None:
    folder, model = _saved(kind)
    from sentence_transformers import util

    vectors = model.encode([A, B])
    loaded = analysis.load(folder, device="cpu")
    split = analysis.similarity(loaded, A, B, "head")
    assert split.score == pytest.approx(float(util.cos_sim(*vectors)[0, 0]), abs=1e-5)
    for side, vector in zip((split.a, split.b), vectors, strict=True):
        np.testing.assert_allclose(side.vector, vector, atol=1e-5)
        np.testing.assert_allclose(side.terms().sum(axis=0), vector, atol=1e-5)
    other = analysis.similarity(loaded, B, A, "head")
    for part, turned in ((split.contributions, other.contributions.T),
                        (split.by_part, other.by_part.T)):  # fmt: skip
        assert part.sum() == pytest.approx(split.score, abs=1e-6)
        np.testing.assert_allclose(part, turned, atol=1e-9)
    centred = analysis.similarity(loaded, A, B, "head", centre=vectors.mean(axis=0) / 2)
    assert centred.contributions.sum() == pytest.approx(centred.score, abs=1e-6)


def test_linear_modules_are_exact_and_others_name_their_rule() -> None:
    for kind, words in {"mean": "", "modes": "", "dense": "", "tanh": "straight line",
                        "norm": "layer norm", "unlike": "straight line"}.items():  # fmt: skip
        split = analysis.similarity(analysis.load(_saved(kind)[0], device="cpu"), A, B, "head")
        assert words in " ".join(split.rules), kind
        assert bool(split.rules) == bool(words), kind
        assert split.gap < 1e-6


def test_a_dense_module_after_a_mean_is_the_loop_over_its_tokens() -> None:
    """Without an activation each token goes through the dense layer by itself."""
    folder, model = _saved("modes")
    loaded = analysis.load(folder, device="cpu")
    split = analysis.similarity(loaded, A, B, "head")
    weight = model[2].linear.weight.detach().numpy().astype(float)
    bias = model[2].linear.bias.detach().numpy().astype(float)
    d = tiny.HIDDEN_SIZE
    terms = []
    for text in (A, B):
        hidden = analysis.record(loaded, text).hidden[-1].astype(float)
        won = hidden.argmax(axis=0)
        rows = np.zeros((len(hidden), len(weight)))
        for t, state in enumerate(hidden):
            share = np.concatenate([state * (t == 0), state * (won == t), state / len(hidden)])
            # Each of the three poolings shares the bias out as it weighs the token.
            mean_share = np.mean([float(t == 0), np.mean(won == t), 1 / len(hidden)])
            rows[t] = weight @ share + bias * mean_share
        terms.append(rows)
    lengths = [np.linalg.norm(rows.sum(axis=0)) for rows in terms]
    expected = terms[0] @ terms[1].T / np.prod(lengths)
    assert weight.shape == (12, 3 * d)
    np.testing.assert_allclose(split.contributions, expected, atol=1e-5)


@pytest.mark.parametrize("name", tiny.FOREIGN)
def test_a_stock_heads_own_vector_is_what_its_classifier_reads(name: str) -> None:
    classifier = zoo.loaded(name)
    output = classifier.output_layer
    split = analysis.similarity(classifier, A, B, "head")
    for side, text in ((split.a, A), (split.b, B)):
        with torch.no_grad():
            logits = output(torch.tensor(np.array(side.vector))).numpy()
        np.testing.assert_allclose(logits, analysis.record(classifier, text).logits, atol=1e-5)
        np.testing.assert_allclose(side.terms().sum(axis=0), side.vector, atol=1e-5)
    assert split.contributions.sum() == pytest.approx(split.score, abs=1e-6)
    vectors = embed(classifier, [A, B], pooling=("head",))["head", -1]
    np.testing.assert_allclose(vectors, [split.a.vector, split.b.vector], atol=1e-5)


def test_unknown_classification_layers_have_no_vector_of_their_own() -> None:
    from dataclasses import replace

    without = replace(zoo.loaded("bert"), stock=None)
    with pytest.raises(ValueError, match="Choose mean"):
        analysis.similarity(without, A, B, "head")


def test_a_silent_head_says_what_to_choose() -> None:
    with pytest.raises(ValueError, match="Choose mean"):
        analysis.similarity(zoo.silent(zoo.loaded("cls")), A, B, "head")


@st.composite
def _chains(draw: st.DrawFn) -> tuple[tuple[Layer, ...], np.ndarray]:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = start = 2 * draw(st.integers(1, 3))
    made: list[Layer] = []
    kinds = st.sampled_from(["dense", "activation", "norm", "rms", "unit", "residual", "blocks"])
    for kind in draw(st.lists(kinds, max_size=4)):
        out = 2 * draw(st.integers(1, 3))
        activation = Activation(draw(st.sampled_from(sorted(ACTIVATIONS))))
        if kind == "dense":
            made.append(Dense(random.normal(size=(out, size)), random.normal(size=out)))
            size = out
        elif kind == "activation":
            made.append(activation)
        elif kind in ("norm", "rms"):
            made.append(Norm(random.normal(size=size), random.normal(size=size), 1e-5,
                             kind == "norm"))  # fmt: skip
        elif kind == "unit":
            made.append(UnitLength())
        elif kind == "residual":
            inner = Dense(random.normal(size=(out, size)), random.normal(size=out))
            made.append(Residual((inner, activation), random.normal(size=(out, size))))
            size = out
        else:
            inner = Dense(random.normal(size=(out, size // 2)), random.normal(size=out))
            made.append(MeanOfBlocks((inner, activation), 2))
            size = out
    return tuple(made), random.normal(size=start)


@given(_chains())
def test_layers_are_their_affine_map_at_the_vector(
    chain: tuple[tuple[Layer, ...], np.ndarray],
) -> None:
    layers, vector = chain
    at = vector[None]
    for layer in layers:
        at = layer(at)
    made = affine(layers, vector)
    scale = 1 + np.abs(made.matrix).sum() * np.abs(vector).max()
    np.testing.assert_allclose(made.matrix @ vector + made.offset, at[0], atol=1e-9 * scale)
    np.testing.assert_allclose(made.vector, at[0], atol=1e-12)


@given(st.sampled_from(sorted(ACTIVATIONS)), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_dense_and_activation_are_split_by_the_line_through_both(name: str, seed: int) -> None:
    """The chord of each unit is the mean of the slope on the line, by any fine sum."""
    random = np.random.default_rng(seed)
    dense = Dense(random.normal(size=(3, 4)), random.normal(size=3))
    vector = random.normal(size=4)
    places = (np.arange(20_000) + 0.5) / 20_000
    points = dense(places[:, None] * vector)
    slope = ACTIVATIONS[name][1](points).mean(axis=0)
    made = affine((dense, Activation(name)), vector)
    np.testing.assert_allclose(made.matrix, slope[:, None] * dense.weight, atol=1e-4)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_slopes_of_unit_length_and_of_a_residual_are_autograds(seed: int) -> None:
    random = np.random.default_rng(seed)
    dense, beside = (
        Dense(random.normal(size=(4, 3)), random.normal(size=4)),
        random.normal(size=(4, 3)),
    )
    layers = (Residual((dense, Activation("tanh")), beside), UnitLength())
    x = torch.tensor(random.normal(size=3), requires_grad=True)

    def function(inputs: torch.Tensor) -> torch.Tensor:
        inner = torch.tanh(torch.tensor(np.array(dense.weight)) @ inputs
                           + torch.tensor(np.array(dense.bias)))  # fmt: skip
        return torch.nn.functional.normalize(inner + torch.tensor(np.array(beside)) @ inputs, dim=0)

    want = torch.autograd.functional.jacobian(function, x).numpy()
    at = x.detach().numpy()[None]
    slopes = np.eye(4)[None]
    between = layers[0](at)
    slopes = layers[0].pull(at, layers[1].pull(between, slopes))
    np.testing.assert_allclose(slopes[0], want, atol=1e-9)
