"""Colours of plotly drawings on the page's own ground: the paper's are made for a white one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis.figures.screen.sheet import Sheet
from analysis.figures.style.style import DIVERGING, DIVERGING_DARK, SEQUENTIAL

# On a dark page the dark ones of the class colours would sink into the ground.
_LIGHTER = {"#882255": "#FFB3DA", "#117733": "#6FD36F", "#332288": "#A78BFF", "#661100": "#F09A5B"}


def is_dark() -> bool:
    """Whether the page is shown in its dark theme."""
    return bool(st.context.theme.type == "dark")


def shown(colour: str) -> str:
    """A class colour as it is seen on this ground."""
    return _LIGHTER.get(colour, colour) if is_dark() else colour


def adapt(drawing: Sheet) -> None:
    """Let heat maps and lines of a drawing take the ground of the page.

    The middle of a diverging scale is the ground itself; the largest value of a sequential one is
    the lightest on a dark page, so that nothing recedes.
    """
    for cells in drawing.traces("heatmap"):
        stops = SEQUENTIAL[::-1] if is_dark() else SEQUENTIAL
        if cells["zmin"] < 0:
            stops = DIVERGING_DARK if is_dark() else DIVERGING
        cells["colorscale"] = [
            [index / (len(stops) - 1), colour] for index, colour in enumerate(stops)
        ]
    if not is_dark():
        return
    for trace in drawing.traces("scatter", "bar"):
        _lighten(trace, "fillcolor")
        _lighten(trace.get("line", {}), "color")
        marker = trace.setdefault("marker", {})
        if "color" in trace.get("line", {}):
            marker.setdefault("color", trace["line"]["color"])
        _lighten(marker, "color")


def _lighten(part: dict[str, Any], name: str) -> None:
    """Where there is one colour for all; a list of them (one for each point) stays."""
    if isinstance(part.get(name), str):
        part[name] = shown(part[name])
