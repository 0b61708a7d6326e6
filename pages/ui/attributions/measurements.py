"""The evidence behind an attribution, measured once and kept: faithfulness and sensitivity."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.attribution import (
    METHODS,
    Faithfulness,
    Progress,
    Randomisation,
    Sensitivity,
    random_control,
)
from analysis.attribution.evidence.faithfulness import REPEATS, faithfulness
from analysis.attribution.evidence.over_seeds import mean_faithfulness
from analysis.attribution.evidence.randomisation import randomisation
from analysis.attribution.evidence.sensitivity import sensitivity
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.faults import reason
from analysis.figures.recipes.questions import faithful as faithful_result
from analysis.figures.recipes.questions import random_rankings
from analysis.figures.recipes.questions import randomised as randomised_result
from pages.ui.attributions import engine as kept
from pages.ui.attributions.engine import Task
from pages.ui.attributions.entry import Explanation
from pages.ui.engine import crowd, models
from pages.ui.engine.results import key_of, member_of

# Forward passes for 20 random rankings of a text, deletion and insertion, about 13 sizes.
_CONTROL = 520
_OWN = 26
# Tokens in the reruns of an entry's evidence that are made while one types.
AT_ONCE = 60_000
EXPLAINED = "what is explained"
RANKING_SEED = 0  # of the random rankings, the same for all methods


@dataclass(frozen=True)
class Setting:
    """How the evidence is measured."""

    replace: str  # what takes the place of a unit: a key of REPLACE
    output: str  # "probability", "logit" or "contrast"


Found = Faithfulness | str | None


def faithful(one: Explanation, key: str, setting: Setting) -> list[Found]:
    """One for each member: the measures, a reason, or None where not measured yet."""
    return [kept.kept(_key(one, member, key, setting)) for member in one.entry.members]


def missing(one: Explanation, keys: Sequence[str], setting: Setting) -> list[Task]:
    """What is still to be measured."""
    return [
        _task(one, index, key, setting)
        for index in range(len(one.entry.members))
        for key in keys
        if key in one.found and faithful(one, key, setting)[index] is None
    ]


def work(one: Explanation, tasks: int) -> int:
    """Tokens in all reruns that so many tasks of an entry take, roughly."""
    return 0 if not tasks else len(one.tokens) * (_CONTROL * len(one.entry.members) + _OWN * tasks)


def measure(tasks: Sequence[Task], say: Callable[[str], None]) -> None:
    """Measure now; typing that goes on ends it."""
    for index, task in enumerate(tasks):
        with crowd.turn(say):
            say(f"Evidence {index + 1} of {len(tasks)}: {task.name}")
            kept.keep(task.key, task.make(models.leave_if_stale))


def _key(one: Explanation, member: Checkpoint, key: str, setting: Setting) -> Hashable:
    how = (setting.replace, setting.output, REPEATS, RANKING_SEED)
    return _kept_under(one, member, key, faithful_result, *how)


def _kept_under(
    one: Explanation, member: Checkpoint, key: str, compute: Callable[..., Any], *more: Hashable
) -> Hashable:
    """The key under which a recipe looks for the same; another one for what was stopped early."""
    asked = one.asked[key]
    reader = member_of(member, asked.text, asked.pair)
    name = key_of(reader, compute, (asked.asked, one.unit, *more))
    return (name, "stopped") if one.found[key][0].stopped else name


def _task(one: Explanation, index: int, key: str, setting: Setting) -> Task:
    member, result, asked = one.entry.members[index], one.found[key][index], one.asked[key]
    classifier = models.classifier(member)
    # Methods of one table are held against the same random rankings.
    how = (setting.replace, setting.output, REPEATS, RANKING_SEED)
    shared = key_of(
        member_of(member, asked.text, asked.pair),
        random_rankings,
        (result.unit_tokens, asked.target, *how),
    )
    store, remember = kept.store(), kept.remember

    def make(progress: Progress) -> Any:
        arguments: dict[str, Any] = {"replace": setting.replace, "output": setting.output}
        try:
            held = store.get(shared)
            if held is None:
                control = random_control(
                    classifier,
                    asked.text,
                    result,
                    asked.pair,
                    seed=RANKING_SEED,
                    progress=progress,
                    **arguments,
                )
                remember(store, shared, control)
            else:
                control = held.value
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

    return Task(f"{METHODS[key].title}, {member.name}", _key(one, member, key, setting), make)


# --- what is measured on request ---------------------------------------------------------------


def sensitive(one: Explanation, key: str) -> list[Sensitivity | str | None]:
    """Captum's sensitivity for each member: the record, a reason, or None."""
    return [kept.kept(_kept_under(one, m, key, sensitivity)) for m in one.entry.members]


def randomised(one: Explanation, key: str) -> list[Randomisation | str | None]:
    """The check with random weights for each member: the record, a reason, or None."""
    return [kept.kept(_kept_under(one, m, key, randomised_result, 0)) for m in one.entry.members]


def sensitivity_tasks(one: Explanation, keys: Sequence[str]) -> list[Task]:
    """Measurements of an entry that are still to be computed."""
    return [
        _again(one, index, key, sensitivity, sensitivity)
        for key in keys
        if key in one.found
        for index, found in enumerate(sensitive(one, key))
        if found is None
    ]


def randomisation_tasks(one: Explanation, keys: Sequence[str]) -> list[Task]:
    """Measurements of an entry that are still to be computed."""
    return [
        _again(one, index, key, randomisation, randomised_result, 0)
        for key in keys
        if key in one.found
        for index, found in enumerate(randomised(one, key))
        if found is None
    ]


def _again(
    one: Explanation,
    index: int,
    key: str,
    function: Callable[..., Any],
    compute: Callable[..., Any],
    *more: Hashable,
) -> Task:
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

    name = f"{METHODS[key].title}, {member.name}"
    return Task(name, _kept_under(one, member, key, compute, *more), make)


# --- what a table shows of them ----------------------------------------------------------------


def records(one: Explanation, key: str, setting: Setting) -> list[Faithfulness]:
    """The records of an entry's members, or () until all are measured."""
    if key not in one.found:
        return []
    found = faithful(one, key, setting)
    known = [each for each in found if isinstance(each, Faithfulness)]
    return known if len(known) == len(found) else []


def complete(one: Explanation, key: str, setting: Setting) -> Faithfulness | None:
    """The mean over an entry's members, where all are measured."""
    found = records(one, key, setting)
    return mean_faithfulness(found) if found else None
