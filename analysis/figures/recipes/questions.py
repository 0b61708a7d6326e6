"""Questions to attribution methods, and their evidence: results of a `Member` that recipes draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.attribution import METHODS, Attribution, in_words, random_control
from analysis.figures.recipes import results
from analysis.figures.recipes.results import Member

if TYPE_CHECKING:
    from analysis.attribution import Control, Faithfulness, Randomisation, Target
    from analysis.attribution.registry import OptionValue

Span = tuple[tuple[int, int, int], ...]  # (segment, first character, behind the last)


@dataclass(frozen=True)
class _RankedUnits:
    unit_tokens: tuple[tuple[int, ...], ...]
    target: Target


@dataclass(frozen=True)
class Question:
    """One method and one output of a text, with what the method needs to know and no more."""

    method: str
    target: Target
    unit: str  # in which it is computed: "piece", "word" or "span"
    output: str = "contrast"
    baseline: str = "pad"
    baseline_text: str | None = None
    span: Span = ()
    options: tuple[tuple[str, OptionValue], ...] = ()
    seed: int = 0

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Arguments of `results.attribution`."""
        return tuple(getattr(self, name) for name in Question.__dataclass_fields__)


def question(
    method: str,
    target: Target,
    unit: str = "word",
    output: str = "contrast",
    baseline: str = "pad",
    baseline_text: str | None = None,
    span: Span = (),
    options: tuple[tuple[str, OptionValue], ...] = (),
    seed: int = 0,
) -> Question:
    """The question behind an attribution that is shown in a unit.

    Gradients of pieces sum to those of words, so they are computed by piece and summed when shown;
    what perturbs a unit, or samples, is computed in it. A baseline and a seed are left out where
    the method has none, so that one question has one result.
    """
    kind = METHODS[method]
    sampling = kind.family == "sampling"
    based = "baseline" in kind.needs
    unit = "span" if span else unit
    return Question(
        method,
        target,
        unit if kind.perturbs or sampling or span else "piece",
        output,
        baseline if based else "pad",
        baseline_text if based and baseline == "text" else None,
        span,
        options,
        seed if sampling else 0,
    )


def shown(member: Member, question: Question, unit: str) -> Attribution:
    """The attribution in the unit of a picture: pieces are summed into words."""
    result = member.result(results.attribution, *question.arguments)
    if unit != "word" or result.unit != "piece":
        return result
    return in_words(result, member.result(results.trace).tokens)


def random_rankings(
    member: Member,
    units: tuple[tuple[int, ...], ...],
    target: Target,
    replace: str,
    output: str,
    repeats: int,
    seed: int,
) -> Control:
    """Random rankings of units of the text: one set for all methods with these units."""
    ranked = _RankedUnits(units, target)
    return random_control(
        member.classifier,
        member.text,
        ranked,
        member.pair,
        replace=replace,
        output=output,
        repeats=repeats,
        seed=seed,
        progress=member.store.progress,
    )


def faithful(
    member: Member,
    question: Question,
    unit: str,
    replace: str,
    output: str,
    repeats: int,
    seed: int,
) -> Faithfulness:
    """Faithfulness of an attribution, beside random rankings of the same units."""
    from analysis.attribution.evidence.faithfulness import faithfulness

    result = shown(member, question, unit)
    control = member.result(
        random_rankings, result.unit_tokens, question.target, replace, output, repeats, seed
    )
    return faithfulness(
        member.classifier,
        member.text,
        result,
        member.pair,
        replace=replace,
        output=output,
        control=control,
        progress=member.store.progress,
    )


def randomised(
    member: Member, question: Question, unit: str, weight_seed: int = 0
) -> Randomisation:
    """Whether an attribution follows the model, as its weights are drawn anew from the top."""
    from analysis.attribution.evidence.randomisation import randomisation

    return randomisation(
        member.classifier,
        member.text,
        member.pair,
        weight_seed=weight_seed,
        progress=member.store.progress,
        method=question.method,
        target=question.target,
        unit=unit,
        output=question.output,
        baseline=question.baseline,
        baseline_text=question.baseline_text,
        span=question.span or None,
        seed=question.seed,
        **dict(question.options),
    )
