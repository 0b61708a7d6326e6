"""A word in doubt: margins are those of forwards, and the sentence says the largest loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import analysis
from analysis.corpus.runs import logits_of
from analysis.interventions import Doubt, word_effects, word_logits
from analysis.interventions.doubt import doubt, in_words
from analysis.interventions.edits import MASK, edited, moved, without, word_at, word_spans
from analysis.reading.decomposition import contrast_of, decompose
from tests.support import tiny

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


def test_a_word_may_be_replaced():
    assert without("a good film", 2, 6, "bad") == "a bad film"
    assert without("good", 0, 4) == ""
    assert without("good, film", 0, 4) == ", film"
    assert without("a film\nso good", 10, 14) == "a film\nso", "line ends of the rest stay"


def test_logits_of_many_texts_are_those_of_single_forwards(loaded):
    texts = [(TEXT, None), ("dully", None), (f"{TEXT} {TEXT}", None)]
    alone = np.stack([analysis.record(loaded, *text).logits for text in texts])
    np.testing.assert_allclose(logits_of(loaded, texts), alone, atol=1e-5)
    pairs = [(TEXT, "not dully"), ("dully", TEXT)]
    alone = np.stack([analysis.record(loaded, *pair).logits for pair in pairs])
    np.testing.assert_allclose(logits_of(loaded, pairs), alone, atol=1e-5)


@pytest.mark.parametrize("pair", [None, "he said not"])
@pytest.mark.parametrize("instead", ["", "great", MASK])
def test_every_word_s_effect_is_that_of_a_forward_without_it(loaded, pair, instead):
    spans = word_spans(TEXT, pair)
    logits = word_logits(loaded, TEXT, pair, instead)
    effects = word_effects("toy", "good", 2, spans, [logits])
    other = loaded.tokenizer.mask_token if instead == MASK else instead
    whole = analysis.record(loaded, TEXT, pair).logits
    assert effects.before == pytest.approx(contrast_of(whole, 2), abs=1e-5)
    for span, change in zip(spans, effects.changes, strict=True):
        trace = analysis.record(loaded, *edited(TEXT, pair, [span], other))
        if instead == MASK:
            assert loaded.tokenizer.mask_token_id in trace.tokens.ids
        expected = contrast_of(trace.logits, 2) - contrast_of(whole, 2)
        assert change == pytest.approx(expected, abs=1e-5)
    sizes = np.abs(effects.changes[effects.ranking])
    assert (np.diff(sizes) <= 0).all()


def test_a_text_of_one_word_has_no_effect(loaded):
    logits = word_logits(loaded, "dully")
    assert np.isnan(logits[1:]).all()
    assert np.isfinite(logits[0]).all()


@given(st.text(max_size=30), st.text(max_size=12))
def test_words_are_cut_where_no_white_space_stands(text, pair):
    spans = word_spans(text, pair)
    words = [word_at(text, pair, span) for span in spans]
    assert all(word and word == word.strip() for word in words)
    assert "".join(words) == "".join((text + pair).split())


@given(st.lists(st.sampled_from(["a", "bc", "d."]), min_size=2, max_size=6))
def test_what_stays_of_a_text_are_its_other_words(words):
    text = " ".join(words)
    for span in word_spans(text):
        left = edited(text, None, [span])[0]
        stays = [
            word_at(text, None, word_span) for word_span in word_spans(text) if word_span != span
        ]
        assert [word_at(left, None, span) for span in word_spans(left)] == stays


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=6))
def test_the_sentence_names_the_largest_loss(margins):
    doubts = [Doubt(f"h{i}", "good", a, b, 4) for i, (a, b) in enumerate(margins)]
    sentence = in_words(doubts, "not")
    least = min(doubts, key=lambda name: name.change)
    if least.change < 0:
        assert f"{least.name} loses most" in sentence
        assert f"{least.change:+.2f}" in sentence
        assert "layer 4" in sentence
    else:
        assert "no margin gets smaller" in sentence


WORD = st.sampled_from(["the", "film", "is", "not", "good", "so", ","])


@given(st.lists(WORD, min_size=1, max_size=9), st.lists(WORD, max_size=9), st.data())
def test_a_place_moves_to_the_same_word_or_is_gone(words, others, data):
    before, after = " ".join(words), " ".join(others)
    span = data.draw(st.sampled_from(word_spans(before)))
    there = moved(span, (before, None), (after, None))
    if there is not None:
        assert there in word_spans(after)
        assert word_at(after, None, there) == word_at(before, None, span)
    assert moved(span, (before, None), (before, "more")) == span
    put = moved((1, *span[1:]), ("a", before), ("b", "Truly " + before + " indeed"))
    assert put == (1, span[1] + 6, span[2] + 6)


def test_a_part_of_a_word_moves_with_it_and_a_changed_word_is_gone():
    before, after = ("the thinned plot", None), ("so the thinned plots", None)
    assert moved((0, 8, 11), before, after) == (0, 11, 14)
    assert moved((0, 12, 16), before, after) is None
