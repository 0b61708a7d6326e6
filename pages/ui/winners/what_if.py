"""Answers to what-if questions of all chosen checkpoints: a layer or a word left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.faults import reason
from analysis.common.phrases import listed, name_without_folder
from analysis.figures.marks import Bars
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.style.style import printable
from analysis.figures.views.token_axis import label_of
from analysis.figures.views.units import units_of
from analysis.reading import over_winners
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame import address
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.places import span_of
from pages.ui.kit.selection import FollowedToken
from pages.ui.winners.panel import framed

if TYPE_CHECKING:
    from analysis.interventions.effects import WhatIf
    from analysis.text.tokens import Tokens

WHERE = {
    "head": "from the pooling head only",
    "encoder": "from the pooling head and the encoder",
    "replace": "replaced by [MASK]",
}
ABOUT = (
    "Class probabilities before and after the change. Hiding a token from the pooling head, "
    "hiding it from the encoder too, and replacing it by [MASK] are three different questions; "
    "none of them is the effect of a word as such. A layer leaves the pool of those pooling heads "
    "that take their maximum over it. Of a seed group: mean, standard deviation and a dot a seed."
)


def draw(replies: Sequence[Reply], choice: Choice) -> None:
    """One panel; every checkpoint that predicts something answers beside the others."""
    answered = [reply for reply in replies if reply.answer is not None]
    if not answered:
        return
    with st.container(border=True, key="what-if"):
        st.markdown("**What if**", help=ABOUT)
        with st.container(key="what-if-controls"):
            dropped = _layers(answered)
            units = _units(answered[0].traces[0].tokens, choice)
            where = str(
                st.segmented_control(
                    "Masked how",
                    list(WHERE),
                    default="head",
                    required=True,
                    format_func=WHERE.__getitem__,
                    **address.kept("mask_where"),
                )
            )
        if not dropped and not units:
            st.caption("Choose layers or tokens to take away.")
            return
        plots, reasons, turned = [], [], []
        for reply in answered:
            try:
                plot, answers = _changed(reply, choice, dropped, units, where, answered[0])
            except Exception as error:
                reasons.append(reason(error, reply.entry.id))
                continue
            plots.append((reply.entry.id, plot))
            turned += _flip(reply, answers)
        if plots:
            st.text(" ".join(turned) or "No answer changes.")
        with st.container(key="what-if-result"):
            for name, plot in _on_one_scale(plots):
                framed(plot, f"what-if-{name}", ABOUT, title=name_without_folder(name))
        st.caption(cards.plain(" ".join(dict.fromkeys(reasons))))


def _layers(answered: Sequence[Reply]) -> tuple[int, ...]:
    """The layers that are to leave, out of all that compete in any checkpoint."""
    competing = sorted({layer for reply in answered for layer in _competing(reply)})
    arguments = address.kept("drop_layers")
    _keep("drop_layers", competing)
    if not competing:
        return ()
    chosen = st.pills(
        "Layers that leave the pool",
        competing,
        selection_mode="multi",
        **arguments,
        help="Of the pooling heads that take their maximum over these layers.",
    )
    return tuple(int(layer) for layer in chosen or ())


def _competing(reply: Reply) -> tuple[int, ...]:
    won = reply.traces[0].head.winners
    return () if won is None or len(won.layers) < 2 else won.layers


def _units(tokens: Tokens, choice: Choice) -> tuple[tuple[int, ...], ...]:
    """The words (or pieces) that are masked, as positions in the first checkpoint's text."""
    every = {unit[0]: unit for unit in units_of(tokens, choice.words) if 0 not in unit}
    chosen = st.session_state.get("mask_tokens") or []
    # What was chosen as a piece stays chosen as its word; of another text it may not be there.
    kept = dict.fromkeys(
        first for place in chosen for first, unit in every.items() if place in unit
    )
    if list(kept) != list(chosen):
        st.session_state["mask_tokens"] = list(kept)
    masked = st.multiselect(
        f"{'Words' if choice.words else 'Tokens'} that are masked",
        list(every),
        **address.kept("mask_tokens"),
        format_func=lambda first: f"{first} · {printable(label_of(tokens, every[first]), 24)}",
        placeholder="Choose words" if choice.words else "Choose tokens",
    )
    return tuple(every[first] for first in masked)


def _changed(
    reply: Reply,
    choice: Choice,
    dropped: tuple[int, ...],
    units: Sequence[tuple[int, ...]],
    where: str,
    first: Reply,
) -> tuple[Plot, list[WhatIf]]:
    """The picture of one checkpoint or group; ``ValueError`` with the reason where there is none.

    Layers that do not compete in it stay where they are, and it says so.
    """
    name = reply.entry.name
    own = tuple(layer for layer in dropped if layer in _competing(reply))
    if dropped and not own and not units:
        raise ValueError(
            f"{name} takes no maximum over layer {listed(map(str, dropped))}: nothing leaves."
        )
    places = _places(first.traces[0].tokens, units, reply.traces[0].tokens)
    plot = picture(
        "what_if",
        [reply.entry],
        choice,
        drop_layers=list(own),
        mask_tokens=list(places),
        where=where,
    )
    if stay := tuple(layer for layer in dropped if layer not in own):
        note = f"It takes no maximum over layer {listed(map(str, stay))}, so nothing leaves there."
        plot = replace(plot, notes=(note, *plot.notes))
    subject = subject_of(reply.entry, choice.text, choice.pair)
    return plot, list(subject.each(results.what_if, own, places, where))


def _places(of: Tokens, units: Sequence[tuple[int, ...]], tokens: Tokens) -> tuple[int, ...]:
    """Positions of the same words in a text that another tokenizer may have cut."""
    places: set[int] = set()
    for unit in units:
        segment, start, end = span_of(of, unit)
        if segment < 0:
            places.add(FollowedToken(None, start).position(tokens))
            continue
        places |= set(tokens.touching(segment, start, end))
    return tuple(sorted(places))


def _flip(reply: Reply, answers: Sequence[WhatIf]) -> list[str]:
    """In words, where the answer is another one afterwards."""
    first = answers[0].checkpoint
    if first.regression:
        return []
    before, after = over_winners.answers_of(answers)
    if before == after:
        return []
    return [f"{reply.entry.name} changes from {first.labels[before]} to {first.labels[after]}."]


def _on_one_scale(plots: Sequence[tuple[str, Plot]]) -> list[tuple[str, Plot]]:
    """Regressions get a common axis; probabilities always run from 0 to 1."""
    bars = [(name, plot, plot.mark) for name, plot in plots if isinstance(plot.mark, Bars)]
    if not bars:
        return []
    bounds = [mark.bounds for _, _, mark in bars]
    limits = (min(low for low, _ in bounds), max(high for _, high in bounds))
    return [(name, replace(plot, mark=replace(mark, limits=limits))) for name, plot, mark in bars]


def _keep(key: str, options: Sequence[int]) -> None:
    chosen: list[int] | None = st.session_state.get(key)
    if chosen and any(name not in options for name in chosen):
        st.session_state[key] = [name for name in chosen if name in options]
