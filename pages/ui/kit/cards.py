"""Cards: one checkpoint's answer, drawn as HTML by one component that reports clicks."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from analysis.figures.screen.markup import CSS
from analysis.interventions.edits import moved
from analysis.text.tokens import clean
from pages.ui.kit.keys import component_key

_HERE = Path(__file__).parent
STYLE = (_HERE / "card.css").read_text(encoding="utf-8")
SCRIPT = _HERE / "card.js"


def script(path: Path) -> str:
    """A component's script after the one that all of them share (a component takes one text)."""
    files = (_HERE / "clicks.js", _HERE / "flow.js", path)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


_piece = st.components.v2.component(
    "poollens_card",
    html='<div class="card pl"></div>',
    css=CSS + STYLE,
    js=script(SCRIPT),
)
MARK = "mark"  # the chosen place: characters of the text, or (-1, n, n), the n-th special token
MARK_TEXT = "mark_text"  # the text and its pair that it belongs to; a link's: those shown first

# The texts shown last, by the names that their cards know them by: while a new text is read the
# cards are those of an older one, and a click on a word there means that word.
_TEXTS, _KEPT = "texts_shown", 8
_CLICKED = "mark_clicked"  # whether the mark was made since a text was last shown

Span = tuple[int, int, int]
Texts = tuple[str, str | None]  # a text and its pair


def piece(html: str, key: str, on_class: Callable[[int], None] | None = None) -> None:
    """Draw one piece of a card. A click on a token marks it in all cards (again: unmarks it)."""
    key = component_key(key)

    def clicked_token() -> None:
        toggle_mark(*clicked(st.session_state[key].get("token")))

    def clicked_class() -> None:
        index = st.session_state[key].get("chosen")
        if index is not None and on_class is not None:
            on_class(int(index))

    _piece(
        key=key,
        data={"html": html, "of": name_of_texts()},
        height="content",
        on_token_change=clicked_token,
        on_chosen_change=clicked_class,
    )


def text(words: str) -> str:
    """Text of people's own, ready for HTML."""
    return escape(clean(words)[0], quote=True)


def plain(words: str) -> str:
    """Text of people's own, shown as typed where Streamlit would read it as Markdown."""
    one_line = " ".join(clean(words)[0].split())
    return "".join(f"\\{c}" if c in string.punctuation else c for c in one_line)


def chosen_place(sentence: str, pair: str | None) -> Span | None:
    """The place that was chosen in this text; (-1, n, n) is its n-th special token."""
    if st.session_state.get(MARK_TEXT) != (sentence, pair):
        return None
    place: Span | None = st.session_state.get(MARK)
    return place


def marked(sentence: str, pair: str | None) -> Span | None:
    """The marked token's place in this text, or None; special tokens have none."""
    place = chosen_place(sentence, pair)
    return place if place is not None and place[0] >= 0 else None


def show_texts(shown: Texts) -> None:
    """Set the text and its pair that everything drawn from here on is of.

    A word that was clicked in a card of an older text is marked where it stands in this one.
    """
    texts: dict[str, Texts] = st.session_state.setdefault(_TEXTS, {})
    name = hashlib.sha256(repr(shown).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    texts.pop(name, None)
    texts[name] = shown
    while len(texts) > _KEPT:
        del texts[next(iter(texts))]
    st.session_state["shown_text"] = shown
    place: Span | None = st.session_state.get(MARK)
    of: Texts | None = st.session_state.get(MARK_TEXT)
    fresh = st.session_state.pop(_CLICKED, False)
    if fresh and place is not None and of is not None and of != shown:
        choose_place(place if place[0] < 0 else moved(place, of, shown), shown)


def name_of_texts() -> str:
    """The name by which a card knows the text that it shows."""
    return next(reversed(st.session_state.get(_TEXTS, {})), "")


def clicked(reported: Sequence[Any] | None) -> tuple[Span | None, Texts | None]:
    """The place that a card reports a click on, and the text that the card showed."""
    if reported is None:
        return None, None
    segment, start, end, *name = reported
    texts = st.session_state.get(_TEXTS, {})
    of = texts.get(name[0] if name else "", st.session_state.get("shown_text"))
    return (int(segment), int(start), int(end)), of


def choose_place(place: Sequence[int] | None, shown: Texts | None) -> None:
    """Mark a place of the text shown, in every view of it."""
    st.session_state[MARK] = None if place is None else tuple(place)
    st.session_state[MARK_TEXT] = shown


def toggle_mark(place: Sequence[int] | None, of: Texts | None = None) -> None:
    """Mark the token at (segment, start, end) of a text; the same one again unmarks it.

    (-1, n, n) is the n-th special token. The text is the one shown unless another is named.
    """
    shown = of or st.session_state.get("shown_text")
    st.session_state[_CLICKED] = True
    now = (st.session_state.get(MARK), st.session_state.get(MARK_TEXT))
    same = place is not None and now == (tuple(place), shown)
    choose_place(None if same else place, shown)
