"""Recipes of the smallest edits that flip a prediction: of one text, and over a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.datasets.sentences import random_rows
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import Data, Request, Subject, within
from analysis.figures.recipes.results import Member
from analysis.figures.views import flips as views

if TYPE_CHECKING:
    from analysis.interventions.flips import Flips
    from analysis.interventions.flips_over_texts import TextFlip


def words_of(subject: Subject, kind: str, source: str, data: Data | None) -> tuple[str, ...]:
    """The replacements that are tried for every word; none for deletions, and where a masked
    language model proposes them for each place.

    Raises
    ------
    ValueError
        A source that is not known, or a data set that is missing or has no words.
    """
    from analysis.interventions.replacements import SOURCES, of_table
    from analysis.suite import words

    if source not in SOURCES:
        raise ValueError(f"words_from is {source!r}; known: {', '.join(SOURCES)}")
    if kind != "replacement" or source == "masked":
        return ()
    if source == "suite":
        return words(subject.members[0].checkpoint.task)
    if data is None:
        raise ValueError("words of a data set need one: name it, or take those of the suite")
    return of_table(data.table)


def flips_of(
    subject: Subject,
    kind: str = "deletion",
    most: int = 3,
    words_from: str = "suite",
    data: Data | None = None,
) -> Flips:
    """The smallest edits that flip the subject's prediction.

    Raises
    ------
    ValueError
        A kind or a source of words that is not known or not there, and where no class is predicted.
    """
    tried = words_of(subject, kind, words_from, data)
    return subject.members[0].result(
        results.flips, subject.members, subject.name, kind, tried, most
    )


def text_flips(
    member: Member,
    members: tuple[Member, ...],
    name: str,
    data: Data,
    texts: int,
    first: int | None,
    kind: str,
    words: tuple[str, ...],
    most: int,
) -> tuple[TextFlip, ...]:
    """A record for each of the `first` of `texts` random rows of a data set."""
    from analysis.interventions import flips_over

    rows = random_rows(data.table, texts)[:first]
    subjects = {name: [member.classifier for member in members]}
    return tuple(flips_over(subjects, rows, kind, words, most, progress=member.store.progress))


@recipe("flips")
def flips(
    request: Request, kind: str = "deletion", most: int = 3, words_from: str = "suite"
) -> Plot:
    """The margin after the best edits of each size, until the prediction flips.

    Raises
    ------
    ValueError
        The kind is not known, or `most` is not 1 to 3.
    """
    within("most", most, 1, 3)
    subjects = request.subjects
    return views.flips(
        [flips_of(subject, kind, most, words_from, request.data) for subject in subjects],
        subjects[0].traces()[0].tokens,
        [subject.checkpoint for subject in subjects],
        words_from,
    )


@recipe("flip_rates")
def flip_rates(
    request: Request,
    kind: str = "deletion",
    words_from: str = "suite",
    most: int = 3,
    texts: int = 50,
    first: int | None = None,
) -> Plot:
    """The share of texts of a data set that flip within 1, 2 .. edits, with intervals.

    Of `texts` random rows; of these the `first` ones, where fewer were done.

    Raises
    ------
    ValueError
        Without a data set; the kind or the source of words is not known; `most` is not 1 to 3.
    """
    from analysis.interventions.flips_over_texts import flip_rates as rates_of

    within("most", most, 1, 3)
    count = min(texts, len(request.table))
    records: list[TextFlip] = []
    for subject in request.subjects:
        tried = words_of(subject, kind, words_from, request.data)
        own = subject.reads("", None)
        records += own.members[0].result(
            text_flips, own.members, own.name, request.data, count, first, kind, tried, most
        )
    checkpoints = [subject.checkpoint for subject in request.subjects]
    return views.flip_rates(rates_of(records, most), kind, checkpoints, words_from)
