"""Words struck out of the two sentences, and words put in their place; an address holds them."""

from __future__ import annotations

import streamlit as st

from analysis.interventions.edits import moved
from analysis.similarities.pair_edits import Put, Span
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards

# In the session: "0.4.9" for characters 4 to 9 of the first sentence left out, "0.4.9.word" for a
# word in their place; and the texts that they belong to (a link's: those shown first).
_EDITS, TEXTS = "edits", "edits_text"
_CLICKED = "edits_clicked"  # the place struck out since the cards were last drawn


def ask(choice: Choice) -> tuple[tuple[Span, ...], tuple[Put, ...]]:
    """A field for each word struck out, and what is left out and put in by it."""
    struck: list[Span] = []
    put: list[Put] = []
    edits = _take_click((choice.text, choice.pair or ""))
    with st.container(key="similarity-edits", horizontal=True, vertical_alignment="bottom"):
        for place, word in edits.items():
            side, start, end = place
            st.session_state.setdefault(_field(place), word)
            typed = st.text_input(
                cards.plain(f"Instead of “{(choice.text, choice.pair or '')[side][start:end]}”"),
                live="150ms",
                key=_field(place),
                persist_state="session",
                placeholder="left out",
                width=170,
            )
            if typed and typed.strip():
                put.append((*place, typed.strip()))
            else:
                struck.append(place)
        if edits:
            st.button(
                f"Put back {len(edits)} word{'s' if len(edits) > 1 else ''}",
                key="put-back",
                icon=":material/undo:",
                on_click=_hold,
                args=({},),
            )
    _hold(dict.fromkeys(struck, "") | {(side, start, end): word for side, start, end, word in put})
    return tuple(struck), tuple(put)


def strike(place: Span, texts: cards.Texts) -> None:
    """Strike a word out of two texts, or take that back."""
    edits = _edits((texts[0], texts[1] or ""))
    if place in edits:
        del edits[place]
    else:
        edits[place] = ""
        st.session_state[_CLICKED] = place
    st.session_state[_field(place)] = ""
    _hold(edits)


def _take_click(texts: tuple[str, str]) -> dict[Span, str]:
    """The edits of these texts; with the word that was clicked while a card showed older ones."""
    place, before = st.session_state.pop(_CLICKED, None), st.session_state.get(TEXTS, texts)
    edits = _edits(texts)
    if place is not None and before != texts and (there := moved(place, before, texts)):
        edits[there] = ""
    return edits


def _edits(texts: tuple[str, str]) -> dict[Span, str]:
    """Places of these two texts with the words put there, in order; those of others are gone."""
    if st.session_state.get(TEXTS, texts) != texts:
        _hold({})
    st.session_state[TEXTS] = texts
    edits: dict[Span, str] = {}
    last = (0, 0)
    for written in sorted(st.session_state.get(_EDITS) or [], key=_place):
        side, start, end = _place(written)
        # An address may say anything: places that are not there, or lie over each other, are not.
        if side in (0, 1) and (side, start) >= last and start < end <= len(texts[side]):
            edits[side, start, end] = (written.split(".", 3)[3:] or [""])[0]
            last = (side, end)
    return edits


def _place(written: str) -> Span:
    numbers = written.split(".", 3)[:3]
    if len(numbers) < 3 or not all(number.isdecimal() for number in numbers):
        return (-1, 0, 0)
    side, start, end = (int(number[:9]) for number in numbers)
    return side, start, end


def _hold(edits: dict[Span, str]) -> None:
    st.session_state[_EDITS] = [
        ".".join([*map(str, place), *([word] if word else [])])
        for place, word in sorted(edits.items())
    ]


def _field(place: Span) -> str:
    return "put-" + "-".join(map(str, place))
