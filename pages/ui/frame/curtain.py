"""Nothing jumps while a page opens: its style comes first, and it is shown when it stands.

Streamlit's client fetches each kind of element when it meets the first of it, the style among
them, and draws what it has. So a new session is sent the style alone, and the page when the browser
has it; and the page stays behind a quiet skeleton until its first run has ended, nothing is being
fetched any more and every box keeps its place. What stands above `raise_early` is shown before;
`lift` says that the rest of the run moves nothing.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
STYLE = (_HERE / "frame.css").read_text("utf-8") + (_HERE / "curtain.css").read_text("utf-8")
_STYLED = "styled"
_component = st.components.v2.component(
    "poollens_styled",
    html="<i></i>",
    js=(_HERE / "styled.js").read_text("utf-8"),
)


def style() -> None:
    """The style of all pages; ends the first run of a session until the browser has it."""
    st.html(f"<style>{STYLE}</style>")
    # Without a browser (in tests of a page) nobody would answer.
    if st.session_state.get(_STYLED) or not st.context.headers:
        return
    _component(key=f"{_STYLED}-wait", data={}, on_there_change=_note)
    st.stop()


def _note() -> None:
    st.session_state[_STYLED] = True


def raise_early(now: bool) -> None:
    """Where `now`: show what of the page stands above this place, before long work it tells of.

    There is one element here in every run: what follows keeps its place from run to run.
    """
    _mark("curtain-up", now)


def lift() -> None:
    """The page stands, whatever is still to be put into places that are held for it."""
    _mark("curtain-off", True)


def _mark(key: str, now: bool) -> None:
    place = st.empty()
    if now:
        with place.container(key=key):
            st.divider()  # an empty container is not drawn, and this one is hidden
