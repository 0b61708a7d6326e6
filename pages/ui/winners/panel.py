"""A picture in its frame: title, "?", export, drawing, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from analysis.figures.marks import Bars
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from analysis.figures.screen.sheet import Sheet
from pages.ui.kit import cards, shades
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled

_CHART: dict[str, Any] = {"displayModeBar": False}


def framed(
    plot: Plot,
    key: str,
    about: str,
    sentence: str = "",
    height: int = 0,
    title: str = "",
    adjust: Callable[[Sheet], None] | None = None,
) -> None:
    """Horizontal bars as HTML, all else by plotly, `height` pixels high; `adjust` may polish it."""
    with st.container(border=True, key=f"panel-{key}"):
        with titled(title or plot.title, about, key):
            export_menu({plot.title: plot}, f"export-{key}")
        if isinstance(plot.mark, Bars) and plot.mark.horizontal:
            cards.piece(html(plot, css=False), f"drawing-{key}")
        else:
            from analysis.figures.screen.plotly import sheet

            drawing = sheet(plot, height=height or None)
            shades.adapt(drawing)
            drawing.layout["margin"] |= {"l": 4, "r": 4, "b": 4}
            if adjust is not None:
                adjust(drawing)
            st.plotly_chart(drawing.figure, key=f"drawing-{key}", config=_CHART)
        st.caption(cards.plain(" ".join((sentence, *plot.notes)).strip()))
