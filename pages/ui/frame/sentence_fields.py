"""The fields of the text: small or large, a second sentence, a variant; and what fills them."""

from __future__ import annotations

from typing import Any, Literal, NoReturn

import streamlit as st

from analysis.text.tokens import clean
from pages.ui.frame import address
from pages.ui.frame.examples import Example

LONGEST = 2000  # characters of the small field


def texts(long: bool, pairs: bool, example: Example) -> tuple[str, str]:
    """The text and the second sentence as typed; the second is empty where `pairs` is false."""
    if not pairs:
        return _sentence(long, example, "collapsed"), ""
    first = _sentence(long, example)
    second = st.text_input(
        "Second sentence",
        live="150ms",
        **address.kept("pair"),
        placeholder="The text to compare with",
        help="For checkpoints of sentence pairs. Of a foreign classifier it is not known "
        "whether it takes pairs: leave it empty for a single sentence.",
    )
    return first, second or ""


def _sentence(
    long: bool, example: Example, label: Literal["visible", "collapsed"] = "visible"
) -> str:
    if long:
        return (
            st.text_area(
                "Text",
                st.session_state.get("text", ""),
                height=120,
                label_visibility=label,
                **address.kept("document"),
                help="Ctrl+Enter takes the text. A text beyond the model's limit is cut, "
                "and the page says so.",
            )
            or ""
        )
    return (
        st.text_input(
            "Sentence",
            example.text,
            live="150ms",
            label_visibility=label,
            **address.kept("text"),
            placeholder="Type a sentence",
        )
        or ""
    )


def carry_text() -> None:
    """Move the typed text with the switch between the small and the large field."""
    if st.session_state.get("long"):
        st.session_state["document"] = st.session_state.get("text", "")
    else:
        st.session_state["text"] = " ".join(st.session_state.get("document", "").split())


def variant() -> str | None:
    """The second version of the sentence, where comparing is switched on."""
    with st.container(key="variant-input"):
        if not st.session_state.get("compare"):
            return None
        text = st.text_input(
            "Variant of the sentence",
            live="150ms",
            **address.kept("variant"),
            placeholder="Change a word: what changes in every checkpoint?",
        )
        return clean(text or "")[0]


def prefill_variant() -> None:
    """Editing begins with the sentence as it is."""
    if st.session_state.get("compare") and not st.session_state.get("variant"):
        shown = "document" if st.session_state.get("long") else "text"
        st.session_state["variant"] = " ".join(st.session_state.get(shown, "").split())


def show_text(text: str, pair: str | None = None) -> None:
    """Make a row of a data set the text of every page; a long one goes to the large field."""
    address.choose(
        text=" ".join(text.split()),
        document=text,
        pair=" ".join((pair or "").split()),
        long="\n" in text or len(text) > LONGEST,
    )


def compare(text: str, pair: str | None = None, page: str = "app.py", **choices: Any) -> NoReturn:
    """Open a row of a data set on Compare, or on another page."""
    show_text(text, pair)
    address.choose(**choices)
    address.go(page)
