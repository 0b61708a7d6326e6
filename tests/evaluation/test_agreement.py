"""Rank agreement against SciPy, its null band against every order; disagreement in words."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.attribution import Attribution
from analysis.attribution.evidence.agreement import (
    aligned,
    largest_disagreement,
    null_band,
    rank_agreement,
)
from tests.support.known_results import tokens_of
from tests.support.sentences import in_order

TEXT = "screenplays bore me, but not much"
TOKENS = tokens_of(TEXT)
WORDS = TOKENS.word_groups()  # [CLS] screenplays bore me , but not much [SEP]


def scored(values, method="given", units=WORDS):
    """An attribution of the words, special tokens at both ends with a score of their own."""
    return SimpleNamespace(
        method=method, scores=np.array([9.0, *values, -9.0]), unit_tokens=units, unit="word"
    )


def tau_by_pairs(first, other) -> float:
    """Concordant minus discordant pairs over all pairs, for values without ties."""
    n = len(first)
    total = sum(
        np.sign(first[i] - first[j]) * np.sign(other[i] - other[j])
        for i in range(n)
        for j in range(i)
    )
    return float(total / (n * (n - 1) / 2))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7])
def test_the_null_band_is_the_narrowest_that_holds_95_percent_of_all_orders(n):
    every = np.abs([tau_by_pairs(range(n), order) for order in permutations(range(n))])
    low, high = null_band(n)
    assert low == -high
    assert (every <= high).mean() >= 0.95
    narrower = every[every < high - 1e-9]
    if len(narrower):
        assert (every <= narrower.max()).mean() < 0.95


def test_of_five_units_four_fifths_and_of_four_nothing_is_beyond_chance():
    assert null_band(5)[1] == pytest.approx(0.8)
    assert null_band(4)[1] == pytest.approx(1.0)
    assert null_band(1) == (-1.0, 1.0)


@pytest.mark.parametrize("n", [16, 40, 60, 61, 300])
def test_the_null_band_is_near_the_normal_one_for_many_units(n):
    error = np.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))
    assert null_band(n)[1] == pytest.approx(1.96 * error, abs=0.012)
    draw = np.random.default_rng(n)
    taus = [stats.kendalltau(np.arange(n), draw.permutation(n)).statistic for _ in range(2000)]
    assert np.mean(np.abs(taus) <= null_band(n)[1]) == pytest.approx(0.955, abs=0.015)


def test_agreement_is_tau_of_the_units_that_are_no_special_tokens():
    draw = np.random.default_rng(0)
    values = draw.normal(size=(3, 7))
    agreement = rank_agreement([scored(v, f"m{i}") for i, v in enumerate(values)], TOKENS)
    assert agreement.names == ("m0", "m1", "m2")
    assert agreement.units == 7
    for i in range(3):
        for j in range(3):
            assert agreement.tau[i, j] == pytest.approx(
                tau_by_pairs(values[i], values[j]) if i != j else 1.0
            )
    assert agreement.null == null_band(7)
    np.testing.assert_array_equal(
        agreement.beyond_chance, np.abs(agreement.tau) > agreement.null[1]
    )


@given(
    st.lists(st.integers(-3, 3), min_size=7, max_size=7),
    st.lists(st.integers(-3, 3), min_size=7, max_size=7),
)
@settings(max_examples=50)
def test_agreement_is_symmetric_bounded_and_not_defined_for_a_constant(first, other):
    agreement = rank_agreement([scored(first), scored(other)], TOKENS)
    np.testing.assert_array_equal(agreement.tau, agreement.tau.T)
    if len(set(first)) == 1 or len(set(other)) == 1:
        assert np.isnan(agreement.tau[0, 1])
        assert not agreement.beyond_chance[0, 1]
    else:
        assert -1 <= agreement.tau[0, 1] <= 1
        assert agreement.tau[0, 1] == pytest.approx(stats.kendalltau(first, other).statistic)


def test_checkpoints_are_compared_under_their_own_names():
    agreement = rank_agreement([scored(range(7)), scored(range(7, 0, -1))], TOKENS, ("cls", "mha"))
    assert agreement.names == ("cls", "mha")
    assert agreement.tau[0, 1] == pytest.approx(-1)
    with pytest.raises(ValueError, match="1 names for 2"):
        rank_agreement([scored(range(7)), scored(range(7))], TOKENS, ("cls",))


def test_the_largest_disagreement_is_found_whatever_the_scale_and_said_in_words():
    first = scored([10.0, 1, 2, 0, 0, 0, 5], "first")
    other = scored([0.1, 0.01, -0.08, 0, 0, 0, 0.05], "second")
    third = scored([1.0, 0.1, 0.2, 0, 0, 0, 0.5], "third")
    largest = largest_disagreement([first, third, other], TOKENS)
    assert set(largest.names) == {"first", "second"}
    assert (largest.label, largest.unit) == ("me", 3)
    assert largest.position == WORDS[3][0]
    assert largest.scores == pytest.approx((0.2, -0.8))
    assert largest.ranks == (3, 7)
    assert "“me” (token" in largest.sentence
    assert in_order(largest.sentence, "+0.20", "-0.80")
    assert "opposite signs" in largest.sentence
    assert "rank 3 and 7 of 7" in largest.sentence


def test_attributions_that_are_alike_are_said_to_be():
    largest = largest_disagreement(
        [scored([1, 2, 3, 4, 5, 6, 7]), scored([2, 4, 6, 8, 10, 12, 14], "twice")], TOKENS
    )
    assert largest.sentence.startswith("given and twice give every unit the same share of their")
    silent = largest_disagreement([scored([0] * 7), scored([0] * 7)], TOKENS)
    assert "same share" in silent.sentence


def test_two_tokenizers_are_compared_by_the_words_they_share():
    """Pieces of three letters beside pieces of seven: other places, the same words."""
    fine = tokens_of(TEXT, size=3)
    assert fine.pieces != TOKENS.pieces

    def made(tokens, values, method="saliency", words=True):
        units = tokens.word_groups() if words else tuple((t,) for t in range(len(tokens)))
        scores = np.array([9.0, *values, -9.0])
        return Attribution(
            method,
            1,
            "word" if words else "piece",
            scores,
            units,
            "logit",
            None,
            None,
            "none",
            {},
            0.0,
        )

    values = np.arange(7.0)
    first, other = aligned([made(TOKENS, values), made(fine, -values)], [TOKENS, fine])
    assert first.unit_tokens == other.unit_tokens == WORDS
    assert other.scores.tolist() == [0.0, *-values, 0.0]
    assert rank_agreement([first, other], TOKENS).tau[0, 1] == -1
    pieces = made(fine, np.ones(len(fine) - 2), words=False)
    _, summed = aligned([made(TOKENS, values), pieces], [TOKENS, fine])
    assert summed.scores[1] == 4, "screenplays has four pieces of three letters"
    whole = replace(pieces, method="occlusion")
    with pytest.raises(ValueError, match="choose words as units"):
        aligned([made(TOKENS, values), whole], [TOKENS, fine])
    short = tokens_of("screenplays bore me", size=3)
    with pytest.raises(ValueError, match="different words"):
        aligned([made(TOKENS, values), made(short, range(3))], [TOKENS, short])


def test_what_cannot_be_compared_is_refused_in_words():
    pieces = tuple((t,) for t in range(len(TOKENS)))
    by_piece = SimpleNamespace(method="p", scores=np.zeros(len(pieces)), unit_tokens=pieces)
    with pytest.raises(ValueError, match="two attributions or more"):
        rank_agreement([scored(range(7))], TOKENS)
    with pytest.raises(ValueError, match="different units"):
        rank_agreement([scored(range(7)), by_piece], TOKENS)
    for other in ("me", f"{TEXT} and more"):
        with pytest.raises(ValueError, match="another text"):
            rank_agreement([by_piece, by_piece], tokens_of(other))
    ends = SimpleNamespace(method="e", scores=np.zeros(2), unit_tokens=((0,), (1,)))
    with pytest.raises(ValueError, match="special tokens only"):
        rank_agreement([ends, ends], tokens_of(""))
