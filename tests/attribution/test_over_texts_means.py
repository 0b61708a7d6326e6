"""Evidence over a data set summed up: means by method, agreement, words by class, tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.attribution import MEASURES, agreement_frame, agreement_over_texts
from analysis.attribution.texts.records import whole_rows
from analysis.attribution.texts.run import (
    COLUMNS,
    TextEvidence,
    evidence_frame,
    largest_words,
    over_texts,
    summarise_evidence,
    summary_frame,
    word_frame,
)
from tests.support import word_adding_checkpoint as bag
from tests.support import zoo
from tests.support.evidence_records import METHODS, QUICK, ROWS, record


def test_methods_agree_as_their_rankings_do_text_by_text():
    words = ("a", "b", "c", "d", "e", "f")
    first = [(1, 2, 3, 4, 5, 6), (6, 1, 2, 5, 4, 3), (1, 1, 1, 1, 1, 1)]
    second = [(6, 5, 4, 3, 2, 1), (6, 1, 2, 5, 4, 3), (1, 2, 3, 4, 5, 6)]
    items = [
        record(row, scores, words, method)
        for method, rows in (("m", first), ("n", second))
        for row, scores in enumerate(rows)
    ]
    items += [record(3, (1.0,) * 6, words, "m", problem="no"), record(4, range(6), words, "n")]
    (agreement,) = agreement_over_texts(items)
    assert agreement.methods == ("m", "n")
    # Texts with a constant score, that failed, or that one method alone has, are left out.
    assert agreement.tau.tolist() == pytest.approx([-1.0, 1.0])
    assert agreement.mean == pytest.approx(0)
    half = stats.t.ppf(0.975, 1) * np.std([-1, 1], ddof=1) / np.sqrt(2)
    assert agreement.interval == pytest.approx((-half, half))
    assert agreement.beyond_chance == 0.5
    table = agreement_frame([agreement])
    assert table.loc[0, ["method", "other", "texts"]].tolist() == ["m", "n", 2]
    assert np.isnan(agreement_over_texts(items[-2:])[0].mean)


def test_tables_name_a_checkpoint_and_not_where_it_lies():
    items = list(over_texts([zoo.loaded("cls")], ROWS[:2], METHODS[:1], **QUICK))
    assert items[0].checkpoint == str(zoo.folder("cls"))
    for table in (
        evidence_frame(items),
        summary_frame(summarise_evidence(items)),
        word_frame(largest_words(items, min_texts=1)),
    ):
        assert set(table["checkpoint"]) == {"cls"}


class TestSummary:
    def items(self, count=7):
        draw = np.random.default_rng(0)
        return [
            replace(
                record(i, values=draw.normal(size=len(COLUMNS))),
                random=draw.normal(size=4),
                spread=draw.gamma(2, size=4),
            )
            for i in range(count)
        ]

    def test_means_and_intervals_are_students(self):
        items = self.items()
        summary = summarise_evidence(items)[0]
        for place, column in enumerate(COLUMNS[:5]):
            values = np.array([item.values[place] for item in items])
            mean, low, high = summary.value(column)
            assert mean == pytest.approx(values.mean())
            want = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
            assert (low, high) == pytest.approx(want, abs=1e-5)

    def test_normalised_is_the_advantage_over_the_spread_of_all_texts(self):
        items = self.items()
        summary = summarise_evidence(items)[0]
        for place, (key, (_, larger)) in enumerate(MEASURES.items()):
            better = np.array([item.values[1 + place] - item.random[place] for item in items])
            better = better if larger else -better
            pooled = np.sqrt(np.mean([item.spread[place] ** 2 for item in items]))
            want = stats.t.interval(0.95, 6, better.mean() / pooled, stats.sem(better) / pooled)
            mean, low, high = summary.value(f"{key}_normalised")
            assert mean == pytest.approx(better.mean() / pooled)
            assert (low, high) == pytest.approx(want, abs=1e-5)

    def test_one_text_whose_output_hardly_moves_does_not_decide_the_mean(self):
        items = self.items()
        still = replace(
            items[0],
            values=np.full(len(COLUMNS), 1e-4),
            random=np.zeros(4),
            spread=np.full(4, 1e-6),
        )
        with_it = summarise_evidence([*items, still])[0]
        without = summarise_evidence(items)[0]
        assert np.abs(with_it.mean[5:9] - without.mean[5:9]).max() < 0.5

    def test_what_a_text_has_not_is_left_out_and_counted(self):
        gaps = [0.1, np.nan, 0.3]
        items = [record(i, values=[gap, *np.zeros(len(COLUMNS) - 1)]) for i, gap in enumerate(gaps)]
        summary = summarise_evidence(items)[0]
        assert summary.value("completeness_gap")[0] == pytest.approx(0.2)
        assert summary.counts[0] == 2
        # random rankings that never differ: there is nothing to normalise by
        assert np.isnan(summary.value("deletion_normalised")[0])

    def test_methods_and_checkpoints_stand_apart(self):
        items = [
            record(0, method="m"),
            record(0, method="n"),
            record(0, checkpoint="d"),
            record(1, method="m"),
        ]
        summaries = summarise_evidence(items)
        assert [(summary.checkpoint, summary.method, summary.texts) for summary in summaries] == [
            ("c", "m", 2),
            ("c", "n", 1),
            ("d", "m", 1),
        ]
        frame = summary_frame(summaries)
        assert len(frame) == 3 * len(COLUMNS)
        assert frame["texts"].max() == 2

    def test_a_method_that_failed_everywhere_has_no_mean(self):
        failed = replace(record(problem="too long"), values=np.full(len(COLUMNS), np.nan))
        summary = summarise_evidence([failed])[0]
        assert (summary.texts, summary.failed) == (0, 1)
        assert np.isnan(summary.mean).all()


class TestWords:
    items = (
        record(0, (3.0, 1.0, -1.0), ("great", "a", "dull")),
        record(1, (1.0, 3.0, 2.0), ("great", "great", "a")),
        record(2, (5.0, 0.0), ("great", "dull")),
        record(3, (9.0,), ("great",), explained="negative"),
    )

    def test_a_text_counts_once_and_a_class_by_itself(self):
        negative, positive = largest_words(self.items, min_texts=2)
        assert (negative.explained, negative.words) == ("negative", ())
        assert positive.words == ("great", "a", "dull")
        np.testing.assert_allclose(positive.mean, [10 / 3, 1.5, -0.5])
        assert positive.texts.tolist() == [3, 2, 2]
        values = np.array([3.0, 2.0, 5.0])
        want = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
        assert positive.interval[0] == pytest.approx(want, abs=1e-5)
        assert positive.of == 3

    def test_rare_words_are_left_out_and_the_list_is_cut(self):
        assert largest_words(self.items, min_texts=3)[1].words == ("great",)
        cut = largest_words(self.items, min_texts=1, top=1)[1]
        assert (cut.words, cut.of) == (("great",), 3)
        frame = word_frame(largest_words(self.items, min_texts=1))
        assert frame["texts"].tolist() == [1, 3, 2, 2]
        with pytest.raises(ValueError, match="both are at least 1"):
            largest_words(self.items, min_texts=0)

    def test_on_a_sum_the_words_mean_is_its_number(self):
        rows = [("the plot is thin", None), ("thin but not dull", None), ("not thin", None)]
        items = list(over_texts([bag.adds()], rows, METHODS[:1], target=1, **QUICK))
        word = largest_words(items, min_texts=2)[0]
        assert word.words == ("not", "thin")
        np.testing.assert_allclose(word.mean, [2.0, -1.0], atol=1e-5)
        np.testing.assert_allclose(word.interval, [[2.0, 2.0], [-1.0, -1.0]], atol=1e-5)


def test_rows_are_whole_up_to_the_first_that_misses_a_checkpoint_or_a_method():
    def empty(row: int, checkpoint: str, method: str) -> TextEvidence:
        measures = np.zeros(len(MEASURES))
        return TextEvidence(
            row, checkpoint, method, "positive", (), np.zeros(0), "logit",
            np.zeros(len(COLUMNS)), measures, measures, 0.0,
        )  # fmt: skip

    every = [empty(row, name, how) for row in (0, 1, 3) for name in "ab" for how in ("ig", "loo")]
    assert whole_rows(every, "ab", ("ig", "loo")) == 2, "row 2 is missing"
    assert whole_rows(every[1:], "ab", ("ig", "loo")) == 0
    assert whole_rows(every[:-1], "ab", ("ig",)) == 2
