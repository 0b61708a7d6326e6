"""Recipes of a word in doubt, and of what every word is worth to a margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import GivenTarget, Request, Subject
from analysis.figures.views import doubt as views
from analysis.reading.decomposition import NoExactSplit
from analysis.seed_groups import averages

if TYPE_CHECKING:
    from analysis.interventions.doubt import Doubt, WordEffects


def doubt_of(
    subject: Subject, target: GivenTarget, span: Sequence[int], instead: str = ""
) -> Doubt:
    """Change of the subject's margin without the word at a span of characters.

    Raises ``ValueError`` where nothing would stay of the text, for a bare encoder, and for a mask
    token that the tokenizer has not.
    """
    from analysis.interventions import doubt, edits

    segment, start, end = span
    place = (segment, start, end)
    index = subject.class_index(target)
    before = subject.traces()
    after = []
    for member in subject.members:
        replacement = edits.replacement(member.classifier, instead) if instead else ""
        text, pair = edits.edited(member.text, member.pair, [place], replacement)
        after.append(member.reads(text, pair).result(results.trace))
    try:
        split = averages.mean_decomposition(subject.splits())
    except NoExactSplit:
        split = None
    return doubt.doubt(subject.name, before, after, index, split, place)


def effects_of(subject: Subject, target: GivenTarget, instead: str = "") -> WordEffects:
    """Change of the subject's margin without each word of the text.

    Raises as `doubt_of` does.
    """
    from analysis.interventions import doubt, edits

    first = subject.members[0]
    index, labels = subject.class_index(target), subject.checkpoint.labels
    return doubt.word_effects(
        subject.name,
        labels[index] if labels else "the value",
        index,
        edits.word_spans(first.text, first.pair),
        subject.each(results.word_logits, instead),
    )


@recipe("doubt")
def doubt(request: Request, span: list[int] | None = None, instead: str = "") -> Plot:
    """Margins with and without a word, by default the one that the first loses most with.

    Raises
    ------
    ValueError
        The span is none, or nothing would stay of the text.
    """
    if span is None:
        subject, target = next(iter(request))
        first = effects_of(subject, target, instead)
        span = first.spans[int(np.nanargmin(first.changes))].tolist()
    if len(span) != 3:
        raise ValueError(
            f"span is {span}: expected segment, first character, and the one after the last"
        )
    subjects = request.subjects
    return views.doubt(
        [doubt_of(subject, target, span, instead) for subject, target in request],
        subjects[0].traces()[0].tokens,
        (span[0], span[1], span[2]),
        instead,
        [subject.checkpoint for subject in subjects],
    )


@recipe("word_effects")
def word_effects(request: Request, instead: str = "", most: int = views.MOST) -> Plot:
    """Every word by what the margin changes without it, ranked for each checkpoint.

    Raises
    ------
    ValueError
        The ranking is to have no word, or the text is a single one.
    """
    if most < 1:
        raise ValueError(f"most is {most}: a ranking needs at least one word")
    subjects = request.subjects
    return views.word_effects(
        [effects_of(subject, target, instead) for subject, target in request],
        subjects[0].traces()[0].tokens,
        instead,
        [subject.checkpoint for subject in subjects],
        most,
    )
