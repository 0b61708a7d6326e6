"""Attention over seeds: shares of special tokens, and spreads as NumPy has them."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.reading import over_attention
from tests.support import zoo


@pytest.fixture(scope="module")
def trace():
    return analysis.record(zoo.loaded("mha"), "the film is good")


def test_the_share_of_special_tokens_is_what_the_first_and_last_take(trace):
    rows = np.random.default_rng(0).dirichlet(np.ones(len(trace.tokens)), size=(3, 2))
    every = rows.reshape(6, -1)
    expected = every[:, [0, -1]].sum(axis=1)
    assert over_attention.special_share(rows, trace.tokens, None) == pytest.approx(expected.mean())
    for head in range(6):
        share = over_attention.special_share(rows, trace.tokens, head)
        assert share == pytest.approx(expected[head])


def test_a_spread_in_words_is_mean_and_standard_deviation_over_seeds():
    values = np.random.default_rng(1).random((5, 3, 2))
    words = over_attention.spread_in_words(values, 2, 1)
    own = values[:, 1, 1]
    assert words == f"{np.mean(own):.2f} ± {np.std(own, ddof=1):.2f}"
    assert over_attention.spread_in_words(values[:1], 2, 1) == f"{values[0, 1, 1]:.2f}"


def test_one_seed_has_no_spread():
    rows = np.random.default_rng(2).random((4, 7))
    assert over_attention.spread(rows[:1]) is None
    np.testing.assert_allclose(over_attention.spread(rows), rows.std(axis=0, ddof=1))
