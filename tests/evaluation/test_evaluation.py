"""Scores and calibration of a checkpoint on a data set, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from analysis.datasets.table import Table
from analysis.evaluation.calibration import reliability
from analysis.evaluation.scores import evaluate
from analysis.statistics.intervals import wilson
from tests.support.prediction_runs import THREE, TWO, drawn, run_of, table_of
from tests.support.sentences import in_order


class TestScores:
    @settings(max_examples=25)
    @given(st.integers(0, 2**31), st.integers(2, 80), st.sampled_from([TWO, THREE]))
    def test_they_are_scikit_learns(self, seed, count, labels):
        table, run = drawn(seed, count, labels)
        evaluation = evaluate(table, run)
        truth, answers = table.label, run.predicted
        assert evaluation.score("accuracy").value == pytest.approx(
            metrics.accuracy_score(truth, answers)
        )
        assert evaluation.score("macro F1").value == pytest.approx(
            metrics.f1_score(truth, answers, average="macro", zero_division=0)
        )
        assert evaluation.score("Matthews").value == pytest.approx(
            metrics.matthews_corrcoef(truth, answers)
        )
        places = range(len(labels))
        assert evaluation.score("log loss").value == pytest.approx(
            metrics.log_loss(truth, run.probabilities, labels=list(places))
        )
        np.testing.assert_array_equal(
            evaluation.confusion, metrics.confusion_matrix(truth, answers, labels=list(places))
        )
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, answers, labels=list(places), zero_division=np.nan
        )
        for place in places:
            mine = [score.value for score in evaluation.per_class[place]]
            np.testing.assert_allclose(mine[:2], [precision[place], recall[place]])
            np.testing.assert_allclose(mine[2], np.nan_to_num(f1[place]))
        if labels is TWO:
            assert evaluation.score("F1 (positive)").value == pytest.approx(
                metrics.f1_score(truth, answers, zero_division=0)
            )
            assert evaluation.score("Brier score").value == pytest.approx(
                2 * metrics.brier_score_loss(truth, run.probabilities[:, 1])
            )

    @settings(max_examples=25)
    @given(st.integers(0, 2**31), st.integers(2, 40))
    def test_the_worst_mistake_is_the_largest_cell_beside_the_diagonal(self, seed, count):
        table, run = drawn(seed, count, THREE)
        made = list(zip(table.label.tolist(), run.predicted.tolist(), strict=True))
        wrong = {pair: made.count(pair) for pair in made if pair[0] != pair[1]}
        mistake = evaluate(table, run).worst()
        if not wrong:
            assert mistake is None
            return
        label, answer, rows, total = mistake
        assert rows == max(wrong.values()) == wrong[THREE.index(label), THREE.index(answer)]
        assert total == table.label.tolist().count(THREE.index(label))

    def test_a_case_counted_by_hand(self):
        evaluation = evaluate(table_of([0, 0, 0, 1]), run_of([[2, 0], [2, 0], [0, 2], [0, 2]]))
        assert evaluation.confusion.tolist() == [[2, 1], [0, 1]]
        assert evaluation.score("accuracy").value == 0.75
        assert evaluation.score("F1 (positive)").value == pytest.approx(2 / 3)
        assert in_order(evaluation.sentence(), "3 of 4 rows", "accuracy 75.0 %")

    @settings(max_examples=25)
    @given(st.integers(0, 40), st.integers(0, 40))
    def test_wilson_is_scipys_and_contains_the_share(self, right, wrong):
        low, high = wilson(right, right + wrong)
        assert 0 <= low <= high <= 1
        if right + wrong:
            share, z, n = right / (right + wrong), 1.959963984540054, right + wrong
            middle = (share + z * z / (2 * n)) / (1 + z * z / n)
            half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
            np.testing.assert_allclose((low, high), (middle - half, middle + half), atol=1e-12)

    def test_the_bootstrap_is_one_over_rows(self):
        table, run = drawn(3, 200, TWO)
        score = evaluate(table, run).score("Matthews")
        interval = stats.bootstrap(
            (table.label, run.predicted),
            metrics.matthews_corrcoef,
            paired=True,
            method="percentile",
            n_resamples=2000,
            vectorized=False,
            rng=np.random.default_rng(1),
        ).confidence_interval
        np.testing.assert_allclose(
            (score.low, score.high), (interval.low, interval.high), atol=0.02
        )

    def test_intervals_cover_the_truth_about_as_often_as_they_say(self):
        draw, covered = np.random.default_rng(0), {"accuracy": 0, "macro F1": 0}
        truth = {"accuracy": 0.8, "macro F1": 0.8}
        for _ in range(100):
            label = draw.integers(0, 2, 150)
            answers = np.where(draw.random(150) < 0.8, label, 1 - label)
            evaluation = evaluate(table_of(label), run_of(4 * np.eye(2)[answers]))
            for metric in covered:
                score = evaluation.score(metric)
                covered[metric] += score.low <= truth[metric] <= score.high
        assert all(count >= 88 for count in covered.values()), covered

    def test_a_class_that_only_the_checkpoint_has_counts_as_wrong(self):
        table = table_of([0, 1], ("cow", "dog"))
        evaluation = evaluate(table, run_of([[0, 5, 0], [5, 0, 0]], THREE))
        assert evaluation.classes == ("cow", "dog", "cat")
        assert evaluation.score("accuracy").value == 0.5
        assert evaluation.confusion.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]

    def test_another_order_of_the_classes_changes_no_score(self):
        table, run = drawn(1)
        other = run_of(run.logits[:, [2, 0, 1]], ("cow", "dog", "cat"))
        columns = ["value", "low", "high"]
        np.testing.assert_allclose(
            evaluate(table, run).frame()[columns], evaluate(table, other).frame()[columns]
        )

    def test_a_stopped_run_is_scored_on_what_it_has_and_says_so(self):
        table, run = drawn(2, 30)
        some = run.at(np.arange(0, 30, 3))
        evaluation = evaluate(table, some)
        assert (evaluation.n, evaluation.total) == (10, 30)
        assert in_order(evaluation.sentence(), "10 rows", "30", "stopped")
        assert evaluation.score("accuracy").value == (some.predicted == table.label[::3]).mean()

    def test_numbers_are_scored_as_scipy_does(self):
        draw = np.random.default_rng(5)
        label = draw.uniform(0, 5, 80)
        value = label + draw.normal(size=80)
        evaluation = evaluate(table_of(label, ()), run_of(value[:, None], ("score",)))
        value = value.astype(np.float32).astype(float)
        pearson = stats.pearsonr(label, value)
        score = evaluation.score("Pearson")
        assert score.value == pytest.approx(pearson.statistic)
        interval = pearson.confidence_interval()
        np.testing.assert_allclose((score.low, score.high), interval, rtol=1e-6)
        rank = stats.spearmanr(label, value).statistic
        assert evaluation.score("Spearman").value == pytest.approx(rank)
        assert evaluation.score("mean absolute error").value == pytest.approx(
            metrics.mean_absolute_error(label, value)
        )
        assert evaluation.confusion is None

    @pytest.mark.parametrize("label", [[1.0], [1.0, 1.0, 1.0], [1.0, 2.0]])
    def test_too_few_or_equal_numbers_have_no_narrow_interval(self, label):
        evaluation = evaluate(table_of(label, ()), run_of(np.ones((len(label), 1)), ("score",)))
        assert (evaluation.score("Pearson").low, evaluation.score("Pearson").high) == (-1.0, 1.0)

    def test_refusals_are_sentences(self):
        table, run = drawn(1)
        with pytest.raises(ValueError, match="no labels"):
            evaluate(Table("own", "dev", table.text, None, None, ()), run)
        with pytest.raises(ValueError, match="has not answered any row"):
            evaluate(table, run.at([]))
        with pytest.raises(ValueError, match="same task"):
            evaluate(table, run_of(np.zeros((60, 2)), TWO))
        with pytest.raises(KeyError, match="accuracy"):
            evaluate(table, run).score("BLEU")

    def test_the_tables_hold_what_the_record_holds(self):
        table, run = drawn(1)
        evaluation = evaluate(table, run)
        assert evaluation.frame()["metric"].tolist() == [
            score.metric for score in evaluation.scores
        ]
        assert evaluation.confusion_frame().loc["dog", "cat"] == evaluation.confusion[0, 1]
        assert len(evaluation.class_frame()) == 9


class TestCalibration:
    def test_bins_by_hand(self):
        diagram = reliability([0.55, 0.65, 0.65, 0.95], [1, 0, 1, 1], bins=10)
        assert diagram.count.tolist() == [0, 0, 0, 0, 0, 1, 2, 0, 0, 1]
        np.testing.assert_allclose(diagram.accuracy[[5, 6, 9]], [1.0, 0.5, 1.0])
        np.testing.assert_allclose(diagram.confidence[[5, 6, 9]], [0.55, 0.65, 0.95])
        assert diagram.ece == pytest.approx((0.45 + 2 * 0.15 + 0.05) / 4)
        assert np.isnan(diagram.accuracy[0])

    @settings(max_examples=25)
    @given(st.integers(0, 2**31), st.integers(20, 300), st.integers(1, 20))
    def test_accuracies_are_scikit_learns(self, seed, count, bins):
        draw = np.random.default_rng(seed)
        confidence, right = draw.uniform(size=count), draw.random(count) < 0.7
        diagram = reliability(confidence, right, bins, draws=20)
        from sklearn.calibration import calibration_curve

        true, mean = calibration_curve(right, confidence, n_bins=bins)
        full = diagram.count > 0
        np.testing.assert_allclose(diagram.accuracy[full], true)
        np.testing.assert_allclose(diagram.confidence[full], mean)
        assert diagram.count.sum() == count
        assert diagram.ece_low <= diagram.ece <= diagram.ece_high

    def test_bins_of_equal_mass_hold_as_many_rows_each(self):
        draw = np.random.default_rng(0)
        diagram = reliability(draw.beta(8, 2, 1000), np.ones(1000), 10, "equal mass", draws=10)
        assert diagram.count.max() - diagram.count.min() <= 2

    def test_equal_confidences_make_one_bin_of_equal_mass(self):
        diagram = reliability(np.full(10, 0.7), [1] * 7 + [0] * 3, 5, "equal mass", draws=10)
        assert diagram.count.tolist() == [10]
        assert diagram.ece == pytest.approx(0.0)

    def test_a_calibrated_checkpoint_shows_what_was_announced(self):
        draw = np.random.default_rng(3)
        found_all = []
        for _ in range(30):
            confidence = draw.uniform(0.5, 1, 400)
            diagram = reliability(confidence, draw.random(400) < confidence, draws=200)
            found_all.append(
                (diagram.ece, diagram.ece_calibrated, diagram.ece_low, diagram.ece_high)
            )
        ece, expected, low, high = np.array(found_all).T
        assert expected.mean() == pytest.approx(ece.mean(), rel=0.15)
        assert (low < ece).all()
        assert (ece < high).all()

    def test_overconfidence_is_seen(self):
        draw = np.random.default_rng(4)
        diagram = reliability(np.full(500, 0.95), draw.random(500) < 0.6)
        assert diagram.ece_low > 0.25
        assert "15 bins of equal width" in diagram.sentence()

    @pytest.mark.parametrize(
        ("confidence", "right"), [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([np.nan], [1])]
    )
    def test_what_is_no_probability_is_refused(self, confidence, right):
        with pytest.raises(ValueError, match="confidence"):
            reliability(confidence, right)
