"""The paper: matplotlib figures at a venue's exact width, with embedded fonts and fixed bytes."""

from __future__ import annotations

from analysis.figures.paper.render import FORMATS, Rendered, compose, figure, render

__all__ = ["FORMATS", "Rendered", "compose", "figure", "render"]
