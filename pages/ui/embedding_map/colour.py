"""By what the points are coloured."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.corpus.predictions import Predictions
from analysis.maps.colours import Colour, colours
from analysis.maps.quality import Quality
from pages.ui.data.choose import DataChoice
from pages.ui.embedding_map import groups
from pages.ui.embedding_map.engine import Pass
from pages.ui.frame import address


def ask(
    chosen: DataChoice,
    data_pass: Pass,
    answers: Sequence[Predictions],
    qualities: Sequence[Quality | None],
) -> tuple[str, Colour]:
    """Draw the choice; return its name, and what it says of each row of the sample."""
    offered = colours(data_pass.table, groups.columns(chosen, data_pass), answers, qualities)
    if st.session_state.get("colour_by") not in (None, *offered):
        st.session_state.pop("colour_by")
    name = str(st.selectbox("Colour", list(offered), **address.kept("colour_by")))
    return name, offered[name]()
