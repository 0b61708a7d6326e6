"""Scores where a row may have several classes are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from analysis.corpus.predictions import Predictions
from analysis.datasets import Table
from analysis.evaluation import evaluate, several_labels
from analysis.evaluation.agreement import agreement, compare, mcnemar_all
from analysis.evaluation.answers import align
from analysis.evaluation.examples import examples

CLASSES = ("toxic", "rude", "threat")


def drawn(seed: int, n: int = 80, name: str = "one", classes=CLASSES):
    draw = np.random.default_rng(seed)
    label = draw.integers(0, 2, (n, len(classes)))
    logits = draw.normal(size=label.shape).round(1) + label - 0.5
    texts = tuple(f"Text {row}" for row in range(n))
    run = Predictions(
        name, name, "data", "float32", classes, "sigmoid", n, np.arange(n),
        logits.astype(np.float32), np.ones(n, np.int32), np.zeros(n, np.int32),
    )  # fmt: skip
    return Table("own", "dev", texts, None, label, classes), run


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_scores_are_those_of_scikit_learn(seed, threshold):
    table, run = drawn(seed)
    evaluation = evaluate(table, run, threshold=threshold)
    chance = run.probabilities
    answers = chance > threshold
    for average in ("micro", "macro"):
        want = metrics.f1_score(table.label, answers, average=average, zero_division=0.0)
        assert evaluation.score(f"{average} F1").value == pytest.approx(want)
    want = metrics.average_precision_score(table.label, chance, average=None)
    for c, (precision, recall, f1, average_precision) in enumerate(evaluation.per_class):
        p, r, f, _ = metrics.precision_recall_fscore_support(
            table.label[:, c], answers[:, c], average="binary", zero_division=np.nan
        )
        assert precision.value == pytest.approx(p, nan_ok=True)
        assert recall.value == pytest.approx(r, nan_ok=True)
        assert f1.value == pytest.approx(np.nan_to_num(f))
        assert average_precision.value == pytest.approx(want[c])
        assert f1.low <= f1.value <= f1.high
    assert evaluation.score("mean average precision").value == pytest.approx(want.mean())
    exact = metrics.accuracy_score(table.label, answers)
    assert evaluation.score("whole set right").value == pytest.approx(exact)
    assert evaluation.confusion is None


def test_best_thresholds_have_the_best_f1_of_all():
    table, run = drawn(3, n=40)
    chance = run.probabilities
    best = several_labels.best_thresholds(table.label, chance)
    for c, threshold in enumerate(best.tolist()):
        at = metrics.f1_score(table.label[:, c], chance[:, c] > threshold)
        every = [metrics.f1_score(table.label[:, c], chance[:, c] > t) for t in [0, *chance[:, c]]]
        assert at == pytest.approx(max(every))
    assert "too good to be reported" in several_labels.thresholds_in_words(CLASSES, best)


def test_calibration_is_of_each_class_probability():
    table, run = drawn(5, n=50)
    calibration = evaluate(table, run).calibration
    assert calibration.n == 50 * len(CLASSES)
    chance, label = run.probabilities.ravel(), table.label.ravel()
    place = np.clip(np.ceil(chance * 15).astype(int) - 1, 0, 14)
    for bin in range(15):
        if (place == bin).any():
            assert calibration.accuracy[bin] == pytest.approx(label[place == bin].mean())


def test_a_class_that_no_row_has_is_left_out_of_the_mean_alone():
    table, run = drawn(7)
    label = table.label.copy()
    label[:, 1] = 0
    evaluation = evaluate(Table("own", "dev", table.text, None, label, CLASSES), run)
    assert np.isnan(evaluation.per_class[1][3].value)
    want = metrics.average_precision_score(label[:, [0, 2]], run.probabilities[:, [0, 2]])
    assert evaluation.score("mean average precision").value == pytest.approx(want)


def test_right_is_the_whole_set_and_agreement_is_of_sets():
    table, run = drawn(1)
    _, other = drawn(2, name="two")
    answers = align(table, [run, other])
    sets = answers.values > 0.5
    np.testing.assert_array_equal(answers.correct, (sets == table.label).all(axis=2))
    agreements = agreement(table, [run, other])
    assert agreements.share[0, 1] == pytest.approx((sets[0] == sets[1]).all(axis=1).mean())
    test = mcnemar_all(table, [run, other])["one", "two"]
    assert test.only_one == int((answers.correct[0] & ~answers.correct[1]).sum())
    assert compare(table, run, other).bootstraps == ()


def test_examples_name_the_sets():
    table, run = drawn(1, n=20)
    shown = examples(table, [run], "any wrong")
    frame = shown.frame()
    assert len(frame) == int((~align(table, [run]).correct).sum())
    row = int(frame["row"][0])
    label = ", ".join(CLASSES[c] for c in np.flatnonzero(table.label[row])) or "none"
    assert frame["label"][0] == label
    answers = run.probabilities[row] > 0.5
    assert frame["one"][0] == (", ".join(CLASSES[c] for c in np.flatnonzero(answers)) or "none")


def test_one_label_a_row_is_a_set_of_one():
    _, run = drawn(1, n=30)
    label = np.arange(30) % 3
    table = Table("own", "dev", tuple(map(str, range(30))), None, label, CLASSES)
    evaluation = evaluate(table, run)
    want = metrics.f1_score(np.eye(3)[label], run.probabilities > 0.5, average="micro")
    assert evaluation.score("micro F1").value == pytest.approx(want)
