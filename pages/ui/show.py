"""A Plot on a page: title, what it is, the drawing, and its export for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from analysis.figures.export import export, slug
from analysis.figures.markup import html
from analysis.figures.plot import Bars, Grid, Plot, Strip
from analysis.figures.venues import VENUES
from pages.ui import cards

FORMATS = ("pdf", "svg", "png", "csv")
_CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"]}


def panel(
    plot: Plot, key: str, about: str, pick: bool = False, title: str = ""
) -> tuple[int, int] | None:
    """One picture with its title, its "?" and its export.

    With `pick` a click on a cell of a heat map is returned as (row, column), else None. `about`
    says in two sentences what the numbers are, what they are not, and the source.
    """
    with st.container(border=True, key=f"panel-{key}"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.markdown(f"**{cards.plain(title or plot.title)}**", help=about)
            export_menu({plot.title: plot}, f"export-{key}")
        picked = _draw(plot, key, pick)
        for note in plot.notes:
            st.caption(cards.plain(note))
    return picked


def _draw(plot: Plot, key: str, pick: bool) -> tuple[int, int] | None:
    parts = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    if any(isinstance(part, Strip) for part in parts) or (
        not pick and all(isinstance(part, Bars) and part.kind == "layer" for part in parts)
    ):
        cards.piece(html(plot, css=False), f"drawing-{key}")
        return None
    from analysis.figures.screen import figure

    event = st.plotly_chart(
        figure(plot, selectable=pick), key=f"drawing-{key}", config=_CHART,
        on_select="rerun" if pick else "ignore", selection_mode="points",
    )
    if not pick:
        return None
    for point in event["selection"]["points"]:
        where = point.get("customdata")
        if where is not None and len(where) == 2:
            return int(where[0]), int(where[1])
    return None


def export_menu(plots: Mapping[str, Plot], key: str, label: str = "Export") -> None:
    """A menu that saves one of these pictures; files are made when their button is pressed."""
    menu = st.popover(
        label, type="tertiary", icon=":material/download:", key=key, on_change="rerun"
    )
    if not menu.open or not plots:
        return
    with menu:
        names = list(plots)
        name = st.selectbox("Picture", names, key=f"{key}-picture") if len(names) > 1 else names[0]
        left, right = st.columns(2)
        venue = left.selectbox(
            "Venue", list(VENUES), key=f"{key}-venue", format_func=lambda v: VENUES[v].name
        )
        widths = [width for width in ("column", "full") if getattr(VENUES[venue], width)]
        width = right.selectbox("Width", widths, key=f"{key}-width")
        plot = plots[name]
        with st.container(horizontal=True):
            for format in FORMATS:
                file = partial(export, plot, format, venue=venue, width=width)
                st.download_button(
                    format.upper(), data=lambda make=file: make().data, on_click="ignore",
                    file_name=f"{slug(plot)}.{format}", key=f"{key}-{format}",
                )
        for notice in export(plot, "svg", venue=venue, width=width).notices:
            st.caption(cards.plain(notice))
