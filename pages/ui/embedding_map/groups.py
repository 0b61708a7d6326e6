"""Groups of rows that neighbours and probes keep apart, such as those of one template."""

from __future__ import annotations

import streamlit as st

from analysis.figures.recipes.request import columns_at
from analysis.maps.row_groups import RowGroups, row_groups
from pages.ui.data.choose import DataChoice, data_of
from pages.ui.embedding_map.engine import Pass
from pages.ui.frame import address

_NONE = "nothing"


def ask(chosen: DataChoice, data_pass: Pass) -> RowGroups:
    """Draw the choice where the rows have columns to choose from."""
    offered = columns(chosen, data_pass)
    if not offered:
        return RowGroups()
    names = [_NONE, *offered]
    if st.session_state.get("kept_apart") not in (None, *names):
        st.session_state.pop("kept_apart")
    default = names.index("template") if "template" in offered else 0
    name = st.selectbox(
        "Group rows by",
        names,
        index=default,
        **address.kept("kept_apart"),
        help="Neighbours of one group do not vote on each other, and share a fold of the probe: "
        "sentences of one template would otherwise tell their template, not their meaning.",
    )
    return row_groups(offered, None if name == _NONE else name)


def columns(chosen: DataChoice, data_pass: Pass) -> dict[str, list[str]]:
    """The sample's columns of words, by name."""
    return columns_at(data_of(chosen).columns, data_pass.rows)
