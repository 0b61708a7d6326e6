"""Where checkpoints agree, and which rows are shown."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from analysis.corpus.predictions import Predictions
from analysis.datasets.table import Table
from analysis.evaluation.agreement import agreement, compare, compare_all, mcnemar_all
from analysis.evaluation.answers import align
from analysis.evaluation.examples import SHOWS, examples
from analysis.evaluation.scores import evaluate
from tests.support.prediction_runs import THREE, TWO, drawn, run_of, table_of
from tests.support.sentences import in_order


class TestAgreement:
    @settings(max_examples=25)
    @given(st.integers(0, 2**31), st.integers(2, 60))
    def test_kappa_is_scikit_learns(self, seed, count):
        table, run = drawn(seed, count)
        _, other = drawn(seed + 1, count)
        other = run_of(other.logits, THREE, "other")
        agreements = agreement(table, [run, other])
        expected = metrics.cohen_kappa_score(run.predicted, other.predicted)
        np.testing.assert_allclose(agreements.kappa[0, 1], expected, atol=1e-12)
        assert agreements.share[0, 1] == (run.predicted == other.predicted).mean()
        assert agreements.unanimous == (run.predicted == other.predicted).sum()

    def test_it_needs_no_labels_and_says_who_agrees_least(self):
        table, run = drawn(1)
        unlabelled = Table("own", "dev", table.text, None, None, ())
        runs = [run, run_of(run.logits, THREE, "same"), run_of(-run.logits, THREE, "opposite")]
        agreements = agreement(unlabelled, runs)
        assert agreements.share[0, 1] == 1.0
        assert in_order(agreements.sentence(), "one and opposite", "least")
        assert len(agreements.frame()) == 3

    def test_only_rows_that_all_have_done_count(self):
        table, run = drawn(1, 30)
        other = run_of(run.logits, THREE, "other").at(np.arange(10, 30))
        assert agreement(table, [run.at(np.arange(20)), other]).n == 10
        with pytest.raises(ValueError, match="no rows in common"):
            agreement(table, [run.at([0]), other])

    def test_mcnemar_is_statsmodels_and_holm_counts_all_pairs(self):
        from statsmodels.stats.contingency_tables import mcnemar

        table, first = drawn(1, 120)
        runs = [
            first,
            *(run_of(drawn(seed, 120)[1].logits, THREE, f"run {seed}") for seed in (7, 8)),
        ]
        comparison = compare_all(table, runs)
        assert len(comparison) == 3
        right = [run.predicted == table.label for run in runs]
        cells = [[(a & b).sum() for b in (right[1], ~right[1])] for a in (right[0], ~right[0])]
        assert comparison["p"][0] == pytest.approx(mcnemar(cells, exact=True).pvalue)
        assert (comparison["p (Holm)"] >= comparison["p"]).all()

    def test_what_is_said_of_a_pair_is_decided_after_holm_over_all(self):
        """The best of twenty checkpoints that all guess is found by chance, and not worded."""
        table, _ = drawn(3, 400, TWO)
        runs = [
            run_of(draw.normal(size=(400, 2)), TWO, f"run {seed}")
            for seed, draw in enumerate(map(np.random.default_rng, range(20)))
        ]
        tests = mcnemar_all(table, runs)
        assert len(tests) == 190
        assert min(test.p for test in tests.values()) <= 0.05
        for (first, other), test in tests.items():
            sentence = test.sentence(first, other)
            assert ("is more accurate here" in sentence) == (test.adjusted <= 0.05)
            assert "after Holm over 190 pairs" in sentence or "nothing to decide" in sentence
        (names, test) = min(tests.items(), key=lambda item: item[1].p)
        chosen = [run for run in runs if run.checkpoint in names]
        comparison = compare(table, *chosen, exact=test, draws=100)
        assert comparison.mcnemar is test
        assert {b.level for b in comparison.bootstraps} == {1 - 0.05 / 190}

    def test_two_checkpoints_are_compared_in_words(self):
        table, run = drawn(1, 100, TWO)
        worse = run_of(np.zeros((100, 2)), TWO, "constant")
        comparison = compare(table, run, worse)
        assert [test.metric for test in comparison.bootstraps] == ["f1", "matthews"]
        assert in_order(comparison.sentences()[0], "one", "more accurate")
        assert "not of pooling heads" in comparison.sentences()[0]

    def test_runs_of_different_data_sets_are_refused(self):
        table, run = drawn(1, 10)
        other = Predictions(
            "o",
            "o",
            "other data",
            "float32",
            THREE,
            "softmax",
            10,
            run.rows,
            run.logits,
            run.tokens,
            run.cut,
        )
        with pytest.raises(ValueError, match="different data sets"):
            agreement(table, [run, other])


class TestExamples:
    LABEL = np.array([0, 1, 0, 1, 0])
    FIRST = run_of([[3, 0], [0, 1], [0, 4], [2, 0], [0.2, 0]], name="one")
    OTHER = run_of([[2, 0], [1, 0], [0, 3], [0, 1], [0.1, 0]], name="other")
    TABLE = table_of(LABEL)

    @pytest.mark.parametrize(
        ("show", "rows"),
        [
            ("all", [4, 3, 1, 0, 2]),  # from the smallest probability margin
            ("they disagree", [3, 1]),
            ("any wrong", [2, 1, 3]),  # from the largest
            ("all wrong", [2]),
            ("confidently wrong", [2]),
        ],
    )
    def test_filters_by_hand(self, show, rows):
        selection = examples(self.TABLE, [self.FIRST, self.OTHER], show)
        if show in ("any wrong", "all"):  # rows 1 and 3 mirror one another
            gaps = selection.gap
            assert (np.diff(gaps) * (1 if show == "all" else -1) >= -1e-9).all()
            assert sorted(selection.rows.tolist()) == sorted(rows)
        else:
            assert sorted(selection.rows.tolist()) == sorted(rows)

    def test_confidence_asked_for_is_that_of_the_wrong_answer(self):
        selection = examples(
            self.TABLE, [self.FIRST, self.OTHER], "confidently wrong", confident=0.7
        )
        assert selection.rows.tolist() == [2, 3]
        assert selection.gap[0] == pytest.approx(
            np.tanh(2.0)
        )  # gap of two classes: tanh(half logit)
        assert selection.gap[1] == pytest.approx(np.tanh(1.0))

    @pytest.mark.parametrize("show", SHOWS)
    def test_filters_and_order_are_those_of_pandas(self, show):
        table, run = drawn(5, 200)
        runs = [run, run_of(drawn(6, 200)[1].logits, THREE, "other")]
        selection = examples(table, runs, show, confident=0.3)
        frame = examples(table, runs, "all").frame().set_index("row")
        same = frame["one"] == frame["other"]
        wrong = {name: frame[name] != frame["label"] for name in ("one", "other")}
        sure = {name: wrong[name] & (frame[f"{name}: probability margin"] >= 0.3) for name in wrong}
        keep = {
            "all": same | ~same,
            "they disagree": ~same,
            "any wrong": wrong["one"] | wrong["other"],
            "all wrong": wrong["one"] & wrong["other"],
            "confidently wrong": sure["one"] | sure["other"],
            "cut": frame["one: tokens cut"] > 0,
        }[show]
        assert set(selection.rows) == set(frame.index[keep])
        assert (np.diff(selection.gap) * (-1 if "wrong" in show else 1) >= 0).all()

    def test_cut_rows_are_counted_with_the_length_that_was_read(self):
        answers = examples(self.TABLE, [self.FIRST, self.OTHER], "cut").answers
        assert in_order(answers.cut_in_words()[0], "one", "1 row", "cut", "1 tokens")
        whole = Predictions(
            "w",
            "w",
            "data",
            "float32",
            TWO,
            "softmax",
            5,
            self.FIRST.rows,
            self.FIRST.logits,
            self.FIRST.tokens,
            np.zeros(5, np.int32),
        )
        assert align(self.TABLE, [whole]).cut_in_words() == ()

    def test_a_cell_of_the_confusion_matrix_can_be_opened(self):
        table, run = drawn(5, 200)
        confusion = evaluate(table, run).confusion
        selection = examples(table, [run], label="dog", predicted=("one", "cow"))
        assert len(selection) == confusion[0, 2]

    def test_texts_are_searched_and_rows_can_be_named(self):
        table, run = drawn(5, 30)
        assert examples(table, [run], containing="TEXT 12").rows.tolist() == [12]
        assert sorted(examples(table, [run], rows=[3, 7]).rows.tolist()) == [3, 7]

    def test_what_is_downloaded_is_what_is_shown(self):
        table, run = drawn(5, 30)
        texts = ('with "quotes", commas', "tab\tand\nline", "=SUM(1)", *table.text[3:])
        table = Table("own", "dev", texts, None, table.label, table.labels)
        selection = examples(table, [run])
        csv = pd.read_csv(io.BytesIO(selection.csv()), encoding="utf-8-sig")
        assert csv["row"].tolist() == selection.rows.tolist()
        shown = [texts[row] for row in selection.rows]
        # A spreadsheet would compute what begins like a formula: a mark before it makes it text.
        assert csv["text"].tolist() == [f"'{t}" if t.startswith("=") else t for t in shown]
        parquet = pd.read_parquet(io.BytesIO(selection.parquet()))
        assert parquet["text"].tolist() == shown
        np.testing.assert_allclose(
            parquet[[f"one: p({name})" for name in THREE]], run.probabilities[selection.rows]
        )

    def test_pages_of_the_table_are_slices_of_it(self):
        table, run = drawn(5, 30)
        selection = examples(table, [run])
        pd.testing.assert_frame_equal(
            selection.frame(10, 20), selection.frame().iloc[10:20].reset_index(drop=True)
        )

    def test_a_filter_that_needs_labels_says_so(self):
        table, run = drawn(5, 30)
        unlabelled = Table("own", "dev", table.text, None, None, ())
        with pytest.raises(ValueError, match="All wrong: this needs"):
            examples(unlabelled, [run], "all wrong")
        with pytest.raises(ValueError, match="they disagree"):
            examples(table, [run], "odd")
        assert len(examples(unlabelled, [run])) == 30

    def test_numbers_are_sorted_by_their_distance(self):
        table = table_of([1.0, 2.0, 3.0], ())
        run = run_of([[1.1], [4.0], [3.0]], ("score",))
        other = run_of([[1.0], [2.0], [3.2]], ("score",), "other")
        assert examples(table, [run]).rows.tolist() == [1, 0, 2]
        assert examples(table, [run, other], "they disagree").rows.tolist() == [1]


def test_answers_cannot_be_written_to():
    table, run = drawn(5, 5)
    with pytest.raises(ValueError, match="read-only"):
        align(table, [run]).values[0] = 0
