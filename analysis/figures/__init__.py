"""Pictures: one description (`Plot`), two renderers (screen, paper).

Neither plotly nor matplotlib is imported until something is drawn with it. A new picture is one
function with `@analysis.figures.views.view("key")`.
"""

from __future__ import annotations

from analysis.figures.marks import Bars, Grid, HeatMap, Lines, Points, Strip
from analysis.figures.plot import Plot
from analysis.figures.registry import UnknownView
from analysis.figures.registry import draw as view
from analysis.figures.registry import views as known_views
from analysis.figures.views import (  # noqa: F401 (a view is registered by being imported)
    attention,
    attributions,
    comparisons,
    dimensions,
    encoder,
    evaluation,
    evidence,
    evidence_texts,
    interventions,
    layers,
    maps,
    study,
    winner_statistics,
    winners,
)

__all__ = [
    "Bars",
    "Grid",
    "HeatMap",
    "Lines",
    "Plot",
    "Points",
    "Strip",
    "UnknownView",
    "known_views",
    "view",
]
