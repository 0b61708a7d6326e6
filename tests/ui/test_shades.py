"""Drawings made for white paper, on a dark page."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from analysis.figures.marks import Bands, Flow, Grid, Strip
from analysis.figures.screen.plotly import sheet
from analysis.figures.style.style import contrast_ratio
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
