"""Attention: hand-made cases, defining properties, SciPy as the oracle of ranks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import analysis
from analysis.interventions import leave_one_out
from analysis.reading.attention import (
    agreement,
    block_masses,
    cls_row,
    encoder_attention,
    entropy,
    head_distance,
    head_entropy,
    pooling_attention,
    rollout,
    special_mass,
    value_norms,
)
from analysis.reading.winners import wins_by_token, wins_by_word
from analysis.statistics.basics import kendall, mean_interval
from analysis.text.words import attention_by_word, merge
from tests.support import tiny, zoo

TEXT, PAIR = "The plots thinned, not dully.", "He said it was great."


def seen(name="mha", pair=None):
    return analysis.record(zoo.loaded(name), TEXT, pair, attentions=True)


def planted(attentions):
    """A trace of as many tokens whose attentions are these."""
    length = attentions.shape[-1]
    text = " ".join(["plot"] * (length - 2))
    trace = analysis.record(zoo.loaded("mha"), text, attentions=True)
    assert len(trace.tokens) == length
    return replace(trace, attentions=attentions)


def test_rollout_of_two_layers_is_the_product_by_hand():
    first = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])
    second = np.array([[0.0, 0.0, 1.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    # two attention heads each, whose mean is the matrix above
    attentions = np.stack(
        [
            np.stack([first + shift, first - shift])
            for first, shift in (
                (first, np.zeros((3, 3))),
                (second, np.array([[0, 0, 0], [0.1, 0, -0.1], [0, 0, 0]])),
            )
        ]
    )
    result = rollout(planted(attentions))
    half = [[0.75, 0.25, 0.0], [0.0, 1.0, 0.0], [0.1, 0.15, 0.75]]
    np.testing.assert_allclose(result.values[0], half)
    # half of row 0 stays at token 0 of layer 1, half goes to token 2 of layer 1
    np.testing.assert_allclose(result.values[1, 0], [0.425, 0.2, 0.375])
    np.testing.assert_allclose(result.cls_row, [0.425, 0.2, 0.375])
    np.testing.assert_allclose(result.values[1, 2], [0.05, 0.575, 0.375])


@pytest.mark.parametrize("name", ["mha", "bert", "distilbert", "bare"])
def test_every_row_of_a_rollout_sums_to_one(name):
    values = rollout(seen(name)).values
    assert values.shape[0] == 4
    np.testing.assert_allclose(values.sum(axis=-1), 1, atol=1e-6)
    assert (values >= 0).all()


def test_entropy_of_a_uniform_row_is_log_t_and_of_a_single_token_zero():
    length = 7
    uniform = np.full((length, length), 1 / length)
    result = head_entropy(planted(np.stack([np.stack([uniform, np.eye(length)])])))
    np.testing.assert_allclose(result.nats, [[np.log(length), 0]], atol=1e-12)
    np.testing.assert_allclose(result.normalised, [[1, 0]], atol=1e-12)
    for rows in (seen().attentions, seen("roberta").attentions):
        expected = stats.entropy(rows, axis=-1)
        np.testing.assert_allclose(entropy(rows), expected, atol=1e-5)


def test_distance_counts_tokens_between_query_and_key():
    length = 5
    uniform = np.full((length, length), 1 / length)
    onward = np.roll(np.eye(length), 1, axis=1)  # each to the next, the last one to the first
    result = head_distance(planted(np.stack([np.stack([np.eye(length), uniform, onward])])))
    np.testing.assert_allclose(result.tokens, [[0, result.uniform, (4 * 1 + 4) / 5]])
    loop = np.mean([abs(i - j) for i in range(length) for j in range(length)])
    assert result.uniform == pytest.approx(loop)


def test_the_cls_row_is_the_encoders_own():
    trace = seen()
    np.testing.assert_array_equal(cls_row(trace), trace.attentions[-1, :, 0])
    np.testing.assert_array_equal(cls_row(trace, 2), trace.attentions[1, :, 0])
    np.testing.assert_allclose(cls_row(trace).sum(axis=1), 1, atol=1e-6)
    with pytest.raises(ValueError, match="choose 1 to 4"):
        cls_row(trace, 0)


def test_attentions_that_were_not_asked_for_are_missed_in_words():
    trace = analysis.record(zoo.loaded("mha"), TEXT)
    for function in (rollout, head_entropy, head_distance, cls_row, encoder_attention):
        with pytest.raises(ValueError, match="recorded without attentions"):
            function(trace)


def test_a_head_without_attention_says_which_have_it():
    with pytest.raises(ValueError, match="max_cls has no attention"):
        pooling_attention(seen("max_cls"))
    with pytest.raises(ValueError, match="no attention of its own"):
        pooling_attention(seen("bert"))
    np.testing.assert_allclose(pooling_attention(seen()).sum(axis=1), 1, atol=1e-6)


def test_block_masses_are_means_over_queries_and_their_rows_sum_to_one():
    trace = seen(pair=PAIR)
    tokens = trace.tokens
    masses = block_masses(trace.attentions, tokens)
    assert masses.blocks == ("special tokens", "text", "pair")
    np.testing.assert_allclose(masses.values.sum(axis=-1), 1, atol=1e-6)
    block = [
        "special tokens" if s else ("text", "pair")[g]
        for s, g in zip(tokens.special, tokens.segment, strict=True)
    ]
    for i, queries in enumerate(masses.blocks):
        rows = [t for t, b in enumerate(block) if b == queries]
        for j, keys in enumerate(masses.blocks):
            columns = [t for t, b in enumerate(block) if b == keys]
            total = sum(trace.attentions[1, 2, q, k] for q in rows for k in columns)
            assert masses.values[1, 2, i, j] == pytest.approx(total / len(rows), abs=1e-6)
    alone = seen()
    assert block_masses(alone.attentions, alone.tokens).blocks == ("special tokens", "text")
    with pytest.raises(ValueError, match="attention has shape"):
        block_masses(trace.attentions, alone.tokens)


def test_the_mass_of_special_tokens_is_what_hiding_them_takes_away():
    trace = seen()
    row = pooling_attention(trace)
    rest = row[:, ~trace.tokens.special].sum(axis=1)
    np.testing.assert_allclose(special_mass(row, trace.tokens) + rest, 1, atol=1e-6)


def test_attention_is_summed_into_words_and_averaged_from_them():
    trace = seen()
    words = trace.tokens.word_groups()
    assert any(len(word) > 1 for word in words)
    merged = attention_by_word(trace.attentions, trace.tokens)
    np.testing.assert_allclose(merged.sum(axis=-1), 1, atol=1e-6)
    for i, queries in enumerate(words):
        for j, keys in enumerate(words):
            cells = [[trace.attentions[0, 1, q, k] for k in keys] for q in queries]
            assert merged[0, 1, i, j] == pytest.approx(np.sum(cells) / len(queries), abs=1e-6)


def test_wins_are_counted_into_words():
    for name, total in (("max_seq_mha", 32), ("max_cls", 32), ("max", 32)):
        trace = seen(name)
        by_token = wins_by_token(trace.head.winners, len(trace.tokens))
        by_word = wins_by_word(trace.head.winners, trace.tokens)
        words = trace.tokens.word_groups()
        for index, word in enumerate(words):
            np.testing.assert_array_equal(by_word[index], by_token[list(word)].sum(axis=0))
        if name == "max_seq_mha":
            assert (by_token.sum(axis=1) == total).all()
        else:
            assert by_token.sum() == total
    trace = seen("max_cls")
    assert (wins_by_token(trace.head.winners, len(trace.tokens))[1:] == 0).all()


def test_merging_keeps_sums_and_refuses_other_lengths():
    trace = seen()
    values = np.random.default_rng(0).normal(size=(3, len(trace.tokens), 2))
    merged = merge(values, trace.tokens, axis=1)
    np.testing.assert_allclose(merged.sum(axis=1), values.sum(axis=1))
    with pytest.raises(ValueError, match="3 places"):
        merge(values, trace.tokens, axis=0)
    with pytest.raises(ValueError, match="known: 'sum', 'mean'"):
        merge(values, trace.tokens, axis=1, how="max")


def test_a_long_value_makes_a_small_weight_large():
    trace = seen("mean")
    norms = value_norms(zoo.loaded("mean"), trace)
    lengths = np.linalg.norm(trace.head.values, axis=1)
    np.testing.assert_allclose(norms.share[0], lengths / lengths.sum(), atol=1e-5)


def test_agreement_is_with_the_size_of_effects_over_what_could_be_left_out():
    trace = seen()
    left = leave_one_out(zoo.loaded("mha"), TEXT, words=True)
    result = agreement(trace.head.attention, left, 1)
    rows = trace.head.attention.mean(axis=0)
    by_word = [rows[list(word)].sum() for word in left.units][1:]
    expected = stats.kendalltau(by_word, np.abs(left.contrast(1))[1:]).statistic
    assert result.tau == pytest.approx(expected)
    assert result.n == len(left.units) - 1
    with pytest.raises(ValueError, match="attention has shape"):
        agreement(rows[:-1], left, 1)


@pytest.mark.parametrize("n", [5, 7, 16, 61, 300])
def test_kendalls_tau_is_scipys_and_its_p_near_it(n):
    draw = np.random.default_rng(n)
    first, other = draw.normal(size=n).round(1), draw.normal(size=n)
    result, expected = kendall(first, other), stats.kendalltau(first, other)
    assert result.tau == pytest.approx(expected.statistic)
    assert result.p == pytest.approx(expected.pvalue, abs=0.06)
    assert result.null[0] < 0 < result.null[1]


def test_the_null_band_at_sixteen_tokens_is_about_two_times_019():
    draw = np.random.default_rng(0)
    result = kendall(draw.normal(size=16), draw.normal(size=16))
    assert result.null[1] - result.null[0] == pytest.approx(4 * 0.185, rel=0.1)
    assert kendall(np.arange(16), np.arange(16)).beyond_chance


def test_kendall_refuses_too_few_places_and_says_nothing_of_constants():
    with pytest.raises(ValueError, match="at least 4"):
        kendall(np.array([1, 2, np.nan, 3.0]), np.arange(4.0))
    assert np.isnan(kendall(np.ones(6), np.arange(6)).tau)


def test_mean_intervals_leave_out_what_is_missing():
    values = np.array([[1.0, np.nan], [2.0, np.nan], [4.0, 3.0]])
    mean, interval = mean_interval(values)
    np.testing.assert_allclose(mean, [7 / 3, 3])
    expected = stats.t.interval(0.95, 2, 7 / 3, stats.sem(values[:, 0]))
    np.testing.assert_allclose(interval[0], expected)
    assert np.isnan(interval[1]).all()


def test_attentions_are_transformers_own_and_change_no_logits():
    classifier = zoo.loaded("mha")
    with_them, without = seen(), analysis.record(classifier, TEXT)
    assert (with_them.logits == without.logits).all()
    inputs = classifier.tokenizer(TEXT, return_tensors="pt", truncation=False, padding=False)
    own = classifier.model.encoder(**inputs, output_attentions=True).attentions
    for layer, expected in enumerate(own):
        np.testing.assert_allclose(with_them.attentions[layer], expected[0].numpy(), atol=1e-6)


def test_the_longest_text_is_rolled_out_as_well():
    text = " ".join(["plot"] * (tiny.POSITIONS - 2))
    trace = analysis.record(zoo.loaded("mha"), text, attentions=True)
    assert len(trace.tokens) == tiny.POSITIONS
    np.testing.assert_allclose(rollout(trace).values.sum(axis=-1), 1, atol=1e-6)
