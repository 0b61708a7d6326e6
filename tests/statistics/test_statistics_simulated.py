"""How often a study of known truth is worded right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import compare, holm, permutation_p
from analysis.statistics.family_tests import detectable_effect, family_p
from analysis.statistics.permutation import smallest_p
from analysis.statistics.verdicts import ALPHA, verdict
from tests.support.seed_scores import generator, step_down, study


class TestSimulatedStudies:
    """The family of the committed study: three tasks, three heads against one, ten seeds."""

    DRAWS = 1999

    def words(self, values: np.ndarray) -> np.ndarray:
        """The verdicts (R, 12) of R simulated studies; `compare` takes 0.2 s for each."""
        adjusted = step_down(family_p(values, draws=self.DRAWS))
        over = smallest_p([(10, 10)] * 3)
        lows = holm([over] * 3 + [smallest_p([(10, 10)])] * 9)
        first, other = values[:, :, 1:], values[:, :, :1]
        gap = first.mean(axis=3) - other.mean(axis=3)
        both = np.concatenate([first, np.broadcast_to(other, first.shape)], axis=3)
        tested = gap / both.std(axis=3)
        flat = [
            np.concatenate([each.mean(axis=1), each.reshape(len(values), -1)], axis=1)
            for each in (tested, gap)
        ]
        return np.array(
            [
                [verdict(t, a, low, True, g) for t, a, low, g in zip(*row, strict=True)]
                for row in zip(flat[0], adjusted, [lows] * len(values), flat[1], strict=True)
            ]
        )

    def steadiness(self, values: np.ndarray) -> np.ndarray:
        """Whether (R, 9) the spreads of R studies are worded as different."""
        first, other = np.broadcast_arrays(values[:, :, 1:], values[:, :, :1])
        p = stats.levene(first, other, center="median", axis=3).pvalue
        return step_down(p.reshape(len(values), -1)) <= ALPHA

    @pytest.mark.slow
    def test_the_quick_verdicts_are_those_of_the_report_and_of_its_sentences(self):
        values = scales(generator(34).normal(size=(12, 3, 4, 10)))
        values[:6, :, 2] += 1.5 * np.array([1.0, 30.0, 0.2])[:, None]
        values[6:, 0, 3] = values[6:, 0, 3] / 50
        words, steady = self.words(values), self.steadiness(values)
        assert {"better", "undecided"} <= set(words.ravel())
        assert steady.any()
        for each, verdict_word, moved in zip(values, words, steady, strict=True):
            report = compare(study(each), draws=self.DRAWS)
            every = [*report.headlines, *report.comparisons]
            assert [item.verdict for item in every] == verdict_word.tolist()
            decided = [c.spread.verdict in ("steadier", "less steady") for c in report.comparisons]
            assert decided == moved.tolist()
            for sentence, word in zip(report.sentences()[1:], verdict_word, strict=True):
                assert ("is better than" in sentence) == (word == "better")
                assert ("is worse than" in sentence) == (word == "worse")
                assert ("not decided" in sentence) == (word in ("undecided", "at odds"))

    @pytest.mark.parametrize(
        ("kind", "studies"),
        [
            ("unequal tasks", 100),
            *(
                pytest.param(kind, 1000, marks=pytest.mark.slow)
                for kind in ("normal", "unequal tasks", "heavy tails", "collapsed seeds")
            ),
        ],
    )
    def test_identical_heads_are_called_better_in_at_most_5_percent_of_studies(self, kind, studies):
        words = self.words(identical(kind, studies, 31))
        assert (words == "better").any(axis=1).mean() <= 0.05
        assert np.isin(words, ["better", "worse"]).any(axis=1).mean() <= 0.06

    @pytest.mark.slow
    def test_heads_of_unequal_spread_alone_are_not_called_better(self):
        values = scales(generator(35).normal(size=(1000, 3, 4, 10)))
        values[:, :, 2] *= 3.0
        assert (self.words(values) == "better").any(axis=1).mean() <= 0.05

    @pytest.mark.parametrize("kind", ["normal", "heavy tails", "collapsed seeds"])
    def test_identical_heads_are_called_steadier_in_at_most_5_percent_of_studies(self, kind):
        assert self.steadiness(identical(kind, 1000, 36)).any(axis=1).mean() <= 0.05

    def test_an_effect_of_three_deviations_is_found_in_80_percent_of_studies(self):
        values = generator(32).normal(size=(100, 3, 4, 10))
        values[:, 0, 2] += 3.0  # one head, on one task
        words = self.words(values)
        assert (words[:, 3 + 1] == "better").mean() >= 0.8

    def test_the_detectable_effect_is_found_about_as_often_as_promised(self):
        draw = generator(33)
        gap = detectable_effect(10, 10, ALPHA / 12)
        first, other = draw.normal(size=(200, 10)) + gap, draw.normal(size=(200, 10))
        assert (permutation_p(first, other) <= ALPHA / 12).mean() == pytest.approx(0.8, abs=0.09)

    def test_over_three_tasks_it_is_found_about_as_often_as_promised(self):
        draw, alpha = generator(34), ALPHA / 12
        gap = detectable_effect(10, 10, alpha, 3) / 3**0.5
        assert detectable_effect(10, 10, alpha, 3) < detectable_effect(10, 10, alpha)
        strata = [
            (draw.normal(size=(500, 10)) + gap, draw.normal(size=(500, 10))) for _ in range(3)
        ]
        pooled = np.mean([(a.var(1, ddof=1) + b.var(1, ddof=1)) / 2 for a, b in strata], axis=0)
        mean = np.mean([a.mean(1) - b.mean(1) for a, b in strata], axis=0)
        t = mean / np.sqrt(pooled * (2 / 10) / 3)
        decided = 2 * stats.t.sf(np.abs(t), 54) <= alpha
        assert decided.mean() == pytest.approx(0.8, abs=0.06)


def scales(values: np.ndarray) -> np.ndarray:
    """Three tasks of very different spreads."""
    return values * np.array([1.0, 30.0, 0.2])[:, None, None]


def identical(kind: str, studies: int, seed: int) -> np.ndarray:
    """Studies (R, 3, 4, 10) in which no pooling head differs from another."""
    draw, shape = generator(seed), (studies, 3, 4, 10)
    if kind == "heavy tails":
        return draw.standard_t(3, size=shape)
    values = draw.normal(size=shape)
    if kind == "collapsed seeds":
        return values - 6 * (draw.random(shape) < 0.1)
    return scales(values) if kind == "unequal tasks" else values
