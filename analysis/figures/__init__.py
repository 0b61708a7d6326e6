"""Pictures: one description (`Plot`), two renderers (screen, paper).

Neither plotly nor matplotlib is imported until something is drawn with it. A new picture is one
function with `@analysis.figures.views.view("key")`.
"""

from __future__ import annotations

from analysis.figures import (  # noqa: F401 (a view is registered by being imported)
    comparisons,
    views_attention,
    views_attributions,
    views_dimensions,
    views_encoder,
    views_evaluation,
    views_evidence,
    views_evidence_texts,
    views_interventions,
    views_layers,
    views_maps,
    views_study,
    views_winner_statistics,
    views_winners,
)
from analysis.figures.marks import Bars, Grid, HeatMap, Lines, Points, Strip
from analysis.figures.plot import Plot
from analysis.figures.views import UnknownView
from analysis.figures.views import draw as view
from analysis.figures.views import views as known_views

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
