"""The Compare page below its inputs, in reading order."""

from __future__ import annotations

import streamlit as st

from analysis.reading.comparison import in_words
from pages.ui.compare import cards as compare
from pages.ui.compare import panels
from pages.ui.engine.replies import Reply, common_limit, replies
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.inputs import PREDICTED, Choice, is_complete
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards


def draw(found: Catalogue, choice: Choice) -> None:
    """Verdict, cards, what a variant changes; the input attributions come last, being slow."""
    if not is_complete(choice):
        draw_sidebar(found, choice.entries)
        return
    _answer(found, choice)


def _answer(found: Catalogue, choice: Choice) -> None:
    mark = cards.marked(choice.text, choice.pair)
    given = list(replies(choice, choice.text, None))
    with st.container(key="verdict"):
        _say(choice, given)
        status = st.container(key="status").empty()
        ask = st.container()
    largest = compare.largest_reading(given, choice.words)
    limits = {
        name: common_limit(f"{name}_scale", choice.key, value, st.session_state)
        for name, value in largest.items()
    }
    with st.container(key="cards"):
        for reply in given:
            compare.draw_card(reply, choice, mark, limits)
    with st.container(key="variant-effect"):
        if choice.variant is not None:
            panels.draw_variant(given, choice, choice.variant)
    below = st.container()
    draw_sidebar(found, choice.entries)

    def say(words: str) -> None:
        status.caption(words)

    compare.draw_inputs(given, choice, choice.text, mark, ask, say)
    status.caption(_legend(limits, choice))
    compare.draw_exports(given)
    with below:
        panels.export_all(given, choice)
        panels.draw_table(given)


def _legend(limits: dict[str, float], choice: Choice) -> str:
    scale = st.session_state.get("input_scale")
    parts = [f"±{scale[1]:g} for the input"] if scale else []
    parts.append(f"±{limits['strip']:g} for what is read")
    explained = "the explained class" if choice.target == PREDICTED else choice.target
    return (
        f"Logits of {cards.plain(explained)} minus the mean of the others: orange is towards it, "
        f"blue and underlined against it. Full colour: {', '.join(parts)}."
    )


def _say(choice: Choice, given: list[Reply]) -> None:
    answers = [reply.answer for reply in given if reply.answer is not None]
    target = None if choice.target == PREDICTED else choice.target
    st.text(in_words(answers, target))
    seen = given[0].traces[0].tokens.notes if given[0].traces else ()
    for note in dict.fromkeys((*choice.notes, *seen)):
        st.caption(cards.plain(note))
