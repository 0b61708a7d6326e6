"""Recipes of a study's pictures: made from the folder of its results, without a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures.plot import Plot
from analysis.figures.recipes.folders import folder_recipe
from analysis.figures.views import study as views_study

if TYPE_CHECKING:
    from analysis.statistics.verdicts import Report
    from analysis.study.results import Study

PICTURES = {
    "study_scores": "Scores of every pooling head on every task, one dot for each seed.",
    "study_differences": "Difference of every pooling head to the reference, task by task.",
    "study_spread": "Spread over seeds of every pooling head against that of the reference.",
    "learning_curves": "Scores by share of the training set, one line for each pooling head.",
}


_OPTIONS = {
    "study_scores": frozenset({"family", "tasks", "metric"}),
    "study_differences": frozenset({"family", "tasks"}),
    "study_spread": frozenset({"family", "tasks"}),
}


def options(view: str) -> frozenset[str]:
    """Names of the parameters of a picture of a study."""
    return _OPTIONS.get(view, frozenset())


def of_folder(
    view: str,
    folder: Path | str,
    family: str | None = None,
    tasks: list[str] | None = None,
    metric: str | None = None,
) -> Plot:
    """The picture `view` of a study's folder: of one family of tests (default: the primary one),
    some of its tasks (default: all) and a metric (default: the one declared for each task).

    Raises ``ValueError`` for a folder without a study, an unknown view, family or task, or too few
    finished runs.
    """
    from analysis.study.results import read_study, studies_in

    if view not in PICTURES:
        known = ", ".join(PICTURES)
        raise ValueError(f"no picture of a study is called {view!r}; known are {known}")
    folders = studies_in(folder)
    if len(folders) != 1:
        names = ", ".join(folder.name for folder in folders)
        raise ValueError(
            f"{Path(folder).name} holds {len(folders)} studies ({names}): name one of their folders"
            if folders
            else f"there are no results of a study in {folder}"
        )
    return picture_of(view, read_study(folders[0]), family, tasks, metric)


def picture_of(
    view: str,
    study: Study,
    family: str | None = None,
    tasks: Sequence[str] | None = None,
    metric: str | None = None,
    report: Report | None = None,
) -> Plot:
    """The picture `view` of a study that was read; learning curves are over all its families.

    `report` is the comparison of the family's scores, for who has it already.

    Raises ``ValueError`` with the reason where there are too few finished runs.
    """
    params = {"family": family, "tasks": None if tasks is None else list(tasks), "metric": metric}
    written = {name: params[name] for name in sorted(options(view))}
    plot = _drawn(view, study, family, tasks, metric, report)
    return replace(plot, recipe=folder_recipe(view, "study", study.name, written))


def _drawn(
    view: str,
    study: Study,
    family: str | None,
    tasks: Sequence[str] | None,
    metric: str | None,
    report: Report | None,
) -> Plot:
    from analysis.statistics.family_tests import compare

    if not study.families:
        raise ValueError(f"study {study.name} declares no family of tests")
    if view == "learning_curves":
        if family or tasks or metric:
            raise ValueError("learning curves are drawn over all families: leave out family, tasks")
        return _curves(study)
    known = [family.name for family in study.families]
    name = family or (study.primary.name if study.primary else known[0])
    if name not in known:
        raise ValueError(f"study {study.name} has no family {name!r}; it has {', '.join(known)}")
    chosen = study.family(name)
    its = list(dict.fromkeys(stratum.task for stratum in chosen.strata))
    if unknown := [task for task in tasks or [] if task not in its]:
        raise ValueError(f"family {name} has no task {unknown[0]!r}; it has {', '.join(its)}")
    if view == "study_scores":
        measured = chosen if metric is None else study.measured_by(chosen, metric, tasks)
        return views_study.study_scores(study.scores(measured), tasks, study.name)
    report = report or compare(study.scores(chosen))
    if view == "study_spread":
        return views_study.study_spread(report, tasks, study.name)
    return views_study.study_differences(report, tasks, study.name)


def _curves(study: Study) -> Plot:
    from analysis.study.curves import curves

    lines = curves([study.scores(family) for family in study.families])
    if not lines:
        raise ValueError(f"study {study.name} has no runs on parts of a training set yet")
    parts = [
        study.scores(family)
        for family in study.families
        if any(stratum.share != 1 for stratum in family.strata)
    ]
    unfinished = any(scores.done < scores.planned for scores in parts)
    return views_study.learning_curves(lines, study.name, unfinished)
