"""What is shown belongs to the files as they are now and to the class that is named.

Each promise is also broken on purpose: a test that stays green then would prove nothing.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support import tiny
from tests.support.pages import PAGES
from tests.support.parts import fast

SENTENCE = "the film is good but the plot is thin"


def rewrite(path, seed):
    """Other weights in the same files, of the same size."""
    tiny.make_pooling_checkpoint(path, "mha", tiny.random_labels(11), task="toy", seed=seed)


def shown_as_true(app, path):
    """Whether answer and strip are those of the files as they are now."""
    card, true = seen.cards(app)["toy"], truth.pooling(path, SENTENCE)
    target = card.explained[0] if card.explained else ""
    if target not in true.labels:
        return False
    index = true.labels.index(target)
    expected = true.by_token[index] - np.delete(true.by_token, index, 0).mean(0)
    return card.bars == {
        label: f"{p:.2f}" for label, p in zip(true.labels, true.probabilities, strict=True)
    } and [u.value for u in card.reads] == [pytest.approx(v, abs=0.0051) for v in expected]


@pytest.fixture
def toy_folder(folder):
    rewrite(folder / "toy", 1)
    return folder


def test_rewritten_weights_show_in_the_next_run(open_app, toy_folder):
    app = open_app(toy_folder, text=SENTENCE)
    assert shown_as_true(app, toy_folder / "toy")
    before = seen.cards(app)["toy"]
    rewrite(toy_folder / "toy", 2)
    app.run()
    assert shown_as_true(app, toy_folder / "toy")
    after = seen.cards(app)["toy"]
    assert before.bars != after.bars
    assert [u.value for u in before.attributes] != [u.value for u in after.attributes]


def test_rewritten_configuration_shows_in_the_next_run(open_app, toy_folder):
    app = open_app(toy_folder, text=SENTENCE)
    config = toy_folder / "toy" / "config.json"
    first = tiny.random_labels(11)[0]
    config.write_text(config.read_text().replace(first, "renamed"))
    app.run()
    assert "renamed" in seen.cards(app)["toy"].bars


def test_cache_without_the_digest_is_caught(open_app, toy_folder, monkeypatch):
    """The fault: the model's cache forgets the digest, so changed files show old numbers."""
    from pages.ui.engine import models

    trace = models._trace
    monkeypatch.setattr(models, "_key", lambda checkpoint: str(checkpoint.folder))
    monkeypatch.setattr(
        models, "_trace", lambda id, sha256, *rest, **more: trace(id, "same", *rest, **more)
    )
    app = open_app(toy_folder, text=SENTENCE)
    assert shown_as_true(app, toy_folder / "toy")
    rewrite(toy_folder / "toy", 2)
    app.run()
    assert not shown_as_true(app, toy_folder / "toy")


def test_explaining_another_class_than_named_is_caught(open_app, toy_folder, monkeypatch):
    """The fault: the class beside the one that is named is explained."""
    from analysis.figures.views import compare

    real = compare.reading
    monkeypatch.setattr(
        compare,
        "reading",
        lambda split, tokens, target, *rest, **more: real(
            split, tokens, (target + 1) % 3, *rest, **more
        ),
    )
    assert not shown_as_true(open_app(toy_folder, text=SENTENCE), toy_folder / "toy")


def test_attributing_another_class_than_named_is_caught(open_app, toy_folder, monkeypatch):
    from analysis.figures.recipes import results

    def sums(app):
        return sum(u.value for u in seen.cards(app)["toy"].attributes)

    def change(path):
        true = truth.pooling(path, SENTENCE)
        empty = truth.pooling(path, "[PAD] " * len(SENTENCE.split()))
        return [
            float(
                np.subtract(
                    *(
                        t.logits[true.predicted] - np.delete(t.logits, true.predicted).mean()
                        for t in (true, empty)
                    )
                )
            )
        ][0]

    expected = pytest.approx(change(toy_folder / "toy"), abs=0.1)
    assert sums(open_app(toy_folder, text=SENTENCE)) == expected
    real = results.attribution
    monkeypatch.setattr(
        results,
        "attribution",
        lambda member, method, target, *rest: real(member, method, (target + 1) % 3, *rest),
    )
    assert sums(open_app(toy_folder, text=SENTENCE)) != expected


def test_deleted_checkpoint_keeps_its_card_with_the_reason_and_the_others_answer(open_app, four):
    app = open_app(four, text=SENTENCE)
    shutil.rmtree(four / "toy-mha")
    for _ in range(2):
        app.run()
        cards = seen.cards(app)
        assert sorted(cards) == ["toy-cls", "toy-max_cls", "toy-max_seq_mha", "toy-mha"]
        assert "its files were removed" in cards["toy-mha"].answer.text
        assert cards["toy-cls"].shown
    app.multiselect(key="checkpoints").unselect("toy-mha").run()
    assert "toy-mha" not in seen.cards(app)


@pytest.mark.parametrize("page", fast(PAGES, lambda page: page in PAGES[::3]))
def test_a_page_goes_on_without_a_checkpoint_that_was_deleted(open_app, four, page):
    app = open_app(four, text=SENTENCE, page=page)
    shutil.rmtree(four / "toy-mha")
    app.text_input(key="text").set_value("the plot is good").run() if page[6:7] in (
        "", "1", "2", "3", "4"
    ) else app.run()  # fmt: skip
    assert not app.exception, [error.value for error in app.exception]


def test_new_checkpoint_can_be_chosen_in_the_next_run(open_app, toy_folder):
    app = open_app(toy_folder, text=SENTENCE)
    rewrite(toy_folder / "toy-new", 3)
    app.run()
    app.multiselect(key="checkpoints").select("toy-new").run()
    card, true = seen.cards(app)["toy-new"], truth.pooling(toy_folder / "toy-new", SENTENCE)
    assert card.shown == f"{true.probabilities.max():.2f}"


def test_checkpoint_that_breaks_while_the_app_runs_is_listed(open_app, four):
    app = open_app(four, text=SENTENCE)
    weights = four / "toy-cls" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    app.run()
    assert "toy-cls" not in seen.cards(app)
    assert any(e.label == "Not usable (1)" for e in app.sidebar.expander)


def test_colour_scale_holds_still_while_one_types(open_app, four):
    app = open_app(four, text=SENTENCE)
    limits = []
    for text in (SENTENCE, "good", "the film is good but the plot is thin and dull", "a"):
        app.text_input(key="text").set_value(text).run()
        limits.append((app.session_state["strip_scale"][1], app.session_state["input_scale"][1]))
    for name in (0, 1):
        values = [pair[name] for pair in limits]
        assert values == sorted(values), "a scale only grows"
    legend = next(c.value for c in app.main.caption if c.value.startswith("Logits of"))
    assert f"±{limits[-1][1]:g} for the input" in legend
    assert f"±{limits[-1][0]:g} for the split" in legend


def test_precision_of_the_encoder_is_part_of_what_is_asked(open_app, toy_folder):
    def logits(app):
        return app.dataframe[0].value["logit"].to_numpy()

    exact = open_app(toy_folder, text=SENTENCE)
    rounded = open_app(toy_folder, text=SENTENCE, precision="bfloat16")
    assert rounded.selectbox(key="precision").value == "bfloat16"
    assert logits(rounded) == pytest.approx(logits(exact), abs=0.1)
    assert (logits(rounded) != logits(exact)).any(), "the first run obeys the address"
    exact.selectbox(key="precision").set_value("bfloat16").run()
    assert (logits(rounded) == logits(exact)).all()
