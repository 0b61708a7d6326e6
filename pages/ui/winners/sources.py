"""Heads without a maximum, beside those with one: from which layer their contributions come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from analysis.common.phrases import capital
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from analysis.figures.views import compare
from analysis.reading import groups
from pages.ui.engine.replies import Reply, common_limit, stock_head
from pages.ui.frame.inputs import Choice
from pages.ui.kit import cards
from pages.ui.kit.show import export_menu

ABOUT = (
    "A head that takes no maximum over layers has no winners. What it reads still comes from "
    "layers: stock BERT's from [CLS] of the last one alone. Bars: what the values of each layer "
    "add to the explained class minus the mean of the others (see the note for how the logit was "
    "split)."
)


def draw(given: Sequence[Reply], choice: Choice) -> None:
    """A card each, on one scale."""
    splits = [groups.mean_decomposition(reply.splits) for reply in given]
    largest = [
        float(np.abs(split.by_layer(reply.target)).max())
        for split, reply in zip(splits, given, strict=True)
    ]
    limit = common_limit("source-bars", choice.key, max(largest, default=1.0), st.session_state)
    for split, reply in zip(splits, given, strict=True):
        name = reply.entry.id
        plot: Plot = compare.source_layers(
            split,
            None,
            reply.target,
            groups.mean_checkpoint(reply.entry.members, name),
            reply.traces[0].tokens,
            limit=limit,
        )
        with st.container(border=True, key=f"source-{name}"):
            with st.container(key=f"won-title-{name}"):
                st.markdown(f"**{cards.plain(name)}**", help=ABOUT)
                export_menu({"By layer": plot}, f"export-source-{name}")
            cards.piece(html(plot, css=False), f"source-bars-{name}")
            first = reply.entry.first
            how = f"pooling head {first.head}" if first.head else stock_head(reply.traces)
            st.caption(cards.plain(" ".join((f"{capital(how)}.", *plot.notes))))
