"""Recipes of answers to a data set: scores, confusion, calibration, agreement, behaviour."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import Data, Request
from analysis.figures.recipes.results import Member
from analysis.figures.views import evaluation

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.corpus.predictions import Predictions
    from analysis.evaluation.score_records import Evaluation


def answers(member: Member, data: Data, precision: str) -> Predictions:
    """The answers of a checkpoint to every row of a data set."""
    from analysis.corpus import runs

    with tempfile.TemporaryDirectory(prefix="poollens-answers-") as folder:
        return runs.run(runs.open_for_data(member.checkpoint, dtype=precision), data.table, folder)


def evaluated(member: Member, data: Data, precision: str) -> Evaluation:
    """The scores of these answers with their intervals."""
    from analysis.evaluation.scores import evaluate

    return evaluate(data.table, member.result(answers, data, precision))


def _members(request: Request) -> tuple[list[Member], Data, list[Checkpoint]]:
    """Every checkpoint once, seeds of groups one by one; the data set; and for the provenance."""
    request.table  # noqa: B018 (says that a data set is missing)
    assert request.data is not None
    each = [member for subject in request.subjects for member in subject.members]
    members = list({member.checkpoint.id: member for member in each}.values())
    return members, request.data, [member.checkpoint for member in members]


def _evaluations(
    request: Request, precision: str
) -> tuple[list[Evaluation], str, list[Checkpoint]]:
    members, data, owners = _members(request)
    if data.table.label is None:
        raise ValueError(f"{data.name or 'this data set'} has no labels: there is nothing to score")
    return [member.result(evaluated, data, precision) for member in members], data.name, owners


@recipe("data_set_scores", labelled=True)
def data_set_scores(request: Request, precision: str = "float32") -> Plot:
    """Scores on a data set with their intervals, a bar a checkpoint."""
    return evaluation.data_set_scores(*_evaluations(request, precision))


@recipe("confusion", labelled=True)
def confusion(request: Request, precision: str = "float32") -> Plot:
    """Confusion matrix of each checkpoint on a data set."""
    return evaluation.confusion(*_evaluations(request, precision))


@recipe("reliability", labelled=True)
def reliability(request: Request, precision: str = "float32") -> Plot:
    """Reliability diagram of each checkpoint: accuracy by probability."""
    return evaluation.reliability(*_evaluations(request, precision))


@recipe("predicted_values", labelled=True)
def predicted_values(request: Request, precision: str = "float32") -> Plot:
    """Of regressions: predictions against the labels of a data set.

    Raises
    ------
    ValueError
        The data set has no labels.
    """
    from analysis.corpus.predictions import common_rows

    members, data, owners = _members(request)
    if data.table.label is None:
        raise ValueError(f"{data.name or 'this data set'} has no labels: there is nothing to score")
    each = [member.result(answers, data, precision) for member in members]
    rows = common_rows(each)
    return evaluation.predicted_values(
        [member.checkpoint for member in each],
        data.table.label[rows],
        [member.at(rows).logits[:, 0] for member in each],
        data.name,
        owners,
    )


@recipe("agreement", labelled=True)
def agreement(request: Request, precision: str = "float32") -> Plot:
    """Share of equal answers to a data set, right or wrong, for each two checkpoints."""
    from analysis.evaluation.agreement import agreement as compute

    members, data, owners = _members(request)
    each = [member.result(answers, data, precision) for member in members]
    return evaluation.agreement(compute(data.table, each), data.name, owners)


@recipe("failure_rates", labelled=True)
def failure_rates(request: Request, precision: str = "float32") -> Plot:
    """Share of the behaviour suite that each checkpoint fails, by capability and kind of test.

    Raises
    ------
    ValueError
        The data set is not the behaviour suite.
    """
    from analysis import suite
    from analysis.suite.results import results

    members, data, owners = _members(request)
    if data.table.split != "suite":
        raise ValueError("failure rates are those of the behaviour suite: --data suite:TASK")
    cases = suite.sentences(data.table.task)
    each = [results(cases, member.result(answers, data, precision)) for member in members]
    return evaluation.failure_rates(each, owners)
