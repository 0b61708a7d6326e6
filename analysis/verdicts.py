"""The words for a study's tests: which sentence its numbers allow, and none that they do not.

``better`` and ``worse`` stand only where the p-value, after Holm over the declared family, is at
most 0.05. Where so many seeds could never get there the sentence says "too few seeds to decide",
else "not decided" with the difference that would have been found; never that there is none. The
numbers are computed in :mod:`analysis.family_tests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.paired import show_p
from analysis.study import Family, Stratum

Verdict = Literal["better", "worse", "undecided", "too few seeds", "incomplete"]
Range = tuple[float, float]

ALPHA = 0.05


@dataclass(frozen=True)
class Summary:
    """Scores of one pooling head on one stratum: mean, standard deviation, t interval, seeds."""

    stratum: Stratum
    head: str
    mean: float
    sd: float
    interval: Range
    n: int


@dataclass(frozen=True)
class Spread:
    """Standard deviation over seeds against that of the reference, with its interval by F
    (which assumes normal scores), the ratio that could have been seen, and the adjusted p."""

    ratio: float
    interval: Range
    visible: float
    adjusted: float

    def sentence(self, head: str, against: str, where: str) -> str:
        """Whether fine-tuning is steadier, as far as these seeds can tell."""
        if not np.isfinite(self.ratio):
            return f"{where}: the spreads of {head} and {against} cannot be compared yet."
        numbers = (
            f"{where}: the standard deviation over seeds of {head} is {self.ratio:.2f} times "
            f"that of {against} (95 % interval {self.interval[0]:.2f} to {self.interval[1]:.2f}"
        )
        if self.adjusted <= ALPHA:
            word = "steadier" if self.ratio < 1 else "less steady"
            return f"{numbers}, after Holm p {show_p(self.adjusted)}): {word} here."
        return (
            f"{numbers}): too few seeds to decide which is steadier; a ratio of "
            f"{self.visible:.1f} would be needed."
        )


@dataclass(frozen=True)
class Comparison:
    """A pooling head against the family's reference, on one stratum or (None) over all.

    ``difference`` and its Welch ``interval`` are in the metric's own unit (over all strata: the
    mean of the differences), ``effect`` is Hedges' g (over all: its mean), ``p`` the permutation
    test's, ``adjusted`` after Holm, ``smallest`` the smallest adjusted p that so many seeds can
    give, ``detectable`` the true difference found with 80 % power at the first step of Holm.
    """

    stratum: Stratum | None
    head: str
    against: str
    seeds: tuple[int, int]
    difference: float
    interval: Range
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
        return verdict(self.difference, self.adjusted, self.smallest, self.complete)

    def sentence(self, where: str) -> str:
        """What may be said; ``where`` names the task, or the tasks of the headline."""
        n = f"{self.seeds[0]} seeds each"
        if self.seeds[0] != self.seeds[1]:
            n = f"{self.seeds[0]} seeds against {self.seeds[1]}"
        if self.verdict == "incomplete":
            return (
                f"{where}: {self.head} against {self.against} is not decided yet; its runs are "
                f"not all done ({n})."
            )
        mean = " on average" if self.stratum is None else ""
        numbers = (
            f"{100 * self.difference:+.2f} points{mean}, 95 % interval "
            f"{100 * self.interval[0]:.2f} to {100 * self.interval[1]:.2f}, {n}"
        )
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
        if self.verdict == "undecided":
            return (
                f"{where}: not decided between {self.head} and {self.against} ({numbers}; {tests}; "
                f"a true difference of {100 * self.detectable:.2f} points would be found in 80 % "
                "of such studies)."
            )
        return f"{where}: {self.head} is {self.verdict} than {self.against} ({numbers}; {tests})."


@dataclass(frozen=True)
class Report:
    """All that is said of one family."""

    family: Family
    done: int
    planned: int
    summaries: tuple[Summary, ...]
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

    def sentences(self) -> tuple[str, ...]:
        """The headline first, then each task; an exploratory family says so in front."""
        strata = self.family.strata
        everywhere = "Over " + _listed([stratum.label for stratum in strata])
        lines = [
            f"{self.family.title}: {self.done} of {self.planned} runs done, {self.tests} tests "
            f"corrected together{'' if self.family.primary else '; exploratory'}."
        ]
        lines += [item.sentence(everywhere) for item in self.headlines]
        for item in self.comparisons:
            assert item.stratum is not None
            lines.append(item.sentence(f"{item.stratum.label}, {item.stratum.metric}"))
        return tuple(lines)


def verdict(difference: float, adjusted: float, smallest: float, complete: bool) -> Verdict:
    """The word for a comparison. A family whose runs are not all done decides nothing: to look
    at every new seed and stop when it pleases would find a difference anywhere."""
    if not complete:
        return "incomplete"
    if smallest > ALPHA:
        return "too few seeds"
    if adjusted > ALPHA:
        return "undecided"
    return "better" if difference > 0 else "worse"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
