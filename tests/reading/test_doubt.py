"""A word in doubt: margins are those of forwards, and the sentence says the largest loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tiny

import analysis
from analysis.reading.decomposition import decompose
from analysis.reading.doubt import Doubt, doubt, in_words, without

TEXT = "the plots thinned not dully"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    path = tmp_path_factory.mktemp("doubt") / "toy"
    tiny.make_pooling_checkpoint(path, "max_seq_mha", ("bad", "fair", "good"), seed=3)
    return analysis.load(path)


def test_margins_are_those_of_two_forwards(loaded):
    start = TEXT.index("not")
    span = (0, start, start + 3)
    edited = without(TEXT, start, start + 3)
    assert edited == "the plots thinned dully"
    before, after = analysis.record(loaded, TEXT), analysis.record(loaded, edited)
    split = decompose(before, "zero")
    for target in range(3):
        made = doubt("toy", [before], [after], target, split, span)
        for margin, trace in ((made.before, before), (made.after, after)):
            others = np.delete(trace.logits, target).mean()
            assert margin == pytest.approx(trace.logits[target] - others, abs=1e-5)
        assert made.change == pytest.approx(made.after - made.before)
        place = before.tokens.labels.index("not")
        by_layer = split.contrast(target).sum(axis=0)[place]
        assert made.layer == split.layers[int(np.abs(by_layer).argmax())]
        assert made.flips == (before.predicted != after.predicted)


def test_a_word_may_be_replaced(loaded):
    assert without("a good film", 2, 6, "bad") == "a bad film"
    assert without("good", 0, 4) == ""


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=6))
def test_the_sentence_names_the_largest_loss(margins):
    doubts = [Doubt(f"h{i}", "good", a, b, 4) for i, (a, b) in enumerate(margins)]
    said = in_words(doubts, "not")
    least = min(doubts, key=lambda one: one.change)
    if least.change < 0:
        assert f"{least.name} loses most" in said
        assert f"{least.change:+.2f}" in said
        assert "layer 4" in said
    else:
        assert "no margin gets smaller" in said
