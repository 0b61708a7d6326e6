"""Details on demand: every pair as a map, source layers and parts, winners, terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.figures.plot import Plot
from analysis.similarities.token_pairs import MAXSIM, SPLADE
from pages.ui.frame import address
from pages.ui.kit.show import panel
from pages.ui.similarity.engine import Comparison, Score, picture

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


def draw(shown: Sequence[tuple[Comparison, list[Score]]], words: bool) -> None:
    """A switch, and behind it the details of one checkpoint and pooling."""
    able = {
        f"{comparison.entry.id}: {row.title}": (comparison, row)
        for comparison, rows in shown
        for row in rows
        if row.pairs is not None
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
    comparison, row = able[chosen]
    with st.container(key="similarity-details"):
        for name, (plot, about) in plots_of(comparison, row, words).items():
            panel(plot, f"similarity-{name}", about)


def plots_of(comparison: Comparison, row: Score, words: bool) -> dict[str, tuple[Plot, str]]:
    """The pictures of one pooling of one checkpoint, each with what it is."""
    assert row.pairs is not None
    if row.pooling == MAXSIM:
        return {"maxsim": (picture("maxsim_margins", [comparison]), _MAXSIM)}
    if row.pooling == SPLADE:
        return {"splade": (picture("splade_terms", [comparison]), _SPLADE)}
    own: dict[str, Any] = {"pooling": row.pooling}
    plots = {"map": (picture("similarity_map", [comparison], words=words, **own), _MAP)}
    reading: Any = row.pairs.result
    if len(reading.a.layers) > 1 or len(reading.a.parts) > 1:
        plots["layers"] = (picture("similarity_layers", [comparison], **own), _LAYERS)
    winners = reading.a.winners
    if winners is not None and winners.token is not None:
        plots["winners"] = (picture("max_winners", [comparison], words=words, **own), _WINNERS)
    return plots
