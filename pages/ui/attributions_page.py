"""The Attributions page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from analysis.attribution import METHODS
from analysis.phrases import listed
from pages.ui import (
    attributions_bars,
    attributions_below,
    attributions_controls,
    attributions_engine,
    attributions_evidence,
    attributions_over,
    attributions_strips,
    attributions_waiting,
    attributions_words,
    cards,
)
from pages.ui.attributions_controls import Wanted
from pages.ui.attributions_found import Explained, compute, explain, shared, tokens_of
from pages.ui.catalogue import Catalogue
from pages.ui.inputs import Choice, is_complete
from pages.ui.replies import replies
from pages.ui.sidebar import draw_sidebar

_STYLE = Path(__file__).with_name("attributions_page.css").read_text(encoding="utf-8")


def draw(found: Catalogue, choice: Choice) -> None:
    """The answer in words, strips and bars, the evidence beside them, comparisons below."""
    st.html(f"<style>{_STYLE}</style>")
    if not is_complete(choice):
        attributions_engine.stop()
        draw_sidebar(found, choice.entries)
        return
    mark = cards.marked(choice.text, choice.pair)
    with st.container(key="verdict"):
        verdict = st.container().empty()
    wanted = attributions_controls.ask(choice.entries)
    status = st.container(key="status").empty()
    if not wanted.methods:
        attributions_engine.stop()
        status.caption("Choose at least one method.")
        draw_sidebar(found, choice.entries)
        return
    with st.container(key="attributions"):
        left, right = st.container(key="attributions-left"), st.container(key="attributions-right")
    below = st.container(key="attributions-below")
    attributions_waiting.leave_others(choice, wanted)

    def say(said: str) -> None:
        status.caption(cards.plain(said))

    explained = [explain(reply, choice, wanted) for reply in replies(choice, choice.text, None)]
    compute(explained, wanted.methods, say)
    verdict.text(_answer(explained, wanted))
    with left:
        limits = attributions_strips.draw(explained, choice, wanted, mark)
        attributions_waiting.draw(explained, wanted)
        attributions_bars.draw(explained, choice, wanted, mark)
    draw_sidebar(found, choice.entries)
    with right:
        with st.container(border=True, key="evidence-panel"):
            asked = attributions_evidence.controls(explained, wanted)
            attributions_evidence.draw(explained, wanted, asked, say)
        attributions_below.beside(explained, wanted, asked)
    with below:
        attributions_below.draw(explained, choice, wanted, asked, mark, say)
        attributions_over.draw(explained, wanted, asked.setting)
    status.caption(cards.plain(_legend(explained, wanted, limits)))


def _answer(explained: Sequence[Explained], wanted: Wanted) -> str:
    """Why this prediction, in a sentence."""
    found = shared(explained, wanted.focus)
    return attributions_words.answer(
        [one.found[wanted.focus] for one in found],
        tokens_of(found),
        [one.name for one in found],
        [one.label for one in found],
    )


def _legend(explained: Sequence[Explained], wanted: Wanted, limits: dict[str, float]) -> str:
    known = [one for one in explained if not one.problem]
    if not known:
        return ""
    what = {
        "contrast": "its logit minus the mean of the others",
        "logit": "its logit",
        "probability": "its probability",
    }[wanted.output]
    labels = listed(dict.fromkeys(one.label for one in known))
    said = f"Explained: {labels} ({what}). "
    if known[0].entry.first.regression:
        said = "Explained: the predicted value. "
    elif isinstance(known[0].target, tuple):
        kind = "probabilities" if wanted.output == "probability" else "logits"
        said = f"Explained: {labels} (difference of the {kind}). "
    scales = [
        f"{attributions_words.in_sentence(METHODS[key].title)} ±{limits[key]:g}"
        for key in wanted.methods
        if shared(explained, key)
    ]
    return (
        f"{said}Orange is towards it, blue and underlined against it. Full colour: "
        f"{', '.join(scales)}."
    )
