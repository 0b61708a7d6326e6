"""The paper: matplotlib figures at a venue's exact width, with embedded fonts and fixed bytes."""

from __future__ import annotations

from analysis.figures.paper.render import (
    FORMATS,
    Rendered,
    can_be_read,
    columns_that_fit,
    compose,
    figure,
    render,
)
from analysis.figures.unreadable import Unreadable

__all__ = [
    "FORMATS",
    "Rendered",
    "Unreadable",
    "can_be_read",
    "columns_that_fit",
    "compose",
    "figure",
    "render",
]
