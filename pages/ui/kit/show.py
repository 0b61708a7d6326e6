"""A Plot on a page: title, what it is, the drawing, and its export for a paper."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.figures.marks import Bands, Bars, Grid, Panel, Strip
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from pages.ui.export.panel import export_menu as export_menu
from pages.ui.kit import cards, cells, shades
from pages.ui.kit.titles import titled

_CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"]}


def panel(
    plot: Plot,
    key: str,
    about: str,
    pick: bool = False,
    title: str = "",
    sentences: Sequence[str] = (),
    apart: bool = False,
) -> tuple[int, ...] | None:
    """One picture with its title, its "?" and its export.

    With `pick` a click on a cell of a heat map is returned as (row, column) by the run that it
    causes, else None. `about` says in two sentences what the numbers are, what they are not, and
    the source. `sentences` are lines above the drawing, in words. With `apart` the panels of a grid
    are drawings of their own, as many abreast as there is room for; what is picked is then
    (panel, row, column).
    """
    with st.container(border=True, key=f"panel-{key}"):
        with titled(title or plot.title, about, key):
            export_menu({plot.title: plot}, f"export-{key}")
        for line in sentences:
            st.text(line)
        picked = (
            _draw_apart(plot.mark, key, pick)
            if apart and isinstance(plot.mark, Grid)
            else _draw(plot, key, pick)
        )
        for note in plot.notes:
            st.caption(cards.plain(note))
    return picked


def _draw(plot: Plot, key: str, pick: bool) -> tuple[int, int] | None:
    parts = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    if any(isinstance(part, Strip | Bands) for part in parts) or (
        not pick
        and all(isinstance(part, Bars) and part.kind in ("layer", "word") for part in parts)
    ):
        cards.piece(html(plot, css=False), f"drawing-{key}")
        return None
    return _chart(plot, f"drawing-{key}", pick)


def _chart(drawn: Plot | Panel, key: str, pick: bool) -> tuple[int, int] | None:
    from analysis.figures.screen.plotly import sheet

    drawing = sheet(drawn)
    shades.adapt(drawing)
    st.plotly_chart(drawing.figure, key=key, config=_CHART)
    if not pick:
        return None

    def clicked(_: int, row: int, column: int) -> None:
        st.session_state[f"{key}-clicked"] = (row, column)

    cells.listen(f"{key}-clicks", clicked)
    where: tuple[int, int] | None = st.session_state.pop(f"{key}-clicked", None)
    return where


def _draw_apart(grid: Grid, key: str, pick: bool) -> tuple[int, ...] | None:
    picked: tuple[int, ...] | None = None
    with st.container(key=f"apart-{key}"):
        for index, (part, subtitle) in enumerate(zip(grid.panels, grid.subtitles, strict=True)):
            with st.container(key=f"apart-{key}-part-{index}"):
                if subtitle:
                    st.caption(f"**{cards.plain(subtitle)}**")
                where = _chart(part, f"drawing-{key}-{index}", pick)
                picked = picked if where is None else (index, *where)
    return picked
