"""Margins: ties, histograms, and noise that flips exactly the wins that are close."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import analysis
from analysis.checkpoints import profiles
from analysis.reading.margins import margin_histogram, noise_flips
from analysis.reading.trace import measure_profile
from analysis.reading.winners import Winners
from tests.support import tiny, zoo

TEXTS = [tiny.SENTENCE, "The plot is good.", "Acting was not very fine, but great."]
MAXIMA = ("max_cls", "max_seq_mha", "max")


@pytest.mark.parametrize("name", MAXIMA)
def test_the_histogram_holds_every_win_once(name):
    winners = analysis.record(zoo.loaded(name), tiny.SENTENCE).head.winners
    result = margin_histogram(winners)
    assert result.counts.sum() == result.wins == winners.margin.size
    assert result.ties == 0
    assert result.median == pytest.approx(np.median(winners.margin))
    assert result.counts[:5].sum() == (winners.margin < result.edges[5]).sum()


def test_ties_and_unopposed_wins_are_counted():
    winners = Winners(np.array([2, 3, 3, 4]), None, np.array([0.0, 0.5, np.inf, 0.0]), (2, 3, 4))
    result = margin_histogram(winners)
    assert (result.wins, result.ties, result.unopposed) == (3, 2, 1)


@pytest.mark.parametrize("name", MAXIMA)
def test_without_noise_no_win_flips(name):
    trace = analysis.record(zoo.loaded(name), tiny.SENTENCE)
    result = noise_flips(trace, np.zeros((5, 32)))
    assert result.share == 0
    assert result.by_place.shape == trace.head.winners.layer.shape


@pytest.mark.parametrize("name", MAXIMA)
def test_close_wins_flip_and_clear_ones_do_not(name):
    trace = analysis.record(zoo.loaded(name), tiny.SENTENCE)
    margin = trace.head.winners.margin
    result = noise_flips(trace, np.ones((5, 32)), scale=float(np.median(margin)) / 4, draws=200)
    assert result.by_place[margin < np.quantile(margin, 0.05)].mean() > 0.25
    assert (result.by_place[margin > np.quantile(margin, 0.9)] < 0.05).all()
    assert result.interval[0] <= result.share <= result.interval[1]


def test_a_win_by_a_known_margin_flips_as_often_as_gaussian_noise_says():
    from scipy.stats import norm

    trace = analysis.record(zoo.loaded("max_cls"), tiny.SENTENCE)
    hidden = np.zeros_like(trace.hidden)
    hidden[2] = 1.0  # wins everywhere by 1; layers 3 and 4 are far below
    hidden[3:] = -50.0
    hidden[4] = 0.0
    winners = Winners(np.full(32, 2), None, np.ones(32), (2, 3, 4))
    planted = replace(trace, hidden=hidden, head=replace(trace.head, winners=winners))
    result = noise_flips(planted, np.ones((5, 32)), scale=0.7, draws=500)
    assert result.share == pytest.approx(norm.sf(1 / (0.7 * np.sqrt(2))), abs=0.01)


def test_noise_is_measured_in_the_deviations_of_the_profile(tmp_path):
    classifier = zoo.loaded("max_seq_mha")
    trace = analysis.record(classifier, tiny.SENTENCE)
    with pytest.raises(ValueError, match=r"no corpus profile|without standard deviations"):
        noise_flips(trace)
    profile = measure_profile(classifier, TEXTS, None, "three sentences")
    profile.save(tmp_path)
    at = replace(trace, checkpoint=replace(trace.checkpoint, folder=tmp_path))
    flips = noise_flips(at, seed=3)
    expected_flips = noise_flips(trace, profile.token_deviation.astype(np.float32), seed=3)
    np.testing.assert_array_equal(flips.by_place, expected_flips.by_place)


def test_a_profile_holds_the_moments_of_cls_and_of_all_tokens(tmp_path):
    classifier = zoo.loaded("mha")
    hidden = [analysis.record(classifier, text).hidden.astype(float) for text in TEXTS]
    profile = measure_profile(classifier, TEXTS, None, "three sentences")
    cls = np.stack([states[:, 0] for states in hidden])
    tokens = np.concatenate([states.swapaxes(0, 1) for states in hidden])
    for name, rows in (("cls", cls), ("token", tokens)):
        np.testing.assert_allclose(getattr(profile, f"{name}_mean"), rows.mean(axis=0), atol=1e-9)
        np.testing.assert_allclose(
            getattr(profile, f"{name}_deviation"), rows.std(axis=0), atol=1e-6
        )
    assert (profile.cls_deviation[0] < 1e-6).all()
    profile.save(tmp_path)
    np.testing.assert_allclose(
        profiles.read(tmp_path).token_deviation, profile.token_deviation, rtol=1e-6
    )


def test_a_profile_from_before_the_moments_is_still_read(tmp_path):
    profile = measure_profile(zoo.loaded("max_cls"), TEXTS, None, "three sentences")
    replace(profile, **dict.fromkeys((*profiles.MOMENTS, *profiles.COURSES))).save(tmp_path)
    old = profiles.read(tmp_path)
    assert old.cls_deviation is None
    assert old.cls_norm is None
    np.testing.assert_allclose(old.value_mean, profile.value_mean, rtol=1e-6)
    assert old.layers == (2, 3, 4)


def test_a_head_without_maximum_has_no_wins():
    with pytest.raises(ValueError, match="takes no maximum"):
        noise_flips(analysis.record(zoo.loaded("mha"), TEXTS[0]), np.ones((5, 32)))
