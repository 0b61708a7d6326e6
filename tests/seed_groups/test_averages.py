"""Seed groups: the mean of exact splits is the exact split of the mean logits."""

from __future__ import annotations

import numpy as np
import pytest

import analysis
from analysis.attribution import attribute
from analysis.interventions import leave_one_out
from analysis.seed_groups import averages
from tests.support import zoo

TEXT = "The plot is thin, but not dull."


@pytest.fixture(scope="module")
def members():
    """Three checkpoints of one recipe, with heads of different seeds over one encoder."""
    from tests.support import tiny

    names = ("one", "two", "three")
    return [
        analysis.load(
            tiny.make_pooling_checkpoint(
                zoo.root() / f"trio-max_seq_mha-s{seed}",
                "max_seq_mha",
                names,
                seed=seed,
                encoder=zoo.folder("bare"),
            ),
            device="cpu",
        )
        for seed in range(3)
    ]


@pytest.fixture(scope="module")
def traces(members):
    return [analysis.record(member, TEXT) for member in members]


def test_the_mean_split_sums_to_the_mean_logits(traces):
    splits = [analysis.decompose(trace, "zero") for trace in traces]
    mean = averages.mean_decomposition(splits)
    want = sum(trace.logits.astype(np.float64) for trace in traces) / 3
    np.testing.assert_allclose(mean.logits, want, rtol=1e-6)
    np.testing.assert_allclose(mean.contributions.sum((1, 2, 3)) + mean.constant, want, atol=1e-5)
    assert mean.error < 1e-5
    for target in range(3):
        by_member = sum(split.by_token(target) for split in splits) / 3
        np.testing.assert_allclose(mean.by_token(target), by_member)


def test_splits_that_differ_in_kind_have_no_mean(traces):
    zero = analysis.decompose(traces[0], "zero")
    other = analysis.decompose(traces[1], np.ones(32))
    with pytest.raises(ValueError, match="different layers, parts or references"):
        averages.mean_decomposition([zero, other])


def test_mean_winners_are_the_mean_of_the_shares(traces):
    winners = [trace.head.winners for trace in traces]
    mean = averages.mean_winners(winners)
    assert mean.layers == (2, 3, 4)
    assert mean.shares.shape == (3, 3)
    np.testing.assert_allclose(
        mean.share_by_layer(), sum(seed_winners.share_by_layer() for seed_winners in winners) / 3
    )
    assert mean.share_by_layer().sum() == pytest.approx(1)
    other = analysis.record(zoo.loaded("max"), TEXT).head.winners
    with pytest.raises(ValueError, match="same layers"):
        averages.mean_winners([winners[0], other])


def test_the_mean_attribution_keeps_the_largest_gap(members):
    results = [attribute(member, TEXT, target=1, n_steps=4) for member in members]
    mean = averages.mean_attribution(results)
    np.testing.assert_allclose(mean.scores, sum(result.scores for result in results) / 3)
    assert mean.delta == pytest.approx(sum(result.delta for result in results) / 3)
    assert mean.completeness_gap == max(result.completeness_gap for result in results)
    assert averages.mean_attribution(results[:1]) is results[0]
    other = attribute(members[0], TEXT, target=2, n_steps=4)
    with pytest.raises(ValueError, match="different units or classes"):
        averages.mean_attribution([results[0], other])


def test_the_groups_description_says_that_it_is_a_mean(members):
    described = [member.checkpoint for member in members]
    mean = averages.mean_checkpoint(described, "trio")
    assert mean.id == "trio (mean of 3 seeds)"
    assert mean.seed is None
    assert mean.sha256 not in {layer.sha256 for layer in described}
    assert averages.mean_checkpoint(described[:2], "trio").sha256 != mean.sha256
    assert averages.mean_checkpoint(described[:1], "trio") is described[0]


def test_the_mean_of_left_out_tokens_is_that_of_logits_and_of_effects(members):
    results = [leave_one_out(member, TEXT) for member in members]
    mean = averages.mean_leave_one_out(results, members[0].checkpoint)
    for name in ("logits", "effects"):
        own = np.array([getattr(result, name) for result in results])
        assert np.nanmax(np.ptp(own, axis=0)) > 1e-3, "the seeds of this test must differ"
        np.testing.assert_allclose(getattr(mean, name), own.sum(axis=0) / 3, atol=1e-6)
