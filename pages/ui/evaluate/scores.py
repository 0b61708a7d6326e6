"""Scores of the checkpoints on a data set: metrics, confusion, calibration, agreement."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.csv_text import as_csv
from analysis.corpus.predictions import Predictions, common_rows
from analysis.evaluation.agreement import agreement, compare, compare_all, mcnemar_all
from analysis.evaluation.answers import align
from analysis.evaluation.several_labels import thresholds_in_words
from pages.ui.data.choose import DataChoice
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.evaluate import examples
from pages.ui.evaluate.run import EvaluationRun, picture_of
from pages.ui.kit import cards, show
from pages.ui.kit.titles import titled

if TYPE_CHECKING:
    from analysis.evaluation.score_records import Evaluation
    from analysis.statistics.paired import McNemar

MOST_COUPLES = 6  # sentences on two checkpoints each that are read without a click
ABOUT_SCORES = (
    "Scores of these checkpoints on this data set, with 95 % intervals over its examples. One "
    "checkpoint is one seed: the intervals say nothing of how another seed of the same pooling "
    "head would do. For that there is the study."
)
ABOUT_CONFUSION = (
    "Of the examples with a label (row), the share that got each prediction (column); in brackets "
    "the number of examples. The diagonal is right."
)
ABOUT_CALIBRATION = (
    "The examples in bins of the predicted class's probability: its mean against how often it is "
    "right. ECE is the mean distance of the two, weighted by the bins' sizes; it depends on the "
    "bins, which are stated, and is too large where there are few examples (Guo et al. 2017)."
)
ABOUT_AGREEMENT = (
    "Share of the examples on which two checkpoints predict the same class, right or wrong. "
    "Kappa takes away what two checkpoints with the same class frequencies would agree on by "
    "chance. It holds for these checkpoints, not for their pooling heads in general."
)
ABOUT_VALUES = (
    "The prediction of each example against its label, evenly thinned where there are many. A "
    "perfect checkpoint would lie on one line; a correlation alone does not say on which."
)


def draw(
    chosen: DataChoice,
    run: EvaluationRun,
    evaluations: Sequence[Evaluation],
    answers: Sequence[Predictions],
) -> None:
    """The sentences that the tests allow, and the scores with their intervals."""
    _draw_cut(answers, run)
    if not evaluations:
        with st.container(key="data-said"):
            st.text(f"{len(run.table):,} rows without labels: nothing to score.")
        return
    sentences = [evaluation.sentence() for evaluation in evaluations]
    plot = picture_of("data_set_scores", chosen, run, answers)
    show.panel(plot, "data_set_scores", ABOUT_SCORES, sentences=sentences, apart=True)
    if run.table.several:
        _draw_classes(evaluations)
    if run.table.regression:
        _draw_values(chosen, run, answers)


def _draw_cut(answers: Sequence[Predictions], run: EvaluationRun) -> None:
    """Rows that a checkpoint did not see as they are, which no score says."""
    changed = run.table.changed_in_words()
    if changed:
        st.caption(changed)
    for answer in answers:
        for line in align(run.table, [answer]).cut_in_words():
            st.caption(cards.plain(f"{line} The filter 'cut' below the scores lists them."))


def _draw_classes(evaluations: Sequence[Evaluation]) -> None:
    """Every class for itself, where a row may have several."""
    with st.expander("Scores by class"):
        for evaluation in evaluations:
            frame = evaluation.class_frame().pivot(index="class", columns="metric", values="value")
            order = [score.metric for score in evaluation.per_class[0]]
            st.markdown(f"**{cards.plain(evaluation.checkpoint)}**")
            st.dataframe(frame.loc[list(evaluation.classes), order].round(3))
            if evaluation.thresholds is not None:
                st.caption(
                    cards.plain(thresholds_in_words(evaluation.classes, evaluation.thresholds))
                )


def _draw_values(chosen: DataChoice, run: EvaluationRun, answers: Sequence[Predictions]) -> None:
    rows = common_rows(answers)
    if not len(rows) or run.table.label is None or run.table.label.ndim == 2:
        return
    plot = picture_of("predicted_values", chosen, run, answers)
    show.panel(plot, "predicted_values", ABOUT_VALUES, apart=True)


def draw_confusion(
    chosen: DataChoice,
    run: EvaluationRun,
    evaluations: Sequence[Evaluation],
    answers: Sequence[Predictions],
) -> None:
    """One matrix a checkpoint; a click on a cell lists its rows."""
    plot = picture_of("confusion", chosen, run, answers)
    where = show.panel(
        plot,
        "confusion",
        ABOUT_CONFUSION,
        apart=True,
        pick=True,
        sentences=[_worst(evaluation) for evaluation in evaluations],
    )
    if where is not None:
        clicked = evaluations[where[0]]
        st.session_state["confusion_cell"] = (
            clicked.checkpoint,
            clicked.classes[where[1]],
            clicked.classes[where[2]],
        )
    cell = st.session_state.get("confusion_cell")
    known = {
        (evaluation.checkpoint, name) for evaluation in evaluations for name in evaluation.classes
    }
    if cell is None or (cell[0], cell[1]) not in known or (cell[0], cell[2]) not in known:
        st.caption("A click on a cell lists its rows.")
        return
    examples.draw_cell(chosen, run, answers, *cell)


def _worst(evaluation: Evaluation) -> str:
    """The most frequent mistake, in words."""
    mistake = evaluation.worst()
    if mistake is None:
        return f"{evaluation.checkpoint}: no mistake."
    label, answer, count, total = mistake
    rows = f"{count:,} of {total:,}"
    return f"{evaluation.checkpoint}: most often {label} is taken for {answer} ({rows})."


def draw_calibration(
    chosen: DataChoice,
    run: EvaluationRun,
    evaluations: Sequence[Evaluation],
    answers: Sequence[Predictions],
) -> None:
    """One reliability diagram a checkpoint; the bins are stated."""
    plot = picture_of("reliability", chosen, run, answers)
    show.panel(
        plot,
        "reliability",
        ABOUT_CALIBRATION,
        apart=True,
        sentences=[
            f"{evaluation.checkpoint}: {evaluation.calibration.sentence()}"
            for evaluation in evaluations
            if evaluation.calibration is not None
        ],
    )


def draw_agreement(chosen: DataChoice, run: EvaluationRun, answers: Sequence[Predictions]) -> None:
    """Agreement of the checkpoints, and for each two the result of their tests."""
    try:
        measured = agreement(run.table, answers)
    except ValueError as error:
        st.info(cards.plain(str(error)))
        return
    plot = picture_of("agreement", chosen, run, answers)
    where = show.panel(
        plot, "agreement", ABOUT_AGREEMENT, pick=True, sentences=[measured.sentence()]
    )
    couples = list(combinations(range(len(answers)), 2))
    if where is not None and where[0] != where[1]:
        st.session_state["agreement_couple"] = tuple(sorted(measured.names[i] for i in where))
    couple = st.session_state.get("agreement_couple")
    couples.sort(key=lambda two: tuple(sorted(measured.names[i] for i in two)) != couple)
    if run.table.label is not None:
        _draw_couples(run, answers, couples)


_ABOUT_COUPLES = (
    "McNemar's exact test on the examples that one of the two alone has right, corrected by Holm "
    "over all pairs, shown or not; and paired bootstrap intervals for the other metrics, which "
    "hold for all pairs together (Bonferroni). They decide between two checkpoints, one seed "
    "each, not between pooling heads."
)


def _draw_couples(
    run: EvaluationRun, answers: Sequence[Predictions], couples: Sequence[tuple[int, int]]
) -> None:
    """Results of the tests for each two; the number of shown pairs changes none of them."""
    state = tuple((answer.checkpoint, len(answer)) for answer in answers)
    tests = _tests(run.judged, state, _run=run, _answers=answers)
    shown = couples[:MOST_COUPLES]
    with st.container(border=True, key="couples"):
        with titled("Each pair of checkpoints on the same examples", _ABOUT_COUPLES, "couples"):
            st.download_button(
                "CSV",
                data=lambda: as_csv(compare_all(run.table, answers)),
                on_click="ignore",
                mime="text/csv",
                file_name="pairs.csv",
                key="couples-csv",
                icon=":material/download:",
                type="tertiary",
            )
        for first, second in shown:
            names = (answers[first].checkpoint, answers[second].checkpoint)
            for line in _sentences(
                run.judged,
                *names,
                state,
                _run=run,
                _first=answers[first],
                _second=answers[second],
                _test=tests[names],
            ):
                st.text(line)
        if len(shown) < len(couples):
            st.caption(
                f"{len(shown)} of {len(couples)} pairs; a click on a cell brings its "
                "pair to the top."
            )


@kept_up_to(16, most=16)
def _tests(
    judged: str, state: object, _run: EvaluationRun, _answers: Sequence[Predictions]
) -> dict[tuple[str, str], McNemar]:
    return mcnemar_all(_run.table, _answers)


@kept_up_to(8, most=128, spinner="Comparing two checkpoints")
def _sentences(
    judged: str,
    name: str,
    against: str,
    state: object,
    _run: EvaluationRun,
    _first: Predictions,
    _second: Predictions,
    _test: McNemar,
) -> tuple[str, ...]:
    return compare(_run.table, _first, _second, exact=_test).sentences()
