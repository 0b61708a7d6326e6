"""Several checkpoints on one text: where they agree, and what may be said of it.

Everything worded here is about the checkpoints named, never about pooling heads as such: one
checkpoint is one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.common.outputs import THRESHOLD, class_gap, is_number
from analysis.common.phrases import listed
from analysis.common.records import freeze, require_shape
from analysis.reading.trace import Trace

_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


@dataclass(frozen=True)
class Answer:
    """One checkpoint's answer, or that of a seed group (several runs of one recipe)."""

    name: str
    labels: tuple[str, ...]  # (C,)
    members: tuple[str, ...]  # (M,) checkpoint ids
    values: np.ndarray  # (M, C) class probabilities; for a regression (M, 1) the value
    output: str = "softmax"  # what the values are: one of analysis.common.outputs.KINDS

    def __post_init__(self) -> None:
        require_shape("values", self.values, len(self.members), len(self.labels))
        freeze(self)

    @property
    def regression(self) -> bool:
        """Whether the values are numbers and no probabilities."""
        return is_number(self.output)

    @property
    def mean(self) -> np.ndarray:
        """(C,) mean over the members."""
        return np.asarray(self.values.mean(axis=0))

    @property
    def spread(self) -> np.ndarray:
        """(C,) standard deviation over the members (n - 1); zero for a single checkpoint."""
        if len(self.members) == 1:
            return np.zeros(len(self.labels))
        return np.asarray(self.values.std(axis=0, ddof=1))

    @property
    def predicted(self) -> int:
        """Class with the largest mean probability."""
        return int(self.mean.argmax())

    @property
    def label(self) -> str:
        """The predicted class; where each stands for itself, all that are above the threshold."""
        if self.output == "sigmoid":
            return self._above(self.mean)
        return self.labels[self.predicted]

    def _above(self, shares: np.ndarray) -> str:
        above = [n for n, share in zip(self.labels, shares, strict=True) if share >= THRESHOLD]
        return ", ".join(above) or (f"not {self.labels[0]}" if len(self.labels) == 1 else "none")

    def gap(self, target: int) -> float:
        """Class gap of the mean probabilities (:func:`analysis.common.outputs.class_gap`)."""
        return float(class_gap(self.output, self.mean, target))

    @property
    def dissenters(self) -> tuple[tuple[str, str], ...]:
        """(member, its label) of each member that predicts another class than the group."""
        if self.regression:
            return ()
        if self.output == "sigmoid":
            own = [self._above(row) for row in self.values]
        else:
            own = [self.labels[index] for index in self.values.argmax(axis=1)]
        return tuple(
            (member, label)
            for member, label in zip(self.members, own, strict=True)
            if label != self.label
        )


def answer(traces: Sequence[Trace], name: str) -> Answer:
    """The answer of one checkpoint (one trace) or of a seed group (several, same classes).

    Raises
    ------
    ValueError
        There is no trace, or the members have different classes.
    """
    if not traces:
        raise ValueError("an answer needs at least one trace")
    first = traces[0].checkpoint
    if any(trace.checkpoint.labels != first.labels for trace in traces):
        raise ValueError(f"{name}: its members have different classes, so they have no mean")
    return Answer(
        name=name,
        labels=first.labels,
        members=tuple(trace.checkpoint.id for trace in traces),
        values=np.stack([trace.probabilities for trace in traces]),
        output=first.output,
    )


def in_words(answers: Sequence[Answer], target: str | None = None) -> str:
    """One or two sentences: do these checkpoints agree, and which differ most.

    `target` is the name of the class to compare; by default the one most of them predict. Those
    with other classes than most are named, and the others keep their verdict.
    """
    if not answers:
        return ""
    if len(answers) == 1:
        return _single(answers[0])
    kinds: dict[tuple[object, ...], list[Answer]] = {}
    for answer in answers:
        kinds.setdefault((answer.labels, answer.output), []).append(answer)
    if len(kinds) > 1:
        alike = max(kinds.values(), key=len)
        if len(alike) == 1:
            return (
                f"{_these(answers)} have different classes, so their answers are not compared "
                "with each other."
            )
        others = [answer.name for some in kinds.values() if some is not alike for answer in some]
        verb = "has other classes and is" if len(others) == 1 else "have other classes and are"
        return f"{in_words(alike, target)} {listed(others)} {verb} not compared with them."
    if answers[0].regression:
        return f"{_these(answers)} give values between {_ends(answers, 0, 'and')}."
    names = [*answers[0].labels, *(a.label for a in answers)]
    answers_by_label = {
        label: [a for a in answers if a.label == label] for label in dict.fromkeys(names)
    }
    parties = sorted(
        ((n, who) for n, who in answers_by_label.items() if who), key=lambda p: -len(p[1])
    )
    common = parties[0][0]
    label = target if target in answers[0].labels else common
    if label not in answers[0].labels:  # several at once, or none: the likeliest is compared
        label = answers[0].labels[answers[0].predicted]
    index = answers[0].labels.index(label)
    if len(parties) == 1:
        verdict = f"{_these(answers)} agree: {common}."
    else:
        sides = "; ".join(f"{_say(who)} {name}" for name, who in parties)
        verdict = f"{_these(answers)} disagree: {sides}."
    shown = {f"{a.mean[index]:.2f}" for a in answers}
    if len(shown) == 1:
        return f"{verdict} All give {label} the same probability, {shown.pop()}."
    return f"{verdict} Largest difference in the probability of {label}: {_ends(answers, index)}."


def _single(only: Answer) -> str:
    if only.regression:
        return f"{only.name} gives {_value(only, 0)}."
    return f"{only.name} says {only.label}, with probability {_value(only, only.predicted)}."


def _value(answer: Answer, index: int) -> str:
    shown = f"{answer.mean[index]:.2f}"
    return f"{shown} ± {answer.spread[index]:.2f}" if len(answer.members) > 1 else shown


def _ends(answers: Sequence[Answer], index: int, joined: str = "against") -> str:
    order = sorted(answers, key=lambda a: float(a.mean[index]))
    low, high = order[0], order[-1]
    return f"{low.name} {_value(low, index)} {joined} {high.name} {_value(high, index)}"


def _these(answers: Sequence[Answer]) -> str:
    count = len(answers)
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    sizes = {len(a.members) for a in answers}
    if sizes == {1}:
        return f"These {number} checkpoints (one seed each)"
    if len(sizes) == 1:
        return f"These {number} seed groups ({sizes.pop()} seeds each)"
    return f"These {number} entries (seed groups as their mean)"


def _say(answers: Sequence[Answer]) -> str:
    return f"{listed(a.name for a in answers)} {'says' if len(answers) == 1 else 'say'}"


def change_in_words(
    before: Sequence[Answer], after: Sequence[Answer], targets: Sequence[int]
) -> str:
    """Changes by a second version of the text, a checkpoint at a time, in one or two sentences.

    `targets[i]` is the class whose probability is followed for checkpoint i.
    """
    flips = [
        f"{old.name} from {old.label} to {new.label}"
        for old, new in zip(before, after, strict=True)
        if not old.regression and old.label != new.label
    ]
    moves = [
        (float(new.mean[target] - old.mean[target]), old, target)
        for old, new, target in zip(before, after, targets, strict=True)
    ]
    if not moves:
        return ""
    change, most, target = max(moves, key=lambda move: abs(move[0]))
    verdict = (
        f"The variant changes the answer of {'; '.join(flips)}."
        if flips
        else "The variant changes no answer."
    )
    what = "value" if most.regression else f"probability of {most.labels[target]}"
    return f"{verdict} Largest change: {most.name}, {what} {change:+.2f}."
