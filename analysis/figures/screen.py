"""The screen: plotly figures of heat maps, bars, lines, points, grids; strips are HTML (markup)."""

from __future__ import annotations

import re
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.marks import Bars, Grid, HeatMap, Lines, Mark, Points
from analysis.figures.markup import CSS, html
from analysis.figures.plot import Plot
from analysis.figures.style import (
    BAR,
    CLASS_COLOURS,
    CLASS_HATCHES,
    CLASS_SHAPES,
    DIVERGING,
    SEQUENTIAL,
    number,
    printable,
)

__all__ = ["CSS", "figure", "html"]

LONGEST_LABEL = 36
PATTERNS = {"": "", "////": "/", "....": ".", "xxxx": "x", "\\\\\\\\": "\\", "++++": "+",
            "----": "-", "||||": "|", "oooo": "."}  # fmt: skip


def figure(plot: Plot | Mark, *, selectable: bool = False, height: int | None = None) -> go.Figure:
    """The plotly figure of a plot; transparent, so that it takes the page's theme.

    `selectable` lays invisible markers over a heat map, because a selection never fires on the
    cells themselves; their customdata is (row, column). Raises `ValueError` for a token strip.
    """
    mark = plot.mark if isinstance(plot, Plot) else plot
    panels = mark.panels if isinstance(mark, Grid) else (mark,)
    columns = min(mark.columns, len(panels)) if isinstance(mark, Grid) else 1
    rows = -(-len(panels) // columns)
    titles = [_text(t) for t in mark.subtitles] if isinstance(mark, Grid) else None
    tallest = max(_height(panel) for panel in panels)
    between = 84 if titles else 60  # pixels for the labels of one row and the titles of the next
    tall = rows * tallest + (rows - 1) * between
    drawing = make_subplots(
        rows, columns, subplot_titles=titles,
        horizontal_spacing=0.24 / columns, vertical_spacing=between / tall if rows > 1 else 0.0,
    )  # fmt: skip
    named: set[str] = set()
    for index, panel in enumerate(panels):
        at = {"row": index // columns + 1, "col": index % columns + 1}
        _draw(drawing, panel, at, selectable, named)
    top = (30 if titles else 12) + (26 * -(-len(named) // 5) if len(named) > 1 else 0)
    drawing.update_layout(
        height=height or tall + top + 70,
        margin={"l": 10, "r": 10, "t": top, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yref": "container", "y": 1, "yanchor": "top", "x": 0},
        showlegend=len(named) > 1, bargap=0.25,
    )  # fmt: skip
    drawing.update_xaxes(automargin=True, zeroline=False)
    drawing.update_yaxes(automargin=True, zeroline=False)
    return drawing


def _height(panel: Mark) -> int:
    if isinstance(panel, HeatMap):
        return min(max((30 if panel.written else 22) * len(panel.rows), 120), 700)
    if isinstance(panel, Bars) and panel.horizontal and panel.as_points:
        return max(32 * len(panel.categories) * len(panel.series), 90)
    if isinstance(panel, Bars) and panel.horizontal:
        return max(20 * len(panel.categories) * max(len(panel.series), 1), 100)
    return 300


def _text(text: str, longest: int = LONGEST_LABEL) -> str:
    """Shown as typed: plotly reads tags, and a page with MathJax would read dollars as TeX."""
    return escape(printable(text, longest), quote=False).replace("$", "&#36;")


def _lines_of(text: str) -> str:
    """A label in lines of about 28 characters."""
    return "<br>".join(_text(line) for line in wrap(printable(text, 120), 28))


def _bar_title(m: HeatMap) -> str:
    """The colour bar's title; only the unit where the map is too low for more."""
    unit = re.search(r"\(([^()]+)\)$", m.value_label)
    return _text(unit[1]) if unit and len(m.rows) < 8 else _lines_of(m.value_label)


def _ticks(labels: tuple[str, ...]) -> dict[str, Any]:
    """Labels by position: plotly would merge categories of the same name."""
    named = [index for index, label in enumerate(labels) if label]
    return {"tickmode": "array", "tickvals": named,
            "ticktext": [_text(labels[index]) for index in named]}  # fmt: skip


def _draw(
    drawing: go.Figure, panel: Mark, at: dict[str, int], selectable: bool, named: set[str]
) -> None:
    if isinstance(panel, HeatMap):
        _heat_map(drawing, panel, at, selectable)
    elif isinstance(panel, Bars):
        _bars(drawing, panel, at, named)
    elif isinstance(panel, Lines):
        _lines(drawing, panel, at, named)
    elif isinstance(panel, Points):
        _points(drawing, panel, at, named)
    else:
        kind = type(panel).__name__
        raise ValueError(f"a {kind} is drawn as HTML: use analysis.figures.markup.html")


def _legend(name: str, named: set[str], alone: bool = False) -> dict[str, Any]:
    """One legend entry a name, whichever panels it appears in; none where a series is alone."""
    if alone:
        return {"name": _text(name), "showlegend": False}
    first = name not in named
    named.add(name)
    return {"name": _text(name), "legendgroup": name, "showlegend": first}


def _heat_map(drawing: go.Figure, m: HeatMap, at: dict[str, int], selectable: bool) -> None:
    stops = DIVERGING if m.scale == "diverging" else SEQUENTIAL
    low, high = m.bounds
    labels = np.empty((*m.values.shape, 2), object)
    labels[:, :, 0] = np.array([_text(r) for r in m.rows], object)[:, None]
    labels[:, :, 1] = np.array([_text(c) for c in m.columns], object)[None, :]
    across = next(drawing.select_xaxes(**at)).domain
    down = next(drawing.select_yaxes(**at)).domain
    drawing.add_heatmap(
        z=m.values, zmin=low, zmax=high, customdata=labels,
        text=_written(m), texttemplate="%{text}" if m.written else None,
        colorscale=[[i / (len(stops) - 1), c] for i, c in enumerate(stops)],
        colorbar={"title": {"text": _bar_title(m), "side": "right"}, "thickness": 12,
                  "x": across[1] + 0.005, "y": sum(down) / 2, "len": down[1] - down[0]},
        hovertemplate="%{customdata[0]}, %{customdata[1]}: %{z:.3g}<extra></extra>", **at,
    )  # fmt: skip
    if selectable:
        row, column = np.indices(m.values.shape)
        drawing.add_scatter(
            x=column.ravel(), y=row.ravel(), mode="markers", hoverinfo="skip", showlegend=False,
            marker={"symbol": "square", "size": 18, "opacity": 0.0},
            customdata=np.stack([row.ravel(), column.ravel()], axis=1), **at,
        )  # fmt: skip
    drawing.update_xaxes(title_text=_text(m.column_label), **_ticks(m.columns), **at)
    drawing.update_yaxes(title_text=_text(m.row_label), autorange="reversed", **_ticks(m.rows),
                         **at)  # fmt: skip


def _written(m: HeatMap) -> list[list[str]] | None:
    """What stands in the cells; nothing in an empty one."""
    form = m.written
    if form is None:
        return None
    return [[number(v, form) if np.isfinite(v) else "" for v in row] for row in m.values.tolist()]


def _bars(drawing: go.Figure, m: Bars, at: dict[str, int], named: set[str]) -> None:
    size = 0.8 / len(m.series)
    places = np.arange(len(m.categories), dtype=float)
    along, across = ("x", "y") if m.horizontal else ("y", "x")
    for index, name in enumerate(m.series):
        values = m.values[index]
        where = places + (index - (len(m.series) - 1) / 2) * size
        colour: Any = BAR if len(m.series) == 1 else CLASS_COLOURS[index % len(CLASS_COLOURS)]
        if m.as_points:
            _points_of_bars(drawing, m, index, where, 0.7 * size, colour, named, at)
            continue
        if m.colours == "sign":
            colour = [DIVERGING[-2] if v > 0 else DIVERGING[1] for v in values]
        error = None
        if m.intervals is not None:
            low, high = m.intervals[index].T
            error = {"type": "data", "symmetric": False, "array": high - values,
                     "arrayminus": values - low, "thickness": 1.2}  # fmt: skip
        pattern = "" if len(m.series) == 1 else CLASS_HATCHES[index % len(CLASS_HATCHES)]
        hover = f"%{{customdata}}: %{{{along}:.3g}}<extra>%{{fullData.name}}</extra>"
        drawing.add_bar(
            **{along: values, across: where, f"error_{along}": error},
            text=[number(v, m.style) for v in values.tolist()] if error is None else None,
            textposition="outside", textangle=0, cliponaxis=False,
            width=size * 0.92, orientation="h" if m.horizontal else "v",
            customdata=[_text(c) for c in m.categories], hovertemplate=hover,
            marker={"color": colour, "line": {"width": 0.8, "color": "#808080"},
                    "pattern": {"shape": PATTERNS[pattern], "solidity": 0.25}},
            **_legend(name, named, len(m.series) == 1), **at,
        )  # fmt: skip
        if m.dots is not None and np.isfinite(m.dots[index]).sum(axis=1).max(initial=0) > 1:
            count = m.dots.shape[2]
            drawing.add_scatter(
                **{along: m.dots[index].ravel(), across: np.repeat(where, count)},
                mode="markers", showlegend=False, hoverinfo=along, legendgroup=name,
                marker={"symbol": "circle", "size": 6, "color": "#FFFFFF",
                        "line": {"width": 1.2, "color": "#404040"}}, **at,
            )  # fmt: skip
    if m.reference is not None:
        line = drawing.add_vline if m.horizontal else drawing.add_hline
        line(m.reference, line={"width": 1, "dash": "dot", "color": "#808080"}, **at)
    category = {"title_text": _text(m.category_label) or None, **_ticks(m.categories)}
    if m.as_points:
        edge = len(m.categories) - 0.5
        category["range"] = [edge, -0.5] if m.horizontal else [-0.5, edge]
    value: dict[str, Any] = {"title_text": _lines_of(m.value_label), "range": list(_widened(m))}
    if m.style in ("probability", "percent") and m.bounds[0] == 0:
        value["tickvals"] = np.linspace(*m.bounds, 5)  # no tick behind the end of the scale
    if m.horizontal:
        drawing.update_xaxes(**value, **at)
        drawing.update_yaxes(**({"autorange": "reversed"} | category), **at)
    else:
        drawing.update_yaxes(**value, **at)
        drawing.update_xaxes(**category, **at)


def _points_of_bars(
    drawing: go.Figure, m: Bars, index: int, where: np.ndarray, room: float, colour: str,
    named: set[str], at: dict[str, int],
) -> None:  # fmt: skip
    """Values as diamonds on their intervals, the dots side by side in the order of the seeds."""
    along, across = ("x", "y") if m.horizontal else ("y", "x")
    name = m.series[index]
    if m.dots is not None:
        count = m.dots.shape[2]
        aside = room * ((np.arange(count) + 0.5) / count - 0.5)
        drawing.add_scatter(
            **{along: m.dots[index].ravel(), across: (where[:, None] + aside).ravel()},
            mode="markers", showlegend=False, legendgroup=name,
            hovertemplate=f"%{{{along}:.4g}}<extra></extra>",
            marker={"symbol": "circle", "size": 5.5, "color": colour, "opacity": 0.7}, **at,
        )  # fmt: skip
    values = m.values[index]
    error = None
    if m.intervals is not None:
        low, high = m.intervals[index].T
        error = {"type": "data", "symmetric": False, "array": high - values,
                 "arrayminus": values - low, "thickness": 2, "width": 5}  # fmt: skip
    drawing.add_scatter(
        **{along: values, across: where, f"error_{along}": error}, mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": colour,
                "line": {"width": 1.2, "color": "#FFFFFF"}},
        customdata=[_text(c) for c in m.categories],
        hovertemplate=f"%{{customdata}}: %{{{along}:.4g}}<extra></extra>",
        **_legend(name, named, len(m.series) == 1), **at,
    )  # fmt: skip


def _widened(m: Bars) -> tuple[float, float]:
    low, high = m.bounds
    if m.as_points:
        room = 0.06 * (high - low)
        return low - room, high + room
    room = 0.14 * (high - low)  # for the number behind the longest bar
    return (low - 1.5 * room if low < 0 else low), high + room


def _lines(drawing: go.Figure, m: Lines, at: dict[str, int], named: set[str]) -> None:
    for index, name in enumerate(m.series):
        colour = CLASS_COLOURS[index % len(CLASS_COLOURS)]
        shape = CLASS_SHAPES[index % len(CLASS_SHAPES)][0]
        line: dict[str, Any] = {"color": colour, "width": 2}
        if index == m.reference:
            colour = "#808080"
            line = {"color": colour, "width": 1.5, "dash": "dot"}
        marked = m.markers and index != m.reference
        drawing.add_scatter(
            x=m.x, y=m.y[index], mode="lines+markers" if marked else "lines",
            line=line, marker={"symbol": shape, "size": 7},
            **_legend(name, named, len(m.series) == 1), **at,
        )  # fmt: skip
        if m.bands is not None:
            low, high = m.bands[index].T
            drawing.add_scatter(
                x=np.concatenate([m.x, m.x[::-1]]), y=np.concatenate([high, low[::-1]]),
                mode="lines", fill="toself", fillcolor=colour, opacity=0.2, line={"width": 0},
                hoverinfo="skip", showlegend=False, legendgroup=name, **at,
            )  # fmt: skip
        if m.flags is not None and m.flags[index].any():
            on = m.flags[index].astype(bool)
            drawing.add_scatter(
                x=m.x[on], y=m.y[index][on], mode="markers", showlegend=False, legendgroup=name,
                marker={"symbol": "circle-open", "size": 15, "color": "#808080",
                        "line": {"width": 2}}, hovertext=_text(m.flag_label), **at,
            )  # fmt: skip
    drawing.update_xaxes(title_text=_text(m.x_label), **at)
    if m.places:
        drawing.update_xaxes(tickmode="array", tickvals=m.x, ticktext=[*map(_text, m.places)], **at)
    drawing.update_yaxes(title_text=_text(m.y_label), range=m.limits and list(m.limits), **at)


def _points(drawing: go.Figure, m: Points, at: dict[str, int], named: set[str]) -> None:
    for index, name in enumerate(m.groups):
        on = np.flatnonzero(m.group == index)
        drawing.add_scatter(
            x=m.xy[on, 0], y=m.xy[on, 1], mode="markers", customdata=on,
            hovertext=[_text(m.labels[i]) for i in on] if m.labels else None,
            marker={"symbol": CLASS_SHAPES[index % len(CLASS_SHAPES)][0], "size": 6,
                    "color": CLASS_COLOURS[index % len(CLASS_COLOURS)],
                    "line": {"width": 0.5, "color": "#808080"}},
            **_legend(name, named), **at,
        )  # fmt: skip
    rings = list(m.rings)
    if rings:
        drawing.add_scatter(
            x=m.xy[rings, 0], y=m.xy[rings, 1], mode="markers+text", showlegend=False,
            text=[_text(m.labels[i]) for i in rings] if m.labels else None,
            textposition="top center",
            marker={"symbol": "circle-open", "size": 14, "color": "#808080",
                    "line": {"width": 2}}, **at,
        )  # fmt: skip
    drawing.update_xaxes(title_text=_text(m.x_label), **at)
    drawing.update_yaxes(title_text=_text(m.y_label), **at)
    if m.equal_axes:
        drawing.update_yaxes(scaleanchor=drawing.data[-1].xaxis or "x", **at)


