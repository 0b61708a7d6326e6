"""Text of every kind: an answer or a clear sentence, nothing lost, nothing executed."""

from __future__ import annotations

import json

import pytest

from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.sentences import in_order

SENTENCE = "the film is good"
SCRIPT = "<script>window.hit=1</script><img src=x onerror=\"window.hit=1\"> & 'a' <b>good</b>"
SHOWN_AS_TYPED = {
    "emoji": "the film 🎬👩‍👩‍👧 is good 🙂",
    "right to left": "the הסרט is طيب",
    "cjk": "这部电影 is 良い",
    "combining": "cafe\u0301 is good\u0323\u0307",
    "zero width": "go\u200bod \u2060film\ufeff",
    "bidi override": "the \u202efilm\u202c is good",
    "html": "<h1 onclick='window.hit=1'>good</h1> &amp; <br> bad",
    "script": SCRIPT,
    "markdown": "**good** _bad_ # film [plot](http://example.com) ![i](http://example.com/i.png)",
    "latex": "$\\frac{a}{b}$ \\href{http://example.com}{good} $$x^2$$",
    "directive": ":red[good] :material/home: :smile:",
    "template": "{{ good }} ${bad} %s %(film)s",
}


@pytest.fixture
def two(four):
    import shutil

    for name in ("toy-max_cls", "toy-mha"):
        shutil.rmtree(four / name)
    tiny.make_foreign_checkpoint(four / "stock", "roberta", seed=3)
    return four


def typed(app):
    return app.text_input(key="text").value


@pytest.mark.parametrize("text", ["", " ", "\t \u00a0\u3000"], ids=["empty", "blank", "spaces"])
def test_blank_text_asks_for_a_sentence(open_app, four, text):
    app = open_app(four, text=SENTENCE)
    app.text_input(key="text").set_value(text).run()
    assert not app.exception
    assert in_order(seen.text_of(app), "Type a sentence", "example")
    assert not seen.pieces(app)
    assert app.get("button_group"), "the examples stay"
    app.text_input(key="text").set_value(SENTENCE).run()
    assert len(seen.cards(app)) == 4


@pytest.mark.parametrize("text", SHOWN_AS_TYPED.values(), ids=SHOWN_AS_TYPED)
def test_odd_text_is_answered_and_shown_as_typed(open_app, two, text):
    app = open_app(two, checkpoints=["toy-cls", "toy-max_seq_mha", "stock"])
    app.text_input(key="text").set_value(text).run()
    shown = seen.cards(app)
    assert set(shown) == {"toy-cls", "toy-max_seq_mha", "stock"}
    assert typed(app) == text
    for card in shown.values():
        assert 0 <= float(card.shown) <= 1
        assert not card.answer.all("warn")
        words = [u for u in card.attributes if "special" not in u.classes]
        assert words
        strip = card.attribution.all("pl-strip")[0]
        for node in strip.walk():
            assert node.tag in ("div", "span"), "typed tags stay text"
            assert not [name for name in node.attributes if name.startswith("on")]


@pytest.mark.parametrize("text", [SHOWN_AS_TYPED["html"], SCRIPT, SHOWN_AS_TYPED["latex"]])
def test_strip_spells_the_text_out(open_app, two, text):
    app = open_app(two, text=text, checkpoints="stock")
    strip = seen.cards(app)["stock"].attribution.all("pl-strip")[0].text
    strip = strip.replace(" ", "").removesuffix("</s>")
    assert len(strip) > 40
    assert f"<s>{text}".replace(" ", "").startswith(strip), "cut at the end, and only there"


def test_typed_script_is_in_no_piece_of_html(open_app, two):
    app = open_app(
        two,
        text=SCRIPT,
        compare="true",
        variant=SCRIPT + " dull",
        unit="words",
        checkpoints=["toy-cls", "stock"],
    )
    assert not app.exception
    for element in app.get("bidi_component"):
        html = json.loads(element.proto.json).get("html", "")  # one that only listens has none
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>" not in html
    shown = seen.pieces(app)["variant-bars"].all("change")[0].text
    assert shown == SCRIPT + " dull"


def test_control_characters_are_replaced_and_counted(open_app, four):
    app = open_app(four)
    app.text_input(key="text").set_value("the \x07\x00film is good").run()
    assert len(seen.cards(app)) == 4
    assert in_order(seen.text_of(app), "2 control characters", "space")
    labels = [u.label for u in seen.cards(app)["toy-mha"].reads]
    assert labels[1:-1] == ["the", "film", "is", "good"]


def test_lone_surrogates_are_replaced_and_counted(open_app, four, monkeypatch):
    from pages.ui.frame import sentence_fields

    # Neither a browser nor a test can send one through a widget, so it comes in behind it.
    monkeypatch.setattr(sentence_fields, "texts", lambda *_: ("the \ud800film \udfffis good", ""))
    app = open_app(four)
    assert len(seen.cards(app)) == 4
    assert "2 unpaired surrogates" in seen.text_of(app)


def test_unknown_pieces_are_counted_and_shown_as_typed(open_app, four):
    app = open_app(four, text="the zyx is qwv", unit="words")
    assert in_order(seen.text_of(app), "2 pieces", "vocabulary")
    labels = [u.label for u in seen.cards(app)["toy-mha"].reads]
    assert labels == ["[CLS]", "the", "zyx", "is", "qwv", "[SEP]"]


def test_ten_thousand_words_are_cut_and_the_cards_say_how_many_tokens(open_app, four):
    from pages.ui.compare.input_attribution import LONG_TEXT

    text = "film " * 10_000
    app = open_app(four, long="true")
    app.text_area(key="document").set_value(text).run(timeout=120)
    shown = seen.cards(app)
    assert len(shown) == 4
    for card in shown.values():
        assert in_order(card.lines[-1], f"{10_000 + 2 - tiny.POSITIONS:,} tokens", "cut")
        assert len(card.reads) == tiny.POSITIONS
    assert tiny.POSITIONS < LONG_TEXT, "the cut text is short enough to attribute at once"
    assert app.text_area(key="document").value == text


def test_long_text_asks_before_it_attributes(open_app, four, monkeypatch):
    from pages.ui.compare import input_attribution

    monkeypatch.setattr(input_attribution, "LONG_TEXT", 8)
    app = open_app(four, text="the film is good but the plot is thin")
    assert len(seen.cards(app)) == 4, "the answers come at once"
    assert all(card.attribution is None for card in seen.cards(app).values())
    button = next(b for b in app.button if b.label.startswith("Attribute the input"))
    assert "4 × 11 tokens" in button.label
    button.click().run()
    assert all(card.attributes for card in seen.cards(app).values())


def test_names_of_classes_are_shown_as_typed(open_app, folder):
    labels = ("<b>a</b>", "$x^2$ **b**", "![i](http://example.com/i.png)")
    tiny.make_pooling_checkpoint(folder / "odd", "mha", labels, task="*odd* $task$", seed=1)
    for target in labels:
        app = open_app(folder, text=SENTENCE, target=target)
        card = seen.cards(app)["odd"]
        assert tuple(card.bars) == labels
        assert card.explained == [target]
        legend = next(c.value for c in app.main.caption if c.value.startswith("Logits of"))
        assert target not in legend, "Markdown would read it"
        assert target in legend.replace("\\", "")


def test_link_to_a_missing_checkpoint_names_it_as_typed(open_app, four):
    name = "![i](http://example.com/i.png)"
    app = open_app(four, checkpoints=[name, "toy-cls"])
    assert list(seen.cards(app)) == ["toy-cls"]
    warning = app.warning[0].value
    assert name not in warning, "Markdown would fetch it"
    assert name in warning.replace("\\", "")


def test_pair_of_odd_texts_is_answered(open_app, folder):
    tiny.make_pooling_checkpoint(folder / "two", "max_seq_mha", pairs=True, seed=2)
    app = open_app(folder, text="🙂", pair="\u200b<b>")
    card = seen.cards(app)["two"]
    assert 0 <= float(card.shown) <= 1
    app.text_input(key="pair").set_value(" ").run()
    assert "two" in seen.cards(app), "a blank second text is none"
