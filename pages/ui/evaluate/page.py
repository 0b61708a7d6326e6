"""The Evaluate page below its title: two tabs, of which one is drawn."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui.evaluate import data, study
from pages.ui.frame import address, sidebar

STUDY, DATA = "Study", "Data set"
_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def draw() -> None:
    """The tab that was chosen; only a data set needs the models."""
    st.html(f"<style>{_STYLE}</style>")
    sidebar.draw_precision()
    tab = st.segmented_control(
        "Show",
        (STUDY, DATA),
        default=STUDY,
        required=True,
        **address.kept("evaluate"),
        label_visibility="collapsed",
    )
    if tab == DATA:
        data.draw()
    else:
        study.draw()
