"""The heat maps of the Layers page as plotly draws them, and the clicks on their cells."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis.figures.marks import Grid, HeatMap
from analysis.figures.plot import Plot
from analysis.figures.screen import packed
from analysis.figures.screen.sheet import merge
from pages.ui.kit import cells, selection, shades

_AXES = {
    "natural": "dimension",
    "final": "dimension, largest in the last layer first",
    "weight": "dimension, most for the class first, most against it last",
    "top": "dimension, largest weight × value first",
}
_CHART = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"]}


def draw(plot: Plot, order: str, layer: int | None, dimension: int | None) -> None:
    """The heat maps below each other; a click on a cell chooses its layer and dimension."""
    from analysis.figures.screen.plotly import sheet

    panels = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    maps = [panel for panel in panels if isinstance(panel, HeatMap)]
    drawing = sheet(plot)
    shades.adapt(drawing)
    heights = [len(heat_map.rows) * (22 if len(maps) == 1 else 15) for heat_map in maps]
    same = len({heat_map.values.shape for heat_map in maps}) == 1
    gap = 64 if order == "top" or not same else 26
    top, bottom = 26 if len(maps) > 1 else 8, 44
    inner = sum(heights) + gap * (len(maps) - 1)
    place = inner
    for index, (heat_map, height) in enumerate(zip(maps, heights, strict=True)):
        end, start = place / inner, max(place - height, 0) / inner
        place -= height + gap
        # numbers instead of labels for each cell: a tenth of the bytes to the browser
        merge(
            drawing.data[index],
            showscale=index == 0,
            customdata=packed.repeated(heat_map.columns, len(heat_map.values)),
            hovertemplate="layer %{y}, dimension %{customdata}: %{z:.3g}<extra></extra>",
            colorbar={"len": 1.0, "y": 0.5, "x": 1.005, "title": {"text": None}},
        )
        drawing.turn_to(index)
        drawing.axis("y", domain=[start, end], title={"text": None})
        last = index == len(maps) - 1
        title = {"text": _AXES[order], "standoff": 6} if last else {"text": None}
        drawing.axis(
            "x",
            title=title,
            showgrid=False,
            **_ticks(heat_map, order),
            showticklabels=last or order == "top" or not same,
        )
        if order == "natural" and same:
            drawing.axis("x", matches="x")  # zooming into one zooms into all
        if len(maps) > 1:
            drawing.layout["annotations"][index] |= {
                "y": end,
                "x": 0,
                "xanchor": "left",
                "font": {"size": 13},
                "yshift": 2,
            }
        if layer is not None and layer < len(heat_map.rows):
            drawing.box((-0.5, len(heat_map.columns) - 0.5), (layer - 0.5, layer + 0.5), width=2)
        if dimension is not None and str(dimension) in heat_map.columns:
            column = heat_map.columns.index(str(dimension))
            drawing.box((column - 0.5, column + 0.5), (-0.5, len(heat_map.rows) - 0.5), width=1.5)
    drawing.layout |= {
        "height": inner + top + bottom,
        "margin": {"l": 4, "r": 4, "t": top, "b": bottom},
    }
    st.plotly_chart(drawing.figure, key="map-chart", config=_CHART)
    cells.listen(
        "map-clicks",
        lambda which, row, column: selection.toggle_cell(row, int(maps[which].columns[column])),
    )


def _ticks(heat_map: HeatMap, order: str) -> dict[str, Any]:
    if order == "natural":
        return {"tickmode": "auto", "nticks": 16}
    if len(heat_map.columns) > 60:  # the numbers of hundreds of dimensions cannot be read: on hover
        return {"tickmode": "array", "tickvals": []}
    return {"tickfont": {"size": 10}, "tickangle": -60}
