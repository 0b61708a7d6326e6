"""The statistics of a study, against brute force, SciPy and closed forms."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import basics, compare, holm, mcnemar, paired_bootstrap, permutation_p
from analysis.statistics.family_tests import detectable_effect, hedges_g
from analysis.statistics.paired import METRICS, show_p
from analysis.statistics.permutation import smallest_p, standardised_difference, stratified_p
from analysis.statistics.split_sums import sums_of
from analysis.statistics.spread_tests import spread_of, visible_ratio
from analysis.statistics.verdicts import ALPHA
from tests.support.seed_scores import generator, step_down, study


def brute_force(strata: list[tuple[list[float], list[float]]]) -> float:
    """Two-sided p over all splits of all strata, by enumeration and loops."""

    def splits(left, other):
        values = left + other
        mean = sum(values) / len(values)
        spread = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
        for chosen in combinations(range(len(values)), len(left)):
            first = [values[i] for i in chosen]
            second = [values[i] for i in range(len(values)) if i not in chosen]
            yield (sum(first) / len(first) - sum(second) / len(second)) / spread

    every = [list(splits(*stratum)) for stratum in strata]
    observed = abs(sum(each[0] for each in every))  # the first split is the data as it is
    sums = [abs(sum(each)) for each in product(*every)]
    return sum(value >= observed - 1e-12 for value in sums) / len(sums)


class TestPermutation:
    @pytest.mark.parametrize(("n", "m"), [(5, 5), (4, 6), (2, 3), (1, 4)])
    def test_p_is_that_of_scipy_and_of_enumeration(self, n, m):
        first, other = generator(n).normal(size=n) + 0.7, generator(m + 50).normal(size=m)
        ours = float(permutation_p(first, other)[0])
        assert ours == pytest.approx(brute_force([(list(first), list(other))]))
        if n == m:  # SciPy doubles the smaller tail, which is another test for unequal groups
            theirs = stats.permutation_test(
                (first, other),
                lambda a, b, axis: a.mean(axis) - b.mean(axis),
                vectorized=True,
                n_resamples=np.inf,
            ).pvalue
            assert ours == pytest.approx(theirs)

    def test_tied_scores_count_as_reached(self):
        first, other = [0.5, 0.6, 0.6], [0.6, 0.5, 0.5]
        assert permutation_p(first, other)[0] == pytest.approx(brute_force([(first, other)]))
        assert permutation_p([0.7] * 4, [0.7] * 4)[0] == 1.0

    def test_data_sets_side_by_side_are_tested_one_by_one(self):
        first, other = generator(1).normal(size=(70, 4)), generator(2).normal(size=(70, 5))
        together = permutation_p(first, other)
        alone = [permutation_p(a, b)[0] for a, b in zip(first, other, strict=True)]
        np.testing.assert_allclose(together, alone)

    def test_many_values_are_drawn_and_agree_with_a_t_test(self):
        first, other = generator(3).normal(size=40) + 0.5, generator(4).normal(size=40)
        p = permutation_p(first, other, draws=4000)[0]
        assert p == pytest.approx(stats.ttest_ind(first, other).pvalue, abs=0.02)

    def test_stratified_p_is_that_of_enumeration(self):
        strata = [([3.0, 2.5, 4.0], [1.0, 2.0, 2.6]), ([70.0, 75.0, 74.0], [71.0, 69.0, 70.5])]
        p = stratified_p([tuple(map(np.array, each)) for each in strata])[0]
        assert p == pytest.approx(brute_force(strata), abs=1e-4)

    def test_unequal_groups_are_stratified_right_too(self):
        strata = [([3.0, 2.5], [1.0, 2.0, 2.6]), ([70.0, 75.0, 74.0], [71.0, 69.0])]
        p = stratified_p([tuple(map(np.array, each)) for each in strata])[0]
        assert p == pytest.approx(brute_force(strata), abs=1e-4)

    def test_a_task_does_not_count_more_for_its_unit(self):
        first, other = (
            generator(5).normal(size=(2, 1, 6)) + 0.4,
            generator(6).normal(size=(2, 1, 6)),
        )
        plain = stratified_p(list(zip(first, other, strict=True)))
        scale = np.array([1.0, 1000.0])[:, None, None]
        scaled = stratified_p(list(zip(first * scale, other * scale, strict=True)))
        np.testing.assert_allclose(plain, scaled)

    @pytest.mark.parametrize("seed", range(6))
    def test_stratified_p_counts_equal_sums_as_enumeration_does(self, seed):
        draw = generator(seed)  # few different scores: most of the sums are equal to others
        strata = [tuple(draw.integers(0, 4, (2, 4)) / 7.0) for _ in range(2)]
        p = stratified_p(strata)[0]
        expected = brute_force([(list(first), list(other)) for first, other in strata])
        assert expected - 1e-9 <= p <= expected + 1e-3

    def test_draws_come_near_the_exact_p_and_no_nearer_than_they_can(self):
        draw = generator(7)
        strata = [(draw.normal(size=10) + 0.4, draw.normal(size=10)) for _ in range(3)]
        exact = stratified_p(strata)[0]
        sampled = stratified_p(strata, draws=99_999)[0]
        assert sampled == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 1e5) ** 0.5)

    def test_thirty_against_thirty_are_counted_too(self):
        draw = generator(8)
        first, other = draw.normal(size=30) + 0.5, draw.normal(size=30)
        exact = permutation_p(first, other)[0]
        sampled = permutation_p(first, other, draws=99_999)[0]
        assert sampled == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 1e5) ** 0.5)
        far = permutation_p(first + 100, other)[0]
        assert far == pytest.approx(smallest_p([(30, 30)]), rel=0.5)

    @pytest.mark.parametrize(("n", "chosen"), [(7, 3), (9, 4), (6, 6)])
    def test_the_sums_of_all_choices_are_those_of_enumeration(self, n, chosen):
        values = generator(n).integers(-5, 6, n).astype(float)
        sums = sums_of(values, chosen, 1.0)
        every = [sum(part) for part in combinations(values, chosen)]
        for place, share in enumerate(sums.share):
            expected = np.mean(np.isclose(every, sums.first + place))
            assert share == pytest.approx(expected, abs=1e-12)

    def test_small_groups_have_their_smallest_p(self):
        assert smallest_p([(5, 5)]) == 2 / 252
        assert smallest_p([(10, 10)]) == 2 / 184_756
        assert smallest_p([(3, 3), (3, 3)]) == 2 / 400
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
        p = generator(15).random((20, 12)) ** 3
        np.testing.assert_allclose([holm(row) for row in p], step_down(p))

    def test_holm_is_that_of_statsmodels(self):
        from statsmodels.stats.multitest import multipletests

        for p in ([0.01, 0.04, 0.03, 0.005, 0.005], [0.5], [1.0, 0.9, 0.001]):
            np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
        assert holm([]).shape == (0,)

    def test_a_test_that_is_missing_still_counts(self):
        assert holm([0.02, np.nan])[0] == pytest.approx(0.04)

    def test_the_interval_of_a_mean_is_students(self):
        values = generator(7).normal(size=10)
        expected = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
        np.testing.assert_allclose(basics.mean_interval(values)[1], expected, rtol=1e-5)

    def test_the_interval_of_a_difference_is_welchs(self):
        scores = study(generator(8).normal(size=(1, 2, 10)) * [[[1.0], [3.0]]])
        (comparison,) = compare(scores).comparisons
        expected = stats.ttest_ind(
            scores.values[0, 1], scores.values[0, 0], equal_var=False
        ).confidence_interval()
        assert comparison.interval == pytest.approx(tuple(expected))

    def test_the_effect_is_hedges_g(self):
        first, other = generator(9).normal(size=10) + 1, generator(10).normal(size=8)
        pooled = np.sqrt((9 * first.var(ddof=1) + 7 * other.var(ddof=1)) / 16)
        expected = (first.mean() - other.mean()) / pooled * (1 - 3 / 63)
        assert hedges_g(first, other) == pytest.approx(expected)

    def test_the_detectable_effect_is_that_of_statsmodels(self):
        from statsmodels.stats.power import TTestIndPower

        expected = TTestIndPower().solve_power(nobs1=10, alpha=0.05, power=0.8)
        assert detectable_effect(10, 10, 0.05) == pytest.approx(expected, rel=1e-3)

    @pytest.mark.parametrize("collapsed", [False, True])
    def test_spreads_are_compared_by_brown_and_forsythe(self, collapsed):
        values = generator(11).normal(size=(1, 2, 10)) * [[[1.0], [2.0]]]
        values[0, 0, 0] -= 8 * collapsed
        first, other = values[0, 1], values[0, 0]
        spread = compare(study(values)).comparisons[0].spread
        near, far = (np.abs(side - np.median(side)) for side in (first, other))
        assert spread.adjusted == pytest.approx(stats.levene(first, other, center="median").pvalue)
        assert spread.ratio == pytest.approx(near.mean() / far.mean())
        assert spread.deviations == pytest.approx(first.std(ddof=1) / other.std(ddof=1))

    @pytest.mark.parametrize("size", [3, 5, 10])
    @pytest.mark.parametrize("seed", range(4))
    def test_the_interval_holds_the_ratios_that_the_test_does_not_reject(self, size, seed):
        first, other = generator(seed).standard_t(3, size=(2, size)) * [[2.0], [1.0]]
        low, high = spread_of(first, other).interval
        near, far = (np.abs(side - np.median(side)) for side in (first, other))
        for ratio in np.geomspace(1e-3, 1e3, 400):
            kept = stats.ttest_ind(near / ratio, far).pvalue >= ALPHA
            assert kept == (low <= ratio <= high)

    def test_the_ratio_that_is_needed_is_at_the_edge_of_the_test(self):
        draw = generator(16)
        ratio = visible_ratio(10, 10, ALPHA / 9)
        first, other = ratio * draw.normal(size=(600, 10)), draw.normal(size=(600, 10))
        p = stats.levene(first, other, center="median", axis=1).pvalue
        assert 0.3 < (p <= ALPHA / 9).mean() < 0.6
        assert visible_ratio(5, 5, ALPHA / 9) == np.inf

    def test_the_statistic_of_one_stratum_is_that_of_all(self):
        first, other = generator(17).normal(size=6) + 1, generator(18).normal(size=5)
        values = np.concatenate([first, other])
        expected = (first.mean() - other.mean()) / values.std()
        assert standardised_difference(first, other) == pytest.approx(expected)
        assert standardised_difference(np.full(3, 0.7), np.full(3, 0.7)) == 0

    def test_mcnemar_is_the_binomial_test(self):
        left = np.array([1] * 9 + [0] * 2 + [1] * 30, bool)
        other = np.array([0] * 9 + [1] * 2 + [1] * 30, bool)
        result = mcnemar(left, other)
        assert (result.only_one, result.only_other) == (9, 2)
        assert result.p == pytest.approx(stats.binomtest(2, 11).pvalue)
        assert mcnemar(left, left).p == 1.0

    @pytest.mark.parametrize("metric", METRICS)
    def test_bootstrapped_scores_are_those_of_the_libraries(self, metric):
        from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

        draw = generator(12)
        if metric in ("pearson", "spearman"):
            label = draw.normal(size=80)
            first, other = label + draw.normal(size=80), label + 2 * draw.normal(size=80)
            score = getattr(stats, f"{metric}r")
            expected = [score(label, side).statistic for side in (first, other)]
        else:
            label, first, other = draw.integers(2, size=(3, 80))
            score = {"accuracy": accuracy_score, "f1": f1_score, "matthews": matthews_corrcoef}
            expected = [score[metric](label, side) for side in (first, other)]
        interval = paired_bootstrap(metric, label, first, other, draws=200)
        assert (interval.first, interval.second) == pytest.approx(tuple(expected))
        assert interval.interval[0] < interval.difference < interval.interval[1]

    def test_the_bootstrap_of_counts_is_that_of_rows(self):
        draw = generator(13)
        label = draw.integers(2, size=200)
        first = np.where(draw.random(200) < 0.8, label, 1 - label)
        other = np.where(draw.random(200) < 0.7, label, 1 - label)
        ours = paired_bootstrap("accuracy", label, first, other, draws=4000).interval
        gain = (first == label).astype(float) - (other == label)
        rows = draw.integers(200, size=(4000, 200))
        theirs = np.percentile(gain[rows].mean(axis=1), [2.5, 97.5])
        assert ours == pytest.approx(tuple(theirs), abs=0.015)

    def test_many_classes_are_drawn_in_little_memory(self):
        import tracemalloc

        from sklearn.metrics import matthews_corrcoef

        draw = generator(19)
        label = draw.integers(77, size=3000)
        first, other = (
            np.where(draw.random(3000) < share, label, draw.integers(77, size=3000))
            for share in (0.9, 0.8)
        )
        tracemalloc.start()
        interval = paired_bootstrap("matthews", label, first, other, draws=500)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (interval.first, interval.second) == pytest.approx(
            (matthews_corrcoef(label, first), matthews_corrcoef(label, other))
        )
        assert peak < 150e6

    def test_three_classes_and_a_constant_answer_have_a_matthews(self):
        from sklearn.metrics import matthews_corrcoef

        label, first = generator(14).integers(3, size=(2, 60))
        interval = paired_bootstrap("matthews", label, first, np.zeros(60, int), draws=10)
        assert interval.first == pytest.approx(matthews_corrcoef(label, first))
        assert interval.second == 0.0

    def test_what_does_not_fit_is_refused(self):
        with pytest.raises(ValueError, match="same examples"):
            mcnemar(np.ones(3), np.ones(4))
        with pytest.raises(ValueError, match="No bootstrap of 'bleu'"):
            paired_bootstrap("bleu", np.ones(3), np.ones(3), np.ones(3))
        with pytest.raises(ValueError, match="two classes"):
            paired_bootstrap("f1", np.arange(3), np.arange(3), np.arange(3))

    def test_a_p_is_never_printed_as_zero(self):
        assert [show_p(p) for p in (1.08e-5, 0.0123, 0.5, 1.0)] == [
            "1.1e-05",
            "0.012",
            "0.50",
            "1.00",
        ]
