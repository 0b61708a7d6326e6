"""Heads without a maximum, beside those with one: from which layer their contributions come."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.common.phrases import capital
from analysis.figures.marks import Bars
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from pages.ui.engine.replies import Reply, common_limit, stock_head
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.show import export_menu

ABOUT = (
    "A head that takes no maximum over layers has no winners. What it reads still comes from "
    "layers: stock BERT's from [CLS] of the last one alone. Bars: what the values of each layer "
    "add to the explained class minus the mean of the others (see the note for how the logit was "
    "split)."
)


def draw(replies: Sequence[Reply], choice: Choice, reference: str | None) -> None:
    """A card each, on one scale."""

    def bars(reply: Reply, limit: float | None = None) -> Plot:
        return picture(
            "source_layers",
            [reply.entry],
            choice,
            [reply.target],
            reference=reference,
            limit=limit,
        )

    largest = [plot.mark.bounds[1] for plot in map(bars, replies) if isinstance(plot.mark, Bars)]
    limit = common_limit("source-bars", choice.key, max(largest, default=1.0), st.session_state)
    for reply in replies:
        name = reply.entry.id
        plot = bars(reply, limit)
        with st.container(border=True, key=f"source-{name}"):
            with st.container(key=f"won-title-{name}"):
                st.markdown(f"**{cards.plain(reply.entry.name)}**", help=ABOUT)
                export_menu({"By layer": plot}, f"export-source-{name}")
            cards.piece(html(plot, css=False), f"source-bars-{name}")
            first = reply.entry.first
            how = f"pooling head {first.head}" if first.head else stock_head(reply.traces)
            st.caption(cards.plain(" ".join((f"{capital(how)}.", *plot.notes))))
