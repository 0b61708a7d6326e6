"""The cosine of two pooled sentences, split over pairs of tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.corpus.embedding import poolings_of
from analysis.reading.winners import Winners
from analysis.similarities.reading import Reading
from analysis.similarities.split import Similarity, between
from analysis.text.tokens import Tokens
from tests.support import oracles, tiny, zoo

A = "The plot is thin, but the acting is anything but dull."
B = "a film with poor acting"
FREE = ("mean", "max", "cls", "last_token", "concat", "adaptive_mean")


def _every_pooling() -> list[tuple[str, str]]:
    names = (
        *zoo.LINEAR,
        *zoo.BENT,
        *tiny.FOREIGN,
        "lora",
        "regression",
        "residual",
        "layer_norm",
        "tanh",
    )
    return [("bert", name) for name in FREE] + [(name, "head") for name in names]


@pytest.mark.parametrize(("name", "pooling"), _every_pooling())
def test_contributions_sum_to_the_cosine_about_any_centre(name: str, pooling: str) -> None:
    classifier = zoo.loaded(name)
    plain = analysis.similarity(classifier, A, B, pooling)
    draw = np.random.default_rng(0)
    for centre in (None, draw.normal(size=plain.a.vector.shape)):
        split = analysis.similarity(classifier, A, B, pooling, centre=centre)
        u, v = (side.vector.astype(float) - (0 if centre is None else centre) for side in
                (split.a, split.b))  # fmt: skip
        cosine = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
        assert split.score == pytest.approx(cosine, abs=1e-12)
        for part in (split.contributions, split.by_part, split.by_layer, split.split()):
            assert part.sum() == pytest.approx(cosine, abs=1e-6)
        whole = split.split()
        np.testing.assert_allclose(whole.sum((0, 1, 4, 5)), split.contributions, atol=1e-9)
        np.testing.assert_allclose(whole.sum((2, 3, 4, 5)), split.by_part, atol=1e-6)
        np.testing.assert_allclose(whole.sum((0, 1, 2, 3)), split.by_layer, atol=1e-6)


@pytest.mark.parametrize(("name", "pooling"), _every_pooling())
def test_a_swap_of_the_sentences_transposes_the_split(name: str, pooling: str) -> None:
    classifier = zoo.loaded(name)
    first, other = (analysis.similarity(classifier, *pair, pooling) for pair in ((A, B), (B, A)))
    assert first.score == pytest.approx(other.score, abs=1e-12)
    np.testing.assert_allclose(first.contributions, other.contributions.T, atol=1e-12)
    np.testing.assert_allclose(first.split(), other.split().transpose(1, 0, 3, 2, 5, 4), atol=1e-12)


def _tokens_of(name: str, text: str, layer: int) -> np.ndarray:
    return analysis.record(zoo.loaded(name), text).hidden[layer].astype(float)


@pytest.mark.parametrize("layer", [-1, 0, 2])
def test_a_mean_splits_as_a_loop_over_tokens(layer: int) -> None:
    split = analysis.similarity(zoo.loaded("bare"), A, B, "mean", layer)
    h, g = _tokens_of("bare", A, layer), _tokens_of("bare", B, layer)
    lengths = np.linalg.norm(h.mean(0)) * np.linalg.norm(g.mean(0))
    for i in range(len(h)):
        for j in range(len(g)):
            expected = sum(h[i, d] * g[j, d] for d in range(h.shape[1]))
            expected /= len(h) * len(g) * lengths
            assert split.contributions[i, j] == pytest.approx(expected, abs=1e-7)


def test_a_maximum_gives_each_dimension_to_the_pair_of_its_winners() -> None:
    split = analysis.similarity(zoo.loaded("bare"), A, B, "max")
    h, g = _tokens_of("bare", A, -1), _tokens_of("bare", B, -1)
    expected = np.zeros((len(h), len(g)))
    for d in range(h.shape[1]):
        i, j = int(h[:, d].argmax()), int(g[:, d].argmax())
        expected[i, j] += h[i, d] * g[j, d]
    expected /= np.linalg.norm(h.max(0)) * np.linalg.norm(g.max(0))
    np.testing.assert_allclose(split.contributions, expected, atol=1e-7)
    np.testing.assert_array_equal(split.a.winners.token, h.argmax(0))


def test_cls_is_one_pair() -> None:
    split = analysis.similarity(zoo.loaded("bare"), A, B, "cls")
    assert split.contributions[0, 0] == pytest.approx(split.score)
    assert np.count_nonzero(split.contributions) == 1
    assert split.strongest() == ((0, 0),)


def test_a_maximum_over_layers_adds_the_pair_of_source_layers() -> None:
    classifier = zoo.loaded("max_cls")
    split = analysis.similarity(classifier, A, B, "head")
    h, g = (analysis.record(classifier, text).hidden[2:, 0].astype(float) for text in (A, B))
    expected = np.zeros((3, 3))
    for d in range(h.shape[1]):
        expected[h[:, d].argmax(), g[:, d].argmax()] += h[:, d].max() * g[:, d].max()
    expected /= np.linalg.norm(h.max(0)) * np.linalg.norm(g.max(0))
    np.testing.assert_allclose(split.by_layer, expected, atol=1e-7)
    assert split.a.layers == (2, 3, 4)


def test_attention_heads_split_as_one_pass_for_each_token_and_head() -> None:
    classifier = zoo.loaded("mha")
    split = analysis.similarity(classifier, A, B, "head")
    attention = classifier.model.head.attention
    heads, d = attention.num_heads, attention.embed_dim
    size = d // heads
    weight, bias = (p.detach().numpy().astype(float) for p in
                    (attention.in_proj_weight, attention.in_proj_bias))  # fmt: skip
    out, out_bias = (p.detach().numpy().astype(float) for p in
                     (attention.out_proj.weight, attention.out_proj.bias))  # fmt: skip
    terms = []
    for text in (A, B):
        trace = analysis.record(classifier, text)
        of_text = np.zeros((heads, len(trace.tokens), d))
        for head in range(heads):
            rows = slice(2 * d + head * size, 2 * d + (head + 1) * size)
            columns = slice(head * size, (head + 1) * size)
            for t, value in enumerate(trace.hidden[-1].astype(float)):
                moved = out[:, columns] @ (weight[rows] @ value + bias[rows])
                of_text[head, t] = trace.head.attention[head, t] * (moved + out_bias / heads)
        np.testing.assert_allclose(of_text.sum((0, 1)), trace.head.pooled, atol=1e-5)
        terms.append(of_text)
    scale = np.prod([np.linalg.norm(term.sum((0, 1))) for term in terms])
    tokens = terms[0].sum(0) @ terms[1].sum(0).T / scale
    # The biases of all heads are shared out together, so single heads may differ by constants.
    np.testing.assert_allclose(split.contributions.sum(), tokens.sum(), atol=1e-6)
    assert np.corrcoef(split.contributions.ravel(), tokens.ravel())[0, 1] > 0.99


@st.composite
def _readings(draw: st.DrawFn, parts: int, d: int, layers: int) -> Reading:
    tokens = draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = random.random((parts, tokens, d)) + 0.01
    weights /= weights.sum(axis=1, keepdims=True)
    values = random.normal(size=(tokens, d))
    vector = np.einsum("ptd,td->pd", weights, values).ravel()
    winners = None
    if layers > 1:
        layer = random.integers(0, layers, (tokens, d))
        winners = Winners(layer, None, np.ones((tokens, d)), tuple(range(layers)))
    return Reading(
        _named(tokens), vector, weights, values, None, np.zeros(parts * d), winners,
        tuple(range(layers)), tuple(f"part {p}" for p in range(parts)),
    )  # fmt: skip


def _named(count: int) -> Tokens:
    zeros = np.zeros(count, int)
    return Tokens("", None, zeros, ("x",) * count, zeros, np.zeros((count, 2), int),
                  zeros.astype(bool), zeros, 0)  # fmt: skip


@given(st.data(), st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.booleans())
def test_the_split_is_the_sextuple_loop(
    data: st.DataObject, parts: int, d: int, layers: int, centred: bool
) -> None:
    a, b = data.draw(_readings(parts, d, layers)), data.draw(_readings(parts, d, layers))
    centre = np.linspace(-3, 3, parts * d) + 0.1 if centred else None
    split = between(a, b, checkpoint="x", pooling="x", centre=centre)
    zero = np.zeros((parts, d)) if centre is None else centre.reshape(parts, d)
    expected = np.zeros((parts, parts, len(a.tokens), len(b.tokens), layers, layers))
    for p in range(parts):
        for i in range(len(a.tokens)):
            for j in range(len(b.tokens)):
                for dim in range(d):
                    k = 0 if a.winners is None else a.winners.layer[i, dim]
                    m = 0 if b.winners is None else b.winners.layer[j, dim]
                    left = a.weights[p, i, dim] * (a.values[i, dim] - zero[p, dim])
                    right = b.weights[p, j, dim] * (b.values[j, dim] - zero[p, dim])
                    expected[p, p, i, j, k, m] += left * right
    expected /= np.prod([np.linalg.norm(side.vector - zero.ravel()) for side in (a, b)])
    np.testing.assert_allclose(split.split(), expected, atol=1e-9)
    assert split.contributions.sum() == pytest.approx(split.score, abs=1e-9)


@pytest.mark.parametrize("mode", ["mean", "max", "cls", "lasttoken"])
def test_scores_are_those_of_sentence_transformers(mode: str) -> None:
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed"
    )
    from sentence_transformers import util
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    folder = str(zoo.folder("bare"))
    transformer = Transformer(folder, max_seq_length=64)
    # The tiny tokenizer's file pads and cuts for another purpose, which would change the vectors.
    transformer.tokenizer.backend_tokenizer.no_padding()
    model = library.SentenceTransformer(modules=[transformer, Pooling(32, mode)], device="cpu")
    vectors = model.encode([A, B])
    expected = float(util.cos_sim(vectors[0], vectors[1]))
    ours = {"lasttoken": "last_token"}.get(mode, mode)
    split = analysis.similarity(zoo.loaded("bare"), A, B, ours)
    assert split.score == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(split.a.vector, vectors[0], atol=1e-5)


def test_padding_never_enters() -> None:
    # tokenizer.json of the tiny checkpoints pads to 12 and cuts at 12.
    split = analysis.similarity(zoo.loaded("bare"), "a film", B, "mean")
    assert "[PAD]" not in split.a.tokens.pieces
    assert split.contributions.shape == (4, len(split.b.tokens))


def test_equal_sentences_have_cosine_one() -> None:
    for pooling in FREE:
        assert analysis.similarity(zoo.loaded("bare"), A, A, pooling).score == pytest.approx(1)


def test_the_strongest_pairs_come_in_order_of_size() -> None:
    split = analysis.similarity(zoo.loaded("bare"), A, B, "mean")
    sizes = [abs(split.contributions[pair]) for pair in split.strongest(8)]
    every = np.sort(np.abs(split.contributions).ravel())[::-1]
    np.testing.assert_array_equal(sizes, every[:8])
    assert len(split.strongest(10_000)) == np.count_nonzero(split.contributions)


def test_a_head_that_is_not_linear_names_its_rule_and_its_gap() -> None:
    split = analysis.similarity(zoo.loaded("tanh"), A, B, "head")
    assert any("straight line" in rule for rule in split.rules)
    assert split.gap < 1e-6
    assert not analysis.similarity(zoo.loaded("mha"), A, B, "head").rules


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"a": "  "}, "first sentence is empty"),
        ({"b": ""}, "second sentence is empty"),
        ({"pooling": "none"}, "MaxSim"),
        ({"pooling": "median"}, "mean, max"),
        ({"layer": 9}, "layers 0 to 4"),
        ({"centre": np.zeros(3)}, "32 numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_way_on(
    arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        analysis.similarity(zoo.loaded("bare"), **{"a": A, "b": B, **arguments})


def test_a_vector_of_length_zero_is_refused() -> None:
    vector = analysis.similarity(zoo.loaded("bare"), A, B).a.vector
    with pytest.raises(ValueError, match=r"first sentence .*centre"):
        analysis.similarity(zoo.loaded("bare"), A, B, centre=vector)


def test_every_pooling_that_a_checkpoint_offers_pools_as_the_oracle() -> None:
    classifier = zoo.loaded("weighted_mean")
    hidden = analysis.record(classifier, A).hidden[-1]
    for pooling in poolings_of(classifier.checkpoint):
        split: Similarity = analysis.similarity(classifier, A, B, pooling)
        if pooling in ("weighted_mean", "head"):
            scorer = classifier.model.head.score
            scores = hidden @ scorer.weight.detach().numpy()[0]
            expected = oracles.softmax(scores) @ hidden
        else:
            expected = oracles.pool_row(pooling, hidden, np.ones(len(hidden)), segments=2)
        np.testing.assert_allclose(split.a.vector, expected, atol=1e-5)


def test_the_public_functions_stay_functions_whatever_is_imported() -> None:
    import analysis.similarities.edits
    import analysis.similarities.pair_scores

    for call in (analysis.similarity, analysis.maxsim, analysis.splade,
                 analysis.similarities.over_pairs, analysis.similarities.leave_out):  # fmt: skip
        assert callable(call)
