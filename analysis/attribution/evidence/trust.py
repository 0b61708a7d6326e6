"""Which attribution method the evidence on one text supports: one sentence from its numbers.

A method is *supported* where both comprehensiveness and sufficiency (AOPC, DeYoung et al. 2020)
lie `SUPPORTED` standard deviations or more beyond random rankings of the same units, and where its
ranking does not outlast the model's weights. It is *preferred* where it is supported, no other
supported method is ahead of it by `APART` or more on either measure, and it is ahead of each of
them by `APART` or more on one. What is said holds for one text and one checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.attribution.evidence.faithfulness import Faithfulness
from analysis.attribution.evidence.randomisation import Randomisation
from analysis.common.phrases import listed

SUPPORTED = 2.0  # standard deviations of the random rankings
APART = 1.0  # standard deviations by which one method is ahead of another
_MEASURES = ("comprehensiveness", "sufficiency")

Verdict = Literal["preferred", "alike", "mixed", "none", "unmeasured"]


@dataclass(frozen=True)
class MethodEvidence:
    """What was measured of one method on one text; of a seed group a record for each seed.

    ``replaces`` says whether the method itself replaces units, as comprehensiveness does.
    """

    name: str  # as it stands within a sentence
    faithfulness: tuple[Faithfulness, ...]  # empty: not measured
    randomisation: tuple[Randomisation, ...] = ()
    replaces: bool = False

    @property
    def scores(self) -> tuple[float, float]:
        """Comprehensiveness and sufficiency in standard deviations beyond random rankings.

        The mean over the seeds, larger is better; NaN where not measured, or where random
        rankings do not differ.
        """
        if not self.faithfulness:
            return (float("nan"), float("nan"))
        first, second = (
            float(np.mean([one.measure(key).normalised for one in self.faithfulness]))
            for key in _MEASURES
        )
        return first, second

    @property
    def outlasts_the_weights(self) -> bool:
        """Whether the ranking stays alike when every weight is random (where that was measured)."""
        return any(
            abs(one.spearman[-1]) > max(map(abs, one.null))
            for one in self.randomisation
            if np.isfinite(one.spearman[-1])
        )

    @property
    def supported(self) -> bool:
        """Whether both measures are beyond random rankings, and random weights do not matter."""
        return min(self.scores) >= SUPPORTED and not self.outlasts_the_weights


@dataclass(frozen=True)
class Trust:
    """Which of the methods the evidence supports, and the sentence that says so."""

    verdict: Verdict
    methods: tuple[str, ...]  # the preferred one, or those between which it does not decide
    sentence: str


def trust(methods: Sequence[MethodEvidence]) -> Trust:
    """Which method to trust on this text, as far as its evidence decides.

    Parameters
    ----------
    methods : sequence of MethodEvidence
        Of one checkpoint (or seed group) and one text; at least one.

    Returns
    -------
    Trust
        The verdict with the methods that it names, and a sentence with the numbers behind it.

    Raises
    ------
    ValueError
        There is no method.
    """
    if not methods:
        raise ValueError("there is no method to judge")
    missing = [one.name for one in methods if not np.isfinite(one.scores).all()]
    if missing:
        return _unmeasured(methods, missing)
    supported = [one for one in methods if one.supported]
    if not supported:
        return _none(methods)
    ahead = [one for one in supported if all(_ahead(one, o) for o in supported if o is not one)]
    if ahead:
        return _preferred(ahead[0], methods)
    best = [one for one in supported if not any(_ahead(other, one) for other in supported)]
    return _undecided(best or supported, methods)


def _ahead(one: MethodEvidence, other: MethodEvidence) -> bool:
    """Whether it is ahead on one measure and not behind on the other."""
    steps = np.subtract(one.scores, other.scores)
    return bool(steps.max() >= APART and steps.min() > -APART)


def _unmeasured(methods: Sequence[MethodEvidence], missing: Sequence[str]) -> Trust:
    names = tuple(one.name for one in methods)
    some = any(one.faithfulness for one in methods if one.name in missing)
    why = (
        "random rankings of so few units do not differ, so there is nothing to compare with"
        if some
        else f"comprehensiveness and sufficiency of {listed(missing)} are not measured"
    )
    return Trust("unmeasured", names, f"The evidence does not decide which method to trust: {why}.")


def _none(methods: Sequence[MethodEvidence]) -> Trust:
    names = tuple(one.name for one in methods)
    numbers = "; ".join(f"{one.name} {_numbers(one)}" for one in methods)
    which = "Neither of these two methods" if len(methods) == 2 else "None of these methods"
    which = f"The ranking by {methods[0].name}" if len(methods) == 1 else which
    verb = "is" if len(methods) < 3 else "are"
    return Trust(
        "none",
        names,
        f"{which} {verb} shown to be better than random rankings here ({numbers}): the evidence "
        f"supports {'no conclusion from it' if len(methods) == 1 else 'none of them'} on this "
        f"text.{_outlasting(methods)}",
    )


def _preferred(one: MethodEvidence, methods: Sequence[MethodEvidence]) -> Trust:
    others = [other for other in methods if other is not one]
    if not others:
        return Trust(
            "preferred",
            (one.name,),
            f"{_begin(one.name)} is better than random rankings here ({_numbers(one)}); choose a "
            f"second method to learn which of the two to trust.{_bias([one], others)}",
        )
    rest = "; ".join(f"{other.name} {_numbers(other)}" for other in others)
    return Trust(
        "preferred",
        (one.name,),
        f"Trust {one.name} most on this text: against random rankings it is ahead of "
        f"{'the other' if len(others) == 1 else 'the others'} ({_numbers(one)}; {rest})."
        f"{_bias([one], others)}{_outlasting(others)}",
    )


def _undecided(best: Sequence[MethodEvidence], methods: Sequence[MethodEvidence]) -> Trust:
    names = tuple(one.name for one in best)
    numbers = "; ".join(f"{one.name} {_numbers(one)}" for one in best)
    apart = np.ptp([one.scores for one in best], axis=0).max() >= APART
    why = (
        "each is ahead of another on one of the two measures"
        if apart
        else f"they differ by less than {APART:g} standard deviation of the random rankings"
    )
    rest = [one for one in methods if one not in best]
    behind = (
        f" Behind them: {'; '.join(f'{one.name} {_numbers(one)}' for one in rest)}." if rest else ""
    )
    return Trust(
        "mixed" if apart else "alike",
        names,
        f"The evidence does not decide between {listed(names)} on this text: {why} ({numbers})."
        f"{behind}{_bias(best, rest)}{_outlasting(rest)}",
    )


def _numbers(one: MethodEvidence) -> str:
    first, second = one.scores
    return f"comprehensiveness {first:+.1f} sd, sufficiency {second:+.1f} sd"


def _bias(best: Sequence[MethodEvidence], rest: Sequence[MethodEvidence]) -> str:
    """Comprehensiveness runs the same experiment as some methods: said where only they gain."""
    favoured = [one.name for one in best if one.replaces]
    if not favoured or not (rest or len(favoured) < len(best)):
        return ""
    verb = "replaces" if len(favoured) == 1 else "replace"
    return (
        f" {_begin(listed(favoured))} {verb} units as comprehensiveness does, which favours "
        f"{'it' if len(favoured) == 1 else 'them'} by construction."
    )


def _outlasting(methods: Sequence[MethodEvidence]) -> str:
    names = [one.name for one in methods if one.outlasts_the_weights]
    if not names:
        return ""
    verb = "ranks" if len(names) == 1 else "rank"
    return (
        f" {_begin(listed(names))} {verb} units alike when all weights are random, so not by what "
        "the model has learned."
    )


def _begin(name: str) -> str:
    return name[:1].upper() + name[1:]
