"""A data set through the chosen checkpoints: who can take it, the job, and what is on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.jobs import Stopped
from analysis.corpus import predictions
from analysis.corpus.predictions import Predictions
from analysis.datasets.table import Table
from analysis.figures.plot import Plot
from analysis.figures.recipes import evaluation as recipes
from analysis.figures.recipes.request import Data, Subject
from analysis.figures.recipes.results import Member
from pages.ui.data.choose import DataChoice
from pages.ui.engine import models
from pages.ui.engine.results import PageStore
from pages.ui.engine.results_folder import folder
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame.catalogue import Entry

if TYPE_CHECKING:
    from analysis.common.jobs import Desk
    from analysis.evaluation.score_records import Evaluation


T = TypeVar("T")


@dataclass(frozen=True)
class EvaluationRun:
    """Checkpoints that take the data set, in the order of the choice, and why others do not."""

    members: tuple[Checkpoint, ...]
    refused: tuple[tuple[str, str], ...]  # id, reason
    table: Table
    precision: str

    @property
    def key(self) -> str:
        """The job's name: the same checkpoints on the same rows at one precision."""
        named = "".join(member.sha256 for member in self.members)
        return f"evaluate-{sha256(named.encode()).hexdigest()[:16]}-{self.table.digest[:16]}" + (
            f"-{self.precision}"
        )

    @property
    def judged(self) -> str:
        """The key of what is said of the answers: that, and the labels they are held against."""
        return f"{self.key}-{self.table.label_digest[:16]}"


def plan(entries: Sequence[Entry], table: Table) -> EvaluationRun:
    """Every member of the chosen entries that can answer to this data set."""
    from analysis.datasets.refusals import refusal

    members = {member.id: member for entry in entries for member in entry.members}.values()
    reasons = [(member, refusal(member, table)) for member in members]
    return EvaluationRun(
        tuple(member for member, reason in reasons if reason is None),
        tuple((member.id, reason) for member, reason in reasons if reason is not None),
        table,
        models.precision(),
    )


def work(run: EvaluationRun) -> Callable[[Desk], None]:
    """The job: one checkpoint after the other; one that fails leaves the others their turn."""
    root, each, total = folder(), len(run.table), len(run.table) * len(run.members)

    def go(desk: Desk) -> None:
        from analysis.corpus import runs

        places = [
            predictions.place_of(root, member, run.table, run.precision) for member in run.members
        ]
        predictions.prune(root, keep=places)
        for index, member in enumerate(run.members):
            desk.check()
            desk.report(index * each, total, f"loading {member.name}", index / len(run.members))

            def tell(done: int, rows: int, what: str, share: float, index: int = index) -> None:
                desk.report(
                    index * each + done,
                    total,
                    run.members[index].name,
                    (index + share) / len(run.members),
                )

            try:
                classifier = runs.open_for_data(member, dtype=run.precision)
                runs.run(classifier, run.table, root, progress=tell, cancel=desk.cancel)
            except Stopped:
                raise
            except ValueError as error:
                desk.keep((member.id, str(error)))
            except Exception as error:  # a damaged file, a full disk, too little memory
                logging.getLogger(__name__).exception("%s failed on a data set", member.id)
                desk.keep(
                    (
                        member.id,
                        f"it stopped ({type(error).__name__}: {error}). What is done "
                        "is kept; run again to go on.",
                    )
                )

    return go


def done(run: EvaluationRun) -> tuple[Predictions, ...]:
    """Answers of every checkpoint that are on disk."""
    return tuple(_done(member, run) for member in run.members)


def _done(member: Checkpoint, run: EvaluationRun) -> Predictions:
    place = predictions.place_of(folder(), member, run.table, run.precision)
    parts = tuple(sorted(path.name for path in (place / predictions.PREDICTION).glob("part-*")))
    return _read(str(place), member.id, parts, _member=member, _run=run)


@kept_up_to(256, most=64)
def _read(
    place: str, id: str, parts: tuple[str, ...], _member: Checkpoint, _run: EvaluationRun
) -> Predictions:
    return predictions.read(folder(), _member, _run.table, _run.precision)


def scored(run: EvaluationRun, answers: Sequence[Predictions]) -> list[Evaluation]:
    """The evaluation of every checkpoint that has answers."""
    return [
        _scored(
            answer.sha256,
            answer.checkpoint,
            run.judged,
            len(answer),
            _table=run.table,
            _answers=answer,
        )
        for answer in answers
        if len(answer)
    ]


@kept_up_to(128, most=64)
def _scored(
    sha256: str, id: str, judged: str, rows: int, _table: Table, _answers: Predictions
) -> Evaluation:
    from analysis.evaluation.scores import evaluate

    return evaluate(_table, _answers)


class _Answered(PageStore):
    """Answers come from what is on disk, and their evaluations from what is kept of them."""

    def __init__(self, run: EvaluationRun, answers: Sequence[Predictions]) -> None:
        self._run = run
        self._answers = {(answer.checkpoint, answer.sha256): answer for answer in answers}

    def result(self, member: Member, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """``compute(member, *arguments)``, from the answers that there are."""
        held = self._answers[member.checkpoint.id, member.checkpoint.sha256]
        if compute is recipes.answers:
            return held  # type: ignore[return-value]
        if compute is recipes.evaluated:
            return scored(self._run, [held])[0]  # type: ignore[return-value]
        return super().result(member, compute, arguments)


def picture_of(
    view: str, chosen: DataChoice, run: EvaluationRun, answers: Sequence[Predictions]
) -> Plot:
    """A picture of these answers, by its recipe; of a run that is not done it has none."""
    from analysis.figures.recipes.registry import make

    assert chosen.table is not None
    store = _Answered(run, answers)
    names = {answer.checkpoint for answer in answers}
    subjects = [
        Subject(member.id, (Member(member, "", None, store),))
        for member in run.members
        if member.id in names
    ]
    data = Data(chosen.table, chosen.name)
    plot = make(view, subjects, "", params={"precision": run.precision}, data=data)
    complete = len(answers) == len(run.members) and all(answer.complete for answer in answers)
    return plot if complete else replace(plot, recipe={})
