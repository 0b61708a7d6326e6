"""Scores split over pairs of tokens and of words, whichever way they were pooled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import analysis
from analysis.similarities import edits, token_pairs
from analysis.similarities.unit_pairs import unit_pairs
from tests.support import zoo

FIRST, SECOND = "The plots thinned, not dully.", "The film was good, not dull."
VALUES = arrays(np.float64, (4, 5), elements=st.integers(-3, 3).map(float))
SPAN = (0, 4, 9)  # "plots"


@given(VALUES, st.integers(0, 25))
def test_strongest_pairs_are_those_of_a_full_sort(values, count):
    units = unit_pairs(values, [(i,) for i in range(4)], [(j,) for j in range(5)])
    every = [(i, j, values[i, j]) for i in range(4) for j in range(5) if values[i, j] != 0]
    expected = sorted(every, key=lambda pair: (-abs(pair[2]), pair[0], pair[1]))[:count]
    assert list(units.strongest(count)) == expected
    assert units.pairs == len(every)
    total = sum(abs(value) for _, _, value in every)
    held = sum(abs(value) for _, _, value in expected)
    assert units.share(count) == pytest.approx(held / total if total else 0)


@given(VALUES)
def test_partners_of_one_sentence_are_those_of_the_other_transposed(values):
    groups = [(i,) for i in range(4)], [(j,) for j in range(5)]
    units, mirrored = unit_pairs(values, *groups), unit_pairs(values.T, *groups[::-1])
    assert units.partners(0, 3) == mirrored.partners(1, 3)
    for unit, best in enumerate(units.partners(0, 3)):
        assert [value for _, value in best] == [values[unit, other] for other, _ in best]
        rest = np.delete(np.abs(values[unit]), [other for other, _ in best])
        assert len(best) < 3 or rest.max(initial=0) <= abs(best[-1][1])


@given(VALUES)
def test_units_keep_the_sum(values):
    units = unit_pairs(values, [(0, 1), (2,), (3,)], [(0,), (1, 2, 3), (4,)])
    assert units.values.shape == (3, 3)
    assert units.values.sum() == values.sum()
    assert units.values[0, 1] == values[:2, 1:4].sum()


@pytest.mark.parametrize("pooling", ["mean", "max", "cls"])
def test_a_pooled_score_without_a_word_is_that_of_leave_out(pooling):
    encoder = zoo.loaded("max_seq_mha")
    first, second = (analysis.record(encoder, text) for text in (FIRST, SECOND))
    places = edits.positions_within(first.tokens, [SPAN], 0)
    assert [first.tokens.text[slice(*first.tokens.offsets[place])] for place in places]
    edit = analysis.similarities.leave_out(encoder, FIRST, SECOND, places, pooling=pooling)
    pairs = token_pairs.pooled_pairs(encoder, first, second, pooling, spans=[SPAN])
    assert pairs.score == pytest.approx(edit.after.score, abs=1e-12)
    assert pairs.before == pytest.approx(edit.before.score, abs=1e-12)
    assert pairs.contributions.sum() == pytest.approx(pairs.score, abs=1e-6)


@pytest.mark.parametrize("name", ["maxsim", "splade"])
def test_scores_of_tokens_and_of_terms_are_the_sums_of_their_pairs(name):
    encoder = zoo.loaded("masked_lm" if name == "splade" else "max_seq_mha")
    make = token_pairs.splade_pairs if name == "splade" else token_pairs.maxsim_pairs
    pairs = make(encoder, FIRST, SECOND)
    assert pairs.contributions.sum() == pytest.approx(pairs.score, abs=1e-6)
    assert pairs.before is None
    if name == "splade":  # a cosine: dot product over both lengths
        a, b = (analysis.splade(encoder, text) for text in (FIRST, SECOND))
        whole = np.zeros((2, max(a.ids.max(), b.ids.max()) + 1))
        whole[0, a.ids], whole[1, b.ids] = a.weight, b.weight
        lengths = np.linalg.norm(whole, axis=1)
        assert pairs.score == pytest.approx(whole[0] @ whole[1] / lengths.prod(), abs=1e-6)
    else:
        result = analysis.maxsim(encoder, FIRST, SECOND)
        best = [result.similarities[row].max() for row in np.flatnonzero(result.query_counts)]
        assert pairs.score == pytest.approx(np.mean(best), abs=1e-12)
    shorter = make(encoder, FIRST, SECOND, [SPAN])
    blanked = FIRST[:4] + " " * 5 + FIRST[9:]
    assert shorter.score == pytest.approx(make(encoder, blanked, SECOND).score, abs=1e-12)
    assert shorter.before == pytest.approx(pairs.score, abs=1e-12)


@given(st.text(max_size=20), st.text(max_size=20), st.lists(st.integers(0, 20), max_size=6))
def test_blanked_sentences_keep_their_length(first, second, edges):
    spans = [
        (side, min(pair), max(pair))
        for side, text in enumerate((first, second))
        for pair in zip(edges[::2], edges[1::2], strict=False)
        if max(pair) <= len(text)
    ]
    blanked = token_pairs.blanked((first, second), spans)
    assert list(map(len, blanked)) == [len(first), len(second)]
    for side, (before, after) in enumerate(zip((first, second), blanked, strict=True)):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            inside = any(s == side and low <= place < high for s, low, high in spans)
            assert new == (" " if inside else old)
