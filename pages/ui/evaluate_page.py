"""The Evaluate page below its title: two tabs, of which one is drawn."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import evaluate_data, evaluate_place, evaluate_study, sidebar
from pages.ui.inputs import KEPT

STUDY, DATA = "Study", "Data set"
_STYLE = Path(__file__).with_name("evaluate.css").read_text(encoding="utf-8")


def draw() -> None:
    """The tab that was chosen; only a data set needs the models."""
    st.html(f"<style>{_STYLE}</style>")
    evaluate_place.restore()
    sidebar.draw_precision()
    tab = st.segmented_control(
        "Show",
        (STUDY, DATA),
        default=STUDY,
        required=True,
        key="evaluate",
        **KEPT,
        label_visibility="collapsed",
    )
    if tab == DATA:
        evaluate_data.draw()
    else:
        evaluate_study.draw()
