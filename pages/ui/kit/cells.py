"""Clicks on the cells of a heat map, as plotly itself reports them.

A selection never fires on a heat map, and thousands of invisible markers over its cells would be
as many kilobytes for each key press (and lose to the cells, which are hovered first).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.ui.kit.keys import component_key

_listen = st.components.v2.component(
    "poollens_cells",
    html="<i></i>",
    js=(Path(__file__).parent / "cells.js").read_text(encoding="utf-8"),
)


def listen(key: str, on_cell: Callable[[int, int, int], None]) -> None:
    """Call `on_cell(map, row, column)` for clicks on the heat maps of this container."""
    key = component_key(key)

    def clicked() -> None:
        place = st.session_state[key].get("cell")
        if place is not None:
            which, row, column = (int(number) for number in place)
            on_cell(which, row, column)

    _listen(key=key, data={}, height="content", on_cell_change=clicked)
