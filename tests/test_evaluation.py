"""Scores, calibration, agreement and examples: against scikit-learn, SciPy and cases by hand."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from analysis.agreement import agreement, compare, compare_all, mcnemar_all
from analysis.answers import align
from analysis.calibration import reliability
from analysis.datasets import Table
from analysis.evaluation import evaluate
from analysis.examples import SHOWS, examples
from analysis.intervals import wilson
from analysis.predictions import Predictions

TWO, THREE = ("negative", "positive"), ("dog", "cat", "cow")


def table_of(label, labels=TWO, pair=None) -> Table:
    count = len(label)
    texts = tuple(f"Text {row}" for row in range(count))
    return Table("own", "dev", texts, pair, np.asarray(label), labels)


def run_of(logits, labels=TWO, name="one", rows=None, total=None) -> Predictions:
    logits = np.asarray(logits, np.float32)
    rows = np.arange(len(logits)) if rows is None else np.asarray(rows)
    counts, cut = np.ones(len(rows), np.int32), (rows % 5 == 0).astype(np.int32)
    return Predictions(name, name, "data", "float32", labels, len(labels) == 1,
                       total or len(rows), rows, logits, counts, cut)  # fmt: skip


def drawn(seed: int, count: int = 60, labels=THREE):
    """A table, and a run that is right in about two thirds of its rows."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, len(labels), count)
    logits = draw.normal(size=(count, len(labels)))
    logits[np.arange(count), label] += 1.0
    return table_of(label, labels), run_of(logits, labels)


class TestScores:
    @settings(max_examples=25)
    @given(st.integers(0, 2**31), st.integers(2, 80), st.sampled_from([TWO, THREE]))
    def test_they_are_scikit_learns(self, seed, count, labels):
        table, run = drawn(seed, count, labels)
        found = evaluate(table, run)
        truth, said = table.label, run.predicted
        assert found.score("accuracy").value == pytest.approx(metrics.accuracy_score(truth, said))
        assert found.score("macro F1").value == pytest.approx(
            metrics.f1_score(truth, said, average="macro", zero_division=0)
        )
        assert found.score("Matthews").value == pytest.approx(
            metrics.matthews_corrcoef(truth, said)
        )
        places = range(len(labels))
        assert found.score("log loss").value == pytest.approx(
            metrics.log_loss(truth, run.probabilities, labels=list(places))
        )
        np.testing.assert_array_equal(
            found.confusion, metrics.confusion_matrix(truth, said, labels=list(places))
        )
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, said, labels=list(places), zero_division=np.nan
        )
        for place in places:
            mine = [score.value for score in found.per_class[place]]
            np.testing.assert_allclose(mine[:2], [precision[place], recall[place]])
            np.testing.assert_allclose(mine[2], np.nan_to_num(f1[place]))
        if labels is TWO:
            assert found.score("F1 (positive)").value == pytest.approx(
                metrics.f1_score(truth, said, zero_division=0)
            )
            assert found.score("Brier score").value == pytest.approx(
                2 * metrics.brier_score_loss(truth, run.probabilities[:, 1])
            )

    def test_a_case_counted_by_hand(self):
        found = evaluate(table_of([0, 0, 0, 1]), run_of([[2, 0], [2, 0], [0, 2], [0, 2]]))
        assert found.confusion.tolist() == [[2, 1], [0, 1]]
        assert found.score("accuracy").value == 0.75
        assert found.score("F1 (positive)").value == pytest.approx(2 / 3)
        assert "right on 3 of 4 rows: accuracy 75.0 %" in found.sentence()

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
        found = stats.bootstrap(
            (table.label, run.predicted), metrics.matthews_corrcoef, paired=True,
            method="percentile", n_resamples=2000, vectorized=False, rng=np.random.default_rng(1),
        ).confidence_interval  # fmt: skip
        np.testing.assert_allclose((score.low, score.high), (found.low, found.high), atol=0.02)

    def test_intervals_cover_the_truth_about_as_often_as_they_say(self):
        draw, covered = np.random.default_rng(0), {"accuracy": 0, "macro F1": 0}
        truth = {"accuracy": 0.8, "macro F1": 0.8}
        for _ in range(100):
            label = draw.integers(0, 2, 150)
            said = np.where(draw.random(150) < 0.8, label, 1 - label)
            found = evaluate(table_of(label), run_of(4 * np.eye(2)[said]))
            for metric in covered:
                score = found.score(metric)
                covered[metric] += score.low <= truth[metric] <= score.high
        assert all(count >= 88 for count in covered.values()), covered

    def test_a_class_that_only_the_checkpoint_has_counts_as_wrong(self):
        table = table_of([0, 1], ("cow", "dog"))
        found = evaluate(table, run_of([[0, 5, 0], [5, 0, 0]], THREE))
        assert found.classes == ("cow", "dog", "cat")
        assert found.score("accuracy").value == 0.5
        assert found.confusion.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]

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
        found = evaluate(table, some)
        assert (found.n, found.total) == (10, 30)
        assert "10 rows (of 30; the run was stopped)" in found.sentence()
        assert found.score("accuracy").value == (some.predicted == table.label[::3]).mean()

    def test_numbers_are_scored_as_scipy_does(self):
        draw = np.random.default_rng(5)
        label = draw.uniform(0, 5, 80)
        value = label + draw.normal(size=80)
        found = evaluate(table_of(label, ()), run_of(value[:, None], ("score",)))
        value = value.astype(np.float32).astype(float)
        pearson = stats.pearsonr(label, value)
        score = found.score("Pearson")
        assert score.value == pytest.approx(pearson.statistic)
        interval = pearson.confidence_interval()
        np.testing.assert_allclose((score.low, score.high), interval, rtol=1e-6)
        rank = stats.spearmanr(label, value).statistic
        assert found.score("Spearman").value == pytest.approx(rank)
        assert found.score("mean absolute error").value == pytest.approx(
            metrics.mean_absolute_error(label, value)
        )
        assert found.confusion is None

    @pytest.mark.parametrize("label", [[1.0], [1.0, 1.0, 1.0], [1.0, 2.0]])
    def test_too_few_or_equal_numbers_have_no_narrow_interval(self, label):
        found = evaluate(table_of(label, ()), run_of(np.ones((len(label), 1)), ("score",)))
        assert (found.score("Pearson").low, found.score("Pearson").high) == (-1.0, 1.0)

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
        found = evaluate(table, run)
        assert found.frame()["metric"].tolist() == [score.metric for score in found.scores]
        assert found.confusion_frame().loc["dog", "cat"] == found.confusion[0, 1]
        assert len(found.class_frame()) == 9


class TestCalibration:
    def test_bins_by_hand(self):
        found = reliability([0.55, 0.65, 0.65, 0.95], [1, 0, 1, 1], bins=10)
        assert found.count.tolist() == [0, 0, 0, 0, 0, 1, 2, 0, 0, 1]
        np.testing.assert_allclose(found.accuracy[[5, 6, 9]], [1.0, 0.5, 1.0])
        np.testing.assert_allclose(found.confidence[[5, 6, 9]], [0.55, 0.65, 0.95])
        assert found.ece == pytest.approx((0.45 + 2 * 0.15 + 0.05) / 4)
        assert np.isnan(found.accuracy[0])

    @settings(max_examples=25)
    @given(st.integers(0, 2**31), st.integers(20, 300), st.integers(1, 20))
    def test_accuracies_are_scikit_learns(self, seed, count, bins):
        draw = np.random.default_rng(seed)
        confidence, right = draw.uniform(size=count), draw.random(count) < 0.7
        found = reliability(confidence, right, bins, draws=20)
        from sklearn.calibration import calibration_curve

        true, mean = calibration_curve(right, confidence, n_bins=bins)
        full = found.count > 0
        np.testing.assert_allclose(found.accuracy[full], true)
        np.testing.assert_allclose(found.confidence[full], mean)
        assert found.count.sum() == count
        assert found.ece_low <= found.ece <= found.ece_high

    def test_bins_of_equal_mass_hold_as_many_rows_each(self):
        draw = np.random.default_rng(0)
        found = reliability(draw.beta(8, 2, 1000), np.ones(1000), 10, "equal mass", draws=10)
        assert found.count.max() - found.count.min() <= 2

    def test_equal_confidences_make_one_bin_of_equal_mass(self):
        found = reliability(np.full(10, 0.7), [1] * 7 + [0] * 3, 5, "equal mass", draws=10)
        assert found.count.tolist() == [10]
        assert found.ece == pytest.approx(0.0)

    def test_a_calibrated_checkpoint_shows_what_was_announced(self):
        draw = np.random.default_rng(3)
        found_all = []
        for _ in range(30):
            confidence = draw.uniform(0.5, 1, 400)
            found = reliability(confidence, draw.random(400) < confidence, draws=200)
            found_all.append((found.ece, found.ece_calibrated, found.ece_low, found.ece_high))
        ece, expected, low, high = np.array(found_all).T
        assert expected.mean() == pytest.approx(ece.mean(), rel=0.15)
        assert (low < ece).all()
        assert (ece < high).all()

    def test_overconfidence_is_seen(self):
        draw = np.random.default_rng(4)
        found = reliability(np.full(500, 0.95), draw.random(500) < 0.6)
        assert found.ece_low > 0.25
        assert "15 bins of equal width" in found.sentence()

    @pytest.mark.parametrize(
        ("confidence", "right"), [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([np.nan], [1])]
    )
    def test_what_is_no_probability_is_refused(self, confidence, right):
        with pytest.raises(ValueError, match="confidence"):
            reliability(confidence, right)


class TestAgreement:
    @settings(max_examples=25)
    @given(st.integers(0, 2**31), st.integers(2, 60))
    def test_kappa_is_scikit_learns(self, seed, count):
        table, one = drawn(seed, count)
        _, other = drawn(seed + 1, count)
        other = run_of(other.logits, THREE, "other")
        found = agreement(table, [one, other])
        expected = metrics.cohen_kappa_score(one.predicted, other.predicted)
        np.testing.assert_allclose(found.kappa[0, 1], expected, atol=1e-12)
        assert found.share[0, 1] == (one.predicted == other.predicted).mean()
        assert found.unanimous == (one.predicted == other.predicted).sum()

    def test_it_needs_no_labels_and_says_who_agrees_least(self):
        table, one = drawn(1)
        unlabelled = Table("own", "dev", table.text, None, None, ())
        runs = [one, run_of(one.logits, THREE, "same"), run_of(-one.logits, THREE, "opposite")]
        found = agreement(unlabelled, runs)
        assert found.share[0, 1] == 1.0
        assert "one and opposite agree least" in found.sentence()
        assert len(found.frame()) == 3

    def test_only_rows_that_all_have_done_count(self):
        table, one = drawn(1, 30)
        other = run_of(one.logits, THREE, "other").at(np.arange(10, 30))
        assert agreement(table, [one.at(np.arange(20)), other]).n == 10
        with pytest.raises(ValueError, match="no rows in common"):
            agreement(table, [one.at([0]), other])

    def test_mcnemar_is_statsmodels_and_holm_counts_all_pairs(self):
        from statsmodels.stats.contingency_tables import mcnemar

        table, one = drawn(1, 120)
        runs = [one, *(run_of(drawn(seed, 120)[1].logits, THREE, f"run {seed}") for seed in (7, 8))]
        found = compare_all(table, runs)
        assert len(found) == 3
        right = [run.predicted == table.label for run in runs]
        cells = [[(a & b).sum() for b in (right[1], ~right[1])] for a in (right[0], ~right[0])]
        assert found["p"][0] == pytest.approx(mcnemar(cells, exact=True).pvalue)
        assert (found["p (Holm)"] >= found["p"]).all()

    def test_what_is_said_of_a_pair_is_decided_after_holm_over_all(self):
        """The best of twenty checkpoints that all guess is found by chance, and not worded."""
        table, _ = drawn(3, 400, TWO)
        runs = [run_of(draw.normal(size=(400, 2)), TWO, f"run {seed}")
                for seed, draw in enumerate(map(np.random.default_rng, range(20)))]  # fmt: skip
        tests = mcnemar_all(table, runs)
        assert len(tests) == 190
        assert min(test.p for test in tests.values()) <= 0.05
        for (one, other), test in tests.items():
            told = test.sentence(one, other)
            assert ("is more accurate here" in told) == (test.adjusted <= 0.05)
            assert "after Holm over 190 pairs" in told or "nothing to decide" in told
        (names, test) = min(tests.items(), key=lambda item: item[1].p)
        chosen = [run for run in runs if run.checkpoint in names]
        found = compare(table, *chosen, exact=test, draws=100)
        assert found.mcnemar is test
        assert {b.level for b in found.bootstraps} == {1 - 0.05 / 190}

    def test_two_checkpoints_are_compared_in_words(self):
        table, one = drawn(1, 100, TWO)
        worse = run_of(np.zeros((100, 2)), TWO, "constant")
        found = compare(table, one, worse)
        assert [test.metric for test in found.bootstraps] == ["f1", "matthews"]
        assert "one is more accurate here" in found.sentences()[0]
        assert "not of pooling heads" in found.sentences()[0]

    def test_runs_of_different_data_sets_are_refused(self):
        table, one = drawn(1, 10)
        other = Predictions("o", "o", "other data", "float32", THREE, False, 10, one.rows,
                            one.logits, one.tokens, one.cut)  # fmt: skip
        with pytest.raises(ValueError, match="different data sets"):
            agreement(table, [one, other])


class TestExamples:
    LABEL = np.array([0, 1, 0, 1, 0])
    ONE = run_of([[3, 0], [0, 1], [0, 4], [2, 0], [0.2, 0]], name="one")
    OTHER = run_of([[2, 0], [1, 0], [0, 3], [0, 1], [0.1, 0]], name="other")
    TABLE = table_of(LABEL)

    @pytest.mark.parametrize(
        ("show", "rows"),
        [
            ("all", [4, 3, 1, 0, 2]),  # from the smallest class gap
            ("they disagree", [3, 1]),
            ("any wrong", [2, 1, 3]),  # from the largest
            ("all wrong", [2]),
            ("confidently wrong", [2]),
        ],
    )
    def test_filters_by_hand(self, show, rows):
        found = examples(self.TABLE, [self.ONE, self.OTHER], show)
        if show in ("any wrong", "all"):  # rows 1 and 3 mirror one another
            gaps = found.gap
            assert (np.diff(gaps) * (1 if show == "all" else -1) >= -1e-9).all()
            assert sorted(found.rows.tolist()) == sorted(rows)
        else:
            assert sorted(found.rows.tolist()) == sorted(rows)

    def test_confidence_asked_for_is_that_of_the_wrong_answer(self):
        found = examples(self.TABLE, [self.ONE, self.OTHER], "confidently wrong", confident=0.7)
        assert found.rows.tolist() == [2, 3]
        assert found.gap[0] == pytest.approx(np.tanh(2.0))  # gap of two classes: tanh(half logit)
        assert found.gap[1] == pytest.approx(np.tanh(1.0))

    @pytest.mark.parametrize("show", SHOWS)
    def test_filters_and_order_are_those_of_pandas(self, show):
        table, one = drawn(5, 200)
        runs = [one, run_of(drawn(6, 200)[1].logits, THREE, "other")]
        found = examples(table, runs, show, confident=0.3)
        frame = examples(table, runs, "all").frame().set_index("row")
        same = frame["one"] == frame["other"]
        wrong = {name: frame[name] != frame["label"] for name in ("one", "other")}
        sure = {name: wrong[name] & (frame[f"{name}: class gap"] >= 0.3) for name in wrong}
        keep = {
            "all": same | ~same, "they disagree": ~same,
            "any wrong": wrong["one"] | wrong["other"],
            "all wrong": wrong["one"] & wrong["other"],
            "confidently wrong": sure["one"] | sure["other"],
            "cut": frame["one: tokens cut"] > 0,
        }[show]  # fmt: skip
        assert set(found.rows) == set(frame.index[keep])
        assert (np.diff(found.gap) * (-1 if "wrong" in show else 1) >= 0).all()

    def test_cut_rows_are_counted_with_the_length_that_was_read(self):
        answers = examples(self.TABLE, [self.ONE, self.OTHER], "cut").answers
        assert answers.cut_in_words()[0].startswith("one: 1 row was cut at 1 tokens")
        whole = Predictions("w", "w", "data", "float32", TWO, False, 5, self.ONE.rows,
                            self.ONE.logits, self.ONE.tokens, np.zeros(5, np.int32))  # fmt: skip
        assert align(self.TABLE, [whole]).cut_in_words() == ()

    def test_a_cell_of_the_confusion_matrix_can_be_opened(self):
        table, one = drawn(5, 200)
        confusion = evaluate(table, one).confusion
        found = examples(table, [one], label="dog", predicted=("one", "cow"))
        assert len(found) == confusion[0, 2]

    def test_texts_are_searched_and_rows_can_be_named(self):
        table, one = drawn(5, 30)
        assert examples(table, [one], containing="TEXT 12").rows.tolist() == [12]
        assert sorted(examples(table, [one], rows=[3, 7]).rows.tolist()) == [3, 7]

    def test_what_is_downloaded_is_what_is_shown(self):
        table, one = drawn(5, 30)
        texts = ('with "quotes", commas', "tab\tand\nline", "=SUM(1)", *table.text[3:])
        table = Table("own", "dev", texts, None, table.label, table.labels)
        found = examples(table, [one])
        csv = pd.read_csv(io.BytesIO(found.csv()), encoding="utf-8-sig")
        assert csv["row"].tolist() == found.rows.tolist()
        assert csv["text"].tolist() == [texts[row] for row in found.rows]
        parquet = pd.read_parquet(io.BytesIO(found.parquet()))
        assert parquet["text"].tolist() == csv["text"].tolist()
        np.testing.assert_allclose(
            parquet[[f"one: p({name})" for name in THREE]], one.probabilities[found.rows]
        )

    def test_pages_of_the_table_are_slices_of_it(self):
        table, one = drawn(5, 30)
        found = examples(table, [one])
        pd.testing.assert_frame_equal(
            found.frame(10, 20), found.frame().iloc[10:20].reset_index(drop=True)
        )

    def test_a_filter_that_needs_labels_says_so(self):
        table, one = drawn(5, 30)
        unlabelled = Table("own", "dev", table.text, None, None, ())
        with pytest.raises(ValueError, match="All wrong: this needs"):
            examples(unlabelled, [one], "all wrong")
        with pytest.raises(ValueError, match="they disagree"):
            examples(table, [one], "odd")
        assert len(examples(unlabelled, [one])) == 30

    def test_numbers_are_sorted_by_their_distance(self):
        table = table_of([1.0, 2.0, 3.0], ())
        one = run_of([[1.1], [4.0], [3.0]], ("score",))
        other = run_of([[1.0], [2.0], [3.2]], ("score",), "other")
        assert examples(table, [one]).rows.tolist() == [1, 0, 2]
        assert examples(table, [one, other], "they disagree").rows.tolist() == [1]


def test_answers_cannot_be_written_to():
    table, one = drawn(5, 5)
    with pytest.raises(ValueError, match="read-only"):
        align(table, [one]).values[0] = 0
