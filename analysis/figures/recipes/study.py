"""Recipes of a study's pictures: made from the folder of its results, without a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures.plot import Plot
from analysis.figures.views import study as views_study

if TYPE_CHECKING:
    from analysis.statistics.verdicts import Report
    from analysis.study.results import Family, Study

STUDY = {
    "study_scores": "Scores of every pooling head on every task, a dot a seed.",
    "study_differences": "Difference of every pooling head to the reference, task by task.",
    "study_spread": "Spread over seeds of every pooling head against that of the reference.",
    "learning_curves": "Scores by share of the training set, one line a pooling head.",
}


def of_study(
    view: str, folder: Path | str, family: str | None = None, tasks: list[str] | None = None
) -> Plot:
    """The picture `view` of a study's folder: of one family of tests (default: the primary one)
    and of some of its tasks (default: all).

    Raises ``ValueError`` for a folder without a study, an unknown view, family or task, or too few
    finished runs.
    """
    from analysis.study.results import read_study, studies_in

    if view not in STUDY:
        raise ValueError(f"no picture of a study is called {view!r}; known are {', '.join(STUDY)}")
    folders = studies_in(folder)
    if len(folders) != 1:
        names = ", ".join(one.name for one in folders)
        raise ValueError(
            f"{Path(folder).name} holds {len(folders)} studies ({names}): name one of their folders"
            if folders
            else f"there are no results of a study in {folder}"
        )
    study = read_study(folders[0])
    if not study.families:
        raise ValueError(f"study {study.name} declares no family of tests")
    if view == "learning_curves":
        if family or tasks:
            raise ValueError("learning curves are drawn over all families: leave out family, tasks")
        return picture_of(view, study)
    known = [one.name for one in study.families]
    name = family or (study.primary.name if study.primary else known[0])
    if name not in known:
        raise ValueError(f"study {study.name} has no family {name!r}; it has {', '.join(known)}")
    chosen = study.family(name)
    its = list(dict.fromkeys(stratum.task for stratum in chosen.strata))
    if unknown := [task for task in tasks or [] if task not in its]:
        raise ValueError(f"family {name} has no task {unknown[0]!r}; it has {', '.join(its)}")
    return picture_of(view, study, chosen, tasks)


def picture_of(
    view: str,
    study: Study,
    family: Family | None = None,
    tasks: Sequence[str] | None = None,
    report: Report | None = None,
) -> Plot:
    """The picture `view` of a study that was read; learning curves are over all its families.

    `report` is the comparison of the family's scores, for who has it already.

    Raises ``ValueError`` with the reason where there are too few finished runs.
    """
    from analysis.statistics.family_tests import compare
    from analysis.study.curves import curves

    if view == "learning_curves":
        lines = curves([study.scores(one) for one in study.families])
        if not lines:
            raise ValueError(f"study {study.name} has no runs on parts of a training set yet")
        parts = [
            study.scores(one)
            for one in study.families
            if any(stratum.share != 1 for stratum in one.strata)
        ]
        unfinished = any(one.done < one.planned for one in parts)
        return views_study.learning_curves(lines, study.name, unfinished)
    if family is None:
        raise ValueError(f"{view} is drawn of one family of tests: name one")
    scores = study.scores(family)
    if view == "study_scores":
        return views_study.study_scores(scores, tasks, study.name)
    report = report or compare(scores)
    if view == "study_spread":
        return views_study.study_spread(report, tasks, study.name)
    return views_study.study_differences(report, tasks, study.name)
