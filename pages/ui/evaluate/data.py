"""The Data set tab: choose, run, and see how the checkpoints did and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.phrases import owned
from analysis.corpus import predictions
from analysis.corpus.predictions import Predictions
from analysis.evaluation.answers import comparable
from pages.ui.data import choose
from pages.ui.data.choose import DataChoice
from pages.ui.engine import jobs, models
from pages.ui.engine.results_folder import folder
from pages.ui.evaluate import examples, place, scores, suite
from pages.ui.evaluate import run as evaluate_run
from pages.ui.evaluate.run import EvaluationRun
from pages.ui.frame import address, inputs, sidebar
from pages.ui.frame.catalogue import catalogue
from pages.ui.kit import cards

if TYPE_CHECKING:
    from analysis.evaluation.score_records import Evaluation

EXAMPLES, CONFUSION, CALIBRATION, AGREEMENT, BEHAVIOUR = (
    "examples",
    "confusion",
    "calibration",
    "agreement",
    "behaviour",
)


def draw() -> None:
    """Checkpoints and data set above, the run, then what came of it."""
    checkpoints = catalogue()
    entries = inputs.ask_checkpoints(checkpoints)
    if not entries:
        st.info("Choose at least one checkpoint above.")
        return
    chosen = choose.choose(entries)
    models.wait_until_warm()
    if chosen.table is not None:
        place.follow(chosen.table)
        _draw(chosen, evaluate_run.plan(entries, chosen.table))
    sidebar.draw_sidebar(checkpoints, entries, lazy=True)


def _draw(chosen: DataChoice, run: EvaluationRun) -> None:
    for _, reason in run.refused:
        st.warning(cards.plain(reason), icon=":material/block:")
    if not run.members:
        return
    answers = evaluate_run.done(run)
    complete = all(answer.complete for answer in answers)
    with st.container(key="run"):
        forwards = len(run.table) * len(run.members)
        job = jobs.draw(
            run.key,
            evaluate_run.work(run),
            label=_label(run),
            about=f"{forwards:,} forwards in {run.precision}; it can be stopped, and keeps what "
            "is done.",
            finished=complete,
            begun=any(len(answer) for answer in answers),
        )
        for name, problem in job.results if job is not None else ():
            st.error(cards.plain(owned(name, problem)))
        if not complete and any(len(answer) for answer in answers):
            st.caption(_partly(answers, running=job is not None and job.running))
    results = st.container(key="results")
    with results:
        if any(len(answer) for answer in answers):
            _results(chosen, run, [answer for answer in answers if len(answer)])
    _kept()


def _label(run: EvaluationRun) -> str:
    many = f"{len(run.members)} checkpoints" if len(run.members) > 1 else run.members[0].name
    return f"Run {len(run.table):,} rows through {cards.plain(many)}"


def _partly(answers: Sequence[Predictions], running: bool) -> str:
    counts = ", ".join(f"{cards.plain(answer.checkpoint)} {len(answer):,}" for answer in answers)
    start = "Results when the page was last drawn:" if running else "Results so far:"
    tail = (
        "; they were taken in a random order"
        if any(not answer.complete for answer in answers)
        else ""
    )
    return f"{start} {counts} of {answers[0].total:,} rows{tail}."


def _kept() -> None:
    """Size of what is kept on disk, and a button that clears it."""
    root = folder()
    size = predictions.size(root)
    if not size:
        return
    with st.popover(f"Kept answers: {_bytes(size)}", type="tertiary"):
        st.caption(
            "Answers to data sets are kept on this machine, by the digests of checkpoint "
            "and data: nothing is computed twice. Texts are not among them."
        )
        st.button("Clear all of them", on_click=_clear, args=(root,), key="clear-kept")


def _clear(root: Path) -> None:
    predictions.clear(root)


def _bytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MB" if size >= 2**20 else f"{size / 2**10:,.0f} kB"


def _results(chosen: DataChoice, run: EvaluationRun, every: Sequence[Predictions]) -> None:
    answers, left_out = comparable(every)
    if left_out:
        st.caption(cards.plain(left_out))
    evaluations: list[Evaluation] = []
    if run.table.label is not None:
        with st.spinner("Scores and their intervals"):
            evaluations = evaluate_run.scored(run, answers)
    scores.draw(chosen, run, evaluations, answers)
    looks = [EXAMPLES]
    if evaluations and all(evaluation.confusion is not None for evaluation in evaluations):
        looks.append(CONFUSION)
    if evaluations and all(evaluation.calibration is not None for evaluation in evaluations):
        looks.append(CALIBRATION)
    if len(answers) > 1:
        looks.append(AGREEMENT)
    if chosen.cases:
        looks.insert(0, BEHAVIOUR)
    if st.session_state.get("look") not in (None, *looks):
        del st.session_state["look"]
    look = st.segmented_control(
        "Look at",
        looks,
        default=looks[0],
        required=True,
        **address.kept("look"),
        label_visibility="collapsed",
    )
    if look == BEHAVIOUR:
        suite.draw(chosen, run, answers)
    elif look == CONFUSION:
        scores.draw_confusion(chosen, run, evaluations, answers)
    elif look == CALIBRATION:
        scores.draw_calibration(chosen, run, evaluations, answers)
    elif look == AGREEMENT:
        scores.draw_agreement(chosen, run, answers)
    else:
        examples.draw(chosen, run, answers)
