"""Details on demand: every pair as a map, source layers and parts, winners, terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.figures.views.source import distinct
from analysis.similarities.token_pairs import MAXSIM, NOT_POOLED, SPLADE
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.kit import cards
from pages.ui.kit.show import panel
from pages.ui.similarity.engine import Comparison, Score, Shown

_EFFECTS = (
    "The score minus the score without each word, the encoder reading the sentence anew: above "
    "zero the word makes the two more similar. The words as typed, edits aside; the effect of a "
    "word need not equal its contribution. Li et al. 2016."
)
_MAP = (
    "Contribution of each pair to the score; all cells sum to it. Rows are the first sentence, "
    "columns the second. Split of a dot product over pairs of inputs: Eberle et al. 2020."
)
_LAYERS = (
    "The same sum by source layer (where a maximum over layers pooled) or by part of the pooling "
    "head. Exact given the winners and the attention weights."
)
_WINNERS = (
    "How many dimensions of the maximum each token holds, and by how much (median margin to the "
    "runner-up). A win says where a value came from, not how much it matters."
)
_MAXSIM = (
    "Each token of the first sentence keeps its best match in the second; MaxSim is the sum. The "
    "margin is to the runner-up. ColBERT: Khattab and Zaharia 2020."
)
_SPLADE = (
    "Terms of the vocabulary that both sentences activate, with the token that won each. The dot "
    "product is their sum. SPLADE v2: Formal et al. 2021."
)


def draw(comparison: Comparison, shown: Sequence[Shown]) -> None:
    """Switches, and behind them the details of one checkpoint and pooling."""
    able = {
        f"{entry.id}: {score.title}": (entry, score)
        for similarity in shown
        for score in similarity.known
        for entry in _entries(similarity.entry, score)
    }
    called = distinct([f"{entry.name}: {score.title}" for entry, score in able.values()])
    title_of = dict(zip(able, called, strict=True))
    if not able:
        return
    with st.container(key="similarity-controls-details", horizontal=True):
        on = st.toggle("Token × token map and winners", **address.kept("similarity_details"))
        worth = st.toggle(
            "Effect of each word",
            **address.kept("similarity_effects"),
            help="The sentences are read once more without each word.",
        )
        if not on and not worth:
            return
        names = list(able)
        if st.session_state.get("similarity_detail") not in (None, *names):
            st.session_state["similarity_detail"] = names[0]
        chosen = st.selectbox(
            "Details of",
            names,
            **address.kept("similarity_detail"),
            label_visibility="collapsed",
            width=320,
            format_func=title_of.__getitem__,
        )
    entry, score = able[chosen]
    with st.container(key="similarity-details"):
        for view, params, about in _pictures(score, on, worth):
            try:
                plot = comparison.picture(view, [entry], **params)
            except ValueError as error:
                st.info(cards.plain(str(error)))
                continue
            panel(plot, f"similarity-{view}", about)


def _entries(entry: Entry, score: Score) -> list[Entry]:
    """The entry itself; of a seed group each seed, where a picture shows winners of one."""
    if score.pooling not in NOT_POOLED or not entry.is_group:
        return [entry]
    return [Entry(member.id, (member,)) for member in entry.members]


def _pictures(score: Score, on: bool, worth: bool) -> list[tuple[str, dict[str, Any], str]]:
    """View, parameters and description of each picture of one pooling."""
    own: dict[str, Any] = {"pooling": score.pooling}
    pictures = [("similarity_effects", own, _EFFECTS)] if worth else []
    if not on or score.pairs is None:
        return pictures
    if score.pooling == MAXSIM:
        pictures.append(("maxsim_margins", {}, _MAXSIM))
    elif score.pooling == SPLADE:
        pictures.append(("splade_terms", {}, _SPLADE))
    pictures.append(("similarity_map", own, _MAP))
    if score.pooling in NOT_POOLED:
        return pictures
    reading = score.pairs.splits[0].a
    if len(reading.layers) > 1 or len(reading.parts) > 1:
        pictures.append(("similarity_layers", own, _LAYERS))
    if reading.winners is not None and reading.winners.token is not None:
        pictures.append(("max_winners", own, _WINNERS))
    return pictures
