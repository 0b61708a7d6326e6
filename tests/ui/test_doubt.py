"""A word that was clicked is in doubt: the margins on Compare are those of forwards without it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import bare_forward as truth
from tests.support import compare_reader as seen
from tests.support.tiny import SENTENCE


def margin(path, text, target):
    logits = truth.pooling(path, text).logits
    return logits[target] - np.delete(logits, target).mean()


@pytest.mark.parametrize("instead", ["", "good", "[MASK]"])
def test_the_sentence_says_which_head_loses_most(open_app, four, instead):
    word = SENTENCE.split()[1]
    start = SENTENCE.index(word)
    edited = SENTENCE.replace(word, instead, 1) if instead else SENTENCE.replace(f"{word} ", "", 1)
    more = {"instead": instead} if instead else {}
    app = open_app(four, text=SENTENCE, mark=f"0.{start}.{start + len(word)}", **more)
    (label,) = next(iter(seen.cards(app).values())).explained
    target = list(truth.pooling(four / "toy-cls", SENTENCE).labels).index(label)
    changes = {
        path.name: margin(path, edited, target) - margin(path, SENTENCE, target)
        for path in sorted(four.glob("toy-*"))
    }
    name, change = min(changes.items(), key=lambda item: item[1])
    page_text = seen.text_of(app)
    if change < 0:
        assert f"{name} loses most" in page_text
        assert f"{change:+.2f}" in page_text
    else:
        assert "no margin gets smaller" in page_text


def test_no_word_is_in_doubt_before_one_is_clicked(open_app, four):
    assert "in doubt" not in seen.text_of(open_app(four, text=SENTENCE))


def test_every_word_is_ranked_by_what_each_head_loses_without_it(open_app, four):
    text, word = "The plot is thin, not dull", "plot"
    app = open_app(four, text=text, mark="0.4.8")
    panels = seen.pieces(app)["drawing-word-effects"].all("panel")
    (label,) = next(iter(seen.cards(app).values())).explained
    for panel in panels:
        path = four / panel.all("pl-sub")[0].text
        target = list(truth.pooling(path, text).labels).index(label)
        rows = [(b.all("name")[0].text, float(b.all("num")[0].text)) for b in panel.all("bar")]
        shown = [change for _, change in rows]
        assert [abs(x) for x in shown] == sorted((abs(x) for x in shown), reverse=True)
        edited = text.replace(f"{word} ", "", 1)
        change = margin(path, edited, target) - margin(path, text, target)
        assert dict(rows)[word] == pytest.approx(change, abs=0.006)
    assert len(panels) == 4


def test_a_word_is_taken_back_by_one_click(open_app, four):
    app = open_app(four, text=SENTENCE, mark="0.0.3")
    assert "in doubt" in seen.text_of(app)
    app.button(key="doubt-mask").click().run()
    assert app.text_input(key="instead").value == "[MASK]"
    app.button(key="doubt-end").click().run()
    assert "in doubt" not in seen.text_of(app)


def test_a_text_of_one_word_says_that_nothing_would_stay(open_app, four):
    app = open_app(four, text="good", mark="0.0.4")
    assert not app.exception
    assert "at least one word" in seen.text_of(app)
