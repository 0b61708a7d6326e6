"""What a fit's scores allow to be said, and nothing else."""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis.statistics.fit_words import differences, leaders, verdict
from analysis.study.fits import FitScores, HeadScores, read_fit, write_fit
from tests.support.sentences import in_order


def fit(scores):
    heads = tuple(
        HeadScores(name, np.asarray(s, float), np.full((2, len(s)), 0.5), np.eye(2), 10, 1.0, 1e-3)
        for name, s in scores.items()
    )
    return FitScores(
        "a", "encoder", "data", "accuracy", ("x", "y"), {"train": 8, "dev": 4},
        max(len(head.scores) for head in heads), heads, (), 1.0, ("text", None), ("a-cls-s0",),
    )  # fmt: skip


def test_p_is_scipys_exact_permutation_test_times_holm():
    rng = np.random.default_rng(0)
    first, other = rng.normal(size=5), rng.normal(1, 1, size=5)
    p = stats.permutation_test(
        (other, first),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        n_resamples=np.inf,
        vectorized=True,
    ).pvalue
    ((name, mean, adjusted),) = differences(fit({"cls": first, "mean": other}))
    assert name == "mean"
    assert np.isclose(mean, other.mean() - first.mean())
    assert np.isclose(adjusted, p)


def test_too_few_seeds_decide_nothing_and_say_how_many_could():
    scores = {"cls": [0.1, 0.2], "mean": [0.8, 0.9], "max": [0.8, 0.9]}
    assert "2 seeds cannot decide 2 tests" in verdict(fit(scores))
    assert in_order(verdict(fit(scores)), "cannot", "5 seeds", "could")


def test_heads_stand_above_below_or_undecided():
    rng = np.random.default_rng(1)
    base = rng.normal(0.5, 0.01, 10)
    words = verdict(fit({"cls": base, "mean": base + 0.2, "max": base - 0.2, "mha": base}))
    assert "above cls: mean" in words
    assert "below cls: max" in words
    assert "not decided: mha" in words


def test_under_the_null_a_difference_is_worded_in_at_most_five_percent():
    rng = np.random.default_rng(2)
    worded = 0
    for _ in range(200):
        words = verdict(fit({name: rng.normal(size=8) for name in ("cls", "mean", "max", "mha")}))
        worded += "above" in words or "below" in words
    assert worded <= stats.binom.ppf(0.999, 200, 0.05)


def test_a_fit_survives_its_file(tmp_path):
    scores = fit({"cls": [0.1, np.nan, 0.3], "mean": [0.4]})
    write_fit(scores, tmp_path)
    back = read_fit(tmp_path)
    assert back.example == scores.example
    for first, other in zip(back.heads, scores.heads, strict=True):
        np.testing.assert_array_equal(first.scores, other.scores)
        np.testing.assert_array_equal(first.curve, other.curve)
        np.testing.assert_array_equal(first.confusion, other.confusion)


def test_the_highest_mean_is_one_heads_or_shared():
    scores = np.array([0.5, 0.7])
    assert leaders(fit({"cls": scores, "mean": scores + 0.1})).startswith("mean has")
    shared = leaders(fit({"cls": scores, "mean": scores[::-1], "max": scores - 0.1}))
    assert shared.startswith(("cls and mean share", "mean and cls share"))
    assert "60.0" in shared
