"""Which method to trust follows from the evidence; where that decides nothing, it is said."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.attribution.evidence.faithfulness import Control, Faithfulness
from analysis.attribution.evidence.randomisation import Randomisation
from analysis.attribution.evidence.trust import APART, SUPPORTED, MethodEvidence, trust

UNITS = ((1,), (2,), (3,))
# Four random rankings of mean 0 and standard deviation 1 (by n - 1), on each measure.
DRAWN = np.array([-1.0, -1.0, 1.0, 1.0]) * np.sqrt(3) / 2


def measured(comprehensiveness: float, sufficiency: float, spread: float = 1.0) -> Faithfulness:
    """A record that is so many standard deviations better than its random rankings."""
    drawn = spread * DRAWN[:, None]
    curves = np.zeros((4, 2))
    return Faithfulness(
        method="occlusion",
        target=1,
        output="probability",
        replace="mask",
        units=UNITS,
        order=np.arange(3),
        value=1.0,
        empty=0.0,
        shares=np.array([0.5]),
        counts=np.array([2]),
        comprehensiveness=np.array([comprehensiveness * spread]),
        sufficiency=np.array([-sufficiency * spread]),
        fractions=np.array([0.0, 1.0]),
        deletion=np.zeros(2),
        insertion=np.zeros(2),
        control=Control(drawn, drawn, curves, curves, 0, UNITS, ()),
        seconds=0.0,
    )


def evidence(name: str, *scores: float, **more: object) -> MethodEvidence:
    return MethodEvidence(name, (measured(*scores),), **more)


def weights(last: float) -> Randomisation:
    """The check with random weights, whose last stage keeps this rank agreement."""
    return Randomisation(
        "saliency",
        1,
        ("classifier", "embeddings"),
        np.array([0.5, last]),
        np.zeros(2),
        (-0.4, 0.4),
        9,
        0,
    )


def test_scores_are_standard_scores_among_random_rankings():
    assert evidence("saliency", 3.0, -1.5).scores == pytest.approx((3.0, -1.5))


def test_the_method_that_is_ahead_on_both_measures_is_preferred_with_its_numbers():
    verdict = trust([evidence("saliency", 2.5, 2.5), evidence("integrated gradients", 4.0, 5.5)])
    assert (verdict.verdict, verdict.methods) == ("preferred", ("integrated gradients",))
    assert "comprehensiveness +4.0 sd, sufficiency +5.5 sd" in verdict.sentence
    assert "saliency comprehensiveness +2.5 sd" in verdict.sentence


def test_methods_that_are_ahead_on_one_measure_each_are_not_decided():
    verdict = trust([evidence("saliency", 5.0, 2.5), evidence("occlusion", 2.5, 5.0)])
    assert (verdict.verdict, verdict.methods) == ("mixed", ("saliency", "occlusion"))
    assert all(name in verdict.sentence for name in verdict.methods)
    assert "not decide" in verdict.sentence


def test_methods_that_hardly_differ_are_not_decided():
    verdict = trust([evidence("saliency", 3.0, 3.1), evidence("occlusion", 3.2, 3.0)])
    assert verdict.verdict == "alike"
    assert "less than 1 standard deviation" in verdict.sentence


def test_no_better_than_random_rankings_supports_none():
    verdict = trust([evidence("saliency", 1.0, 5.0), evidence("occlusion", 0.4, -0.2)])
    assert verdict.verdict == "none"
    assert "random rankings" in verdict.sentence


def test_a_ranking_that_outlasts_the_weights_is_not_trusted():
    kept = evidence("gradient × input", 6.0, 6.0, randomisation=(weights(0.9),))
    verdict = trust([kept, evidence("saliency", 2.5, 2.5, randomisation=(weights(0.1),))])
    assert verdict.methods == ("saliency",)
    assert re.search("Gradient × input.*weights are random", verdict.sentence)


def test_what_a_metric_favours_by_construction_is_said():
    others = [evidence("saliency", 2.5, 2.5)]
    favoured = trust([evidence("occlusion", 5.0, 5.0, replaces=True), *others])
    assert "by construction" in favoured.sentence
    assert "construction" not in trust([evidence("smoothgrad", 5.0, 5.0), *others]).sentence


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        (MethodEvidence("occlusion", ()), "of occlusion are not measured"),
        (MethodEvidence("occlusion", (measured(1.0, 1.0, spread=0.0),)), "do not differ"),
    ],
)
def test_what_is_not_measured_decides_nothing(unknown, message):
    verdict = trust([evidence("saliency", 5.0, 5.0), unknown])
    assert verdict.verdict == "unmeasured"
    assert message in verdict.sentence


def test_seeds_are_judged_by_their_mean():
    group = MethodEvidence("saliency", (measured(1.0, 3.0), measured(5.0, 3.0)))
    assert group.scores == pytest.approx((3.0, 3.0))


numbers = st.floats(-6, 12)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5))
def test_what_is_preferred_is_ahead_of_all_that_are_supported(scores):
    methods = [evidence(f"m{place}", *each) for place, each in enumerate(scores)]
    verdict = trust(methods)
    held = {method.name: method.scores for method in methods if method.supported}
    assert (verdict.verdict == "none") == (not held)
    if held:
        assert set(verdict.methods) <= set(held)
    if verdict.verdict == "preferred":
        (name,) = verdict.methods
        assert min(held[name]) >= SUPPORTED
        for other in held:
            steps = np.subtract(held[name], held[other])
            assert other == name or (steps.max() >= APART and steps.min() > -APART)
    else:
        assert verdict.verdict in ("none", "alike", "mixed")
    assert all(name in verdict.sentence.lower() for name in verdict.methods)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4), st.randoms())
def test_the_order_of_the_methods_does_not_matter(scores, mixed):
    methods = [evidence(f"m{place}", *each) for place, each in enumerate(scores)]
    other = list(methods)
    mixed.shuffle(other)
    first, second = trust(methods), trust(other)
    assert (first.verdict, set(first.methods)) == (second.verdict, set(second.methods))


def test_no_method_is_refused():
    with pytest.raises(ValueError, match="no method"):
        trust([])
