"""The Attention page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.common.phrases import listed
from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import alike, side_by_side
from analysis.interventions.effects import WHERE
from pages.ui.attention import cards as attention_cards
from pages.ui.attention import encoder
from pages.ui.attention import engine as heard
from pages.ui.attention.reading import OWN, ROW, AttentionReading, Settings, listen
from pages.ui.attention.tables import piece
from pages.ui.engine import models
from pages.ui.engine.replies import (
    ask_reference,
    common_class,
    common_limit,
    explained_in_words,
    predicted_classes,
    without_profile,
)
from pages.ui.frame import address
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.choice import Choice
from pages.ui.frame.inputs import is_complete
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards, selection
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
# Tokens to rerun beyond which one asks for the effects of leaving each token out.
_MUCH = 60_000
_WHERE_NAMES = {
    "head": "pooling head",
    "encoder": "pooling head and encoder",
    "replace": "[MASK] instead",
}
_ABOUT = (
    "How much of the pooling head's attention each token gets, beside the encoder's own [CLS] "
    "row, the split of the explained class's logit (against the mean of the others), and "
    "how much that logit falls when the token is hidden. Attention is no explanation by itself: "
    "tau says how far it agrees with those losses, which are measured without it. Value norms: "
    "Kobayashi et al. 2020; MaxPoolBERT, arXiv 2505.15696."
)


def draw(checkpoints: Catalogue, choice: Choice) -> None:
    """Attention of the pooling heads, then of the encoder; effects of hiding tokens come last."""
    st.html(f"<style>{_STYLE}</style>")
    if not is_complete(choice):
        draw_sidebar(checkpoints, choice.entries)
        return
    mark = selection.mark(choice)
    with st.container(key="verdict"):
        verdict = st.container().empty()
    with titled("Attention of the pooling head", _ABOUT, "heard"):
        export = st.container(width="content")
    with st.container(key="attention-controls"):
        settings = _controls()
    grid = st.container(key="listeners")
    status, ask = st.container(key="status").empty(), st.empty()
    listeners: list[AttentionReading] = []
    predicted = predicted_classes(choice)
    choice = replace(choice, common=common_class(predicted))
    for entry in choice.entries:
        status.caption(f"Reading the text with {cards.plain(entry.name)}")
        listeners.append(listen(entry, choice, settings))
    # Those that have something to say to the page's question come first.
    listeners.sort(key=lambda reading: reading.own is None)
    verdict.text(_answer(listeners, settings))
    limits = _limits(listeners, choice, settings)
    with grid:
        for reading in listeners:
            with st.container(border=True, key=f"card-{reading.entry.id}"):
                piece(
                    attention_cards.html_of(reading, settings, limits, mark),
                    f"answer-{reading.entry.id}",
                    _choose_part,
                )
    common = explained_in_words(choice, predicted)
    status.caption(cards.plain(_legend(limits, listeners, settings, common)))
    with export:
        export_menu(_plots(listeners), "export-own")
    draw_sidebar(checkpoints, choice.entries)
    encoder.draw(listeners, choice, settings, mark)
    _leave_out(listeners, choice, settings, ask, status)


def _controls() -> Settings:
    weigh = st.segmented_control(
        "Weigh by",
        ("weights", "value norms"),
        default="weights",
        required=True,
        **address.kept("weigh"),
        help="Attention weights as they are, or how much each token moves the pooled "
        "vector: a large weight on a short vector moves little.",
    )
    where = st.segmented_control(
        "Hide token from",
        tuple(_WHERE_NAMES),
        default="encoder",
        required=True,
        **address.kept("leave"),
        format_func=lambda key: _WHERE_NAMES[key],
        help="Three ways to hide a token. "
        + " ".join(f"'{name}': {WHERE[key]}." for key, name in _WHERE_NAMES.items()),
    )
    reference = ask_reference()
    with st.container(key="attention-switches"):
        special = st.toggle("Special tokens", value=True, **address.kept("special"))
        ranked = st.toggle("Sort by attention", **address.kept("ranked"))
    return Settings(
        norms=weigh == "value norms",
        where=where or "encoder",
        special=bool(special),
        layer=st.session_state.get("marked_layer") or None,  # layer 0 has no attention
        head=st.session_state.get("marked_head"),
        part=st.session_state.get("marked_part"),
        ranked=bool(ranked),
        reference=reference,
    )


def _choose_part(place: list[int]) -> None:
    chosen = place[0]
    st.session_state["marked_part"] = (
        None if st.session_state.get("marked_part") == chosen else chosen
    )


def _limits(
    listeners: Sequence[AttentionReading], choice: Choice, settings: Settings
) -> dict[str, float]:
    """Ends of the scales that all cards share; they hold still while one types."""
    largest = attention_cards.largest(listeners, settings)
    longest = max((len(listener.axis.units) for listener in listeners if listener.axis), default=1)
    # A long text spreads its attention thin: doubling its length begins a new scale.
    key = (*choice.key, str(longest.bit_length()), str(settings.norms))
    share = common_limit("heard_scale", key, 100 * largest["attention"], st.session_state) / 100
    return {
        "attention": min(share, 1.0),
        "split": common_limit("heard_split", key, largest["split"], st.session_state),
        "effects": common_limit(
            "heard_effects", (*key, settings.where), largest["effects"], st.session_state
        ),
    }


def _answer(listeners: Sequence[AttentionReading], settings: Settings) -> str:
    """The page's question, answered in one or two sentences."""
    attended: list[str] = []
    silent: list[str] = []
    for listener in listeners:
        # of the pooling head as a whole, whichever of its attention heads is looked at
        whole = replace(settings, part=None)
        top = attention_cards.most_heard(listener, whole, 1) if listener.own is not None else []
        if top:
            verb = "to" if attended else "attends most to"
            attended.append(f"{listener.entry.name} {verb} “{top[0][0]}” ({100 * top[0][1]:.0f} %)")
        elif listener.own is None and not listener.problem:
            silent.append(listener.entry.name)
    sentences = []
    if attended:
        sentences.append(f"Special tokens aside, {listed(attended)}.")
    if silent:
        verb = "has" if len(silent) == 1 else "have"
        sentences.append(f"{listed(silent)} {verb} no attention beside the encoder's.")
    return " ".join(sentences)


def _legend(
    limits: dict[str, float],
    listeners: Sequence[AttentionReading],
    settings: Settings,
    common: str,
) -> str:
    sentences = [
        f"Full colour: {100 * limits['attention']:g} % of an attention head's "
        + ("value norms" if settings.norms else "attention")
    ]
    references = dict.fromkeys(
        listener.reference for listener in listeners if listener.split is not None
    )
    if references:
        names = " or ".join("the corpus mean" if name == "corpus" else name for name in references)
        sentences.append(f"full bars: ±{limits['split']:g} logits for the split (from {names})")
    if any(listener.effects is not None for listener in listeners):
        sentences.append(f"±{limits['effects']:g} for the fall when a token is hidden")
    used = {
        listener.entry.id: listener.reference
        for listener in listeners
        if listener.split is not None
    }
    missing = without_profile(used, settings.reference)
    return (
        "; ".join(sentences)
        + f". Orange, to the right: for {common or 'a larger value'}. {missing}".rstrip()
    )


def _plots(listeners: Sequence[AttentionReading]) -> dict[str, Plot]:
    """Plots of the cards, ready for a paper: all in one, then one by one."""
    by_kind: dict[str, list[tuple[str, Plot]]] = {}
    for listener in listeners:
        named = {OWN: listener.own, ROW: listener.row, **listener.plots}
        for kind, plot in named.items():
            if plot is not None:
                by_kind.setdefault(kind, []).append((listener.entry.id, plot))
    plots_by_kind: dict[str, Plot] = {}
    for kind, plots in by_kind.items():
        if len(plots) > 1 and alike([plot for _, plot in plots]):
            plots_by_kind[f"{kind}: all"] = side_by_side([plot for _, plot in plots])
        plots_by_kind |= {f"{kind}: {name}": plot for name, plot in plots}
    return plots_by_kind


def _leave_out(
    listeners: Sequence[AttentionReading],
    choice: Choice,
    settings: Settings,
    ask: DeltaGenerator,
    status: DeltaGenerator,
) -> None:
    """Compute the effects that are not known yet, then draw the page again with them."""
    missing = [
        member
        for listener in listeners
        if listener.traces
        for member in listener.subject.members
        if heard.known_effects(member, settings.where, choice.words) is None
    ]
    if not missing:
        return
    axes = [listener.axis for listener in listeners if listener.axis is not None]
    tokens = max(len(axis.tokens) for axis in axes)
    units = len(axes[0].tokens.word_groups()) if choice.words else tokens
    question = (choice.text, choice.pair, settings.where, choice.words)
    if len(missing) * units * tokens > _MUCH and st.session_state.get("leave_out_long") != question:
        ask.button(
            f"Leave each {axes[0].label} out ({len(missing)} × {units} reruns of {tokens} tokens: "
            "this takes a while)",
            key="leave-out-long",
            on_click=lambda: st.session_state.update(leave_out_long=question),
        )
        return
    for index, member in enumerate(missing):
        name, percent_shown = cards.plain(member.checkpoint.name), -1

        def step(share: float, done: int = index, name: str = name) -> None:
            nonlocal percent_shown
            part = int(100 * (done + share) / len(missing))
            if part >= percent_shown + 5:
                percent_shown = part
                status.caption(f"Leaving each {axes[0].label} out of {name}: {part} %")
            models.leave_if_stale(share)

        step(0.0)
        heard.find_effects(member, settings.where, choice.words, step)
    names = [member.checkpoint.id for member in missing]
    # Should there be no room to keep them, the page must not go on for ever.
    if st.session_state.get("left_out") != (question, names):
        st.session_state["left_out"] = (question, names)
        st.rerun()
