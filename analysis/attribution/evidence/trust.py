"""The attribution method that the evidence on one text supports: a sentence from its numbers.

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
    """Measurements of one method on one text; of a seed group a record for each seed.

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
            float(np.mean([text.measure(key).normalised for text in self.faithfulness]))
            for key in _MEASURES
        )
        return first, second

    @property
    def outlasts_the_weights(self) -> bool:
        """Whether the ranking stays alike when every weight is random (where that was measured)."""
        return any(
            abs(test.spearman[-1]) > max(map(abs, test.null))
            for test in self.randomisation
            if np.isfinite(test.spearman[-1])
        )

    @property
    def supported(self) -> bool:
        """Whether both measures are beyond random rankings, and random weights do not matter."""
        return min(self.scores) >= SUPPORTED and not self.outlasts_the_weights


@dataclass(frozen=True)
class Trust:
    """The methods that the evidence supports, and the sentence that says so."""

    verdict: Verdict
    methods: tuple[str, ...]  # the preferred one, or those between which it does not decide
    sentence: str


def trust(methods: Sequence[MethodEvidence]) -> Trust:
    """The method to trust on this text, as far as its evidence decides.

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
    missing = [method.name for method in methods if not np.isfinite(method.scores).all()]
    if missing:
        return _unmeasured(methods, missing)
    supported = [method for method in methods if method.supported]
    if not supported:
        return _none(methods)
    ahead = [
        method
        for method in supported
        if all(_ahead(method, o) for o in supported if o is not method)
    ]
    if ahead:
        return _preferred(ahead[0], methods)
    best = [method for method in supported if not any(_ahead(rival, method) for rival in supported)]
    return _undecided(best or supported, methods)


def _ahead(method: MethodEvidence, rival: MethodEvidence) -> bool:
    """Whether it is ahead on one measure and not behind on the other."""
    steps = np.subtract(method.scores, rival.scores)
    return bool(steps.max() >= APART and steps.min() > -APART)


def _unmeasured(methods: Sequence[MethodEvidence], missing: Sequence[str]) -> Trust:
    names = tuple(method.name for method in methods)
    some = any(method.faithfulness for method in methods if method.name in missing)
    why = (
        "random rankings of so few units do not differ, so there is nothing to compare with"
        if some
        else f"comprehensiveness and sufficiency of {listed(missing)} are not measured"
    )
    return Trust("unmeasured", names, f"The evidence does not decide which method to trust: {why}.")


def _none(methods: Sequence[MethodEvidence]) -> Trust:
    names = tuple(method.name for method in methods)
    numbers = "; ".join(f"{method.name} {_numbers(method)}" for method in methods)
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


def _preferred(preferred: MethodEvidence, methods: Sequence[MethodEvidence]) -> Trust:
    others = [method for method in methods if method is not preferred]
    if not others:
        return Trust(
            "preferred",
            (preferred.name,),
            f"{_begin(preferred.name)} is better than random rankings here "
            f"({_numbers(preferred)}); choose a second method to learn which of "
            f"the two to trust.{_bias([preferred], others)}",
        )
    rest = "; ".join(f"{method.name} {_numbers(method)}" for method in others)
    return Trust(
        "preferred",
        (preferred.name,),
        f"Trust {preferred.name} most on this text: against random rankings it is ahead of "
        f"{'the other' if len(others) == 1 else 'the others'} ({_numbers(preferred)}; {rest})."
        f"{_bias([preferred], others)}{_outlasting(others)}",
    )


def _undecided(best: Sequence[MethodEvidence], methods: Sequence[MethodEvidence]) -> Trust:
    names = tuple(method.name for method in best)
    numbers = "; ".join(f"{method.name} {_numbers(method)}" for method in best)
    apart = np.ptp([method.scores for method in best], axis=0).max() >= APART
    why = (
        "each is ahead of another on one of the two measures"
        if apart
        else f"they differ by less than {APART:g} standard deviation of the random rankings"
    )
    rest = [method for method in methods if method not in best]
    behind = (
        f" Behind them: {'; '.join(f'{method.name} {_numbers(method)}' for method in rest)}."
        if rest
        else ""
    )
    return Trust(
        "mixed" if apart else "alike",
        names,
        f"The evidence does not decide between {listed(names)} on this text: {why} ({numbers})."
        f"{behind}{_bias(best, rest)}{_outlasting(rest)}",
    )


def _numbers(method: MethodEvidence) -> str:
    first, second = method.scores
    return f"comprehensiveness {first:+.1f} sd, sufficiency {second:+.1f} sd"


def _bias(best: Sequence[MethodEvidence], rest: Sequence[MethodEvidence]) -> str:
    """Comprehensiveness runs the same experiment as some methods: said where only they gain."""
    favoured = [method.name for method in best if method.replaces]
    if not favoured or not (rest or len(favoured) < len(best)):
        return ""
    verb = "replaces" if len(favoured) == 1 else "replace"
    return (
        f" {_begin(listed(favoured))} {verb} units as comprehensiveness does, which favours "
        f"{'it' if len(favoured) == 1 else 'them'} by construction."
    )


def _outlasting(methods: Sequence[MethodEvidence]) -> str:
    names = [method.name for method in methods if method.outlasts_the_weights]
    if not names:
        return ""
    verb = "ranks" if len(names) == 1 else "rank"
    return (
        f" {_begin(listed(names))} {verb} units alike when all weights are random, so not by what "
        "the model has learned."
    )


def _begin(name: str) -> str:
    return name[:1].upper() + name[1:]
