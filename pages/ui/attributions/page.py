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
from pages.ui.frame.choice import Choice
from pages.ui.frame.inputs import is_complete
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def draw(checkpoints: Catalogue, choice: Choice) -> None:
    """The answer in words, strips and bars, the evidence beside them, comparisons below."""
    st.html(f"<style>{_STYLE}</style>")
    if not is_complete(choice):
        engine.stop()
        draw_sidebar(checkpoints, choice.entries)
        return
    mark = cards.marked(choice.text, choice.pair)
    with st.container(key="verdict"):
        verdict = st.container().empty()
    request = controls.ask(choice.entries)
    status = st.container(key="status").empty()
    if not request.methods:
        engine.stop()
        status.caption("Choose at least one method.")
        draw_sidebar(checkpoints, choice.entries)
        return
    with st.container(key="attributions"):
        left, right = st.container(key="attributions-left"), st.container(key="attributions-right")
    below = st.container(key="attributions-below")
    waiting.leave_others(choice, request)

    def say(sentence: str) -> None:
        status.caption(cards.plain(sentence))

    own = list(replies(choice, choice.text, None))
    predicted = [reply.label for reply in own if reply.answer is not None]
    answers = one_class(own)
    explained = explain_all(answers, choice, request)
    in_full = request
    if crowd.crowded():
        request = with_fewer_points(explained, request)
        if request != in_full:
            explained = explain_all(answers, choice, request)
    compute(explained, request.methods, say)
    verdict.text(_answer(explained, request))
    with left:
        limits = strips.draw(explained, choice, request, mark)
        waiting.draw(explained, request)
        bars.draw(explained, choice, request, mark)
    draw_sidebar(checkpoints, choice.entries)
    with right:
        with st.container(border=True, key="evidence-panel"):
            evidence_request = evidence.controls(explained, request)
            later = evidence.draw(explained, request, evidence_request, say)
        details.beside(explained, choice, request, evidence_request)
    with below:
        later |= details.draw(explained, choice, request, evidence_request, mark, say)
        over_texts.draw(explained, request, evidence_request.setting)
        trust.draw(explained, request, evidence_request)
    common = explained_in_words(choice, predicted)
    legend = _legend(explained, request, limits, common)
    if request != in_full:
        legend += f" {crowd.NOTICE}"
    status.caption(cards.plain(legend))
    if later or request != in_full:
        crowd.refine()


def _answer(explained: Sequence[Explanation], request: AttributionRequest) -> str:
    """Why this prediction, in a sentence."""
    with_result = shared(explained, request.focus)
    return words.answer(
        [explanation.results[request.focus] for explanation in with_result],
        tokens_of(with_result),
        [explanation.name for explanation in with_result],
        [explanation.label for explanation in with_result],
    )


def _legend(
    explained: Sequence[Explanation],
    request: AttributionRequest,
    limits: dict[str, float],
    common: str,
) -> str:
    """Legend: the explained class, the colours and the scale; `common` is the class of all."""
    known = [explanation for explanation in explained if not explanation.problem]
    if not known:
        return ""
    what = {
        "contrast": "its logit minus the mean of the others",
        "logit": "its logit",
        "probability": "its probability",
    }[request.output]
    labels = listed(dict.fromkeys(explanation.label for explanation in known))
    if labels and common.startswith(f"{labels},"):
        labels = common
    sentence = f"Explained: {labels} ({what}). "
    if known[0].entry.first.regression:
        sentence = "Explained: the predicted value. "
    elif isinstance(known[0].target, tuple):
        kind = "probabilities" if request.output == "probability" else "logits"
        sentence = f"Explained: {labels} (difference of the {kind}). "
    scales = [
        f"{words.in_sentence(METHODS[key].title)} ±{limits[key]:g}"
        for key in request.methods
        if shared(explained, key)
    ]
    return (
        f"{sentence}Orange is towards it, blue and underlined against it. Full colour: "
        f"{', '.join(scales)}."
    )
