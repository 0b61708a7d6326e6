"""The inputs of the frame: what is chosen is what is answered, and it is kept."""

from __future__ import annotations

import shutil
from urllib.parse import parse_qs

import numpy as np
import pytest

from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import tiny

SENTENCE = "The plot is thin, but the acting is anything but dull."


def test_typed_text_is_the_one_that_is_answered(open_app, four):
    app = open_app(four, text=SENTENCE)
    app.text_input(key="text").set_value("she said no").run()
    for name, card in seen.cards(app).items():
        true = truth.pooling(four / name, "she said no")
        assert card.shown == f"{true.probabilities.max():.2f}"


def test_class_in_the_address_is_the_one_explained(open_app, four):
    labels = tiny.random_labels(11)
    for target in range(3):
        app = open_app(four, text=SENTENCE, target=labels[target], unit="pieces")
        for name, card in seen.cards(app).items():
            true = truth.pooling(four / name, SENTENCE)
            assert card.label == true.label, "the answer stays the predicted class"
            assert card.explained == [labels[target]]
            assert card.lines[0] == f"probability margin {true.gap(target):+.2f}"
            expected = true.by_token[target] - np.delete(true.by_token, target, 0).mean(0)
            assert [u.value for u in card.reads] == [pytest.approx(v, abs=0.0051) for v in expected]
        assert labels[target] in seen.verdict(app)


def test_unknown_class_in_the_address_falls_back_to_what_most_predict(open_app, four):
    cards = list(seen.cards(open_app(four, text=SENTENCE, target="nowhere")).values())
    labels = [card.label for card in cards]
    common = max(labels, key=labels.count)
    assert all(card.explained == [common] for card in cards), "one class in all cards"


def test_click_on_a_class_chooses_it_and_a_second_one_gives_it_back(open_app, four, monkeypatch):
    from pages.ui.compare import cards
    from pages.ui.frame import choice

    app = open_app(four, text=SENTENCE)
    state = {}
    monkeypatch.setattr(cards.st, "session_state", state)
    labels = tuple(seen.cards(app)["toy-cls"].bars)
    cards._explain(labels, 2)
    assert state["target"] == labels[2]
    cards._explain(labels, 2)
    assert state["target"] == choice.PREDICTED


def test_checkpoints_in_the_address_are_the_ones_shown(open_app, four):
    app = open_app(four, text=SENTENCE, checkpoints=["toy-mha", "toy-cls"])
    assert list(seen.cards(app)) == ["toy-cls", "toy-mha"], "the order of the cards holds still"


def test_unknown_checkpoint_in_the_address_is_passed_over(open_app, four):
    app = open_app(four, text=SENTENCE, checkpoints=["gone", "toy-mha"])
    assert list(seen.cards(app)) == ["toy-mha"]


def _address(app):
    return parse_qs(app.session_state["address_state"].written)


def test_a_checkpoint_of_a_link_that_is_not_here_stays_in_the_address(open_app, four):
    app = open_app(four, text=SENTENCE, checkpoints=["gone", "toy-mha"])
    app.text_input(key="text").set_value("she said no").run()
    assert _address(app)["checkpoints"] == ["toy-mha", "gone"]
    assert "gone" in app.warning[0].value


def test_where_none_of_a_links_checkpoints_is_here_others_stand_in_and_the_link_holds(
    open_app, four
):
    app = open_app(four, text=SENTENCE, checkpoints=["gone"])
    assert len(seen.cards(app)) == 4
    assert _address(app)["checkpoints"] == ["gone"]


def test_a_folder_that_a_link_names_is_opened_by_a_click_in_place_of_the_stand_ins(
    open_app, four, tmp_path
):
    elsewhere = tmp_path / "theirs" / "toy"
    shutil.copytree(four / "toy-max_cls", elsewhere)
    app = open_app(four, text=SENTENCE, checkpoints=[str(elsewhere)])
    app.button(key="open_missing").click().run()
    assert app.multiselect(key="checkpoints").value == [str(elsewhere)]
    assert not app.warning
    assert _address(app)["checkpoints"] == [str(elsewhere)]


def test_a_checkpoint_that_cannot_be_opened_says_why_and_can_be_left_out(open_app, four):
    app = open_app(four, text=SENTENCE, checkpoints=["gone", "toy-mha"])
    app.button(key="open_missing").click().run()
    assert any("gone" in text.value and "Looked in" in text.value for text in app.text)
    app.button(key="leave_missing").click().run()
    assert not app.warning
    assert _address(app)["checkpoints"] == ["toy-mha"]


def test_choosing_other_checkpoints_lets_go_of_what_a_link_named(open_app, four):
    app = open_app(four, text=SENTENCE, checkpoints=["gone", "toy-mha"])
    app.multiselect(key="checkpoints").set_value(["toy-cls"]).run()
    assert _address(app)["checkpoints"] == ["toy-cls"]


def test_no_checkpoint_asks_for_one(open_app, four):
    app = open_app(four, text=SENTENCE)
    app.multiselect(key="checkpoints").set_value([]).run()
    assert "at least one checkpoint" in seen.text_of(app)
    assert app.text_input(key="text").value == SENTENCE


def test_empty_folder_of_checkpoints_says_so_and_keeps_the_page(open_app, folder):
    app = open_app(folder)
    assert not app.exception
    assert "heckpoint" in seen.text_of(app)
    assert [title.value for title in app.title] == ["Compare"]


def test_example_fills_the_sentence(open_app, four):
    from pages.ui.frame.examples import words_for

    app = open_app(four)
    app.button_group(key="example").set_value(1).run()
    expected = words_for("toy").examples[1].text
    assert app.text_input(key="text").value == expected
    card = seen.cards(app)["toy-mha"]
    true = truth.pooling(four / "toy-mha", expected)
    assert card.shown == f"{true.probabilities.max():.2f}"


@pytest.fixture
def two_tasks(folder):
    tiny.make_pooling_checkpoint(folder / "sst2-cls", "cls", ("neg", "pos"), task="sst2", seed=1)
    tiny.make_pooling_checkpoint(
        folder / "mrpc-mha", "mha", ("no", "yes"), task="mrpc", pairs=True, seed=2
    )
    return folder


def test_task_chooses_its_checkpoints_and_brings_its_example(open_app, two_tasks):
    from pages.ui.frame.examples import words_for

    app = open_app(two_tasks)
    assert list(seen.cards(app)) == ["sst2-cls"]
    assert not [w for w in app.text_input if w.key == "pair"]
    app.button_group(key="task").set_value("mrpc").run()
    assert list(seen.cards(app)) == ["mrpc-mha"]
    example = words_for("mrpc").examples[0]
    assert app.text_input(key="text").value == example.text
    assert app.text_input(key="pair").value == example.pair


def test_task_leaves_what_somebody_typed(open_app, two_tasks):
    app = open_app(two_tasks)
    app.text_input(key="text").set_value("she said it was good").run()
    app.button_group(key="task").set_value("mrpc").run()
    assert app.text_input(key="text").value == "she said it was good"


def test_pair_is_read_together_with_its_sentence(open_app, two_tasks):
    app = open_app(
        two_tasks, text="the film is good", pair="the story is bad", checkpoints="mrpc-mha"
    )
    card = seen.cards(app)["mrpc-mha"]
    true = truth.pooling(two_tasks / "mrpc-mha", "the film is good", "the story is bad")
    assert card.shown == f"{true.probabilities.max():.2f}"
    expected = true.by_token[true.predicted] - true.by_token[1 - true.predicted]
    assert [u.value for u in card.reads] == [pytest.approx(v, abs=0.0051) for v in expected]
    assert len(card.reading.all("seg")) == 2, "each text on lines of its own"


def test_same_word_in_both_texts_of_a_pair_stays_two(open_app, two_tasks):
    app = open_app(two_tasks, text="good", pair="good", checkpoints="mrpc-mha", unit="words")
    words = [u.label for u in seen.cards(app)["mrpc-mha"].reads]
    assert words == ["[CLS]", "good", "[SEP]", "good", "[SEP]"]


def test_variant_says_what_it_changes_in_every_checkpoint(open_app, four):
    changed = "The plot is thin and the acting is dull."
    app = open_app(four, text=SENTENCE, compare="true", variant=changed)
    body = seen.pieces(app)["variant-bars"]
    flips, moves = [], []
    for path in sorted(four.glob("toy-*")):
        old, new = truth.pooling(path, SENTENCE), truth.pooling(path, changed)
        target = list(old.labels).index(seen.cards(app)[path.name].explained[0])
        before, after = old.probabilities[target], new.probabilities[target]
        bars = [b for b in body.all("bar") if b.attributes["title"].startswith(f"{path.name}")]
        assert [b.all("num")[0].text for b in bars] == [f"{before:.2f}", f"{after:.2f}"]
        moves.append(
            (
                abs(after - before),
                f"{path.name}, probability of {old.labels[target]} {after - before:+.2f}.",
            )
        )
        if old.predicted != new.predicted:
            flips.append(f"{path.name} from {old.label} to {new.label}")
    sentence = app.main.text[1].value
    for flip in flips:
        assert flip in sentence
    assert ("changes no answer" in sentence) == (not flips)
    assert sentence.endswith(f"Largest change: {max(moves)[1]}")


def test_variant_marks_what_was_added_and_what_left_out(open_app, four):
    app = open_app(four, text="the film is good", compare="true", variant="the film was <b>good")
    change = seen.pieces(app)["variant-bars"].all("change")[0]
    added = [n.text for n in change.walk() if n.tag == "ins"]
    removed = [n.text for n in change.walk() if n.tag == "del"]
    assert removed == ["is"]
    assert "".join(added).replace(" ", "") == "was<b>"


def test_empty_variant_asks_for_one(open_app, four):
    app = open_app(four, text=SENTENCE, compare="true")
    assert "Type a variant" in seen.text_of(app)


def test_a_variant_begins_with_the_sentence(open_app, four):
    app = open_app(four, text=SENTENCE)
    app.toggle(key="compare").set_value(True).run()
    assert app.text_input(key="variant").value == SENTENCE


def test_long_field_takes_over_the_sentence_and_gives_it_back(open_app, four):
    app = open_app(four, text=SENTENCE)
    app.toggle(key="long").set_value(True).run()
    assert app.text_area(key="document").value == SENTENCE
    app.text_area(key="document").set_value("she said\nit was good").run()
    true = truth.pooling(four / "toy-cls", "she said\nit was good")
    assert seen.cards(app)["toy-cls"].shown == f"{true.probabilities.max():.2f}"
    app.toggle(key="long").set_value(False).run()
    assert app.text_input(key="text").value == "she said it was good"


@pytest.mark.parametrize("metrics", [{"accuracy": 0.5}, [1], "good", {"dev": {"note": "good"}}])
def test_scores_in_another_form_stop_nothing(open_app, folder, metrics):
    tiny.make_pooling_checkpoint(folder / "told", "cls", seed=4, facts={"metrics": metrics})
    assert list(seen.cards(open_app(folder))) == ["told"]


def test_sidebar_tells_device_and_facts_of_the_checkpoint(open_app, folder):
    tiny.make_pooling_checkpoint(
        folder / "told", "max_seq_mha", seed=4, facts={"metrics": {"dev": {"accuracy": 0.8764}}}
    )
    app = open_app(folder)
    facts = "\n".join(element.value for element in app.sidebar.text)
    assert not app.exception
    assert "pooling head: max_seq_mha" in facts
    assert "last k layers: 3" in facts
    assert "accuracy (dev): 0.876" in facts
    from safetensors.torch import load_file

    count = sum(t.numel() for t in load_file(folder / "told" / "model.safetensors").values())
    assert f"parameters: {count:,}" in facts
    assert any("CPU" in c.value or "cuda" in c.value for c in app.sidebar.caption)
