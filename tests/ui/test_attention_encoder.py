"""Below on the Attention page: the encoder in five views, as Transformers computes it."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.figures.style.style import number
from analysis.reading import attention
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.attention_reader import eager_attentions, matrices, percent, rows, start
from tests.support.sentences import in_order

SENTENCE = "the plots thinned, not dully but fine"
LAYERS, HEADS = tiny.LAYERS, tiny.ATTENTION_HEADS


@pytest.fixture
def open_attention(open_app):
    """`open_attention(folder, **chosen) -> AppTest` on the Attention page."""
    return lambda root, **chosen: start(open_app, root, **{"text": SENTENCE, **chosen})


def test_small_and_large_matrices_are_those_of_transformers(open_attention, four):
    app = open_attention(four, checkpoints=["toy-mha"], unit="pieces")
    true = eager_attentions(four / "toy-mha", SENTENCE)
    drawn = matrices(seen.pieces(app)["encoder-toy-mha"])
    assert len(drawn) == LAYERS * HEADS + 1
    for index, matrix in enumerate(drawn[:-1]):
        layer, head = divmod(index, HEADS)
        np.testing.assert_allclose(matrix, true[layer, head], atol=2e-5)
    np.testing.assert_allclose(drawn[-1], true[-1].mean(axis=0), atol=2e-5)


def test_chosen_attention_head_is_marked_and_shown_in_large(open_attention, four):
    app = open_attention(four, checkpoints=["toy-cls", "toy-mha"], unit="pieces")
    app.session_state["marked_layer"], app.session_state["marked_head"] = 2, 3
    app.run()
    true = eager_attentions(four / "toy-mha", SENTENCE)
    piece = seen.pieces(app)["encoder-toy-mha"]
    np.testing.assert_allclose(matrices(piece)[-1], true[1, 3], atol=2e-5)
    on = [node.attributes["data-head"] for node in piece.all("tile") if "on" in node.classes]
    assert on == ["2 3"]
    assert app.selectbox(key="attention-layer").value == 2
    assert app.selectbox(key="attention-head").value == "3"
    title = "Attention of [CLS] in layer 2, attention head 3"
    table = rows(seen.pieces(app)["answer-toy-mha"])
    assert [row.hints[title] for row in table] == [percent(v) for v in true[1, 3, 0]]


def test_marked_word_is_marked_in_every_view(open_attention, four):
    app = open_attention(four, checkpoints=["toy-cls", "toy-mha"])
    start = SENTENCE.index("thinned")
    app.session_state["mark"], app.session_state["mark_text"] = (
        (0, start, start + 7),
        (SENTENCE, None),
    )
    for view in ("Attention heads", "One token", "Rollout"):
        app.segmented_control(key="encoder_view").set_value(view).run()
        pieces = seen.pieces(app)
        for name in ("toy-cls", "toy-mha"):
            for piece in (pieces[f"answer-{name}"], pieces[f"encoder-{name}"]):
                labels = {
                    node.text or node.attributes["title"].split("\n")[0]
                    for node in piece.all("marked")
                }
                assert any("thinned" in label for label in labels), (view, name)


def test_special_tokens_can_be_chosen_and_are_marked_and_followed(open_attention, four):
    app = open_attention(
        four,
        checkpoints=["toy-mha"],
        unit="pieces",
        side="key",
        encoder_view="One token",
        mark=(-1, 1, 1),
    )
    true = eager_attentions(four / "toy-mha", SENTENCE).mean(axis=1)
    pieces = seen.pieces(app)
    for key in ("answer-toy-mha", "encoder-toy-mha"):
        table = rows(pieces[key])
        assert [row.label for row in table if "marked" in row.classes] == ["[SEP]"]
    for layer in range(LAYERS):
        shown = [row.hints[f"layer {layer + 1}"] for row in rows(pieces["encoder-toy-mha"])]
        assert shown == [percent(value) for value in true[layer, :, -1]]
    last = [node for node in pieces["answer-toy-mha"].all("tok") if "special" in node.classes]
    assert [node.attributes["data-special"] for node in last] == ["0", "1"]


def test_a_click_on_a_special_token_marks_it_and_again_unmarks_it(monkeypatch):
    from types import SimpleNamespace

    from pages.ui.kit import cards

    here = (SENTENCE, None)
    state = {"shown_text": here, "mark": (0, 0, 3), "mark_text": here}
    monkeypatch.setattr(cards, "st", SimpleNamespace(session_state=state))
    cards.toggle_mark((-1, 1, 1))
    assert cards.chosen_place(*here) == (-1, 1, 1)
    assert cards.marked(*here) is None, "a special token has no place in the text"
    cards.toggle_mark((-1, 1, 1))
    assert cards.chosen_place(*here) is None
    cards.toggle_mark((-1, 0, 0))
    cards.toggle_mark((0, 4, 9))
    assert cards.marked(*here) == (0, 4, 9)
    assert cards.marked("another text", None) is None


@pytest.mark.parametrize("side", ["query", "key"])
def test_one_token_is_followed_through_the_layers(open_attention, four, side):
    app = open_attention(
        four, checkpoints=["toy-mha"], unit="pieces", encoder_view="One token", side=side
    )
    start = SENTENCE.index("not")
    app.session_state["mark"], app.session_state["mark_text"] = (
        (0, start, start + 3),
        (SENTENCE, None),
    )
    app.run()
    true = eager_attentions(four / "toy-mha", SENTENCE).mean(axis=1)
    table = rows(seen.pieces(app)["encoder-toy-mha"])
    place = [row.label for row in table].index("not")
    expected = true[:, place] if side == "query" else true[:, :, place]
    for layer in range(LAYERS):
        shown = [row.hints[f"layer {layer + 1}"] for row in table]
        assert shown == [percent(value) for value in expected[layer]]


def test_rollout_entropy_and_parts_are_the_librarys(open_attention, four):
    app = open_attention(four, checkpoints=["toy-mha"], unit="pieces", encoder_view="Rollout")
    trace = analysis.record(analysis.load(four / "toy-mha"), SENTENCE, attentions=True)
    row = attention.rollout(trace).cls_row
    table = rows(seen.pieces(app)["encoder-toy-mha"])
    assert [each.hints[f"layer {LAYERS}"] for each in table] == [percent(v) for v in row]
    app.segmented_control(key="encoder_view").set_value("Entropy, distance").run()
    cells = [
        node
        for node in seen.pieces(app)["encoder-toy-mha"].walk()
        if "data-head" in node.attributes
    ]
    entropy, distance = attention.head_entropy(trace), attention.head_distance(trace)
    assert in_order(
        cells[HEADS + 2].attributes["title"], f"{entropy.normalised[1, 2]:.2f}", "log T"
    )
    at = LAYERS * HEADS + 2 * HEADS + 3
    assert f"{distance.tokens[2, 3]:.2f} tokens" in cells[at].attributes["title"]
    app.segmented_control(key="encoder_view").set_value("Input parts").run()
    masses = attention.block_masses(trace.attentions, trace.tokens).values[-1].mean(axis=0)
    own = attention.special_mass(attention.pooling_attention(trace), trace.tokens).mean()
    shown = [node.text for node in seen.pieces(app)["encoder-toy-mha"].all("wide")]
    expected = [own, 1 - own, *masses.ravel()]
    assert shown == [number(100 * float(value), "percent") for value in expected]
    line = seen.pieces(app)["encoder-toy-mha"].all("line")[-1].text
    assert in_order(line, "100 %", f"layer {LAYERS}", "mean over attention heads")
    app.session_state["marked_layer"], app.session_state["marked_head"] = 2, 3
    app.run()
    masses = attention.block_masses(trace.attentions, trace.tokens).values[1, 3]
    piece = seen.pieces(app)["encoder-toy-mha"]
    shown = [node.text for node in piece.all("wide")]
    assert shown[2:] == [number(100 * float(value), "percent") for value in masses.ravel()]
    assert in_order(piece.all("line")[-1].text, "100 %", "layer 2", "attention head 3")


def test_pair_has_its_mass_within_and_across(open_attention, folder):
    tiny.make_pooling_checkpoint(folder / "toy", "mha", pairs=True, task="toy", seed=3)
    pair = "he said it was great"
    app = open_attention(folder, pair=pair, encoder_view="Input parts")
    piece = seen.pieces(app)["encoder-toy"]
    trace = analysis.record(analysis.load(folder / "toy"), SENTENCE, pair, attentions=True)
    masses = attention.block_masses(trace.attentions, trace.tokens)
    assert masses.blocks == ("special tokens", "text", "pair")
    values = masses.values[-1].mean(axis=0).ravel()
    shown = [node.text for node in piece.all("wide")]
    assert shown[3:] == [number(100 * float(v), "percent") for v in values]
    assert sum("second" in row.classes for row in rows(seen.pieces(app)["answer-toy"])) == 1
