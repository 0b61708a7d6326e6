"""The evidence behind an attribution, measured once and kept: faithfulness and sensitivity."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.attribution import (
    METHODS,
    Attribution,
    Faithfulness,
    Progress,
    Randomisation,
    Sensitivity,
    faithfulness,
    random_control,
    randomisation,
    sensitivity,
)
from analysis.checkpoints.folder import Checkpoint
from analysis.common.faults import reason
from pages.ui.attributions import engine as kept
from pages.ui.attributions.engine import Task
from pages.ui.attributions.entry import Explained
from pages.ui.engine import models

# Reruns of a text that random rankings take: 20 of them, going and coming, at about 13 sizes.
_CONTROL = 520
_OWN = 26
# Tokens in the reruns of an entry's evidence that are made while one types.
AT_ONCE = 60_000
EXPLAINED = "what is explained"


@dataclass(frozen=True)
class Setting:
    """How the evidence is measured."""

    replace: str  # what takes the place of a unit: a key of REPLACE
    output: str  # "probability", "logit" or "contrast"


Found = Faithfulness | str | None


def faithful(one: Explained, key: str, setting: Setting) -> list[Found]:
    """One for each member: the measures, a reason, or None where not measured yet."""
    return [kept.kept(_key(one, member, key, setting)) for member in one.entry.members]


def missing(one: Explained, keys: Sequence[str], setting: Setting) -> list[Task]:
    """What is still to be measured."""
    return [
        _task(one, index, key, setting)
        for index in range(len(one.entry.members))
        for key in keys
        if key in one.found and faithful(one, key, setting)[index] is None
    ]


def work(one: Explained, tasks: int) -> int:
    """Tokens in all reruns that so many tasks of an entry take, roughly."""
    return 0 if not tasks else len(one.tokens) * (_CONTROL * len(one.entry.members) + _OWN * tasks)


def measure(tasks: Sequence[Task], say: Callable[[str], None]) -> None:
    """Measure now; typing that goes on ends it."""
    for index, one in enumerate(tasks):
        say(f"Evidence {index + 1} of {len(tasks)}: {one.name}")
        kept.keep(one.key, one.make(models.leave_if_stale))


def _key(one: Explained, member: Checkpoint, key: str, setting: Setting) -> Hashable:
    return (*_asked(one, member, key), "faithful", setting)


def _asked(one: Explained, member: Checkpoint, key: str) -> tuple[Hashable, ...]:
    return (one.asked[key].key(member), one.unit, one.found[key][0].stopped)


def _task(one: Explained, index: int, key: str, setting: Setting) -> Task:
    member, result, asked = one.entry.members[index], one.found[key][index], one.asked[key]
    classifier = models.classifier(member)
    # Methods of one table are held against the same random rankings.
    shared = (
        member.id,
        member.sha256,
        models.precision(),
        asked.text,
        asked.pair,
        asked.target,
        result.unit_tokens,
        setting,
        "random rankings",
    )
    store, remember = kept.store(), kept.remember

    def make(progress: Progress) -> Any:
        arguments: dict[str, Any] = {"replace": setting.replace, "output": setting.output}
        try:
            control = store.get(shared)
            if control is None:
                control = random_control(
                    classifier, asked.text, result, asked.pair, progress=progress, **arguments
                )
                remember(store, shared, control)
            return faithfulness(
                classifier,
                asked.text,
                result,
                asked.pair,
                control=control,
                progress=progress,
                **arguments,
            )
        except Exception as error:
            return reason(error)

    return Task(f"{METHODS[key].title}, {member.id}", _key(one, member, key, setting), make)


# --- what is measured on request ---------------------------------------------------------------


def sensitive(one: Explained, key: str) -> list[Sensitivity | str | None]:
    """Captum's sensitivity for each member: the record, a reason, or None."""
    return [kept.kept((*_asked(one, m, key), "sensitivity")) for m in one.entry.members]


def randomised(one: Explained, key: str) -> list[Randomisation | str | None]:
    """The check with random weights for each member: the record, a reason, or None."""
    return [kept.kept((*_asked(one, m, key), "randomisation")) for m in one.entry.members]


def sensitivity_tasks(one: Explained, keys: Sequence[str]) -> list[Task]:
    """Those of an entry that are not known yet."""
    return [
        _again(one, index, key, "sensitivity", sensitivity)
        for key in keys
        if key in one.found
        for index, found in enumerate(sensitive(one, key))
        if found is None
    ]


def randomisation_tasks(one: Explained, keys: Sequence[str]) -> list[Task]:
    """Those of an entry that are not known yet."""
    return [
        _again(one, index, key, "randomisation", randomisation)
        for key in keys
        if key in one.found
        for index, found in enumerate(randomised(one, key))
        if found is None
    ]


def _again(one: Explained, index: int, key: str, what: str, function: Callable[..., Any]) -> Task:
    """A measure that makes the attribution anew, many times."""
    member, asked = one.entry.members[index], one.asked[key]
    classifier = models.classifier(member)

    def make(progress: Progress) -> Any:
        try:
            return function(
                classifier,
                asked.text,
                asked.pair,
                progress=progress,
                method=asked.method,
                target=asked.target,
                unit=one.unit,
                output=asked.output,
                baseline=asked.baseline,
                baseline_text=asked.baseline_text,
                span=asked.span or None,
                seed=asked.seed,
                **dict(asked.options),
            )
        except Exception as error:
            return reason(error)

    name = f"{METHODS[key].title}, {member.id}"
    return Task(name, (*_asked(one, member, key), what), make)


# --- what a table shows of them ----------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """Mean over the members of an entry, with their spread where there are several."""

    value: float
    spread: float = float("nan")


def number(values: Sequence[float]) -> Number:
    """Of one value a member; NaN where any is missing."""
    array = np.array(values, float)
    if not array.size or not np.isfinite(array).all():
        return Number(float("nan"))
    return Number(float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else np.nan)


def gaps(results: Sequence[Attribution]) -> Number:
    """Integration errors; NaN where the method promises no sum."""
    found = [result.completeness_gap for result in results]
    return Number(float("nan")) if None in found else Number(max(f for f in found if f is not None))


def mean_faithfulness(records: Sequence[Faithfulness]) -> Faithfulness:
    """The mean over the seeds of a group: curves, measures, and the random rankings likewise.

    All seeds stand against the same rankings, so the mean of their curves is a ranking's curve.
    """
    first = records[0]
    if len(records) == 1:
        return first

    def means(of: Sequence[Any]) -> dict[str, Any]:
        curves = ("comprehensiveness", "sufficiency", "deletion", "insertion")
        return {name: np.mean([getattr(one, name) for one in of], axis=0) for name in curves}

    return replace(
        first,
        control=replace(first.control, **means([one.control for one in records])),
        value=float(np.mean([one.value for one in records])),
        empty=float(np.mean([one.empty for one in records])),
        **means(records),
    )


def records(one: Explained, key: str, setting: Setting) -> list[Faithfulness]:
    """Those of an entry's members, where all are measured; else none."""
    if key not in one.found:
        return []
    found = faithful(one, key, setting)
    known = [each for each in found if isinstance(each, Faithfulness)]
    return known if len(known) == len(found) else []


def complete(one: Explained, key: str, setting: Setting) -> Faithfulness | None:
    """The mean over an entry's members, where all are measured."""
    found = records(one, key, setting)
    return mean_faithfulness(found) if found else None
