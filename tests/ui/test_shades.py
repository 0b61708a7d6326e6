"""Drawings made for white paper, on a dark page."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.figures.marks import Bands, Flow, Grid, Strip
from analysis.figures.screen.plotly import sheet
from analysis.figures.style.style import CLASS_COLOURS, contrast_ratio
from pages.ui.kit import shades
from tests.support import view_samples as samples

DARK = "#141A22"  # the ground of the dark theme


def colours(drawing):
    """Every colour by which a line, a point or a bar is known."""
    for trace in drawing.traces("scatter", "bar"):
        if trace["marker"].get("opacity") != 0:
            parts = [
                trace["marker"].get("color"),
                trace.get("line", {}).get("color"),
                trace.get("fillcolor"),
            ]
            yield from (part for part in parts if isinstance(part, str) and part.startswith("#"))


@pytest.mark.parametrize("key", samples.keys())
def test_no_colour_sinks_into_the_ground_of_a_dark_page(monkeypatch, key):
    monkeypatch.setattr(shades, "is_dark", lambda: True)
    plot = samples.plot_of(key)
    parts = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    if any(isinstance(part, Strip | Flow | Bands) for part in parts):
        return  # words on the page itself
    drawing = sheet(plot)
    shades.adapt(drawing)
    assert go.Figure(drawing.figure).data  # plotly knows every option of it
    for colour in colours(drawing):
        assert contrast_ratio(colour, DARK) >= 3, colour


def in_oklab(colour):
    """A colour where distances are about those that the eye sees (Ottosson 2020)."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    light = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    axes = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(axes) @ np.cbrt(np.array(cones) @ light)


def closest(colours):
    pairs = combinations([in_oklab(colour) for colour in colours], 2)
    return min(float(np.linalg.norm(first - other)) for first, other in pairs)


def test_series_are_as_far_apart_on_a_dark_page_as_on_a_light_one(monkeypatch):
    light = closest(CLASS_COLOURS)
    monkeypatch.setattr(shades, "is_dark", lambda: True)
    assert closest([shades.shown(colour) for colour in CLASS_COLOURS]) >= 0.95 * light
