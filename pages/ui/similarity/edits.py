"""Words struck out of the two sentences, and words put in their place."""

from __future__ import annotations

import streamlit as st

from analysis.similarities.pair_edits import Put, Span
from pages.ui.frame.inputs import Choice
from pages.ui.kit import cards

_STRUCK = "struck"  # in the session: the texts, and the places struck out of them


def ask(choice: Choice) -> tuple[tuple[Span, ...], tuple[Put, ...]]:
    """A field for each word struck out, and what is left out and put in by it."""
    struck: list[Span] = []
    put: list[Put] = []
    places = _struck(choice)
    with st.container(key="similarity-edits", horizontal=True, vertical_alignment="bottom"):
        for side, start, end in places:
            word = (choice.text, choice.pair or "")[side][start:end]
            given = st.text_input(
                cards.plain(f"Instead of “{word}”"),
                live="150ms",
                key=_field((side, start, end)),
                persist_state="session",
                placeholder="left out",
                width=170,
            )
            if given and given.strip():
                put.append((side, start, end, given.strip()))
            else:
                struck.append((side, start, end))
        if places:
            st.button(
                f"Put back {len(places)} word{'s' if len(places) > 1 else ''}",
                key="put-back",
                icon=":material/undo:",
                on_click=_put_back,
            )
    return tuple(struck), tuple(put)


def strike(choice: Choice, place: Span) -> None:
    """Strike a word out of these two texts, or take that back."""
    held = set(_struck(choice))
    held ^= {place}
    st.session_state[_field(place)] = ""
    st.session_state[_STRUCK] = ((choice.text, choice.pair), tuple(sorted(held)))


def _struck(choice: Choice) -> tuple[Span, ...]:
    held = st.session_state.get(_STRUCK)
    if not held or held[0] != (choice.text, choice.pair):
        return ()
    return tuple(held[1])


def _put_back() -> None:
    st.session_state[_STRUCK] = None


def _field(place: Span) -> str:
    return "put-" + "-".join(map(str, place))
