"""Pictures: one description (`Plot`), two renderers (screen, paper).

Neither plotly nor matplotlib is imported until something is drawn with it. A new picture is one
function with `@view("key")` in a module of
`analysis/figures/views/`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from analysis.figures import views
from analysis.figures.marks import Bands, Bars, Flow, Grid, HeatMap, Lines, Points, Strip
from analysis.figures.plot import Plot
from analysis.figures.registry import UnknownView
from analysis.figures.registry import draw as view
from analysis.figures.registry import views as known_views

__all__ = [
    "Bands",
    "Bars",
    "Flow",
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

# A view is registered by being imported: every module of the package is.
for _module in iter_modules(views.__path__):
    import_module(f"{views.__name__}.{_module.name}")
