"""Bars as plotly draws them: with hatches and intervals, or as points where a scale starts late."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.figures.marks import Bars
from analysis.figures.screen.sheet import Sheet, label, lines_of, ticks
from analysis.figures.style.style import BAR, CLASS_COLOURS, CLASS_HATCHES, DIVERGING, number

PATTERNS = {
    "": "",
    "////": "/",
    "....": ".",
    "xxxx": "x",
    "\\\\\\\\": "\\",
    "++++": "+",
    "----": "-",
    "||||": "|",
    "oooo": ".",
}


def draw_bars(sheet: Sheet, m: Bars) -> None:
    """Add the bars of each series, their intervals and dots, and both axes."""
    size = 0.8 / len(m.series)
    places = np.arange(len(m.categories), dtype=float)
    along, across = ("x", "y") if m.horizontal else ("y", "x")
    for index, name in enumerate(m.series):
        values = m.values[index]
        where = places + (index - (len(m.series) - 1) / 2) * size
        single = BAR if len(m.series) == 1 else CLASS_COLOURS[index % len(CLASS_COLOURS)]
        colour: str | list[str] = single
        if m.as_points:
            _points_of_bars(sheet, m, index, where, 0.7 * size, single)
            continue
        if m.colours == "sign":
            colour = [DIVERGING[-2] if v > 0 else DIVERGING[1] for v in values]
        error = _interval(m, index, thickness=1.2)
        pattern = "" if len(m.series) == 1 else CLASS_HATCHES[index % len(CLASS_HATCHES)]
        hover = f"%{{customdata}}: %{{{along}:.3g}}<extra>%{{fullData.name}}</extra>"
        sheet.add(
            "bar",
            **{along: values, across: where, f"error_{along}": error},
            text=[number(v, m.style) for v in values.tolist()] if error is None else None,
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            width=size * 0.92,
            orientation="h" if m.horizontal else "v",
            customdata=[label(c) for c in m.categories],
            hovertemplate=hover,
            marker={
                "color": colour,
                "line": {"width": 0.8, "color": "#808080"},
                "pattern": {"shape": PATTERNS[pattern], "solidity": 0.25},
            },
            **sheet.legend(name, len(m.series) == 1),
        )
        if m.dots is not None and np.isfinite(m.dots[index]).sum(axis=1).max(initial=0) > 1:
            count = m.dots.shape[2]
            sheet.add(
                "scatter",
                **{along: m.dots[index].ravel(), across: np.repeat(where, count)},
                mode="markers",
                showlegend=False,
                hoverinfo=along,
                legendgroup=name,
                marker={
                    "symbol": "circle",
                    "size": 6,
                    "color": "#FFFFFF",
                    "line": {"width": 1.2, "color": "#404040"},
                },
            )
    if m.reference is not None:
        sheet.line_at(along, m.reference)
    category = {"title": {"text": label(m.category_label) or None}, **ticks(m.categories)}
    if m.as_points:
        edge = len(m.categories) - 0.5
        category["range"] = [edge, -0.5] if m.horizontal else [-0.5, edge]
    value = {"title": {"text": lines_of(m.value_label)}, "range": list(_widened(m))}
    if m.style in ("probability", "percent") and m.bounds[0] == 0:
        value["tickvals"] = np.linspace(*m.bounds, 5)  # no tick behind the end of the scale
    sheet.axis(along, **value)
    sheet.axis(across, **({"autorange": "reversed"} if m.horizontal else {}) | category)


def _points_of_bars(
    sheet: Sheet, m: Bars, index: int, where: np.ndarray, room: float, colour: str
) -> None:
    """Values as diamonds on their intervals, the dots side by side in the order of the seeds."""
    along, across = ("x", "y") if m.horizontal else ("y", "x")
    name = m.series[index]
    if m.dots is not None:
        count = m.dots.shape[2]
        aside = room * ((np.arange(count) + 0.5) / count - 0.5)
        sheet.add(
            "scatter",
            **{along: m.dots[index].ravel(), across: (where[:, None] + aside).ravel()},
            mode="markers",
            showlegend=False,
            legendgroup=name,
            hovertemplate=f"%{{{along}:.4g}}<extra></extra>",
            marker={"symbol": "circle", "size": 6, "color": colour, "opacity": 0.9},
        )
    values = m.values[index]
    error = _interval(m, index, thickness=2, width=5)
    sheet.add(
        "scatter",
        **{along: values, across: where, f"error_{along}": error},
        mode="markers",
        marker={
            "symbol": "diamond",
            "size": 11,
            "color": colour,
            "line": {"width": 1.2, "color": "#FFFFFF"},
        },
        customdata=[label(c) for c in m.categories],
        hovertemplate=f"%{{customdata}}: %{{{along}:.4g}}<extra></extra>",
        **sheet.legend(name, len(m.series) == 1),
    )


def _interval(m: Bars, index: int, **style: float) -> dict[str, Any] | None:
    """Error bars of a series; None where it has no intervals."""
    if m.intervals is None:
        return None
    low, high = m.intervals[index].T
    values = m.values[index]
    sides = {"array": high - values, "arrayminus": values - low}
    return {"type": "data", "symmetric": False, **sides, **style}


def _widened(m: Bars) -> tuple[float, float]:
    low, high = m.bounds
    if m.as_points:
        room = 0.06 * (high - low)
        return low - room, high + room
    room = 0.14 * (high - low)  # for the number behind the longest bar
    return (low - 1.5 * room if low < 0 else low), high + room
