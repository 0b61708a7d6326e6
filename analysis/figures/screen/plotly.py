"""The screen: plotly figures of heat maps, bars, lines, points, grids; strips are HTML (markup)."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.marks import Bars, Grid, HeatMap, Lines, Mark, Points
from analysis.figures.picture import Picture
from analysis.figures.screen.bars import draw_bars
from analysis.figures.screen.markup import CSS, html
from analysis.figures.screen.sheet import Sheet, label, lines_of, ticks
from analysis.figures.style.style import (
    CLASS_COLOURS,
    CLASS_SHAPES,
    DIVERGING,
    SEQUENTIAL,
    number,
)

__all__ = ["CSS", "Sheet", "figure", "html", "sheet"]

MOST_NAMES = 30  # along an axis of a map of many cells
_LETTER = 7  # pixels of a letter of a colour bar's title, about
MANY = 40_000  # cells of a heat map beyond which they have numbers on hover, and no names


def figure(
    plot: Picture | Mark, *, selectable: bool = False, height: int | None = None
) -> go.Figure:
    """The plotly figure of a plot, as `sheet` describes it."""
    return go.Figure(sheet(plot, selectable=selectable, height=height).figure)


def sheet(plot: Picture | Mark, *, selectable: bool = False, height: int | None = None) -> Sheet:
    """A plot as plotly draws it; transparent, so that it takes the page's theme.

    `selectable` lays invisible markers over a heat map, because a selection never fires on the
    cells themselves; their customdata is (row, column). Raises `ValueError` for a token strip.
    """
    mark = plot.mark if isinstance(plot, Picture) else plot
    panels = mark.panels if isinstance(mark, Grid) else (mark,)
    columns = min(mark.columns, len(panels)) if isinstance(mark, Grid) else 1
    rows = -(-len(panels) // columns)
    titles = tuple(map(label, mark.subtitles)) if isinstance(mark, Grid) else None
    tallest = max(_height(panel) for panel in panels)
    between = 84 if titles else 60  # pixels for the labels of one row and the titles of the next
    tall = rows * tallest + (rows - 1) * between
    made = Sheet(_frame(rows, columns, titles, between / tall if rows > 1 else 0.0))
    for index, panel in enumerate(panels):
        made.turn_to(index)
        for name in ("x", "y"):
            made.axis(name, automargin=True, zeroline=False)
        _draw(made, panel, selectable)
    made.turn_to(0)
    named = len(made.named)
    top = (30 if titles else 12) + (26 * -(-named // 5) if named > 1 else 0)
    made.layout |= {
        "height": height or tall + top + 70,
        "margin": {"l": 10, "r": 10, "t": top, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "yref": "container", "y": 1, "yanchor": "top", "x": 0},
        "showlegend": named > 1,
        "bargap": 0.25,
    }
    return made


def _frame(
    rows: int, columns: int, titles: tuple[str, ...] | None, between: float
) -> dict[str, Any]:
    """The layout of empty panels: where their axes and titles stand."""
    return deepcopy(_drawn_frame(rows, columns, titles, between))


@lru_cache(maxsize=64)
def _drawn_frame(
    rows: int, columns: int, titles: tuple[str, ...] | None, between: float
) -> dict[str, Any]:
    empty = make_subplots(
        rows,
        columns,
        subplot_titles=titles,
        horizontal_spacing=0.24 / columns,
        vertical_spacing=between,
    )
    layout: dict[str, Any] = empty.layout.to_plotly_json()
    layout.pop("template", None)
    return layout


def _height(panel: Mark) -> int:
    if isinstance(panel, HeatMap):
        return min(max((30 if panel.written else 22) * len(panel.rows), 120), 700)
    if isinstance(panel, Bars) and panel.horizontal and panel.as_points:
        return max(32 * len(panel.categories) * len(panel.series), 90)
    if isinstance(panel, Bars) and panel.horizontal:
        return max(20 * len(panel.categories) * max(len(panel.series), 1), 100)
    return 300


def _bar_title(m: HeatMap) -> str:
    """The colour bar's title in lines no longer than the bar; of a low map the unit alone."""
    unit = re.search(r"\(([^()]+)\)$", m.value_label)
    if unit and len(m.rows) < 8:
        return label(unit[1])
    return lines_of(m.value_label, min(28, _height(m) // _LETTER))


def _draw(sheet: Sheet, panel: Mark, selectable: bool) -> None:
    if isinstance(panel, HeatMap):
        _heat_map(sheet, panel, selectable)
    elif isinstance(panel, Bars):
        draw_bars(sheet, panel)
    elif isinstance(panel, Lines):
        _lines(sheet, panel)
    elif isinstance(panel, Points):
        _points(sheet, panel)
    else:
        kind = type(panel).__name__
        raise ValueError(f"a {kind} is drawn as HTML: use analysis.figures.screen.markup.html")


def _heat_map(sheet: Sheet, m: HeatMap, selectable: bool) -> None:
    stops = DIVERGING if m.scale == "diverging" else SEQUENTIAL
    low, high = m.bounds
    many = m.values.size > MANY
    labels, values, where = None, m.values, "row %{y}, column %{x}"
    if many:  # two names a cell would be megabytes to the browser
        values = m.values.astype(np.float32)
    else:
        where = "%{customdata[0]}, %{customdata[1]}"
        labels = np.empty((*m.values.shape, 2), object)
        labels[:, :, 0] = np.array([label(r) for r in m.rows], object)[:, None]
        labels[:, :, 1] = np.array([label(c) for c in m.columns], object)[None, :]
    across, down = sheet.axis("x")["domain"], sheet.axis("y")["domain"]
    sheet.add(
        "heatmap",
        z=values,
        zmin=low,
        zmax=high,
        customdata=labels,
        text=_written(m),
        texttemplate="%{text}" if m.written else None,
        colorscale=[[i / (len(stops) - 1), c] for i, c in enumerate(stops)],
        colorbar={
            "title": {"text": _bar_title(m), "side": "right"},
            "thickness": 12,
            "exponentformat": "e",
            "x": across[1] + 0.005,
            "y": sum(down) / 2,
            "len": down[1] - down[0],
        },
        hovertemplate=f"{where}: %{{z:.3g}}<extra></extra>",
    )
    if selectable:
        row, column = np.indices(m.values.shape)
        sheet.add(
            "scatter",
            x=column.ravel(),
            y=row.ravel(),
            mode="markers",
            hoverinfo="skip",
            showlegend=False,
            marker={"symbol": "square", "size": 18, "opacity": 0.0},
            customdata=np.stack([row.ravel(), column.ravel()], axis=1),
        )
    columns, rows = (_thinned(names) if many else names for names in (m.columns, m.rows))
    sheet.axis("x", title={"text": label(m.column_label)}, **ticks(columns))
    sheet.axis("y", title={"text": label(m.row_label)}, autorange="reversed", **ticks(rows))


def _thinned(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names at equal steps, so few that they do not lie upon each other; "" between them."""
    step = -(-len(names) // MOST_NAMES)
    return tuple(name if not place % step else "" for place, name in enumerate(names))


def _written(m: HeatMap) -> list[list[str]] | None:
    """Texts of the cells; none in an empty one."""
    form = m.written
    if form is None:
        return None
    return [[number(v, form) if np.isfinite(v) else "" for v in row] for row in m.values.tolist()]


def _lines(sheet: Sheet, m: Lines) -> None:
    for index, name in enumerate(m.series):
        colour = CLASS_COLOURS[index % len(CLASS_COLOURS)]
        shape = CLASS_SHAPES[index % len(CLASS_SHAPES)][0]
        line: dict[str, Any] = {"color": colour, "width": 2}
        if index == m.reference:
            colour = "#808080"
            line = {"color": colour, "width": 1.5, "dash": "dot"}
        marked = m.markers and index != m.reference
        sheet.add(
            "scatter",
            x=m.x,
            y=m.y[index],
            mode="lines+markers" if marked else "lines",
            line=line,
            marker={"symbol": shape, "size": 7},
            **sheet.legend(name, len(m.series) == 1),
        )
        if m.bands is not None:
            low, high = m.bands[index].T
            sheet.add(
                "scatter",
                x=np.concatenate([m.x, m.x[::-1]]),
                y=np.concatenate([high, low[::-1]]),
                mode="lines",
                fill="toself",
                fillcolor=colour,
                opacity=0.2,
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
            )
        if m.flags is not None and m.flags[index].any():
            on = m.flags[index].astype(bool)
            sheet.add(
                "scatter",
                x=m.x[on],
                y=m.y[index][on],
                mode="markers",
                showlegend=False,
                legendgroup=name,
                marker={
                    "symbol": "circle-open",
                    "size": 15,
                    "color": "#808080",
                    "line": {"width": 2},
                },
                hovertext=label(m.flag_label),
            )
    sheet.axis("x", title={"text": label(m.x_label)})
    if m.places:
        sheet.axis("x", tickmode="array", tickvals=m.x, ticktext=[*map(label, m.places)])
        if len(m.places) < 4:  # room for names at both ends, which plotly leaves out otherwise
            sheet.axis("x", range=[-0.35, len(m.places) - 0.65])
    sheet.axis("y", title={"text": label(m.y_label)}, range=m.limits and list(m.limits))


def _points(sheet: Sheet, m: Points) -> None:
    for line in np.unique(m.contour_of):
        x, y = m.contours[m.contour_of == line].T
        style = {"width": 1, "color": "rgba(128, 128, 128, 0.6)"}
        sheet.add("scatter", x=x, y=y, mode="lines", hoverinfo="skip", showlegend=False, line=style)
    for index, name in enumerate(m.groups):
        on = np.flatnonzero(m.group == index)
        sheet.add(
            "scatter",
            x=m.xy[on, 0],
            y=m.xy[on, 1],
            mode="markers",
            customdata=on,
            hovertext=[label(m.labels[i]) for i in on] if m.labels else None,
            marker={
                "symbol": CLASS_SHAPES[index % len(CLASS_SHAPES)][0],
                "size": 6,
                "color": CLASS_COLOURS[index % len(CLASS_COLOURS)],
                "line": {"width": 0.5, "color": "#808080"},
            },
            **sheet.legend(name),
        )
    rings = list(m.rings)
    if rings:
        sheet.add(
            "scatter",
            x=m.xy[rings, 0],
            y=m.xy[rings, 1],
            mode="markers+text",
            showlegend=False,
            text=[label(m.labels[i]) for i in rings] if m.labels else None,
            textposition="top center",
            marker={"symbol": "circle-open", "size": 14, "color": "#808080", "line": {"width": 2}},
        )
    if m.regions:
        x, y = m.region_at.T
        names = [label(name) for name in m.regions]
        sheet.add("scatter", x=x, y=y, mode="text", text=names, hoverinfo="skip", showlegend=False)
    sheet.axis("x", title={"text": label(m.x_label)})
    sheet.axis("y", title={"text": label(m.y_label)})
    if m.equal_axes:
        sheet.axis("y", scaleanchor=f"x{sheet.number}")
