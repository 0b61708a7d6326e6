"""The Attributions page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from analysis.attribution import METHODS
from analysis.common.phrases import listed
from pages.ui.attributions import (
    bars,
    controls,
    details,
    engine,
    evidence,
    over_texts,
    strips,
    trust,
    waiting,
    words,
)
from pages.ui.attributions.controls import AttributionRequest
from pages.ui.attributions.entry import (
    Explanation,
    compute,
    explain_all,
    shared,
    tokens_of,
    with_fewer_points,
)
from pages.ui.engine import crowd
from pages.ui.engine.replies import explained_in_words, one_class, replies
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.inputs import Choice, is_complete
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def draw(found: Catalogue, choice: Choice) -> None:
    """The answer in words, strips and bars, the evidence beside them, comparisons below."""
    st.html(f"<style>{_STYLE}</style>")
    if not is_complete(choice):
        engine.stop()
        draw_sidebar(found, choice.entries)
        return
    mark = cards.marked(choice.text, choice.pair)
    with st.container(key="verdict"):
        verdict = st.container().empty()
    wanted = controls.ask(choice.entries)
    status = st.container(key="status").empty()
    if not wanted.methods:
        engine.stop()
        status.caption("Choose at least one method.")
        draw_sidebar(found, choice.entries)
        return
    with st.container(key="attributions"):
        left, right = st.container(key="attributions-left"), st.container(key="attributions-right")
    below = st.container(key="attributions-below")
    waiting.leave_others(choice, wanted)

    def say(said: str) -> None:
        status.caption(cards.plain(said))

    own = list(replies(choice, choice.text, None))
    predicted = [one.label for one in own if one.answer is not None]
    answers = one_class(own)
    explained = explain_all(answers, choice, wanted)
    in_full = wanted
    if crowd.crowded():
        wanted = with_fewer_points(explained, wanted)
        if wanted != in_full:
            explained = explain_all(answers, choice, wanted)
    compute(explained, wanted.methods, say)
    verdict.text(_answer(explained, wanted))
    with left:
        limits = strips.draw(explained, choice, wanted, mark)
        waiting.draw(explained, wanted)
        bars.draw(explained, choice, wanted, mark)
    draw_sidebar(found, choice.entries)
    with right:
        with st.container(border=True, key="evidence-panel"):
            asked = evidence.controls(explained, wanted)
            later = evidence.draw(explained, wanted, asked, say)
        details.beside(explained, choice, wanted, asked)
    with below:
        details.draw(explained, choice, wanted, asked, mark, say)
        over_texts.draw(explained, wanted, asked.setting)
        trust.draw(explained, wanted, asked)
    common = explained_in_words(choice, predicted)
    legend = _legend(explained, wanted, limits, common)
    if wanted != in_full:
        legend += f" {crowd.NOTICE}"
    status.caption(cards.plain(legend))
    if later or wanted != in_full:
        crowd.refine()


def _answer(explained: Sequence[Explanation], wanted: AttributionRequest) -> str:
    """Why this prediction, in a sentence."""
    found = shared(explained, wanted.focus)
    return words.answer(
        [one.found[wanted.focus] for one in found],
        tokens_of(found),
        [one.name for one in found],
        [one.label for one in found],
    )


def _legend(
    explained: Sequence[Explanation],
    wanted: AttributionRequest,
    limits: dict[str, float],
    common: str,
) -> str:
    """What is explained, in which colours and on which scale; `common` is the class of all."""
    known = [one for one in explained if not one.problem]
    if not known:
        return ""
    what = {
        "contrast": "its logit minus the mean of the others",
        "logit": "its logit",
        "probability": "its probability",
    }[wanted.output]
    labels = listed(dict.fromkeys(one.label for one in known))
    if labels and common.startswith(f"{labels},"):
        labels = common
    sentence = f"Explained: {labels} ({what}). "
    if known[0].entry.first.regression:
        sentence = "Explained: the predicted value. "
    elif isinstance(known[0].target, tuple):
        kind = "probabilities" if wanted.output == "probability" else "logits"
        sentence = f"Explained: {labels} (difference of the {kind}). "
    scales = [
        f"{words.in_sentence(METHODS[key].title)} ±{limits[key]:g}"
        for key in wanted.methods
        if shared(explained, key)
    ]
    return (
        f"{sentence}Orange is towards it, blue and underlined against it. Full colour: "
        f"{', '.join(scales)}."
    )
