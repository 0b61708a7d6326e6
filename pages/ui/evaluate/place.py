"""Leaving with a row of a table for Compare or Similarity; Back returns to the same place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.datasets.table import Table
from pages.ui.frame import address
from pages.ui.frame.sentence_fields import compare

if TYPE_CHECKING:
    import pandas as pd

_CLICKED, _OPENED = "evaluate_clicked", "evaluate_opened"
_OPENS = "evaluate_opens"
PLACES = {"Compare": "app.py", "Similarity": "pages/5_Similarity.py"}


def ask(table: Table) -> None:
    """Where a click on a row leads, for a data set of pairs."""
    if table.pair is not None:
        st.segmented_control(
            "A click opens",
            list(PLACES),
            default="Compare",
            required=True,
            **address.kept(_OPENS),
            help="Compare: what the checkpoints answer. Similarity: why the two texts are similar.",
        )


def opens(table: Table) -> str:
    """The name of the page that a click on a row leads to."""
    chosen = st.session_state.get(_OPENS)
    return chosen if chosen in PLACES and table.pair is not None else "Compare"


def clickable(
    frame: pd.DataFrame, key: str, rows: Sequence[int], styled: Any = None, **options: Any
) -> None:
    """A table of which a click on any cell opens the row on another page.

    ``rows`` are the data set's rows that the table's stand for, ``styled`` is the same in colours.
    The one that was opened last stays marked.
    """

    def took() -> None:
        cells = st.session_state[key]["selection"]["cells"]
        if cells:
            follow_later(rows[int(cells[0][0])])

    marked: Any = None
    if (place := opened(rows)) is not None:
        marked = {"selection": {"cells": [(place, str(frame.columns[0]))]}}
    st.dataframe(
        frame if styled is None else styled,
        key=key,
        hide_index=True,
        on_select=took,
        selection_mode="single-cell",
        selection_default=marked,
        **options,
    )


def opened(rows: Sequence[int]) -> int | None:
    """Where among these rows the one stands that was opened last; None if it is not there."""
    row = st.session_state.get(_OPENED)
    return None if row is None or row not in rows else list(rows).index(row)


def follow_later(row: int) -> None:
    """Take a click on a row of the data set: :func:`follow` goes there at the next run."""
    st.session_state[_CLICKED] = row


def follow(table: Table) -> None:
    """Go where a click of the last run leads, before anything slow is drawn."""
    row = st.session_state.pop(_CLICKED, None)
    if row is not None and 0 <= row < len(table):
        st.session_state[_OPENED] = row
        pair = None if table.pair is None else table.pair[row]
        compare(table.text[row], pair, PLACES[opens(table)])
