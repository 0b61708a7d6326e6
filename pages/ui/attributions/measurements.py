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
    """Settings of the evidence."""

    replace: str  # what takes the place of a unit: a key of REPLACE
    output: str  # "probability", "logit" or "contrast"


Measured = Faithfulness | str | None


def faithful(explanation: Explanation, key: str, setting: Setting) -> list[Measured]:
    """One for each member: the measures, a reason, or None where not measured yet."""
    return [
        kept.kept(_key(explanation, member, key, setting)) for member in explanation.entry.members
    ]


def missing(explanation: Explanation, keys: Sequence[str], setting: Setting) -> list[Task]:
    """Tasks that are still to be measured."""
    return [
        _task(explanation, index, key, setting)
        for index in range(len(explanation.entry.members))
        for key in keys
        if key in explanation.results and faithful(explanation, key, setting)[index] is None
    ]


def work(explanation: Explanation, tasks: int) -> int:
    """Tokens in all reruns that so many tasks of an entry take, roughly."""
    return (
        0
        if not tasks
        else len(explanation.tokens) * (_CONTROL * len(explanation.entry.members) + _OWN * tasks)
    )


def measure(tasks: Sequence[Task], say: Callable[[str], None]) -> None:
    """Measure now; typing that goes on ends it."""
    for index, task in enumerate(tasks):
        with crowd.turn(say):
            say(f"Evidence {index + 1} of {len(tasks)}: {task.name}")
            kept.keep(task.key, task.make(models.leave_if_stale))


def _key(explanation: Explanation, member: Checkpoint, key: str, setting: Setting) -> Hashable:
    how = (setting.replace, setting.output, REPEATS, RANKING_SEED)
    return _kept_under(explanation, member, key, faithful_result, *how)


def _kept_under(
    explanation: Explanation,
    member: Checkpoint,
    key: str,
    compute: Callable[..., Any],
    *more: Hashable,
) -> Hashable:
    """The key under which a recipe looks for the same; another one for what was stopped early."""
    question = explanation.questions[key]
    reader = member_of(member, question.text, question.pair)
    name = key_of(reader, compute, (question.recipe_question, explanation.unit, *more))
    return (name, "stopped") if explanation.results[key][0].stopped else name


def _task(explanation: Explanation, index: int, key: str, setting: Setting) -> Task:
    member, result, question = (
        explanation.entry.members[index],
        explanation.results[key][index],
        explanation.questions[key],
    )
    classifier = models.classifier(member)
    # Methods of one table are held against the same random rankings.
    how = (setting.replace, setting.output, REPEATS, RANKING_SEED)
    shared = key_of(
        member_of(member, question.text, question.pair),
        random_rankings,
        (result.unit_tokens, question.target, *how),
    )
    store, remember = kept.store(), kept.remember

    def make(progress: Progress) -> Any:
        arguments: dict[str, Any] = {"replace": setting.replace, "output": setting.output}
        try:
            held = store.get(shared)
            if held is None:
                control = random_control(
                    classifier,
                    question.text,
                    result,
                    question.pair,
                    seed=RANKING_SEED,
                    progress=progress,
                    **arguments,
                )
                remember(store, shared, control)
            else:
                control = held.value
            return faithfulness(
                classifier,
                question.text,
                result,
                question.pair,
                control=control,
                progress=progress,
                **arguments,
            )
        except Exception as error:
            return reason(error)

    return Task(
        f"{METHODS[key].title}, {member.name}", _key(explanation, member, key, setting), make
    )


# --- what is measured on request ---------------------------------------------------------------


def sensitive(explanation: Explanation, key: str) -> list[Sensitivity | str | None]:
    """Captum's sensitivity for each member: the record, a reason, or None."""
    return [
        kept.kept(_kept_under(explanation, m, key, sensitivity)) for m in explanation.entry.members
    ]


def randomised(explanation: Explanation, key: str) -> list[Randomisation | str | None]:
    """The check with random weights for each member: the record, a reason, or None."""
    return [
        kept.kept(_kept_under(explanation, m, key, randomised_result, 0))
        for m in explanation.entry.members
    ]


def sensitivity_tasks(explanation: Explanation, keys: Sequence[str]) -> list[Task]:
    """Measurements of an entry that are still to be computed."""
    return [
        _again(explanation, index, key, sensitivity, sensitivity)
        for key in keys
        if key in explanation.results
        for index, result in enumerate(sensitive(explanation, key))
        if result is None
    ]


def randomisation_tasks(explanation: Explanation, keys: Sequence[str]) -> list[Task]:
    """Measurements of an entry that are still to be computed."""
    return [
        _again(explanation, index, key, randomisation, randomised_result, 0)
        for key in keys
        if key in explanation.results
        for index, result in enumerate(randomised(explanation, key))
        if result is None
    ]


def _again(
    explanation: Explanation,
    index: int,
    key: str,
    function: Callable[..., Any],
    compute: Callable[..., Any],
    *more: Hashable,
) -> Task:
    """A measure that makes the attribution anew, many times."""
    member, question = explanation.entry.members[index], explanation.questions[key]
    classifier = models.classifier(member)

    def make(progress: Progress) -> Any:
        try:
            return function(
                classifier,
                question.text,
                question.pair,
                progress=progress,
                method=question.method,
                target=question.target,
                unit=explanation.unit,
                output=question.output,
                baseline=question.baseline,
                baseline_text=question.baseline_text,
                span=question.span or None,
                seed=question.seed,
                **dict(question.options),
            )
        except Exception as error:
            return reason(error)

    name = f"{METHODS[key].title}, {member.name}"
    return Task(name, _kept_under(explanation, member, key, compute, *more), make)


# --- what a table shows of them ----------------------------------------------------------------


def records(explanation: Explanation, key: str, setting: Setting) -> list[Faithfulness]:
    """The records of an entry's members, or () until all are measured."""
    if key not in explanation.results:
        return []
    measured = faithful(explanation, key, setting)
    known = [each for each in measured if isinstance(each, Faithfulness)]
    return known if len(known) == len(measured) else []


def complete(explanation: Explanation, key: str, setting: Setting) -> Faithfulness | None:
    """The mean over an entry's members, where all are measured."""
    measured = records(explanation, key, setting)
    return mean_faithfulness(measured) if measured else None
