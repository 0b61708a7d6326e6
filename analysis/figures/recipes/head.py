"""Recipes of the answer and of the pooling head: probabilities, strips, winners, what is lost."""

from __future__ import annotations

from typing import Any

from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import GivenTarget, Request, Subject
from analysis.figures.views import compare, comparisons
from analysis.figures.views import flow as views_flow
from analysis.reading.comparison import answer
from analysis.seed_groups import averages


@recipe("classes")
def classes(request: Request) -> Plot:
    """Class probabilities; a seed group with mean, spread and a dot a seed."""
    single = len(request.subjects) == 1
    entries = [list(s.traces()) if s.is_group else s.traces()[0] for s in request.subjects]
    names = request.names
    target = request.subjects[0].class_index(request.targets[0]) if single else None
    return compare.classes(entries, names=names, target=target)


@recipe("input_attribution")
def input_attribution(
    request: Request,
    method: str = "integrated_gradients",
    words: bool = True,
    limit: float | None = None,
    n_steps: int | None = None,
) -> Plot:
    """The text coloured by an input attribution; `n_steps` are the points along its line, by
    default as many as the method chooses."""
    return request.each(lambda s, t: _attributed(s, t, method, words, limit, n_steps))


def input_arguments(method: str, target: int, n_steps: int | None = None) -> tuple[Any, ...]:
    """Arguments of `results.attribution` for an input attribution."""
    if n_steps is None:
        return method, target
    return method, target, "piece", "contrast", "default", None, (), (("n_steps", n_steps),)


def _attributed(
    subject: Subject,
    target: GivenTarget,
    method: str,
    words: bool,
    limit: float | None,
    n_steps: int | None = None,
) -> Plot:
    question = input_arguments(method, subject.class_index(target), n_steps)
    return compare.input_attribution(
        averages.mean_attribution(subject.each(results.attribution, *question)),
        subject.traces()[0].tokens,
        subject.checkpoint,
        words=words,
        limit=limit,
    )


@recipe("reading")
def reading(
    request: Request,
    words: bool = True,
    limit: float | None = None,
    reference: str | list[str] | None = None,
) -> Plot:
    """Contribution of each position to the pooling head (exact split of the class's contrast)."""
    return request.each(lambda s, t: _read(s, t, words, limit, reference))


def _read(
    subject: Subject,
    target: GivenTarget,
    words: bool,
    limit: float | None,
    reference: str | list[str] | None = None,
) -> Plot:
    return compare.reading(
        averages.mean_decomposition(subject.splits(reference)),
        subject.traces()[0].tokens,
        subject.class_index(target),
        subject.checkpoint,
        words=words,
        limit=limit,
    )


@recipe("flow")
def flow(
    request: Request,
    words: bool = True,
    limit: float | None = None,
    reference: str | list[str] | None = None,
) -> Plot:
    """Flow of each pooling head: bands from tokens over source layers to one class."""
    subjects = request.subjects
    targets = [subject.class_index(target) for subject, target in request]
    if all(target is None for target in request.targets):
        # One picture explains one class: the one that most of them predict.
        labels = [s.checkpoint.labels[t] for s, t in zip(subjects, targets, strict=True)]
        common = max(labels, key=labels.count)
        targets = [
            s.checkpoint.labels.index(common) if common in s.checkpoint.labels else t
            for s, t in zip(subjects, targets, strict=True)
        ]
    return views_flow.flow(
        [averages.mean_decomposition(subject.splits(reference)) for subject in subjects],
        [subject.traces()[0].tokens for subject in subjects],
        targets,
        [subject.checkpoint for subject in subjects],
        [averages.mean_pooling_attention(subject.traces()) for subject in subjects],
        words=words,
        limit=limit,
        names=[subject.name for subject in subjects],
    )


@recipe("strips")
def strips(request: Request, method: str = "integrated_gradients", words: bool = True) -> Plot:
    """Input attribution and reading of the pooling head, one strip below the other."""
    parts: list[Plot] = []
    names: list[str] = []
    for subject, target in request:
        before = f"{subject.name}: " if len(request.subjects) > 1 else ""
        parts.append(_attributed(subject, target, method, words, None))
        names.append(f"{before}input attribution")
        try:
            parts.append(_read(subject, target, words, None))
        except ValueError:  # no exact split: the attribution stands alone
            continue
        names.append(f"{before}read by the pooling head")
    return comparisons.strips(parts, names)


@recipe("source_layers")
def source_layers(
    request: Request, limit: float | None = None, reference: str | list[str] | None = None
) -> Plot:
    """Source layers of the max-pool: share of wins, and what they contribute."""
    subject, target = request.only("source_layers")
    won = [trace.head.winners for trace in subject.traces()]
    over_layers = [winners for winners in won if winners is not None and winners.token is None]
    winners = averages.mean_winners(over_layers) if len(over_layers) == len(won) else None
    return compare.source_layers(
        averages.mean_decomposition(subject.splits(reference)),
        winners,
        subject.class_index(target),
        subject.checkpoint,
        subject.traces()[0].tokens,
        limit=limit,
    )


@recipe("variant")
def variant(request: Request, variant: str = "") -> Plot:
    """Probability of the class for the text and for a variant of it.

    Raises
    ------
    ValueError
        There is no second version of the text.
    """
    if not variant.strip():
        raise ValueError("give the second version of the text: variant=...")
    targets = [subject.class_index(target) for subject, target in request]
    before = [answer(s.traces(), s.name) for s in request.subjects]
    after = [answer(s.reads(variant, request.pair).traces(), s.name) for s in request.subjects]
    return comparisons.variant(
        before, after, targets, (request.text, variant), [s.checkpoint for s in request.subjects]
    )
