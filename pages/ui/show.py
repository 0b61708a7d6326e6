"""A picture's export: every picture on a page can be saved for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from analysis.figures.export import export
from analysis.figures.plot import Plot
from analysis.figures.venues import VENUES
from pages.ui import cards

FORMATS = ("pdf", "svg", "png", "csv")


def export_menu(plots: Mapping[str, Plot], key: str, label: str = "Export") -> None:
    """A menu that saves one of these pictures; files are made when their button is pressed."""
    menu = st.popover(
        label, type="tertiary", icon=":material/download:", key=key, on_change="rerun"
    )
    if not menu.open or not plots:
        return
    with menu:
        name = st.selectbox("Picture", list(plots), key=f"{key}-picture")
        left, right = st.columns(2)
        venue = left.selectbox("Venue", list(VENUES), key=f"{key}-venue")
        widths = [width for width in ("column", "full") if _has(venue, width)]
        width = right.selectbox("Width", widths, key=f"{key}-width")
        plot = plots[name]
        with st.container(horizontal=True):
            for format in FORMATS:
                file = partial(export, plot, format, venue=venue, width=width)
                st.download_button(
                    format.upper(), data=lambda make=file: make().data, on_click="ignore",
                    file_name=_name(plot, format), key=f"{key}-{format}",
                )
        for notice in export(plot, "svg", venue=venue, width=width).notices:
            st.caption(cards.plain(notice))


def _has(venue: str, width: str) -> bool:
    return getattr(VENUES[venue], width) is not None


def _name(plot: Plot, format: str) -> str:
    from analysis.figures.export import slug

    return f"{slug(plot)}.{format}"
