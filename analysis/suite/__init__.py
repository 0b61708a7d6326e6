"""The behaviour suite: labelled sentences from templates, and how often a checkpoint fails on them.

Bundled and this project's own, in the spirit of CheckList (Ribeiro et al. 2020). Deterministic:
the same sentences in the same order everywhere. What it measures is the templates: a failure rate
here is a share of these sentences, not of natural text.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np

from analysis.datasets.table import Table
from analysis.datasets.tasks import TASKS as KNOWN
from analysis.suite import paraphrases, questions, sentiment
from analysis.suite.cases import KINDS, Case, Kind
from analysis.suite.results import TOLERANCE, Failure, Rate, Results, results

__all__ = [
    "KINDS",
    "TASKS",
    "TOLERANCE",
    "Case",
    "Failure",
    "Kind",
    "Rate",
    "Results",
    "results",
    "sentences",
    "table",
    "words",
]

_ROOMS = {"sst2": sentiment, "trec": questions, "mrpc": paraphrases}
TASKS: tuple[str, ...] = tuple(_ROOMS)


@cache
def sentences(task: str | None = None) -> tuple[Case, ...]:
    """The cases of one task ("sst2", "trec", "mrpc"), or of all, in their fixed order.

    Raises
    ------
    ValueError
        The suite has nothing for this task.
    """
    if task is None:
        return tuple(case for task_name in TASKS for case in sentences(task_name))
    if task not in _ROOMS:
        raise ValueError(
            f"The behaviour suite has no sentences for task {task!r}; it has them for "
            f"{', '.join(TASKS)}."
        )
    return tuple(_ROOMS[task].cases())


@cache
def words(task: str | None = None, most: int = 40) -> tuple[str, ...]:
    """The words that the cases of a task use most, marks aside: a small lexicon of its subject.

    Parameters
    ----------
    task
        One that the suite has sentences for; another or None: those of all.
    most
        How many words.
    """
    count: Counter[str] = Counter()
    for case in sentences(task if task in _ROOMS else None):
        for text in (case.text, case.pair or ""):
            count.update(word for word in re.findall(r"\w+", text.lower()) if not word.isdigit())
    return tuple(word for word, _ in count.most_common(most))


@cache
def table(task: str) -> Table:
    """The cases of one task as a data set, row i being ``sentences(task)[i]``.

    Raises
    ------
    ValueError
        The suite has nothing for this task.
    """
    cases = sentences(task)
    labels = KNOWN[task].labels
    return Table(
        task=task,
        split="suite",
        text=tuple(case.text for case in cases),
        pair=tuple(case.pair or "" for case in cases) if KNOWN[task].pairs else None,
        label=np.array([labels.index(case.label) for case in cases], dtype=np.int64),
        labels=labels,
    )
