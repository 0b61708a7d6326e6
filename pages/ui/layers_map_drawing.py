"""The heat maps of the Layers page as plotly draws them, and the clicks on their cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from analysis.figures.marks import Grid, HeatMap
from analysis.figures.plot import Plot
from pages.ui import cells, followed, shades

_AXES = {"natural": "dimension", "final": "dimension, largest in the last layer first",
         "weight": "dimension, most for the class first, most against it last",
         "top": "dimension, largest weight × value first"}  # fmt: skip
_CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"]}


def draw(plot: Plot, order: str, layer: int | None, dimension: int | None) -> None:
    """The heat maps below each other; a click on a cell chooses its layer and dimension."""
    from analysis.figures.screen import figure

    panels = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    maps = [panel for panel in panels if isinstance(panel, HeatMap)]
    drawing = figure(plot)
    shades.adapt(drawing)
    heights = [len(one.rows) * (22 if len(maps) == 1 else 15) for one in maps]
    same = len({one.values.shape for one in maps}) == 1
    gap = 64 if order == "top" or not same else 26
    top, bottom = 26 if len(maps) > 1 else 8, 44
    inner = sum(heights) + gap * (len(maps) - 1)
    place = inner
    for index, (one, height) in enumerate(zip(maps, heights, strict=True)):
        end, start = place / inner, max(place - height, 0) / inner
        place -= height + gap
        shown = drawing.data[index]
        # numbers instead of labels for each cell: a tenth of the bytes to the browser
        dimensions = np.array(one.columns, np.int32)
        shown.customdata = np.broadcast_to(dimensions, one.values.shape).copy()
        shown.hovertemplate = "layer %{y}, dimension %{customdata}: %{z:.3g}<extra></extra>"
        shown.showscale = index == 0
        shown.colorbar.update(len=1.0, y=0.5, x=1.005, title=None)
        at = {"row": index + 1, "col": 1}
        drawing.update_yaxes(domain=[start, end], title_text=None, **at)
        drawing.update_xaxes(title_text=None, showgrid=False, **at)
        labelled = index == len(maps) - 1 or order == "top" or not same
        drawing.update_xaxes(**_ticks(one, order), showticklabels=labelled, **at)
        if len(maps) > 1:
            drawing.layout.annotations[index].update(
                y=end, x=0, xanchor="left", font={"size": 13}, yshift=2
            )
        if layer is not None and layer < len(one.rows):
            drawing.add_shape(
                type="rect", x0=-0.5, x1=len(one.columns) - 0.5, y0=layer - 0.5, y1=layer + 0.5,
                line={"width": 2, "color": "#808080"}, **at,
            )
        if dimension is not None and str(dimension) in one.columns:
            column = one.columns.index(str(dimension))
            drawing.add_shape(
                type="rect", x0=column - 0.5, x1=column + 0.5, y0=-0.5, y1=len(one.rows) - 0.5,
                line={"width": 1.5, "color": "#808080"}, **at,
            )
    drawing.update_xaxes(title_text=_AXES[order], title_standoff=6,
                         row=len(maps), col=1)  # fmt: skip
    if order == "natural" and same:
        drawing.update_xaxes(matches="x")  # zooming into one zooms into all
    drawing.update_layout(
        height=inner + top + bottom, margin={"l": 4, "r": 4, "t": top, "b": bottom}
    )
    st.plotly_chart(drawing, key="map-chart", config=_CHART)
    cells.listen("map-clicks", lambda which, row, column: followed.toggle_cell(
        row, int(maps[which].columns[column])
    ))  # fmt: skip


def _ticks(one: HeatMap, order: str) -> dict[str, Any]:
    if order == "natural":
        return {"tickmode": "auto", "nticks": 16}
    if len(one.columns) > 60:  # the numbers of hundreds of dimensions cannot be read: on hover
        return {"tickmode": "array", "tickvals": []}
    return {"tickfont": {"size": 10}, "tickangle": -60}
