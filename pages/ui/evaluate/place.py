"""Leaving for Compare with a row, and coming back to the same place by whichever way.

The browser's Back goes to an address without parameters, which would put every widget on its
default; so what was chosen is kept beside them, and put back before they are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.datasets.table import Table

_LEFT, _CLICKED, _OPENED = "evaluate_left", "evaluate_clicked", "evaluate_opened"
LONGEST = 2000  # characters that stand in an address; longer texts go to the large field
# Everything chosen on the tab; the frame's own are as they were left on the other page.
_KEYS = (
    "evaluate",
    "source",
    "suite_task",
    "glue_task",
    "folder",
    "split",
    "own_sentences",
    "look",
    "hub_kind",
    "hub_repo",
    "hub_config",
    "hub_split",
    "examples_show",
    "examples_sort",
    "examples_page",
    "examples_label",
    "examples_text",
    "capability",
    "capability_checkpoint",
)
_FRAME = ("checkpoints", "precision")


def restore() -> None:
    """Called before any widget of the page: once after a return everything is as it was."""
    left = st.session_state.pop(_LEFT, None)
    if left is None:
        return
    for key in _FRAME:
        if key in st.session_state:
            left[key] = st.session_state[key]
    for key, value in left.items():
        st.session_state[key] = value
    st.rerun()  # the address of this run is still the one without parameters


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
    st.session_state[_LEFT] = {
        key: st.session_state[key] for key in _KEYS if key in st.session_state
    }
    text, pair = table.text[row], None if table.pair is None else table.pair[row]
    st.session_state["document"] = text
    st.session_state["pair"] = " ".join((pair or "").split())
    if "\n" in text or len(text) > LONGEST:
        st.session_state["text"] = " ".join(text.split())
        st.session_state["long"] = True
        # An empty dict passes where the bound widgets' parameters would be refused.
        st.switch_page("app.py", query_params={})
    # Given in the address, the text stands in that of the other page, and survives a reload.
    told = {"text": " ".join(text.split()), "pair": st.session_state["pair"]}
    st.session_state["long"] = False
    st.switch_page("app.py", query_params={key: value for key, value in told.items() if value})
