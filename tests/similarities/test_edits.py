"""What if a sentence of a pair lacked a token, or had another word?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import analysis
from analysis.similarities.edits import effects, leave_out, put_in
from tests.support import zoo

A = "The plot is thin, but the acting is fine."
B = "a film with poor acting"


@pytest.mark.parametrize(("name", "pooling"), [("bert", "mean"), ("mha", "head"), ("bare", "max")])
def test_a_token_left_out_is_a_text_typed_without_it(name: str, pooling: str) -> None:
    # [CLS] the plot is thin , ...: position 4 is "thin", which the tiny tokenizer keeps whole.
    edit = leave_out(zoo.loaded(name), A, B, (4,), (), pooling)
    typed = analysis.similarity(zoo.loaded(name), A.replace(" thin", ""), B, pooling)
    assert edit.after.score == pytest.approx(typed.score, abs=1e-5)
    np.testing.assert_allclose(edit.after.contributions, typed.contributions, atol=1e-5)
    assert edit.change == pytest.approx(typed.score - edit.before.score, abs=1e-5)


def test_a_token_left_out_of_the_pooling_is_a_mean_over_the_others() -> None:
    classifier = zoo.loaded("bare")
    edit = leave_out(classifier, A, B, (), (2,), where="pooling")
    h, g = (analysis.record(classifier, text).hidden[-1].astype(float) for text in (A, B))
    u, v = h.mean(0), np.delete(g, 2, axis=0).mean(0)
    assert edit.after.score == pytest.approx(
        u @ v / np.linalg.norm(u) / np.linalg.norm(v), abs=1e-6
    )


@pytest.mark.parametrize("name", ["mha", "max_seq_mha", "weighted_mean"])
def test_a_pooling_head_reads_what_stays(name: str) -> None:
    import torch

    classifier = zoo.loaded(name)
    edit = leave_out(classifier, A, B, (2,), (), "head", where="pooling")
    hidden = torch.tensor(np.delete(analysis.record(classifier, A).hidden, 2, axis=1))
    mask = torch.ones((1, hidden.shape[1]), dtype=torch.long)
    with torch.no_grad():
        expected = classifier.model.head(hidden[:, None], mask).vector[0].numpy()
    np.testing.assert_allclose(edit.after.a.vector, expected, atol=1e-6)
    assert edit.after.contributions.sum() == pytest.approx(edit.after.score, abs=1e-6)


def test_a_word_put_in_is_the_text_typed_with_it() -> None:
    edit = put_in(zoo.loaded("bare"), A, B, "a", 4, "good")
    typed = analysis.similarity(zoo.loaded("bare"), A.replace("thin", "good"), B)
    assert edit.after.score == pytest.approx(typed.score, abs=1e-6)
    other = put_in(zoo.loaded("bare"), A, B, "b", 4, "good")
    assert other.after.score == pytest.approx(
        analysis.similarity(zoo.loaded("bare"), A, "a film with good acting").score, abs=1e-6
    )


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "head"])
def test_effects_are_those_of_leaving_out_one_by_one(words: bool, pooling: str) -> None:
    classifier = zoo.loaded("mha")
    worth = effects(classifier, A, B, pooling, words=words)
    for side, (values, groups) in enumerate(zip((worth.a, worth.b), worth.groups, strict=True)):
        for value, group in zip(values, groups, strict=True):
            if np.isnan(value):
                continue
            chosen: list[Any] = [(), ()]
            chosen[side] = group
            edit = leave_out(classifier, A, B, *chosen, pooling)
            assert value == pytest.approx(-edit.change, abs=1e-5)
        assert np.isnan(values[[0, -1]]).all()  # [CLS] and [SEP] stay


def test_the_only_word_of_a_sentence_has_no_effect_to_measure() -> None:
    assert np.isnan(effects(zoo.loaded("bare"), "film", B).a).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"positions_a": (99,)}, "does not exist"),
        ({"positions_b": (0,)}, "special tokens stay"),
        ({"positions_b": (1, 2, 3, 4, 5)}, "nothing stays of the second"),
        ({"where": "attention"}, "encoder, pooling"),
    ],
)
def test_what_cannot_be_left_out_is_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        leave_out(zoo.loaded("bare"), A, B, **arguments)


def test_a_side_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="known: a, b"):
        put_in(zoo.loaded("bare"), A, B, "c", 2, "good")
