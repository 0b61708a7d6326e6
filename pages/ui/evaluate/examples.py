"""The table of examples: filtered, sorted, page by page; a click opens a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from analysis.corpus.predictions import Predictions
from analysis.evaluation.examples import CONFIDENT, SHOWS, Examples, Show, examples
from pages.ui.data.choose import DataChoice
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.evaluate import place as evaluate_place
from pages.ui.evaluate.rows import WRONG, table
from pages.ui.evaluate.run import EvaluationRun
from pages.ui.frame import address
from pages.ui.kit import cards

if TYPE_CHECKING:
    import pandas as pd

PAGE = 15  # rows that are in sight at once
ANY = "any"
ORDERS = {
    "default for these rows": None,
    "smallest margin first": False,
    "largest margin first": True,
}
ABOUT = (
    "Rows that all the checkpoints have answered. The probability margin is the probability of the "
    "predicted class minus that of the runner-up, here its mean over the checkpoints (of the "
    "wrong ones where confident mistakes are shown): small where they hesitate. ✗ marks an answer "
    "that is not the label."
)


def draw(chosen: DataChoice, run: EvaluationRun, answers: Sequence[Predictions]) -> None:
    """Filters above, one page of rows, downloads below."""
    with st.container(border=True, key="panel-examples"):
        st.markdown("**Examples**", help=ABOUT)
        try:
            filtered = _filtered(run, answers)
        except ValueError as error:
            st.info(cards.plain(str(error)))
            return
        total = len(filtered.answers.rows)
        if not len(filtered):
            st.caption(f"None of the {total:,} rows that all have answered.")
            return
        pages = -(-len(filtered) // PAGE)
        if int(st.session_state.get("examples_page") or 1) > pages:
            st.session_state["examples_page"] = 1
        status, place, below = st.empty(), st.container(), st.container(key="examples-pages")
        with below:
            page = st.pagination(pages, **address.kept("examples_page")) if pages > 1 else 1
        start = PAGE * (page - 1)
        rows = [int(row) for row in filtered.rows[start : start + PAGE]]
        status.caption(
            f"{len(filtered):,} of {total:,} rows that all have answered; here {start + 1:,} to "
            f"{start + len(rows):,}. A click on a row opens it on "
            f"{evaluate_place.opens(run.table)}."
        )
        with place:
            _table(_readable(chosen, filtered, start), filtered, "examples-table", rows)
        with below:
            _downloads(filtered)


def draw_cell(
    chosen: DataChoice,
    run: EvaluationRun,
    answers: Sequence[Predictions],
    name: str,
    label: str,
    predicted: str,
) -> None:
    """The rows of one cell of a confusion matrix, the surest first."""
    answers_of_checkpoint = [answer for answer in answers if answer.checkpoint == name]
    chosen_rows = examples(
        run.table,
        answers_of_checkpoint,
        "all",
        label=label,
        predicted=(name, predicted),
        descending=True,
    )
    with st.container(border=True, key="panel-cell"):
        st.markdown(
            f"**{cards.plain(name)}: {cards.plain(label)} taken for {cards.plain(predicted)}**"
            if label != predicted
            else f"**{cards.plain(name)}: {cards.plain(label)}, right**"
        )
        rows = [int(row) for row in chosen_rows.rows[:PAGE]]
        more = f"; the first {PAGE} are listed" if len(chosen_rows) > PAGE else ""
        st.caption(
            f"{len(chosen_rows):,} rows, the largest probability margin first{more}. A click on a "
            f"row opens it on {evaluate_place.opens(run.table)}."
        )
        if rows:
            _table(_readable(chosen, chosen_rows, 0), chosen_rows, "cell-table", rows)


def _filtered(run: EvaluationRun, answers: Sequence[Predictions]) -> Examples:
    labelled = run.table.label is not None and not run.table.regression
    cut = any((answer.cut > 0).any() for answer in answers)
    shows = [show for show in SHOWS if (labelled or "wrong" not in show) and (cut or show != "cut")]
    if len(answers) < 2:
        shows = [show for show in shows if show not in ("they disagree", "any wrong")]
    if st.session_state.get("examples_show") not in (None, *shows):
        del st.session_state["examples_show"]
    with st.container(key="examples-controls"):
        show = st.segmented_control(
            "Rows",
            shows,
            default=shows[0],
            required=True,
            **address.kept("examples_show"),
            help="Confidently wrong: some checkpoint is wrong with a probability margin of "
            f"{CONFIDENT:g} or more. Cut: longer than some checkpoint can read.",
        )
        label = ANY
        if labelled:
            options = [ANY, *run.table.labels]
            if st.session_state.get("examples_label") not in (None, *options):
                del st.session_state["examples_label"]
            label = st.selectbox("Label", options, width=150, **address.kept("examples_label"))
        order = st.selectbox("Order", list(ORDERS), width=210, **address.kept("examples_sort"))
        typed = st.text_input("Text contains", width=180, **address.kept("examples_text"))
        evaluate_place.ask(run.table)
    state = tuple((answer.checkpoint, len(answer)) for answer in answers)
    return _examples(
        run.judged, state, show, label, str(order), typed or "", _run=run, _answers=answers
    )


@kept_up_to(64, most=16)
def _examples(
    key: str,
    state: object,
    show: Show,
    label: str,
    order: str,
    typed: str,
    _run: EvaluationRun,
    _answers: Sequence[Predictions],
) -> Examples:
    return examples(
        _run.table,
        _answers,
        show,
        label=None if label == ANY else label,
        containing=typed,
        descending=ORDERS[order],
    )


def _readable(chosen: DataChoice, listed_rows: Examples, start: int) -> pd.DataFrame:
    """One page for reading: the answer and its probability in one cell, wrong ones marked."""
    frame = listed_rows.frame(start, start + PAGE)
    labels = frame.get("label")
    shown = frame[
        [c for c in ("text", "pair", "label", "probability margin", "difference") if c in frame]
    ]
    shown = shown.copy()
    several = [f"label, {name}" for name in listed_rows.answers.classes]
    if listed_rows.answers.regression and several[:1] and several[0] in frame:
        shown.insert(1, "label", _numbers(frame, several))
    shown.insert(0, "row", [chosen.row_name(int(row)) for row in frame["row"]])
    for name in listed_rows.answers.names:
        if listed_rows.answers.regression:
            shown[name] = _numbers(
                frame, [name, *(f"{name}: {n}" for n in listed_rows.answers.classes)]
            )
            continue
        right = [True] * len(frame) if labels is None else (frame[name] == labels).tolist()
        shown[name] = [
            f"{'' if fine else WRONG}{answer} {p:.2f}"
            for answer, p, fine in zip(frame[name], frame[f"{name}: p"], right, strict=True)
        ]
    return shown


def _numbers(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The numbers of these columns, those that there are, side by side in each row."""
    held = frame[[column for column in columns if column in frame]]
    return [", ".join(f"{number:.2f}" for number in row) for row in held.itertuples(index=False)]


def _table(frame: pd.DataFrame, shown: Examples, key: str, rows: Sequence[int]) -> None:
    """Every row with its whole text, each prediction on the colour of its class."""
    names = [str(name) for name in frame.columns]
    predictions = [name for name in shown.answers.names if name in names]
    labels = [] if shown.answers.regression else list(shown.answers.answers)
    lines = [
        {name: _written(value) for name, value in zip(names, line, strict=True)}
        for line in frame.itertuples(index=False)
    ]
    opened = evaluate_place.opened(rows)
    markup = table(names, lines, predictions, labels, opened)
    cards.piece(markup, key, lambda place: evaluate_place.follow_later(rows[place]))


def _written(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _downloads(shown: Examples) -> None:
    with st.container(horizontal=True, key="examples-downloads"):
        for name, make, kind in (
            ("CSV", shown.csv, "text/csv"),
            ("Parquet", shown.parquet, "application/vnd.apache.parquet"),
        ):
            st.download_button(
                f"{name}, {len(shown):,} rows",
                data=make,
                on_click="ignore",
                mime=kind,
                file_name=f"examples.{name.lower()}",
                key=f"examples-{name.lower()}",
                icon=":material/download:",
                type="tertiary",
            )
