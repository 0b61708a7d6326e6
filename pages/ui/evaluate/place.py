"""Leaving for Compare with a row of a table; the browser's Back returns to the same place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.datasets.table import Table
from pages.ui.frame.inputs import compare

_CLICKED, _OPENED = "evaluate_clicked", "evaluate_opened"


def clickable(frame: Any, key: str, rows: Sequence[int], **options: Any) -> None:
    """A table of which a click on any cell opens the row on Compare.

    ``rows`` are the data set's rows that the table's stand for. The one that was opened last
    stays marked.
    """

    def took() -> None:
        cells = st.session_state[key]["selection"]["cells"]
        if cells:
            st.session_state[_CLICKED] = rows[int(cells[0][0])]

    opened = st.session_state.get(_OPENED)
    marked: Any = None
    if opened is not None and opened in rows:
        cell = (list(rows).index(opened), str(frame.columns[0]))
        marked = {"selection": {"cells": [cell]}}
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=took,
        selection_mode="single-cell",
        selection_default=marked,
        **options,
    )


def follow(table: Table) -> None:
    """Go where a click of the last run leads, before anything slow is drawn."""
    row = st.session_state.pop(_CLICKED, None)
    if row is not None and 0 <= row < len(table):
        _open_on_compare(table, row)


def _open_on_compare(table: Table, row: int) -> None:
    st.session_state[_OPENED] = row
    text, pair = table.text[row], None if table.pair is None else table.pair[row]
    compare(text, pair)
