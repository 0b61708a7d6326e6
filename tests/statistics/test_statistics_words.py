"""What is worded of a study follows from its tests, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.common.phrases import listed
from analysis.statistics import compare
from analysis.statistics.verdicts import ALPHA
from tests.support.seed_scores import generator, study
from tests.support.sentences import in_order


def planted(seeds: int, gap: float = 3.0) -> np.ndarray:
    """Three tasks, four heads; the last head is ``gap`` standard deviations higher."""
    values = 0.7 + 0.01 * generator(20).normal(size=(3, 4, seeds))
    values[:, 3] += 0.01 * gap
    return values


class TestWords:
    def test_a_planted_effect_is_worded_with_its_numbers(self):
        report = compare(study(planted(10)))
        best = report.headlines[2]
        assert best.verdict == "better"
        sentence = best.sentence("Over all")
        assert "h3 is better than cls (+" in sentence
        assert "10 seeds each" in sentence
        assert "after Holm over 12 tests" in sentence
        worse = compare(study(-planted(10))).headlines[2]
        assert worse.verdict == "worse"

    def test_five_seeds_are_called_too_few_where_they_are(self):
        for item in compare(study(planted(5))).comparisons:
            assert item.smallest == pytest.approx(2 / 252 * 12, rel=0.5)
            assert item.smallest > ALPHA
            assert item.verdict == "too few seeds"
            assert "too few seeds to decide" in item.sentence("task")

    def test_no_sentence_ever_says_no_difference(self):
        for values in (planted(10, 0.0), planted(3), planted(10), np.full((2, 3, 4), 0.5)):
            report = compare(study(values))
            for sentence in report.sentences():
                assert "no difference" not in sentence
                assert "equal" not in sentence
            assert len(report.sentences()) == 1 + report.tests

    def test_what_is_not_decided_says_what_would_have_been_found(self):
        comparison = compare(study(planted(10, 0.0))).comparisons[0]
        assert comparison.verdict == "undecided"
        points = 100 * comparison.detectable
        assert in_order(
            comparison.sentence("task"), "true difference", f"{points:.2f} points", "80 %"
        )

    def test_seeds_that_need_other_tests_to_be_decided_promise_no_difference(self):
        """Two tasks, five seeds: 2 of 252 orders, times 9 tests, is above 0.05."""
        values = planted(5, 0.0)[:2]
        values[0, 3] += 1.0
        values[1, 3] -= 1.0
        comparison = compare(study(values)).comparisons[2]
        assert comparison.p == pytest.approx(2 / 252)
        assert comparison.adjusted > ALPHA >= comparison.smallest
        assert comparison.verdict == "undecided"
        assert np.isnan(comparison.detectable)
        assert in_order(comparison.sentence("task"), "only where", "other tests")

    def test_nothing_is_decided_before_all_runs_are_done(self):
        values = planted(10)
        values[2, 1, 9] = np.nan
        report = compare(study(values))
        assert {item.verdict for item in (*report.headlines, *report.comparisons)} == {"incomplete"}
        assert "119 of 120 runs done" in report.sentences()[0]
        assert np.isnan([item.p for item in report.comparisons]).all()
        assert np.isfinite([summary.mean for summary in report.summaries]).all()

    def test_an_empty_study_has_a_report(self):
        report = compare(study(np.full((2, 3, 4), np.nan)))
        assert report.done == 0
        assert {item.verdict for item in report.comparisons} == {"incomplete"}

    def test_a_family_of_one_task_has_no_headline(self):
        report = compare(study(planted(10)[:1]))
        assert report.headlines == ()
        assert report.tests == 3

    @pytest.mark.parametrize(
        "family",
        [
            planted(10, 0.0),
            planted(10),
            planted(3),
            planted(10)[:1],
            -planted(10),
        ],
        ids=["nothing", "one better", "few seeds", "one task", "one worse"],
    )
    def test_the_lead_says_what_the_verdicts_say_and_no_more(self, family):
        report = compare(study(family))
        lead = report.lead()
        for word in ("better", "worse"):
            named = [c.head for c in report.headlines or report.comparisons if c.verdict == word]
            sentence = f"{listed(named)} {'is' if len(named) == 1 else 'are'} {word} than cls"
            assert (sentence in lead) == bool(named)
        assert lead.startswith(f"Over {listed(s.label for s in report.family.strata)}, ")
        assert "no difference" not in lead

    def test_there_is_no_lead_before_all_runs_are_done(self):
        values = planted(10)
        values[0, 0, 0] = np.nan
        assert compare(study(values)).lead() == ""

    def test_an_exploratory_family_says_so(self):
        assert compare(study(planted(10), primary=False)).lead().endswith(" (exploratory).")
        assert "exploratory" in compare(study(planted(10), primary=False)).sentences()[0]

    def test_the_same_scores_give_the_same_p(self):
        comparison, other = (compare(study(planted(10, 0.5))) for _ in range(2))
        assert [x.p for x in comparison.headlines] == [x.p for x in other.headlines]

    def test_the_direction_is_that_of_what_is_tested(self):
        """One task far up in points with a large spread, two a little down with small ones."""
        spread = np.array([4.0, 0.1, 0.1])[:, None, None] / 100
        values = generator(22).normal(size=(3, 2, 10)) * spread
        values -= values.mean(axis=2, keepdims=True)
        values[:, 1] += np.array([1.88, -0.40, -0.48])[:, None] / 100
        (comparison,) = compare(study(values), draws=9999).headlines
        assert comparison.difference > 0 > comparison.standardised
        assert comparison.adjusted <= ALPHA
        assert comparison.verdict == "at odds"
        sentence = comparison.sentence("Over all")
        assert "is better than" not in sentence
        assert in_order(sentence, "h1", "lower", "standard deviations")
        assert f"{comparison.standardised:+.2f} standard deviations" in sentence
        flipped = values.copy()
        flipped[0, 1] -= 4.0 / 100  # now all three are down
        (comparison,) = compare(study(flipped), draws=9999).headlines
        assert comparison.verdict == "worse"

    def test_nothing_is_detectable_where_nothing_can_be_found(self):
        few = compare(study(planted(5)))
        assert np.isnan([item.detectable for item in few.comparisons]).all()
        values = planted(10)
        values[2, 1, 9] = np.nan
        part = compare(study(values))
        assert np.isnan([c.detectable for c in (*part.headlines, *part.comparisons)]).all()
        whole = compare(study(planted(10)))
        assert np.isfinite([item.detectable for item in whole.comparisons]).all()

    def test_spreads_are_worded_by_their_corrected_test(self):
        values = planted(10, 0.0)
        spread = compare(study(values)).comparisons[0].spread
        sentence = spread.sentence("h1", "cls", "task")
        assert "not decided" in sentence
        assert in_order(sentence, f"{spread.visible:.1f}", f"{1 / spread.visible:.2f}")
        assert "over 9 comparisons" in sentence
        values[0, 1] = 0.7 + (values[0, 1] - 0.7) / 100
        spread = compare(study(values)).comparisons[0].spread
        assert spread.sentence("h1", "cls", "task").endswith("steadier here.")
        values[0, 1] = 0.7
        spread = compare(study(values)).comparisons[0].spread
        assert "cannot be compared" in spread.sentence("h1", "cls", "task")
        spread = compare(study(planted(5, 0.0))).comparisons[0].spread
        assert "too few seeds" in spread.sentence("h1", "cls", "task")

    def test_an_unfinished_family_decides_no_steadiness(self):
        values = planted(10, 0.0)
        values[:, 1] = 0.7 + (values[:, 1] - 0.7) / 1000
        values[2, 3, 9] = np.nan
        for item in compare(study(values)).comparisons:
            sentence = item.spread.sentence(item.head, "cls", "task")
            assert item.spread.verdict == "incomplete"
            assert "not decided yet" in sentence
            assert "steadier" not in sentence

    def test_a_family_of_one_seed_has_a_report(self):
        report = compare(study(planted(1)))
        assert {item.verdict for item in report.comparisons} == {"too few seeds"}
        assert len(report.sentences()) == 1 + report.tests

    def test_a_family_with_nothing_to_test_is_refused(self):
        with pytest.raises(ValueError, match="no pooling head beside cls"):
            compare(study(planted(10)[:, :1]))
