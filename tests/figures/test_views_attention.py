"""Views of attention: the values drawn are the values meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import analysis
from analysis import interventions
from analysis.figures import view
from analysis.figures.views.encoder import encoder_heads, mosaic_place, tiles
from analysis.reading import attention
from tests.support import tiny, zoo
from tests.support.sentences import in_order
from tests.support.view_samples import PAIR, TEXT, seen


def long_trace(length=512, count=12):
    """A trace as long as BERT's limit, with 12 layers of 12 attention heads."""
    words = " ".join(["plot"] * (tiny.POSITIONS - 2))
    short = analysis.record(zoo.loaded("mha"), words, attentions=True)
    rows = np.random.default_rng(0).dirichlet(np.ones(length), size=(count, count, 8))
    rows = np.tile(rows, (1, 1, length // 8, 1)).astype(np.float32)
    middle = ["plot"] * (length - 2)
    tokens = analysis.text.tokens.Tokens(
        text=" ".join(middle),
        pair=None,
        ids=np.zeros(length, int),
        pieces=("[CLS]", *middle, "[SEP]"),
        words=np.array([-1, *range(length - 2), -1]),
        offsets=np.array([(0, 0), *((5 * i, 5 * i + 4) for i in range(length - 2)), (0, 0)]),
        special=np.array([True] + [False] * (length - 2) + [True]),
        segment=np.zeros(length, int),
        dropped=0,
    )
    hidden = np.zeros((count + 1, length, 32), np.float32)
    return replace(short, tokens=tokens, attentions=rows, hidden=hidden)


@pytest.mark.parametrize("words", [False, True])
def test_the_pooling_heads_attention_is_drawn_by_token_or_word(words):
    trace = seen("mha")
    mark = view("pooling_attention", trace, words=words).mark
    units = trace.tokens.word_groups() if words else [(t,) for t in range(len(trace.tokens))]
    for u, unit in enumerate(units):
        own = trace.head.attention[:, list(unit)].sum(axis=1)
        np.testing.assert_allclose(mark.values[:, u], own, atol=1e-6)
    assert mark.rows == ("0", "1", "2", "3")
    norms = attention.value_norms(zoo.loaded("mha"), trace)
    weighted = view("pooling_attention", trace, norms=norms).mark
    np.testing.assert_allclose(weighted.values, norms.share, atol=1e-6)


def test_hidden_special_tokens_leave_their_mass_in_a_note():
    trace = seen("mha")
    plot = view("pooling_attention", trace, special=False)
    gone = 100 * attention.special_mass(trace.head.attention, trace.tokens).mean()
    (note,) = plot.notes
    assert in_order(note, "Special tokens", "not shown", f"{gone:.0f} %")
    assert "[CLS]" not in plot.mark.columns
    assert len(plot.mark.columns) == len(trace.tokens) - 2


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("window", [None, (1, 4)])
def test_the_mass_of_hidden_tokens_is_that_of_the_queries_that_are_drawn(words, window):
    trace = seen()
    tokens = trace.tokens
    units = tokens.word_groups() if words else [(t,) for t in range(len(tokens))]
    drawn = [unit for unit in units if not tokens.special[unit[0]]]
    part = drawn if window is None else drawn[window[0] : window[1]]
    weights = trace.attentions[1, 2]
    gone = 100 * np.mean(
        [weights[list(unit)][:, tokens.special].sum(axis=1).mean() for unit in part]
    )
    plot = view("encoder_head", trace, 2, 2, words, special=False, window=window)
    assert in_order(plot.notes[0], f"{gone:.0f} %", "attention of the")
    every = 100 * np.mean(
        [
            head[list(unit)][:, tokens.special].sum(axis=1).mean()
            for layer in trace.attentions
            for head in layer
            for unit in drawn
        ]
    )
    notes = view("encoder_heads", trace, words, special=False).notes
    assert any(in_order(note, f"{every:.0f} %", "attention of the") for note in notes)


def test_the_cls_row_rollout_and_one_tokens_attention_are_drawn():
    trace = seen()
    np.testing.assert_allclose(
        view("cls_row", trace, layer=2).mark.values, trace.attentions[1, :, 0]
    )
    result = attention.rollout(trace)
    np.testing.assert_allclose(view("rollout", trace, result).mark.values, result.values[:, 0])
    asks = view("token_attention", trace, 3, "query").mark.values
    np.testing.assert_allclose(asks, trace.attentions.mean(axis=1)[:, 3], atol=1e-6)
    received = view("token_attention", trace, 3, "key", head=1, words=True).mark.values
    words = trace.tokens.word_groups()
    asked_word = next(list(word) for word in words if 3 in word)
    for u, word in enumerate(words):
        # averaged over the pieces that ask, summed into the word that is asked
        own = trace.attentions[:, 1][:, list(word)][:, :, asked_word].sum(axis=2).mean(axis=1)
        np.testing.assert_allclose(received[:, u], own, atol=1e-6)


def test_leave_one_out_stands_beside_its_agreement_and_null_band():
    trace = seen("mha")
    left = interventions.leave_one_out(zoo.loaded("mha"), TEXT)
    tau = attention.agreement(trace.head.attention, left, 1)
    plot = view("leave_one_out", left, 1, tau)
    np.testing.assert_array_equal(plot.mark.values[0], left.contrast(1))
    assert np.isnan(plot.mark.values[0, 0])
    assert f"{tau.tau:+.2f}" in plot.notes[2]
    assert f"{tau.null[0]:+.2f} to {tau.null[1]:+.2f}" in plot.notes[2]
    hidden = view("leave_one_out", left, 1, special=False).mark
    np.testing.assert_array_equal(hidden.values[0], left.contrast(1)[1:-1])


def test_all_heads_at_a_glance_are_the_encoders_matrices():
    trace = seen()
    count = len(trace.tokens)
    mark = view("encoder_heads", trace).mark
    gap = (mark.values.shape[0] - 4 * count) // 3
    assert gap >= 1
    for layer in range(4):
        for head in range(4):
            top, left = layer * (count + gap), head * (count + gap)
            block = mark.values[top : top + count, left : left + count]
            np.testing.assert_allclose(block, trace.attentions[layer, head], atol=1e-7)
            assert mosaic_place(trace, top + 1, left + count - 1) == (layer + 1, head)
    assert [row for row in mark.rows if row] == ["1", "2", "3", "4"]
    axis = view("encoder_heads", trace).screen().layout.yaxis
    assert axis.ticktext == ("1", "2", "3", "4")
    assert [mark.rows[place] for place in axis.tickvals] == list(axis.ticktext)
    assert np.isnan(mark.values[count]).all()


def test_one_head_is_drawn_in_large_in_full_or_through_a_window():
    trace = seen()
    np.testing.assert_allclose(
        view("encoder_head", trace, 3, 1).mark.values, trace.attentions[2, 1]
    )
    np.testing.assert_allclose(
        view("encoder_head", trace, 3).mark.values, trace.attentions[2].mean(axis=0)
    )
    part = view("encoder_head", trace, 1, 0, window=(2, 5)).mark
    np.testing.assert_allclose(part.values, trace.attentions[0, 0, 2:5, 2:5])
    assert part.rows == part.columns == trace.tokens.labels[2:5]
    with pytest.raises(ValueError, match="choose 1 to 4"):
        view("encoder_head", trace, 0)
    with pytest.raises(ValueError, match="attention head 9 does not exist"):
        view("encoder_head", trace, 1, 9)


def test_a_long_text_is_coarsened_by_the_rule_of_attention():
    trace = long_trace()
    plot = view("encoder_head", trace, 2, 3)
    assert plot.mark.values.shape == (128, 128)
    np.testing.assert_allclose(plot.mark.values.sum(axis=1), 1, atol=1e-5)
    block = trace.attentions[1, 3, 4:8, 8:12].sum(axis=1).mean()
    assert plot.mark.values[1, 2] == pytest.approx(block, abs=1e-7)
    assert "4 x 4 tokens" in plot.notes[0]
    bare = view("encoder_head", trace, 2, 3, special=False, words=True).mark.values
    inner = trace.attentions[1, 3, 1:5, 1:5]
    assert bare[0, 0] == pytest.approx(inner.sum(axis=1).mean(), abs=1e-7)
    whole = view("encoder_head", trace, 2, 3, window=(100, 200)).mark.values
    np.testing.assert_allclose(whole, trace.attentions[1, 3, 100:200, 100:200])


def test_512_tokens_of_144_heads_stay_below_5_megabytes():
    trace = long_trace()
    plot = view("encoder_heads", trace)
    assert plot.mark.values.size <= 45_000
    sent = len(plot.screen().to_json())
    assert sent < 3e6, sent
    assert mosaic_place(trace, 0, 0) == (1, 0)
    rows, columns = plot.mark.values.shape
    assert mosaic_place(trace, rows - 1, columns - 1) == (12, 11)
    large = len(view("encoder_head", trace, 5).screen().to_json())
    assert sent + large < 5e6


def test_heads_are_summed_up_by_entropy_and_distance():
    trace = seen()
    entropy = attention.head_entropy(trace)
    mark = view("head_summary", entropy, trace.checkpoint, trace.tokens).mark
    np.testing.assert_array_equal(mark.values, entropy.normalised)
    assert mark.bounds == (0.0, 1.0)
    distance = attention.head_distance(trace)
    np.testing.assert_array_equal(view("head_summary", distance).mark.values, distance.tokens)


def test_blocks_of_a_pair_are_drawn_in_percent():
    trace = seen(pair=PAIR)
    masses = attention.block_masses(trace.attentions, trace.tokens)
    plot = view("blocks", masses, layer=2)
    np.testing.assert_allclose(plot.mark.values, 100 * masses.values[1].mean(axis=0), atol=1e-4)
    assert in_order(plot.caption, "layer 2", "mean over attention heads", "100 %")
    np.testing.assert_allclose(view("blocks", masses).mark.values.sum(axis=1), 100, atol=1e-3)


def test_blocks_of_one_attention_head_say_which_and_stand_below_the_pooling_heads_own():
    trace = seen(pair=PAIR)
    masses = attention.block_masses(trace.attentions, trace.tokens)
    own = attention.row_masses(trace.head.attention, trace.tokens)
    inside = [
        trace.tokens.special,
        *(~trace.tokens.special & (trace.tokens.segment == s) for s in (0, 1)),
    ]
    np.testing.assert_allclose(
        own,
        np.stack([trace.head.attention[:, here].sum(axis=1) for here in inside], axis=1),
        atol=1e-6,
    )
    plot = view("blocks", masses, layer=3, head=1, own=own)
    np.testing.assert_allclose(plot.mark.values[0], 100 * own.mean(axis=0))
    np.testing.assert_allclose(plot.mark.values[1:], 100 * masses.values[2, 1], atol=1e-4)
    assert plot.mark.rows == ("the pooling head", *masses.blocks)
    assert in_order(plot.caption, "layer 3", "attention head 1", "first row", "pooling head")
    assert "mean over" not in plot.caption + plot.notes[0]


def test_what_is_chosen_is_marked_alike_in_every_view():
    trace = seen()
    plots = [
        view("winners", trace, chosen_token=2, chosen_layer=3),
        view("pooling_attention", trace, chosen_token=2),
        view("cls_row", trace, chosen_token=2),
        view("encoder_head", trace, 1, chosen_token=2),
    ]
    for plot in plots:
        marked = [i for i, label in enumerate(plot.mark.columns) if label.startswith("▸ ")]
        assert marked == [2]
    assert plots[0].mark.rows == ("2", "▸ 3", "4")


@pytest.mark.parametrize("text", ["good", "the film is good, and the plot is thin"])
def test_the_tiles_of_a_mosaic_are_the_matrices_that_were_laid_out(text):
    trace = analysis.record(zoo.loaded("mha"), text, attentions=True)
    shape = attention.encoder_attention(trace).shape
    laid_out = tiles(encoder_heads(trace).mark, shape[:2])
    assert laid_out.shape[:2] == shape[:2]
    assert not np.isnan(laid_out).any()
    if laid_out.shape == shape:  # nothing was merged
        np.testing.assert_allclose(laid_out, attention.encoder_attention(trace), atol=1e-6)
    np.testing.assert_allclose(laid_out.sum(-1), 1, atol=1e-5)


def test_attention_that_ranks_nothing_has_no_tau_and_no_band():
    from types import SimpleNamespace

    from analysis.figures.views.attention import agreement_note

    nothing = SimpleNamespace(tau=float("nan"), null=(float("nan"), float("nan")), n=13)
    assert "nan" not in agreement_note(nothing)
