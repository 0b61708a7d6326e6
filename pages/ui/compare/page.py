"""The Compare page below its inputs, in reading order."""

from __future__ import annotations

import streamlit as st

from analysis.reading.comparison import in_words
from pages.ui.compare import cards as compare
from pages.ui.compare import doubt, flips, input_attribution, panels, visit
from pages.ui.engine import crowd
from pages.ui.engine.replies import Reply, common_limit, one_class, replies
from pages.ui.frame import address, curtain
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.choice import PREDICTED, Choice
from pages.ui.frame.inputs import is_complete
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards

_STEPS = {"flow": ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10),)}  # a band is as wide as it may be


def draw(checkpoints: Catalogue, choice: Choice) -> None:
    """Verdict, cards, what a variant changes; the input attributions come last, being slow."""
    if not is_complete(choice):
        draw_sidebar(checkpoints, choice.entries)
        return
    _answer(checkpoints, choice)


def _answer(checkpoints: Catalogue, choice: Choice) -> None:
    mark = cards.marked(choice.text, choice.pair)
    answered = one_class(list(replies(choice, choice.text, None)))
    with st.container(key="verdict"):
        _say(choice, answered)
        status = st.container(key="status").empty()
        ask = st.container()
    largest = compare.largest_reading(answered, choice)
    limits = {
        name: common_limit(
            f"{name}_scale", choice.key, value, st.session_state, *_STEPS.get(name, ())
        )
        for name, value in largest.items()
    }
    with st.container(key="cards"):
        for reply in answered:
            compare.draw_card(reply, choice, mark, limits)
    with st.container(key="below-cards"):
        st.toggle(
            "Special tokens",
            value=True,
            **address.kept("special"),
            help="Show [CLS], [SEP] and other special tokens in the strips. The numbers do not "
            "change.",
        )
    with st.container(key="doubt-place"):
        doubt.draw(answered, choice, mark)
    with st.container(key="flips-place"):
        flips.draw(answered, choice)
    with st.container(key="variant-effect"):
        if choice.variant is not None:
            panels.draw_variant(answered, choice, choice.variant)
    below = st.container()
    draw_sidebar(checkpoints, choice.entries)

    curtain.lift()

    def say(words: str) -> None:
        status.caption(words)

    fewer = input_attribution.draw_inputs(answered, choice, choice.text, mark, ask, say)
    status.caption(_legend(limits, answered) + (f" {crowd.NOTICE}" if fewer else ""))
    if fewer:
        crowd.refine()
    compare.draw_exports(answered)
    with below:
        panels.export_all(answered, choice)
        panels.draw_table(answered)
    visit.draw()


def _legend(limits: dict[str, float], replies: list[Reply]) -> str:
    scale = st.session_state.get("input_scale")
    parts = [f"±{scale[1]:g} for the input"] if scale else []
    parts.append(f"±{limits['strip']:g} for the split")
    labels = dict.fromkeys(reply.label for reply in replies if reply.answer is not None)
    explained = next(iter(labels)) if len(labels) == 1 else "the explained class"
    kinds = {reply.entry.first.output for reply in replies if reply.answer is not None}
    others = "" if kinds <= {"sigmoid"} else " minus the mean of the others"
    if others and "sigmoid" in kinds:
        others += " (its own alone where a text may have several classes)"
    return (
        f"Logits of {cards.plain(explained)}{others}: orange is towards it, blue and underlined "
        f"against it. Full colour: {', '.join(parts)}."
    )


def _say(choice: Choice, replies: list[Reply]) -> None:
    answers = [reply.answer for reply in replies if reply.answer is not None]
    target = None if choice.target == PREDICTED else choice.target
    st.text(in_words(answers, target))
    seen = replies[0].traces[0].tokens.notes if replies[0].traces else ()
    for note in dict.fromkeys((*choice.notes, *seen)):
        st.caption(cards.plain(note))
