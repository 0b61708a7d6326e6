"""Recipes of attributions by any method, and of the evidence for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.attribution import (
    METHODS,
    Attribution,
    attribute,
    faithfulness_of_all,
    randomisation,
    rank_agreement,
)
from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import Asked, Subject, recipe
from analysis.figures.views import attributions, evidence
from analysis.figures.views.attribution_results import title_of
from analysis.reading import groups

USUAL = "integrated_gradients, gradient_x_input, leave_one_out"
Methods = str | list[str]


def _methods(given: str | list[str], least: int = 1, most: int = 99) -> list[str]:
    """Names of methods, of a list or between commas."""
    parts = given.split(",") if isinstance(given, str) else given
    found = [name for part in parts if (name := part.strip())]
    for name in found:
        if name not in METHODS:
            raise ValueError(f"no method is called {name!r}; known are {', '.join(METHODS)}")
    if len(set(found)) != len(found) or not least <= len(found) <= most:
        many = f"{least}" if least == most else f"{least} or more"
        raise ValueError(f"method is {given!r}: {many} different methods are meant")
    return found


def _attributed(
    subject: Subject, target: Any, method: str, unit: str, output: str, baseline: str, seed: int
) -> list[Attribution]:
    """One attribution a member."""
    index = subject.target(target)
    return [
        attribute(
            member,
            subject.text,
            subject.pair,
            method,
            index,
            unit,
            output=output,
            baseline=baseline,
            seed=seed,
        )
        for member in subject.members
    ]


def _tokens(asked: Asked) -> list[Any]:
    return [subject.traces()[0].tokens for subject in asked.subjects]


@recipe("attribution_strips", whole=True)
def attribution_strips(
    asked: Asked,
    method: Methods = USUAL,
    unit: str = "word",
    output: str = "contrast",
    baseline: str = "pad",
    seed: int = 0,
) -> Plot:
    """The text coloured by several attribution methods, a strip each."""
    results = [
        [
            groups.mean_attribution(_attributed(s, t, one, unit, output, baseline, seed))
            for s, t in asked
        ]
        for one in _methods(method)
    ]
    return attributions.strips(
        results,
        _tokens(asked),
        [s.checkpoint for s in asked.subjects],
        [s.name for s in asked.subjects],
    )


@recipe("attribution_bars", whole=True)
def attribution_bars(
    asked: Asked,
    method: str = "integrated_gradients",
    unit: str = "word",
    output: str = "contrast",
    baseline: str = "pad",
    seed: int = 0,
) -> Plot:
    """Scores of one attribution method with their intervals; a seed group with a dot a seed."""
    _methods(method, 1, 1)
    return attributions.bars(
        [_attributed(s, t, method, unit, output, baseline, seed) for s, t in asked],
        _tokens(asked),
        [s.checkpoint for s in asked.subjects],
        [s.name for s in asked.subjects],
    )


@recipe("attribution_methods", whole=True)
def attribution_methods(
    asked: Asked,
    method: Methods = USUAL,
    unit: str = "word",
    output: str = "contrast",
    baseline: str = "pad",
    seed: int = 0,
    special: bool = True,
) -> Plot:
    """Attribution methods x units, every row as shares of its own largest score."""
    subject, found = _several(asked, "attribution_methods", method, unit, output, baseline, seed)
    return attributions.methods(found, subject.traces()[0].tokens, subject.checkpoint, special)


def _several(
    asked: Asked,
    view: str,
    method: str | list[str],
    unit: str,
    output: str,
    baseline: str,
    seed: int,
    least: int = 1,
    most: int = 99,
) -> tuple[Subject, list[Attribution]]:
    """(the one subject, its attribution by each method)."""
    subject, target = asked.one(view)
    return subject, [
        groups.mean_attribution(_attributed(subject, target, one, unit, output, baseline, seed))
        for one in _methods(method, least, most)
    ]


@recipe("attribution_disagreement", whole=True)
def attribution_disagreement(
    asked: Asked,
    method: Methods = "integrated_gradients, leave_one_out",
    unit: str = "word",
    output: str = "contrast",
    baseline: str = "pad",
    seed: int = 0,
) -> Plot:
    """Two attribution methods on one text, and their difference."""
    subject, (one, other) = _several(
        asked, "attribution_disagreement", method, unit, output, baseline, seed, 2, 2
    )
    names = (title_of(one), title_of(other))
    return attributions.disagreement(
        one, other, subject.traces()[0].tokens, names, [subject.checkpoint]
    )


@recipe("attribution_layers", whole=True)
def attribution_layers(
    asked: Asked, unit: str = "word", output: str = "contrast", limit: float | None = None
) -> Plot:
    """Which source layer carries the prediction: integrated gradients beside the exact split."""
    subject, target = asked.one("attribution_layers")
    joint = _attributed(subject, target, "joint_layers", unit, output, "pad", 0)
    try:
        split = _attributed(subject, target, "exact_split", unit, output, "pad", 0)
    except ValueError:  # no exact split: the gradients stand alone
        split = []
    return attributions.layers(
        joint, split, subject.checkpoint, subject.traces()[0].tokens, limit=limit
    )


def _measured(
    asked: Asked,
    view: str,
    method: str | list[str],
    unit: str,
    baseline: str,
    replace: str,
    repeats: int,
    seed: int,
) -> tuple[Subject, tuple[Any, ...]]:
    subject, found = _several(asked, view, method, unit, "contrast", baseline, seed)
    member = subject.only(view)
    measured: Sequence[Any] = faithfulness_of_all(
        member, subject.text, found, subject.pair, replace=replace, repeats=repeats, seed=seed
    )
    return subject, tuple(measured)


@recipe("evidence_scores", whole=True)
def evidence_scores(
    asked: Asked,
    method: Methods = USUAL,
    unit: str = "word",
    baseline: str = "pad",
    replace: str = "mask",
    repeats: int = 20,
    seed: int = 0,
    limit: float | None = None,
) -> Plot:
    """How far each attribution method is better than random rankings, by four measures."""
    subject, found = _measured(
        asked, "evidence_scores", method, unit, baseline, replace, repeats, seed
    )
    return evidence.evidence_scores(
        found, None, subject.checkpoint, subject.traces()[0].tokens, limit
    )


@recipe("evidence_bars", whole=True)
def evidence_bars(
    asked: Asked,
    measure: str = "comprehensiveness",
    method: Methods = USUAL,
    unit: str = "word",
    baseline: str = "pad",
    replace: str = "mask",
    repeats: int = 20,
    seed: int = 0,
) -> Plot:
    """One measure of each attribution method, beside random rankings."""
    subject, found = _measured(
        asked, "evidence_bars", method, unit, baseline, replace, repeats, seed
    )
    return evidence.evidence_bars(
        found, measure, None, subject.checkpoint, subject.traces()[0].tokens
    )


@recipe("deletion_insertion", whole=True)
def deletion_insertion(
    asked: Asked,
    method: Methods = USUAL,
    unit: str = "word",
    baseline: str = "pad",
    replace: str = "mask",
    repeats: int = 20,
    seed: int = 0,
) -> Plot:
    """What the output does as words go, or come, in the order of each attribution method."""
    subject, found = _measured(
        asked, "deletion_insertion", method, unit, baseline, replace, repeats, seed
    )
    return evidence.deletion_insertion(found, None, subject.checkpoint, subject.traces()[0].tokens)


@recipe("rank_agreement", whole=True)
def rank_agreements(
    asked: Asked,
    method: Methods = USUAL,
    unit: str = "word",
    output: str = "contrast",
    baseline: str = "pad",
    seed: int = 0,
) -> Plot:
    """Kendall's tau between every two attribution methods, beside what chance gives."""
    subject, found = _several(asked, "rank_agreement", method, unit, output, baseline, seed, 2)
    tokens = subject.traces()[0].tokens
    return evidence.rank_agreement(rank_agreement(found, tokens), [subject.checkpoint], tokens)


@recipe("randomisation", whole=True)
def weights_drawn_anew(
    asked: Asked,
    method: str = "integrated_gradients",
    unit: str = "word",
    output: str = "contrast",
    baseline: str = "pad",
    seed: int = 0,
) -> Plot:
    """Whether an attribution follows the model, as its weights are drawn anew from the top."""
    _methods(method, 1, 1)
    subject, target = asked.one("randomisation")
    member = subject.only("randomisation")
    found = randomisation(
        member,
        subject.text,
        subject.pair,
        weight_seed=seed,
        method=method,
        target=subject.target(target),
        unit=unit,
        output=output,
        baseline=baseline,
        seed=seed,
    )
    return evidence.randomisation(found, None, subject.checkpoint, subject.traces()[0].tokens)
