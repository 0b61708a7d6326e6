"""Details on demand: every pair as a map, source layers and parts, winners, terms."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.figures.plot import Plot
from analysis.figures.views import similarity as views
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.kit.show import panel
from pages.ui.similarity.engine import MAXSIM, SPLADE, Score

_MAP = (
    "Contribution of each pair to the cosine; all cells sum to it. Rows are the first sentence, "
    "columns the second. Split of a dot product over pairs of inputs: Eberle et al. 2020."
)
_LAYERS = (
    "The same sum by source layer (where a maximum over layers pooled) or by part of the pooling "
    "head. Exact given the winners and the attention weights."
)
_WINNERS = (
    "How many dimensions of the maximum each token holds, and by how much (median margin to the "
    "runner-up). A win says where a value came from, not what it is worth."
)
_MAXSIM = (
    "Each token of the first sentence keeps its best match in the second; MaxSim is the sum. The "
    "margin is to the runner-up. ColBERT: Khattab and Zaharia 2020."
)
_SPLADE = (
    "Terms of the vocabulary that both sentences activate, with the token that won each. The dot "
    "product is their sum. SPLADE v2: Formal et al. 2021."
)


def draw(shown: Sequence[tuple[Entry, list[Score]]], words: bool) -> None:
    """A switch, and behind it the details of one checkpoint and pooling."""
    able = {
        f"{entry.id}: {row.title}": (entry, row)
        for entry, every in shown
        for row in every
        if row.result is not None
    }
    if not able:
        return
    with st.container(key="similarity-controls-details", horizontal=True):
        on = st.toggle("Token × token map and winners", **address.kept("similarity_details"))
        if not on:
            return
        names = list(able)
        if st.session_state.get("similarity_detail") not in names:
            st.session_state["similarity_detail"] = names[0]
        chosen = st.selectbox(
            "Details of", names, key="similarity_detail", label_visibility="collapsed", width=320
        )
    entry, row = able[chosen]
    with st.container(key="similarity-details"):
        for name, (plot, about) in plots_of(entry, row, words).items():
            panel(plot, f"similarity-{name}", about)


def plots_of(entry: Entry, row: Score, words: bool) -> dict[str, tuple[Plot, str]]:
    """The pictures of one pooling of one checkpoint, each with what it is."""
    if row.pooling == MAXSIM:
        return {"maxsim": (views.maxsim_margins(row.result, entry.first), _MAXSIM)}
    if row.pooling == SPLADE:
        return {"splade": (views.splade_terms(row.result, entry.first), _SPLADE)}
    found = {"map": (views.similarity_map(row.result, entry.first, words=words), _MAP)}
    if len(row.result.a.layers) > 1 or len(row.result.a.parts) > 1:
        found["layers"] = (views.similarity_layers(row.result, entry.first), _LAYERS)
    won = row.result.a.winners
    if won is not None and won.token is not None:
        found["winners"] = (views.max_winners(row.result, entry.first, words=words), _WINNERS)
    return found
