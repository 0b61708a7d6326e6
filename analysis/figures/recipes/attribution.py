"""Recipes of attributions by any method, and of the evidence for them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from analysis.attribution import METHODS, Attribution, aligned, rank_agreement
from analysis.attribution.evidence.over_seeds import mean_faithfulness
from analysis.figures.plot import Plot
from analysis.figures.recipes.questions import (
    Question,
    faithful,
    question,
    randomised,
    shown,
)
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import GivenTarget, Request, Subject
from analysis.figures.views import attributions, evidence
from analysis.figures.views.attribution_results import title_of
from analysis.seed_groups import averages

if TYPE_CHECKING:
    from analysis.attribution import Faithfulness
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.text.tokens import Tokens

USUAL = "integrated_gradients, gradient_x_input, leave_one_out"
Methods = str | list[str]  # names between commas, or a list of them
# What every recipe here takes beside its own parameters, with types and defaults.
_COMMON: dict[str, tuple[Any, Any]] = {
    "method": (Methods, USUAL),
    "unit": (str, "word"),
    "output": (str, "contrast"),
    "baseline": (str, "pad"),
    "baseline_text": (str | None, None),
    "span": (list[list[int]] | None, None),
    "options": (dict | None, None),
    "seed": (int, 0),
}


@dataclass(frozen=True)
class Attributions:
    """The request with the attributions that a recipe is to draw."""

    request: Request
    methods: tuple[str, ...]
    common: dict[str, Any]

    @property
    def unit(self) -> str:
        """In which attributions are shown."""
        return "span" if self.common["span"] else str(self.common["unit"])

    def question(self, subject: Subject, target: GivenTarget, method: str) -> Question:
        """The question to one method about one subject."""
        span = self.common["span"] or ()
        options = (self.common["options"] or {}).get(method, {})
        return question(
            method,
            subject.target(target),
            self.unit,
            self.common["output"],
            self.common["baseline"],
            self.common["baseline_text"],
            tuple((first, start, end) for first, start, end in span),
            tuple(options.items()),
            self.common["seed"],
        )

    def results(
        self, subject: Subject, target: GivenTarget, method: str
    ) -> tuple[Attribution, ...]:
        """The attribution of every member."""
        return subject.each(shown, self.question(subject, target, method), self.unit)

    def mean(self, subject: Subject, target: GivenTarget, method: str) -> Attribution:
        """The attribution, of a seed group its mean."""
        return averages.mean_attribution(self.results(subject, target, method))

    def tokens(self) -> list[Tokens]:
        """The text as each subject's tokenizer reads it."""
        return [subject.traces()[0].tokens for subject in self.request.subjects]

    def checkpoints(self) -> list[Checkpoint]:
        """Descriptions of the subjects."""
        return [subject.checkpoint for subject in self.request.subjects]

    def only(self, view: str) -> tuple[Subject, GivenTarget, Tokens]:
        """The only subject, its class, its tokens."""
        subject, target = self.request.only(view)
        return subject, target, subject.traces()[0].tokens


def _attributed(
    key: str, methods: Methods = USUAL, least: int = 1, most: int = 99
) -> Callable[[Callable[..., Plot]], Callable[..., Plot]]:
    """A recipe of attributions: `methods` by default, from `least` to `most` of them."""

    def register(draw: Callable[..., Plot]) -> Callable[..., Plot]:
        own = list(inspect.signature(draw).parameters.values())[1:]
        common = {**_COMMON, "method": (Methods, methods)}

        @functools.wraps(draw)
        def make(request: Request, **params: Any) -> Plot:
            settings = {name: params.pop(name, default) for name, (_, default) in common.items()}
            names = _methods(settings.pop("method"), least, most)
            attributions = Attributions(request, tuple(names), settings)
            plot = draw(attributions, **params)
            return replace(plot, params={**plot.params, "method": names, "unit": attributions.unit})

        hints = inspect.get_annotations(draw, eval_str=True)
        make.__annotations__ = {p.name: hints[p.name] for p in own} | {
            name: hint for name, (hint, _) in common.items()
        }
        make.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD),
                *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own),
                *(
                    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
                    for name, (_, default) in common.items()
                ),
            ]
        )
        del make.__wrapped__
        return recipe(key)(make)

    return register


def _methods(methods: Methods, least: int, most: int) -> list[str]:
    parts = methods.split(",") if isinstance(methods, str) else methods
    names = [name for part in parts if (name := part.strip())]
    for name in names:
        if name not in METHODS:
            raise ValueError(f"no method is called {name!r}; known are {', '.join(METHODS)}")
    if len(set(names)) != len(names) or not least <= len(names) <= most:
        many = f"{least}" if least == most else f"{least} or more"
        raise ValueError(f"method is {methods!r}: expected {many} different methods")
    return names


@_attributed("attribution_strips")
def attribution_strips(results: Attributions, limits: list[float] | None = None) -> Plot:
    """The text coloured by several attribution methods, a strip each."""
    return attributions.strips(
        [[results.mean(s, t, method) for s, t in results.request] for method in results.methods],
        results.tokens(),
        results.checkpoints(),
        results.request.names,
        limits,
    )


@_attributed("attribution_bars", "integrated_gradients", 1, 1)
def attribution_bars(results: Attributions, limit: float | None = None) -> Plot:
    """Scores of one attribution method with their intervals; a seed group with a dot a seed."""
    (method,) = results.methods
    return attributions.bars(
        [list(results.results(s, t, method)) for s, t in results.request],
        results.tokens(),
        results.checkpoints(),
        results.request.names,
        limit,
    )


@_attributed("attribution_methods")
def attribution_methods(results: Attributions, special: bool = True) -> Plot:
    """Attribution methods x units, every row as shares of its own largest score."""
    subject, target, tokens = results.only("attribution_methods")
    means = [results.mean(subject, target, method) for method in results.methods]
    return attributions.methods(means, tokens, subject.checkpoint, special)


@_attributed("attribution_disagreement", "integrated_gradients, leave_one_out", 2, 2)
def attribution_disagreement(results: Attributions) -> Plot:
    """Two attribution methods on one text, and their difference."""
    subject, target, tokens = results.only("attribution_disagreement")
    first, second = (results.mean(subject, target, method) for method in results.methods)
    names = (title_of(first), title_of(second))
    return attributions.disagreement(first, second, tokens, names, [subject.checkpoint])


@_attributed("attribution_layers", "joint_layers, exact_split", 1, 2)
def attribution_layers(results: Attributions, limit: float | None = None) -> Plot:
    """The source layers that carry the prediction: integrated gradients beside the exact split."""
    subject, target, tokens = results.only("attribution_layers")
    joint = list(results.results(subject, target, "joint_layers"))
    split: list[Attribution] | None = None
    if "exact_split" in results.methods:
        try:
            split = list(results.results(subject, target, "exact_split"))
        except ValueError:  # no exact split: the gradients stand alone
            split = None
    return attributions.layers(joint, split, subject.checkpoint, tokens, subject.name, limit)


def _measured(
    results: Attributions,
    subject: Subject,
    target: GivenTarget,
    method: str,
    replace: str,
    measured: str,
    repeats: int,
    ranking_seed: int,
) -> tuple[Faithfulness, ...]:
    """The evidence for one method, of every member."""
    question = results.question(subject, target, method)
    return subject.each(faithful, question, results.unit, replace, measured, repeats, ranking_seed)


@_attributed("evidence_scores")
def evidence_scores(
    results: Attributions,
    replace: str = "mask",
    measured: str = "probability",
    repeats: int = 20,
    ranking_seed: int = 0,
    limit: float | None = None,
) -> Plot:
    """Standard scores of attribution methods among random rankings; or of one over checkpoints.

    One checkpoint has a row a method; several have a row each, by one method.

    Raises
    ------
    ValueError
        Several checkpoints are to be compared by several methods.
    """
    request = results.request
    several = len(request.subjects) > 1
    if several and len(results.methods) > 1:
        raise ValueError("several checkpoints are compared by one method: name one")
    rows = [
        list(_measured(results, s, t, method, replace, measured, repeats, ranking_seed))
        for s, t in request
        for method in results.methods
    ]
    if several:
        return evidence.evidence_scores(
            rows,
            request.names,
            tokens=results.tokens()[0],
            limit=limit,
            row_label="checkpoint",
            checkpoints=results.checkpoints(),
        )
    owner = request.subjects[0].checkpoint
    return evidence.evidence_scores(rows, _titles(results), owner, results.tokens()[0], limit)


@_attributed("evidence_bars")
def evidence_bars(
    results: Attributions,
    measure: str = "comprehensiveness",
    replace: str = "mask",
    measured: str = "probability",
    repeats: int = 20,
    ranking_seed: int = 0,
) -> Plot:
    """One measure of each attribution method, beside random rankings."""
    subject, target, tokens = results.only("evidence_bars")
    rows = [
        mean_faithfulness(
            _measured(results, subject, target, method, replace, measured, repeats, ranking_seed)
        )
        for method in results.methods
    ]
    return evidence.evidence_bars(rows, measure, None, subject.checkpoint, tokens)


@_attributed("deletion_insertion")
def deletion_insertion(
    results: Attributions,
    replace: str = "mask",
    measured: str = "probability",
    repeats: int = 20,
    ranking_seed: int = 0,
) -> Plot:
    """The output as units are deleted, or inserted, in the order of each attribution method."""
    subject, target, tokens = results.only("deletion_insertion")
    rows = [
        mean_faithfulness(
            _measured(results, subject, target, method, replace, measured, repeats, ranking_seed)
        )
        for method in results.methods
    ]
    return evidence.deletion_insertion(rows, _titles(results), subject.checkpoint, tokens)


@_attributed("rank_agreement")
def rank_agreements(results: Attributions) -> Plot:
    """Kendall's tau between every two attribution methods, or checkpoints by one method.

    Raises
    ------
    ValueError
        Several checkpoints are to be compared by several methods.
    """
    request = results.request
    if len(request.subjects) == 1:
        subject, target, tokens = results.only("rank_agreement")
        means = [results.mean(subject, target, method) for method in results.methods]
        agreement = rank_agreement(means, tokens, _titles(results))
        return evidence.rank_agreement(agreement, [subject.checkpoint], tokens)
    if len(results.methods) > 1:
        raise ValueError("several checkpoints are compared by one method: name one")
    entries = [results.results(s, t, results.methods[0]) for s, t in request]
    means = [averages.mean_attribution(entry) for entry in on_one_text(entries, results.tokens())]
    tokens = results.tokens()[0]
    agreement = rank_agreement(means, tokens, request.names)
    return evidence.rank_agreement(agreement, results.checkpoints(), tokens, "checkpoint")


@_attributed("randomisation", "integrated_gradients")
def weights_drawn_anew(results: Attributions, weight_seed: int = 0) -> Plot:
    """Whether attributions follow the model, as its weights are drawn anew from the top."""
    subject, target, tokens = results.only("randomisation")
    rows, names = [], []
    for method in results.methods:
        question = results.question(subject, target, method)
        for member in subject.members:
            rows.append(member.result(randomised, question, results.unit, weight_seed))
            seed = f", {member.checkpoint.id}" if subject.is_group else ""
            names.append(METHODS[method].title + seed)
    return evidence.randomisation(rows, names, subject.checkpoint, tokens)


def _titles(results: Attributions) -> list[str]:
    return [METHODS[method].title for method in results.methods]


def on_one_text(
    entries: Sequence[Sequence[Attribution]], tokens: Sequence[Tokens]
) -> list[tuple[Attribution, ...]]:
    """The members of every entry on the units of the first; ``ValueError`` where they have none."""
    flat = [
        (attribution, text)
        for entry, text in zip(entries, tokens, strict=True)
        for attribution in entry
    ]
    rest = iter(aligned([attribution for attribution, _ in flat], [text for _, text in flat]))
    return [tuple(next(rest) for _ in entry) for entry in entries]
