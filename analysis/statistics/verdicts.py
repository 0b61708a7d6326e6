"""Sentences about a study's tests that its numbers support.

``better`` and ``worse`` stand only where the p-value, after Holm over the declared family, is at
most 0.05. Where so many seeds could never get there the sentence says "too few seeds to decide",
else "not decided" with the difference that would have been found; never that there is none. The
numbers are computed in `family_tests` and `spread_tests`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.common.phrases import listed
from analysis.statistics.paired import show_p
from analysis.study.results import Family, Stratum

Verdict = Literal["better", "worse", "at odds", "undecided", "too few seeds", "incomplete"]
Steadiness = Literal[
    "steadier", "less steady", "undecided", "too few seeds", "incomplete", "constant"
]
Range = tuple[float, float]

ALPHA = 0.05


@dataclass(frozen=True)
class HeadSummary:
    """Scores of one pooling head on one stratum: mean, standard deviation, t interval, seeds."""

    stratum: Stratum
    head: str
    mean: float
    sd: float
    interval: Range
    n: int


@dataclass(frozen=True)
class Spread:
    """Spread over seeds against that of the reference, by the test of Brown and Forsythe.

    ``ratio`` is of the mean distances from the median, which the test compares; ``interval`` (95 %)
    holds the ratios that it would not reject; ``deviations`` is the ratio of standard deviations;
    ``visible`` the ratio needed at the first step of Holm over ``tests``, for normal scores
    (infinite: none would do); ``adjusted`` the p after Holm.
    """

    ratio: float
    deviations: float
    interval: Range
    visible: float
    adjusted: float
    tests: int
    complete: bool

    @property
    def verdict(self) -> Steadiness:
        """The word; ``steadier`` and ``less steady`` only where the adjusted p is at most 0.05."""
        if not self.complete:
            return "incomplete"
        if not np.isfinite(self.ratio):
            return "constant"
        if self.adjusted <= ALPHA:
            return "steadier" if self.ratio < 1 else "less steady"
        return "undecided" if np.isfinite(self.visible) else "too few seeds"

    @property
    def bounds(self) -> str:
        """The interval in words; it may have no upper end."""
        low, high = self.interval
        return f"{low:.2f} to {high:.2f}" if np.isfinite(high) else f"from {low:.2f} without end"

    @property
    def needed(self) -> str:
        """The ratios that the test would have shown, or a note that there are none."""
        if not np.isfinite(self.visible):
            return f"after Holm over {self.tests} comparisons hardly any ratio could be seen"
        return (
            f"after Holm over {self.tests} comparisons a ratio above about {self.visible:.1f} or "
            f"below {1 / self.visible:.2f} would be needed"
        )

    def sentence(self, head: str, against: str, where: str) -> str:
        """Whether fine-tuning is steadier, as far as these seeds can tell."""
        if not np.isfinite(self.ratio):
            return (
                f"{where}: the spreads of {head} and {against} cannot be compared: of each three "
                "seeds are needed, and scores that vary."
            )
        numbers = (
            f"{where}: the spread over seeds (mean distance from the median) of {head} is "
            f"{self.ratio:.2f} times that of {against} (95 % interval {self.bounds}; standard "
            f"deviations {self.deviations:.2f} times"
        )
        if self.verdict == "incomplete":
            return f"{numbers}): not decided yet, as runs of the family are missing."
        if self.verdict == "too few seeds":
            return f"{numbers}): too few seeds to decide which is steadier; {self.needed}."
        tail = f"; Brown-Forsythe test, after Holm p {show_p(self.adjusted)})"
        if self.verdict == "undecided":
            return f"{numbers}{tail}: not decided which is steadier; {self.needed}."
        return f"{numbers}{tail}: {self.verdict} here."


@dataclass(frozen=True)
class Comparison:
    """A pooling head against the family's reference, on one stratum or (None) over all.

    ``difference`` and its Welch ``interval`` are in the metric's own unit (over all strata: the
    mean of the differences), ``standardised`` is the difference in standard deviations of all
    runs of its task (over all: its mean), which is what is tested and what gives the direction.
    ``effect`` is Hedges' g (over all: its mean), ``p`` the permutation test's, ``adjusted`` after
    Holm, ``smallest`` the smallest adjusted p that so many seeds can give, ``detectable`` the true
    difference found with 80 % power at the first step of Holm (NaN while runs are missing, and
    where so many seeds can find nothing at that step).
    """

    stratum: Stratum | None
    head: str
    against: str
    seeds: tuple[int, int]
    difference: float
    interval: Range
    standardised: float
    effect: float
    p: float
    adjusted: float
    smallest: float
    detectable: float
    tests: int
    complete: bool
    spread: Spread | None

    @property
    def verdict(self) -> Verdict:
        """The word; ``better`` and ``worse`` only where the adjusted p is at most 0.05."""
        return verdict(
            self.standardised, self.adjusted, self.smallest, self.complete, self.difference
        )

    def sentence(self, where: str) -> str:
        """The verdict in words; ``where`` names the task, or the tasks of the headline."""
        n = f"{self.seeds[0]} seeds each"
        if self.seeds[0] != self.seeds[1]:
            n = f"{self.seeds[0]} seeds against {self.seeds[1]}"
        if self.verdict == "incomplete":
            return (
                f"{where}: {self.head} against {self.against} is not decided yet; its runs are "
                f"not all done ({n})."
            )
        mean = " on average" if self.stratum is None else ""
        points = (
            f"{100 * self.difference:+.2f} points{mean}, 95 % interval "
            f"{100 * self.interval[0]:.2f} to {100 * self.interval[1]:.2f}"
        )
        # One task's points and standard deviations differ by a factor; of several they may not.
        tested = f"{self.standardised:+.2f} standard deviations of a task's runs on average"
        numbers = f"{points}, {n}" if self.stratum is not None else f"{points}; {tested}; {n}"
        if self.verdict == "too few seeds":
            return (
                f"{where}: too few seeds to decide between {self.head} and {self.against} "
                f"({numbers}; the smallest p that could be reached is {show_p(self.smallest)} "
                f"after Holm over {self.tests} tests)."
            )
        tests = (
            f"permutation p {show_p(self.p)}, after Holm over {self.tests} tests "
            f"{show_p(self.adjusted)}"
        )
        if self.verdict == "at odds":
            side = "higher" if self.standardised > 0 else "lower"
            return (
                f"{where}: not decided between {self.head} and {self.against}, as the tasks are at "
                f"odds: {self.head} is {side} in standard deviations, which is what is tested, and "
                f"not in points ({numbers}; {tests})."
            )
        if self.verdict == "undecided":
            return (
                f"{where}: not decided between {self.head} and {self.against} ({numbers}; {tests}; "
                f"{self._power()})."
            )
        return f"{where}: {self.head} is {self.verdict} than {self.against} ({numbers}; {tests})."

    def _power(self) -> str:
        """The smallest difference that so many seeds could detect."""
        if np.isfinite(self.detectable):
            return (
                f"a true difference of {100 * self.detectable:.2f} points would be found in 80 % "
                "of such studies"
            )
        return (
            f"so few seeds can decide it only where other tests of the family are decided, too: "
            f"the smallest p is then {show_p(self.smallest)} after Holm"
        )


@dataclass(frozen=True)
class Report:
    """The report of one family: comparisons, headlines and what is missing."""

    family: Family
    done: int
    planned: int
    summaries: tuple[HeadSummary, ...]
    headlines: tuple[Comparison, ...]  # one a head; empty where there is one stratum only
    comparisons: tuple[Comparison, ...]  # strata by heads

    @property
    def complete(self) -> bool:
        """Whether all runs of the family are done."""
        return self.done == self.planned

    @property
    def tests(self) -> int:
        """Number of tests that Holm corrects together."""
        return len(self.headlines) + len(self.comparisons)

    def lead(self) -> str:
        """The whole family in one sentence, from the verdicts over all its tasks.

        Nothing while runs are missing.
        """
        comparisons = self.headlines or self.comparisons
        if not self.complete or not comparisons:
            return ""
        where = f"Over {listed(stratum.label for stratum in self.family.strata)}"
        against = self.family.against
        heads: dict[str, list[str]] = {}
        for comparison in comparisons:
            heads.setdefault(comparison.verdict, []).append(comparison.head)
        decided = [
            f"{listed(heads[word])} {'is' if len(heads[word]) == 1 else 'are'} {word} "
            f"than {against}"
            for word in ("better", "worse")
            if word in heads
        ]
        if set(heads) == {"too few seeds"}:
            outcome = (
                f"there are too few seeds to decide whether any pooling head is better or "
                f"worse than {against}"
            )
        elif decided:
            rest = [
                comparison.head
                for comparison in comparisons
                if comparison.verdict not in ("better", "worse")
            ]
            outcome = "; ".join([*decided, *([f"not decided: {listed(rest)}"] if rest else [])])
        else:
            outcome = (
                f"no pooling head is shown to be better or worse than {against}; this is "
                "not evidence of equivalence"
            )
        return f"{where}, {outcome}{'' if self.family.primary else ' (exploratory)'}."

    def sentences(self) -> tuple[str, ...]:
        """The headline first, then each task; an exploratory family says so in front."""
        strata = self.family.strata
        everywhere = "Over " + listed(stratum.label for stratum in strata)
        lines = [
            f"{self.family.title}: {self.done} of {self.planned} runs done, {self.tests} tests "
            f"corrected together{'' if self.family.primary else '; exploratory'}."
        ]
        lines += [item.sentence(everywhere) for item in self.headlines]
        for item in self.comparisons:
            assert item.stratum is not None
            lines.append(item.sentence(f"{item.stratum.label}, {item.stratum.measure}"))
        return tuple(lines)


def verdict(
    tested: float, adjusted: float, smallest: float, complete: bool, difference: float
) -> Verdict:
    """The word for a comparison; its direction is that of what was ``tested``.

    A family whose runs are not all done decides nothing: to look at every new seed and stop when
    it pleases would find a difference anywhere. Where the mean ``difference`` in points has
    another sign than the tested one, neither word would be understood: "at odds".
    """
    if not complete:
        return "incomplete"
    if smallest > ALPHA:
        return "too few seeds"
    if adjusted > ALPHA:
        return "undecided"
    if tested * difference <= 0:
        return "at odds"
    return "better" if tested > 0 else "worse"
