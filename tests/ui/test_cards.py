"""The numbers on the cards are those of the checkpoint's files, computed here another way."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import oracles, tiny

SENTENCE = "The plot is thin, but the acting is anything but dull."
HEADS = ("cls", "max_cls", "mha", "max_seq_mha")


def as_written(values):
    """Values as a strip writes them: half of the second decimal may be missing."""
    return [pytest.approx(v, abs=0.0051) for v in values]


def contrasts(values, target):
    """(C, n) -> (n,) target minus mean of the others."""
    return oracles.contrast(values, target)


def in_words(folder, text, values):
    """Sums over the pieces of each word, by the tokenizer's own word ids."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    words = tokenizer(text, padding=False, truncation=False).word_ids()
    sums, previous = [], None
    for word, value in zip(words, values, strict=True):
        if word is not None and word == previous:
            sums[-1] += value
        else:
            sums.append(value)
        previous = word
    return sums


def test_title_navigation_and_question_stand_on_the_page(open_app, four):
    app = open_app(four)
    assert [title.value for title in app.title] == ["Compare"]
    assert "do they agree" in app.caption[0].value
    assert "Compare" in [link.proto.label for link in app.get("page_link")]
    labels = {
        w.label
        for kind in ("text_input", "multiselect", "selectbox", "toggle")
        for w in getattr(app, kind)
    }
    assert {"Sentence", "Checkpoints", "Class to explain", "Long text", "Variant"} <= labels


def test_default_shows_the_four_pooling_heads_in_the_papers_order(open_app, four):
    assert list(seen.cards(open_app(four))) == [f"toy-{head}" for head in HEADS]


def explained(card, true):
    """Index of the class that a card explains: one for all cards."""
    (label,) = card.explained
    return list(true.labels).index(label)


@pytest.mark.parametrize("text", [SENTENCE, "she said nothing about dulls", "not good"])
def test_one_class_is_explained_in_all_cards(open_app, four, text):
    cards = list(seen.cards(open_app(four, text=text)).values())
    labels = [card.label for card in cards]
    common = max(labels, key=labels.count)
    assert [card.explained for card in cards] == [[common]] * len(cards)


@pytest.mark.parametrize("text", [SENTENCE, "she said nothing about dulls", "not good"])
def test_probabilities_and_gap_are_those_of_the_files(open_app, four, text):
    for name, card in seen.cards(open_app(four, text=text)).items():
        true = truth.pooling(four / name, text)
        assert card.label == true.label
        assert card.shown == f"{true.probabilities.max():.2f}"
        numbers = [f"{p:.2f}" for p in true.probabilities]
        assert card.bars == dict(zip(true.labels, numbers, strict=True))
        assert card.lines == [f"probability margin {true.gap(explained(card, true)):+.2f}"]


def test_labels_nobody_could_have_written_down_are_shown(open_app, folder):
    labels = tiny.random_labels(np.random.SeedSequence().entropy % 2**32)
    tiny.make_pooling_checkpoint(folder / "fresh", "mha", labels, seed=5)
    card = seen.cards(open_app(folder))["fresh"]
    assert tuple(card.bars) == labels
    assert card.label in labels
    assert card.how == "pooling head mha"


@pytest.mark.parametrize("unit", ["words", "pieces"])
def test_reading_strip_holds_the_exact_split_of_the_files(open_app, four, unit):
    text = "the actings is dulls, not goodly"
    for name, card in seen.cards(open_app(four, text=text, unit=unit)).items():
        true = truth.pooling(four / name, text)
        values = contrasts(true.by_token, explained(card, true))
        if unit == "words":
            values = in_words(four / name, text, values)
        assert [u.value for u in card.reads] == as_written(values), name
        assert [u.negative for u in card.reads] == [v < 0 for v in values]


def test_source_layers_hold_wins_and_contributions_of_the_files(open_app, four):
    shown = seen.cards(open_app(four, text=SENTENCE))
    for name in ("toy-max_cls", "toy-max_seq_mha"):
        true = truth.pooling(four / name, SENTENCE)
        contributed = contrasts(true.by_layer, explained(shown[name], true))
        assert list(shown[name].source_layers) == [2, 3, 4]
        for (wins, contribution), share, value in zip(
            shown[name].source_layers.values(), true.wins, contributed, strict=True
        ):
            assert wins == pytest.approx(share, abs=0.51)
            assert contribution == pytest.approx(value, abs=0.0051)
    assert not shown["toy-cls"].reading.all("panel"), "no maximum, no source layers"


def test_input_strip_holds_the_attribution_of_the_explained_class(open_app, four):
    for name, card in seen.cards(open_app(four, text=SENTENCE, unit="pieces")).items():
        target = explained(card, truth.pooling(four / name, SENTENCE))
        result = analysis.attribute(
            analysis.load(four / name), SENTENCE, target=target, output="contrast"
        )
        assert [u.value for u in card.attributes] == as_written(result.scores)
        gap = result.completeness_gap
        assert (f"gap {gap:.2f}" if gap >= 0.005 else "gap < 0.01") in card.attribution.text


def test_input_strip_sums_to_the_change_of_the_contrast(open_app, four):
    """Completeness, against forwards that this test runs: text minus its [PAD] baseline."""
    for name, card in seen.cards(open_app(four, text=SENTENCE, unit="pieces")).items():
        true = truth.pooling(four / name, SENTENCE)
        pads = "[PAD] " * (len(card.attributes) - 2)
        target = explained(card, true)
        start = contrasts(truth.pooling(four / name, pads).logits, target)
        change = contrasts(true.logits, target) - start
        total = sum(u.value for u in card.attributes)
        assert total == pytest.approx(change, abs=0.02 + 0.02 * abs(change) + 0.005 * 14)


def test_strips_show_the_sentence_as_typed(open_app, four):
    card = seen.cards(open_app(four, text="  The ACTING,was  fine.", unit="words"))["toy-mha"]
    expected = ["[CLS]", "The", "ACTING", ",", "was", "fine", ".", "[SEP]"]
    assert [u.label for u in card.reads] == expected
    assert [u.label for u in card.attributes] == expected
    joined = card.reading.all("pl-strip")[0].text
    assert "ACTING,was fine." in joined, "space before words, none inside them"


def test_word_pieces_are_shown_by_position(open_app, four):
    shown = seen.cards(open_app(four, text="dulls dulls", unit="pieces"))["toy-mha"].reads
    assert [u.label for u in shown] == ["[CLS]", "dull", "s", "dull", "s", "[SEP]"]
    assert [u.positions for u in shown] == [(p,) for p in range(6)]
    whole = seen.cards(open_app(four, text="dulls dulls", unit="words"))["toy-mha"].reads
    assert [u.positions for u in whole] == [(0,), (1, 2), (3, 4), (5,)]


def test_reference_of_the_split_is_named(open_app, four):
    notes = [n.text for n in seen.cards(open_app(four))["toy-mha"].reading.all("note")]
    assert notes[0] == "reference: zero"


def test_every_panel_says_what_its_numbers_are_and_are_not(open_app, four):
    card = seen.cards(open_app(four))["toy-max_seq_mha"]
    titles = [
        n.attributes["title"]
        for part in (card.attribution, card.reading)
        for n in part.all("about")
    ]
    assert len(titles) == 3
    assert all(text.count(". ") >= 1 for text in titles)


def test_table_lists_every_class_of_every_checkpoint(open_app, four):
    app = open_app(four, text=SENTENCE)
    table, cards = app.dataframe[0].value, seen.cards(app)
    assert len(table) == 4 * 3
    for name in ("toy-cls", "toy-max_seq_mha"):
        true = truth.pooling(four / name, SENTENCE)
        rows = table[table["checkpoint"] == name]
        assert rows["logit"].to_numpy() == pytest.approx(true.logits, abs=1e-4)
        assert rows["probability"].to_numpy() == pytest.approx(true.probabilities, abs=1e-4)
        assert rows["explained"].to_numpy().nonzero()[0] == explained(cards[name], true)
        assert (rows["error of the split"] < 1e-5).all()
