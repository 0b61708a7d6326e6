"""A word that was clicked is in doubt: the margins on Compare are those of forwards without it."""

from __future__ import annotations

import numpy as np
import pytest
from support import bare_forward as truth
from support import compare_reader as seen
from support.tiny import SENTENCE


def margin(path, text, target):
    logits = truth.pooling(path, text).logits
    return logits[target] - np.delete(logits, target).mean()


@pytest.mark.parametrize("instead", ["", "good"])
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
    said = seen.said(app)
    if change < 0:
        assert f"{name} loses most" in said
        assert f"{change:+.2f}" in said
    else:
        assert "no margin gets smaller" in said


def test_no_word_is_in_doubt_before_one_is_clicked(open_app, four):
    assert "in doubt" not in seen.said(open_app(four, text=SENTENCE))
