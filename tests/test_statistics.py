"""Statistics of a study against SciPy, scikit-learn and brute force; its words by simulation."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from analysis import statistics
from analysis.family_tests import detectable_effect, family_p, hedges_g
from analysis.paired import METRICS, show_p
from analysis.permutation import smallest_p, standardised_difference, stratified_p
from analysis.spread_tests import spread_of, visible_ratio
from analysis.statistics import compare, holm, mcnemar, paired_bootstrap, permutation_p
from analysis.study import Family, Scores, Stratum
from analysis.verdicts import ALPHA, verdict


def _draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def brute_force(strata: list[tuple[list[float], list[float]]]) -> float:
    """Two-sided p over all splits of all strata, by enumeration and loops."""

    def splits(one, other):
        values = one + other
        mean = sum(values) / len(values)
        spread = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
        for chosen in combinations(range(len(values)), len(one)):
            first = [values[i] for i in chosen]
            second = [values[i] for i in range(len(values)) if i not in chosen]
            yield (sum(first) / len(first) - sum(second) / len(second)) / spread

    every = [list(splits(*stratum)) for stratum in strata]
    observed = abs(sum(each[0] for each in every))  # the first split is the data as it is
    found = [abs(sum(each)) for each in product(*every)]
    return sum(value >= observed - 1e-12 for value in found) / len(found)


def step_down(p: np.ndarray) -> np.ndarray:
    """Holm's formula on many families at once, (R, m); statsmodels takes 40 ms for each."""
    order = np.argsort(p, axis=1)
    steps = np.arange(p.shape[1], 0, -1)
    climbing = np.maximum.accumulate(steps * np.take_along_axis(p, order, axis=1), axis=1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(climbing, 1.0), axis=1)
    return adjusted


class TestPermutation:
    @pytest.mark.parametrize(("n", "m"), [(5, 5), (4, 6), (2, 3), (1, 4)])
    def test_p_is_that_of_scipy_and_of_enumeration(self, n, m):
        one, other = _draw(n).normal(size=n) + 0.7, _draw(m + 50).normal(size=m)
        ours = float(permutation_p(one, other)[0])
        assert ours == pytest.approx(brute_force([(list(one), list(other))]))
        if n == m:  # SciPy doubles the smaller tail, which is another test for unequal groups
            theirs = stats.permutation_test(
                (one, other), lambda a, b, axis: a.mean(axis) - b.mean(axis), vectorized=True,
                n_resamples=np.inf,
            ).pvalue  # fmt: skip
            assert ours == pytest.approx(theirs)

    def test_tied_scores_count_as_reached(self):
        one, other = [0.5, 0.6, 0.6], [0.6, 0.5, 0.5]
        assert permutation_p(one, other)[0] == pytest.approx(brute_force([(one, other)]))
        assert permutation_p([0.7] * 4, [0.7] * 4)[0] == 1.0

    def test_data_sets_side_by_side_are_tested_one_by_one(self):
        one, other = _draw(1).normal(size=(70, 4)), _draw(2).normal(size=(70, 5))
        together = permutation_p(one, other)
        alone = [permutation_p(a, b)[0] for a, b in zip(one, other, strict=True)]
        np.testing.assert_allclose(together, alone)

    def test_many_values_are_drawn_and_agree_with_a_t_test(self):
        one, other = _draw(3).normal(size=40) + 0.5, _draw(4).normal(size=40)
        p = permutation_p(one, other, draws=4000)[0]
        assert p == pytest.approx(stats.ttest_ind(one, other).pvalue, abs=0.02)

    def test_stratified_p_is_that_of_enumeration(self):
        strata = [([3.0, 2.5, 4.0], [1.0, 2.0, 2.6]), ([70.0, 75.0, 74.0], [71.0, 69.0, 70.5])]
        p = stratified_p([tuple(map(np.array, each)) for each in strata], draws=60_000)[0]
        assert p == pytest.approx(brute_force(strata), abs=0.006)

    def test_unequal_groups_are_stratified_right_too(self):
        strata = [([3.0, 2.5], [1.0, 2.0, 2.6]), ([70.0, 75.0, 74.0], [71.0, 69.0])]
        p = stratified_p([tuple(map(np.array, each)) for each in strata], draws=60_000)[0]
        assert p == pytest.approx(brute_force(strata), abs=0.006)

    def test_a_task_does_not_count_more_for_its_unit(self):
        one, other = _draw(5).normal(size=(2, 1, 6)) + 0.4, _draw(6).normal(size=(2, 1, 6))
        plain = stratified_p(list(zip(one, other, strict=True)), draws=2000)
        scale = np.array([1.0, 1000.0])[:, None, None]
        scaled = stratified_p(list(zip(one * scale, other * scale, strict=True)), draws=2000)
        np.testing.assert_allclose(plain, scaled)

    def test_small_groups_have_their_smallest_p(self):
        assert smallest_p([(5, 5)]) == 2 / 252
        assert smallest_p([(10, 10)]) == 2 / 184_756
        assert smallest_p([(3, 3), (3, 3)], draws=99) == pytest.approx(2 / 400, abs=0.006)
        far, near = np.arange(5.0) + 100, np.arange(5.0)
        assert permutation_p(far, near)[0] == smallest_p([(5, 5)])
        assert permutation_p(far[:3], near)[0] == smallest_p([(3, 5)])

    def test_missing_values_are_refused(self):
        with pytest.raises(ValueError, match="not finite"):
            permutation_p([1.0, np.nan], [1.0])
        with pytest.raises(ValueError, match="without values"):
            permutation_p([], [1.0])


class TestOracles:
    def test_holm_is_the_step_down_formula(self):
        p = _draw(15).random((20, 12)) ** 3
        np.testing.assert_allclose([holm(row) for row in p], step_down(p))

    def test_a_test_that_is_missing_still_counts(self):
        assert holm([0.02, np.nan])[0] == pytest.approx(0.04)

    def test_the_interval_of_a_mean_is_students(self):
        values = _draw(7).normal(size=10)
        wanted = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
        np.testing.assert_allclose(statistics.mean_interval(values)[1], wanted, rtol=1e-5)

    def test_the_interval_of_a_difference_is_welchs(self):
        scores = study(_draw(8).normal(size=(1, 2, 10)) * [[[1.0], [3.0]]])
        (found,) = compare(scores).comparisons
        wanted = stats.ttest_ind(
            scores.values[0, 1], scores.values[0, 0], equal_var=False
        ).confidence_interval()
        assert found.interval == pytest.approx(tuple(wanted))

    def test_the_effect_is_hedges_g(self):
        one, other = _draw(9).normal(size=10) + 1, _draw(10).normal(size=8)
        pooled = np.sqrt((9 * one.var(ddof=1) + 7 * other.var(ddof=1)) / 16)
        wanted = (one.mean() - other.mean()) / pooled * (1 - 3 / 63)
        assert hedges_g(one, other) == pytest.approx(wanted)

    def test_the_detectable_effect_is_that_of_statsmodels(self):
        from statsmodels.stats.power import TTestIndPower

        wanted = TTestIndPower().solve_power(nobs1=10, alpha=0.05, power=0.8)
        assert detectable_effect(10, 10, 0.05) == pytest.approx(wanted, rel=1e-3)

    @pytest.mark.parametrize("collapsed", [False, True])
    def test_spreads_are_compared_by_brown_and_forsythe(self, collapsed):
        values = _draw(11).normal(size=(1, 2, 10)) * [[[1.0], [2.0]]]
        values[0, 0, 0] -= 8 * collapsed
        one, other = values[0, 1], values[0, 0]
        spread = compare(study(values)).comparisons[0].spread
        near, far = (np.abs(side - np.median(side)) for side in (one, other))
        assert spread.adjusted == pytest.approx(stats.levene(one, other, center="median").pvalue)
        assert spread.ratio == pytest.approx(near.mean() / far.mean())
        assert spread.deviations == pytest.approx(one.std(ddof=1) / other.std(ddof=1))

    @pytest.mark.parametrize("size", [3, 5, 10])
    @pytest.mark.parametrize("seed", range(4))
    def test_the_interval_holds_the_ratios_that_the_test_does_not_reject(self, size, seed):
        one, other = _draw(seed).standard_t(3, size=(2, size)) * [[2.0], [1.0]]
        low, high = spread_of(one, other).interval
        near, far = (np.abs(side - np.median(side)) for side in (one, other))
        for ratio in np.geomspace(1e-3, 1e3, 400):
            kept = stats.ttest_ind(near / ratio, far).pvalue >= ALPHA
            assert kept == (low <= ratio <= high)

    def test_the_ratio_that_is_needed_is_at_the_edge_of_the_test(self):
        draw = _draw(16)
        ratio = visible_ratio(10, 10, ALPHA / 9)
        one, other = ratio * draw.normal(size=(600, 10)), draw.normal(size=(600, 10))
        found = stats.levene(one, other, center="median", axis=1).pvalue
        assert 0.3 < (found <= ALPHA / 9).mean() < 0.6
        assert visible_ratio(5, 5, ALPHA / 9) == np.inf

    def test_the_statistic_of_one_stratum_is_that_of_all(self):
        one, other = _draw(17).normal(size=6) + 1, _draw(18).normal(size=5)
        values = np.concatenate([one, other])
        wanted = (one.mean() - other.mean()) / values.std()
        assert standardised_difference(one, other) == pytest.approx(wanted)
        assert standardised_difference(np.full(3, 0.7), np.full(3, 0.7)) == 0

    def test_mcnemar_is_the_binomial_test(self):
        one = np.array([1] * 9 + [0] * 2 + [1] * 30, bool)
        other = np.array([0] * 9 + [1] * 2 + [1] * 30, bool)
        found = mcnemar(one, other)
        assert (found.only_one, found.only_other) == (9, 2)
        assert found.p == pytest.approx(stats.binomtest(2, 11).pvalue)
        assert mcnemar(one, one).p == 1.0

    @pytest.mark.parametrize("metric", METRICS)
    def test_bootstrapped_scores_are_those_of_the_libraries(self, metric):
        from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

        draw = _draw(12)
        if metric in ("pearson", "spearman"):
            label = draw.normal(size=80)
            one, other = label + draw.normal(size=80), label + 2 * draw.normal(size=80)
            score = getattr(stats, f"{metric}r")
            wanted = [score(label, side).statistic for side in (one, other)]
        else:
            label, one, other = draw.integers(2, size=(3, 80))
            score = {"accuracy": accuracy_score, "f1": f1_score, "matthews": matthews_corrcoef}
            wanted = [score[metric](label, side) for side in (one, other)]
        found = paired_bootstrap(metric, label, one, other, draws=200)
        assert (found.one, found.other) == pytest.approx(tuple(wanted))
        assert found.interval[0] < found.difference < found.interval[1]

    def test_the_bootstrap_of_counts_is_that_of_rows(self):
        draw = _draw(13)
        label = draw.integers(2, size=200)
        one = np.where(draw.random(200) < 0.8, label, 1 - label)
        other = np.where(draw.random(200) < 0.7, label, 1 - label)
        ours = paired_bootstrap("accuracy", label, one, other, draws=4000).interval
        gain = (one == label).astype(float) - (other == label)
        rows = draw.integers(200, size=(4000, 200))
        theirs = np.percentile(gain[rows].mean(axis=1), [2.5, 97.5])
        assert ours == pytest.approx(tuple(theirs), abs=0.015)

    def test_many_classes_are_drawn_in_little_memory(self):
        import tracemalloc

        from sklearn.metrics import matthews_corrcoef

        draw = _draw(19)
        label = draw.integers(77, size=3000)
        one, other = (np.where(draw.random(3000) < share, label, draw.integers(77, size=3000))
                      for share in (0.9, 0.8))  # fmt: skip
        tracemalloc.start()
        found = paired_bootstrap("matthews", label, one, other, draws=500)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (found.one, found.other) == pytest.approx(
            (matthews_corrcoef(label, one), matthews_corrcoef(label, other))
        )
        assert peak < 150e6

    def test_three_classes_and_a_constant_answer_have_a_matthews(self):
        from sklearn.metrics import matthews_corrcoef

        label, one = _draw(14).integers(3, size=(2, 60))
        found = paired_bootstrap("matthews", label, one, np.zeros(60, int), draws=10)
        assert found.one == pytest.approx(matthews_corrcoef(label, one))
        assert found.other == 0.0

    def test_what_does_not_fit_is_refused(self):
        with pytest.raises(ValueError, match="same examples"):
            mcnemar(np.ones(3), np.ones(4))
        with pytest.raises(ValueError, match="No bootstrap of 'bleu'"):
            paired_bootstrap("bleu", np.ones(3), np.ones(3), np.ones(3))
        with pytest.raises(ValueError, match="two classes"):
            paired_bootstrap("f1", np.arange(3), np.arange(3), np.arange(3))

    def test_a_p_is_never_printed_as_zero(self):
        assert [show_p(p) for p in (1.08e-5, 0.0123, 0.5, 1.0)] == ["1.1e-05", "0.012", "0.50",
                                                                  "1.00"]  # fmt: skip


def study(values: np.ndarray, primary: bool = True) -> Scores:
    """Scores (S, 1 + H, N) as those of a family of made-up tasks and heads."""
    strata, variants, seeds = values.shape
    return Scores(
        Family(
            "made", "Made up", primary, "cls", tuple(f"h{v}" for v in range(1, variants)),
            tuple(range(seeds)),
            tuple(Stratum(f"task{s}", 1.0, "accuracy", "dev") for s in range(strata)),
        ),
        values,
    )  # fmt: skip


def planted(seeds: int, gap: float = 3.0) -> np.ndarray:
    """Three tasks, four heads; the last head is ``gap`` standard deviations higher."""
    values = 0.7 + 0.01 * _draw(20).normal(size=(3, 4, seeds))
    values[:, 3] += 0.01 * gap
    return values


class TestWords:
    def test_a_planted_effect_is_worded_with_its_numbers(self):
        report = compare(study(planted(10)))
        found = report.headlines[2]
        assert found.verdict == "better"
        sentence = found.sentence("Over all")
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
        found = compare(study(planted(10, 0.0))).comparisons[0]
        assert found.verdict == "undecided"
        points = 100 * found.detectable
        assert f"a true difference of {points:.2f} points would be found in 80 %" in (
            found.sentence("task")
        )

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

    def test_an_exploratory_family_says_so(self):
        assert "exploratory" in compare(study(planted(10), primary=False)).sentences()[0]

    def test_the_same_scores_give_the_same_p(self):
        one, other = (compare(study(planted(10, 0.5))) for _ in range(2))
        assert [x.p for x in one.headlines] == [x.p for x in other.headlines]

    def test_the_direction_is_that_of_what_is_tested(self):
        """One task far up in points with a large spread, two a little down with small ones."""
        values = _draw(22).normal(size=(3, 2, 10)) * np.array([4.0, 0.1, 0.1])[:, None, None] / 100
        values -= values.mean(axis=2, keepdims=True)
        values[:, 1] += np.array([1.88, -0.40, -0.48])[:, None] / 100
        (found,) = compare(study(values), draws=9999).headlines
        assert found.difference > 0 > found.standardised
        assert found.adjusted <= ALPHA
        assert found.verdict == "at odds"
        sentence = found.sentence("Over all")
        assert "is better than" not in sentence
        assert "h1 is lower in standard deviations, which is what is tested" in sentence
        assert f"{found.standardised:+.2f} standard deviations" in sentence
        flipped = values.copy()
        flipped[0, 1] -= 4.0 / 100  # now all three are down
        (found,) = compare(study(flipped), draws=9999).headlines
        assert found.verdict == "worse"

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
        assert "not decided which is steadier" in sentence
        assert f"above about {spread.visible:.1f} or below {1 / spread.visible:.2f}" in sentence
        assert "over 9 comparisons" in sentence
        values[0, 1] = 0.7 + (values[0, 1] - 0.7) / 100
        spread = compare(study(values)).comparisons[0].spread
        assert spread.sentence("h1", "cls", "task").endswith("steadier here.")
        values[0, 1] = 0.7
        spread = compare(study(values)).comparisons[0].spread
        assert "cannot be compared" in spread.sentence("h1", "cls", "task")
        spread = compare(study(planted(5, 0.0))).comparisons[0].spread
        assert "too few seeds to decide which is steadier" in spread.sentence("h1", "cls", "task")

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


class TestSimulatedStudies:
    """The family of the committed study: three tasks, three heads against one, ten seeds."""

    DRAWS = 1999

    def words(self, values: np.ndarray) -> np.ndarray:
        """The verdicts (R, 12) of R simulated studies; `compare` takes 0.2 s for each."""
        adjusted = step_down(family_p(values, draws=self.DRAWS))
        over = smallest_p([(10, 10)] * 3, draws=self.DRAWS)
        lows = holm([over] * 3 + [smallest_p([(10, 10)])] * 9)
        one, other = values[:, :, 1:], values[:, :, :1]
        gap = one.mean(axis=3) - other.mean(axis=3)
        both = np.concatenate([one, np.broadcast_to(other, one.shape)], axis=3)
        tested = gap / both.std(axis=3)
        flat = [np.concatenate([each.mean(axis=1), each.reshape(len(values), -1)], axis=1)
                for each in (tested, gap)]  # fmt: skip
        return np.array([
            [verdict(t, a, low, True, g) for t, a, low, g in zip(*row, strict=True)]
            for row in zip(flat[0], adjusted, [lows] * len(values), flat[1], strict=True)
        ])  # fmt: skip

    def steadiness(self, values: np.ndarray) -> np.ndarray:
        """Whether (R, 9) the spreads of R studies are worded as different."""
        one, other = np.broadcast_arrays(values[:, :, 1:], values[:, :, :1])
        p = stats.levene(one, other, center="median", axis=3).pvalue
        return step_down(p.reshape(len(values), -1)) <= ALPHA

    def test_the_quick_verdicts_are_those_of_the_report_and_of_its_sentences(self):
        values = scales(_draw(34).normal(size=(12, 3, 4, 10)))
        values[:6, :, 2] += 1.5 * np.array([1.0, 30.0, 0.2])[:, None]
        values[6:, 0, 3] = values[6:, 0, 3] / 50
        words, steady = self.words(values), self.steadiness(values)
        assert {"better", "undecided"} <= set(words.ravel())
        assert steady.any()
        for each, told, moved in zip(values, words, steady, strict=True):
            report = compare(study(each), draws=self.DRAWS)
            every = [*report.headlines, *report.comparisons]
            assert [item.verdict for item in every] == told.tolist()
            decided = [c.spread.verdict in ("steadier", "less steady") for c in report.comparisons]
            assert decided == moved.tolist()
            for sentence, word in zip(report.sentences()[1:], told, strict=True):
                assert ("is better than" in sentence) == (word == "better")
                assert ("is worse than" in sentence) == (word == "worse")
                assert ("not decided" in sentence) == (word in ("undecided", "at odds"))

    @pytest.mark.parametrize("kind", ["normal", "unequal tasks", "heavy tails", "collapsed seeds"])
    def test_identical_heads_are_called_better_in_at_most_5_percent_of_studies(self, kind):
        words = self.words(identical(kind, 1000, 31))
        assert (words == "better").any(axis=1).mean() <= 0.05
        assert np.isin(words, ["better", "worse"]).any(axis=1).mean() <= 0.06

    def test_heads_of_unequal_spread_alone_are_not_called_better(self):
        values = scales(_draw(35).normal(size=(1000, 3, 4, 10)))
        values[:, :, 2] *= 3.0
        assert (self.words(values) == "better").any(axis=1).mean() <= 0.05

    @pytest.mark.parametrize("kind", ["normal", "heavy tails", "collapsed seeds"])
    def test_identical_heads_are_called_steadier_in_at_most_5_percent_of_studies(self, kind):
        assert self.steadiness(identical(kind, 1000, 36)).any(axis=1).mean() <= 0.05

    def test_an_effect_of_three_deviations_is_found_in_80_percent_of_studies(self):
        values = _draw(32).normal(size=(100, 3, 4, 10))
        values[:, 0, 2] += 3.0  # one head, on one task
        words = self.words(values)
        assert (words[:, 3 + 1] == "better").mean() >= 0.8

    def test_the_detectable_effect_is_found_about_as_often_as_promised(self):
        draw = _draw(33)
        gap = detectable_effect(10, 10, ALPHA / 12)
        one, other = draw.normal(size=(200, 10)) + gap, draw.normal(size=(200, 10))
        assert (permutation_p(one, other) <= ALPHA / 12).mean() == pytest.approx(0.8, abs=0.09)


def scales(values: np.ndarray) -> np.ndarray:
    """Three tasks of very different spreads."""
    return values * np.array([1.0, 30.0, 0.2])[:, None, None]


def identical(kind: str, studies: int, seed: int) -> np.ndarray:
    """Studies (R, 3, 4, 10) in which no pooling head differs from another."""
    draw, shape = _draw(seed), (studies, 3, 4, 10)
    if kind == "heavy tails":
        return draw.standard_t(3, size=shape)
    values = draw.normal(size=shape)
    if kind == "collapsed seeds":
        return values - 6 * (draw.random(shape) < 0.1)
    return scales(values) if kind == "unequal tasks" else values
