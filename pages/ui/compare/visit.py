"""A first visit: three steps over the real page, dismissed for good by one click."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "poollens_visit",
    html="<i></i>",
    js=(_HERE / "visit.js").read_text("utf-8"),
)


def draw() -> None:
    """Nothing of the page itself: the browser knows whether somebody was here before."""
    with st.container(key="visit"):
        _component(key="visit-steps", data={"style": (_HERE / "visit.css").read_text("utf-8")})
