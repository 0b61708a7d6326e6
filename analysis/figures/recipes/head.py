"""Recipes of the answer and of the pooling head: probabilities, strips, winners, what is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import analysis
from analysis.attribution import attribute
from analysis.checkpoints import profiles
from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import (
    Asked,
    Subject,
    known_reference,
    profile_of,
    recipe,
    within,
)
from analysis.figures.views import compare, comparisons, interventions
from analysis.figures.views import flow as views_flow
from analysis.figures.views import winners as views_winners
from analysis.figures.views.source import provenance_of
from analysis.interventions.effects import DropEffects
from analysis.reading import groups, margins
from analysis.reading.comparison import answer


@recipe("classes")
def classes(asked: Asked) -> Plot:
    """Class probabilities; a seed group with mean, spread and a dot a seed."""
    single = len(asked.subjects) == 1
    entries = [list(s.traces()) if s.is_group else s.traces()[0] for s in asked.subjects]
    names = [subject.name for subject in asked.subjects]
    target = asked.subjects[0].target(asked.targets[0]) if single else None
    return compare.classes(entries, names=names, target=target)


@recipe("input_attribution")
def input_attribution(
    asked: Asked,
    method: str = "integrated_gradients",
    words: bool = True,
    limit: float | None = None,
) -> Plot:
    """The text coloured by an input attribution."""
    return asked.each(lambda s, t: _attributed(s, t, method, words, limit))


def _attributed(
    subject: Subject, target: Any, method: str, words: bool, limit: float | None
) -> Plot:
    index = subject.target(target)
    found = [
        attribute(member, subject.text, subject.pair, method, index, output="contrast")
        for member in subject.members
    ]
    return compare.input_attribution(
        groups.mean_attribution(found),
        subject.traces()[0].tokens,
        subject.checkpoint,
        words=words,
        limit=limit,
    )


@recipe("reading")
def reading(
    asked: Asked,
    words: bool = True,
    limit: float | None = None,
    reference: str | list[str] | None = None,
) -> Plot:
    """What the pooling head reads from each position (exact split of the class's contrast)."""
    return asked.each(lambda s, t: _read(s, t, words, limit, reference))


def _read(
    subject: Subject,
    target: Any,
    words: bool,
    limit: float | None,
    reference: str | list[str] | None = None,
) -> Plot:
    return compare.reading(
        groups.mean_decomposition(subject.splits(reference)),
        subject.traces()[0].tokens,
        subject.target(target),
        subject.checkpoint,
        words=words,
        limit=limit,
    )


@recipe("flow")
def flow(
    asked: Asked,
    words: bool = True,
    limit: float | None = None,
    reference: str | list[str] | None = None,
) -> Plot:
    """What each pooling head reads, as bands from tokens over source layers to one class."""
    subjects = [subject for subject, _ in asked]
    targets = [subject.target(target) for subject, target in asked]
    if all(target is None for target in asked.targets):
        # One picture explains one class: the one that most of them predict.
        labels = [s.checkpoint.labels[t] for s, t in zip(subjects, targets, strict=True)]
        common = max(labels, key=labels.count)
        targets = [
            s.checkpoint.labels.index(common) if common in s.checkpoint.labels else t
            for s, t in zip(subjects, targets, strict=True)
        ]
    return views_flow.flow(
        [groups.mean_decomposition(subject.splits(reference)) for subject in subjects],
        [subject.traces()[0].tokens for subject in subjects],
        targets,
        [subject.checkpoint for subject in subjects],
        [groups.mean_pooling_attention(subject.traces()) for subject in subjects],
        words=words,
        limit=limit,
        names=[subject.name for subject in subjects],
    )


@recipe("strips")
def strips(asked: Asked, method: str = "integrated_gradients", words: bool = True) -> Plot:
    """Input attribution and reading of the pooling head, one strip below the other."""
    parts: list[Plot] = []
    names: list[str] = []
    for subject, target in asked:
        before = f"{subject.name}: " if len(asked.subjects) > 1 else ""
        parts.append(_attributed(subject, target, method, words, None))
        names.append(f"{before}input attribution")
        try:
            parts.append(_read(subject, target, words, None))
        except ValueError:  # no exact split: the attribution stands alone
            continue
        names.append(f"{before}read by the pooling head")
    return comparisons.strips(parts, names)


@recipe("source_layers")
def source_layers(asked: Asked, limit: float | None = None) -> Plot:
    """Source layers of the max-pool: share of wins, and what they contribute."""
    subject, target = asked.one("source_layers")
    won = [trace.head.winners for trace in subject.traces()]
    found = [one for one in won if one is not None and one.token is None]
    winners: Any = None
    if found and len(found) == len(won):
        winners = groups.mean_winners(found) if subject.is_group else found[0]
    return compare.source_layers(
        groups.mean_decomposition(subject.splits()),
        winners,
        subject.target(target),
        subject.checkpoint,
        subject.traces()[0].tokens,
        limit=limit,
    )


@recipe("winners")
def winners(
    asked: Asked,
    quantity: str = "deviation",
    words: bool = True,
    special: bool = True,
    limit: float | None = None,
    reference: str | list[str] | None = None,
    head: int | None = None,
) -> Plot:
    """Layers x tokens of a maximum over layers: wins, contribution, drop effect or attention."""
    known_reference(reference)
    words = words and quantity != "drop effect"  # those of pieces do not add up to words
    return asked.each(lambda s, t: _won(s, t, quantity, words, special, limit, reference, head))


def _won(
    subject: Subject,
    target: Any,
    quantity: str,
    words: bool,
    special: bool,
    limit: float | None,
    reference: str | list[str] | None = None,
    head: int | None = None,
) -> Plot:
    index = subject.target(target)
    splits = subject.splits(reference) if quantity == "contribution" else None
    effects = _effects(subject, by_token=True) if quantity == "drop effect" else None
    plots = []
    for place, trace in enumerate(subject.traces()):
        if trace.head.weights is not None:
            within("attention head", head, 0, len(trace.head.weights) - 1)
        plots.append(
            views_winners.winners(
                trace,
                quantity,
                index,
                split=splits[place] if splits else None,
                effects=effects[place] if effects else None,
                profile=profile_of(subject),
                words=words,
                special=special,
                limit=limit,
                head=head,
            )
        )
    plot = comparisons.mean_over_seeds(plots)
    if subject.is_group:
        source = provenance_of([subject.checkpoint])
        plot = replace(plot, provenance={**plot.provenance, **source})
    return plot


def _effects(subject: Subject, by_token: bool = False) -> list[DropEffects]:
    return [
        analysis.interventions.drop_effects(member, subject.text, subject.pair, by_token)
        for member in subject.members
    ]


@recipe("layer_quantities")
def layer_quantities(
    asked: Asked, limit: float | None = None, reference: str | list[str] | None = None
) -> Plot:
    """By source layer: share of wins, its percentile, deviation, contribution, drop effect."""
    subject, target = asked.one("layer_quantities")
    try:
        effects: list[DropEffects] | None = _effects(subject)
    except ValueError:  # a single layer competes: nothing can leave
        effects = None
    return views_winners.layer_quantities(
        list(subject.traces()),
        subject.target(target),
        subject.splits(reference),
        effects,
        [profiles.read(member.checkpoint.folder) for member in subject.members],
        limit,
    )


@recipe("margins")
def win_margins(asked: Asked) -> Plot:
    """How close the wins were, and how many flip under small noise.

    Raises
    ------
    ValueError
        The pooling head takes no maximum.
    """
    subject, _ = asked.one("margins")
    subject.only("margins")
    trace = subject.traces()[0]
    won = trace.head.winners
    if won is None:
        raise ValueError(f"{subject.name}: its pooling head takes no maximum, so nothing wins")
    try:
        flips = margins.noise_flips(trace)
    except ValueError:  # no corpus profile gives the scale of the noise
        flips = None
    return views_winners.margins(
        margins.margin_histogram(won), flips, subject.checkpoint, trace.tokens
    )


def _swept(subject: Subject) -> list[Any]:
    return [
        analysis.interventions.sweep_last_k(member, subject.text, subject.pair)
        for member in subject.members
    ]


@recipe("sweep")
def sweep(asked: Asked) -> Plot:
    """Class probability for the last k layers, k = 1 .. L, with label flips ringed."""
    found = [_swept(subject) for subject in asked.subjects]
    target = asked.subjects[0].target(asked.targets[0])
    return interventions.sweep(found, [s.name for s in asked.subjects], target)


@recipe("sweep_winners")
def sweep_winners(asked: Asked) -> Plot:
    """Share of wins by layer for every k of a sweep."""
    return asked.each(
        lambda s, t: interventions.sweep_winners(
            analysis.interventions.sweep_last_k(s.only("sweep_winners"), s.text, s.pair)
        )
    )


@recipe("sweep_pooled")
def sweep_pooled(asked: Asked) -> Plot:
    """How far the pooled vector turns when the maximum runs over another number of layers."""
    found = [_swept(subject) for subject in asked.subjects]
    return interventions.sweep_pooled(found, [s.name for s in asked.subjects])


@recipe("what_if")
def what_if(
    asked: Asked,
    drop_layers: list[int] | None = None,
    mask_tokens: list[int] | None = None,
    where: str = "head",
) -> Plot:
    """Class probabilities before and after layers left the pool or tokens were masked."""
    subject, _ = asked.one("what_if")
    return interventions.what_if(
        [
            analysis.interventions.what_if(
                member,
                asked.text,
                tuple(drop_layers or ()),
                tuple(mask_tokens or ()),
                where,
                pair=asked.pair,
            )
            for member in subject.members
        ],
        subject.checkpoint,
    )


@recipe("variant")
def variant(asked: Asked, variant: str = "") -> Plot:
    """Probability of the class for the text and for a variant of it.

    Raises
    ------
    ValueError
        No second version of the text is given.
    """
    if not variant.strip():
        raise ValueError("give the second version of the text: variant=...")
    targets = [subject.target(target) for subject, target in asked]
    before = [answer(s.traces(), s.name) for s in asked.subjects]
    after = [answer(replace(s, text=variant, _traces={}).traces(), s.name) for s in asked.subjects]
    return comparisons.variant(
        before, after, targets, (asked.text, variant), [s.checkpoint for s in asked.subjects]
    )
