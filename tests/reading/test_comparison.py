"""What is said of several checkpoints: numbers by hand, and words about these checkpoints only."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.reading.comparison import Answer, answer, change_in_words, in_words
from tests.support import zoo
from tests.support.sentences import in_order

TEXT = "The plot is thin, but not dull."


def answer_of(name: str, *values, labels=("no", "yes"), regression=False) -> Answer:
    members = tuple(f"{name}-s{i}" for i in range(len(values))) if len(values) > 1 else (name,)
    kind = "value" if regression else "softmax"
    return Answer(name, labels, members, np.array(values, dtype=float), kind)


def value(name: str, *values) -> Answer:
    return answer_of(name, *[[v] for v in values], labels=("score",), regression=True)


def test_an_answer_holds_the_traces_probabilities():
    trace = analysis.record(zoo.loaded("mha"), TEXT)
    result = answer([trace], "mha")
    assert result.labels == trace.checkpoint.labels
    assert np.array_equal(result.mean, trace.probabilities)
    assert result.label == trace.checkpoint.labels[trace.predicted]
    assert result.gap(trace.predicted) == pytest.approx(trace.class_gap())
    assert (result.spread == 0).all()
    assert result.dissenters == ()


def test_a_group_has_mean_spread_and_dissenters():
    group = answer_of("trio", [0.2, 0.8], [0.3, 0.7], [0.6, 0.4])
    np.testing.assert_allclose(group.mean, [1.1 / 3, 1.9 / 3])
    mean = 1.9 / 3
    spread = (((0.8 - mean) ** 2 + (0.7 - mean) ** 2 + (0.4 - mean) ** 2) / 2) ** 0.5
    np.testing.assert_allclose(group.spread, [spread, spread])
    assert group.label == "yes"
    assert group.gap(1) == pytest.approx(0.8 / 3)
    assert group.gap(0) == pytest.approx(-0.8 / 3)
    assert group.dissenters == (("trio-s2", "no"),)


def test_the_class_gap_is_to_the_best_other_class():
    three = answer_of("a", [0.5, 0.2, 0.3], labels=("x", "y", "z"))
    assert [three.gap(c) for c in range(3)] == pytest.approx([0.2, -0.3, -0.2])


def test_checkpoints_of_other_classes_are_no_group():
    traces = [analysis.record(zoo.loaded(name), TEXT) for name in ("mha", "regression")]
    with pytest.raises(ValueError, match="different classes"):
        answer(traces, "both")
    with pytest.raises(ValueError, match="at least one trace"):
        answer([], "none")
    with pytest.raises(ValueError, match=r"expected \(1, 2\)"):
        Answer("a", ("no", "yes"), ("a",), np.zeros((2, 2)))


def test_agreement_is_said_with_the_largest_difference():
    sentence = in_words(
        [answer_of("a", [0.1, 0.9]), answer_of("b", [0.4, 0.6]), answer_of("c", [0.3, 0.7])]
    )
    assert "disagree" not in sentence
    assert in_order(sentence, "three checkpoints", "one seed each", "agree", "yes")
    assert in_order(sentence, "difference", "probability of yes", "b 0.60", "a 0.90")


def test_disagreement_names_the_sides_the_larger_first():
    answers = [answer_of("a", [0.9, 0.1]), answer_of("b", [0.4, 0.6]), answer_of("c", [0.3, 0.7])]
    sentence = in_words(answers)
    assert in_order(sentence, "disagree", "b and c", "yes", "a", "no", "probability of yes")
    assert in_order(sentence, "Largest difference", "probability of yes", "a 0.10", "c 0.70")
    assert in_order(in_words(answers, "no"), "probability of no", "c 0.30", "a 0.90")
    assert in_words(answers, "no such class") == sentence


def test_equal_probabilities_are_said_to_be_equal():
    sentence = in_words([answer_of("a", [0.1, 0.9]), answer_of("b", [0.101, 0.899])])
    assert in_order(sentence, "All", "yes", "same probability", "0.90")
    # 0.836 and 0.844 differ by 0.008 and are both printed as 0.84.
    sentence = in_words([answer_of("a", [0.164, 0.836]), answer_of("b", [0.156, 0.844])])
    assert in_order(sentence, "All", "yes", "same probability", "0.84")


def test_groups_speak_with_their_spread():
    trio = answer_of("trio", [0.2, 0.8], [0.3, 0.7], [0.4, 0.6])
    assert in_order(in_words([trio]), "trio", "yes", "0.70 ± 0.10")
    assert in_order(in_words([trio, trio]), "two seed groups", "3 seeds each", "agree", "yes")
    mixed = in_words([trio, answer_of("a", [0.9, 0.1])])
    assert in_order(mixed, "two entries", "seed groups as their mean", "disagree")
    assert in_order(mixed, "probability of no", "trio 0.30 ± 0.10", "a 0.90")


def test_other_classes_are_not_compared_and_values_are_values():
    sentence = in_words(
        [answer_of("a", [0.1, 0.9]), answer_of("b", [0.2, 0.8], labels=("bad", "good"))]
    )
    assert "different classes" in sentence
    both = in_words([value("a", 1.5), value("b", -2.0)])
    assert in_order(both, "two checkpoints", "one seed each", "b -2.00", "a 1.50")
    assert in_order(in_words([value("a", 1.5)]), "a", "1.50")
    assert in_words([]) == ""


def test_those_with_the_same_classes_keep_their_verdict_beside_one_with_others():
    alike = [answer_of("a", [0.1, 0.9]), answer_of("b", [0.4, 0.6])]
    other = answer_of("c", [0.2, 0.8], labels=("bad", "good"))
    for order in ([*alike, other], [other, *alike]):
        assert in_words(order).startswith(in_words(alike))
        assert in_order(in_words(order)[len(in_words(alike)) :], "c", "other classes")
    sentence = in_words([*alike, other, value("d", 1.0)])
    assert in_order(sentence.removeprefix(in_words(alike)), "c and d", "other classes")


def test_nothing_is_said_of_pooling_heads_as_such():
    answers = [answer_of(name, [0.9, 0.1]) for name in ("cls", "max_cls", "mha", "max_seq_mha")]
    changed = change_in_words(answers, answers[::-1], [0] * 4)
    for sentence in (in_words(answers), in_words(answers[:1]), changed):
        assert "pooling head" not in sentence
        assert "better" not in sentence
        assert "!" not in sentence


def test_a_variant_is_said_with_its_flips_and_its_largest_change():
    before = [answer_of("a", [0.2, 0.8]), answer_of("b", [0.4, 0.6])]
    after = [answer_of("a", [0.7, 0.3]), answer_of("b", [0.3, 0.7])]
    change = change_in_words(before, after, [1, 1])
    assert in_order(change, "answer of a", "from yes to no", "a", "probability of yes", "-0.50")
    assert "changes no answer" in change_in_words(before, before, [1, 1])
    assert change_in_words([value("a", 1.0)], [value("a", 3.5)], [0]).endswith(
        "Largest change: a, value +2.50."
    )
    assert change_in_words([], [], []) == ""
