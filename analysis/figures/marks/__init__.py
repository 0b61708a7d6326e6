"""The closed list of marks that a picture is made of: values, labels, scale and limits.

Nothing is computed in a renderer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from analysis.figures.marks.charts import Bars, HeatMap, Lines, Points, Scale
from analysis.figures.marks.checks import symmetric_limit
from analysis.figures.marks.texts import Bands, Flow, Strip

__all__ = [
    "Bands",
    "Bars",
    "Flow",
    "Grid",
    "HeatMap",
    "Lines",
    "Mark",
    "Panel",
    "Points",
    "Scale",
    "Strip",
    "symmetric_limit",
]

Panel: TypeAlias = HeatMap | Bars | Lines | Points | Strip | Bands | Flow


@dataclass(frozen=True)
class Grid:
    """Panels side by side, filled row by row."""

    panels: tuple[Panel, ...]
    subtitles: tuple[str, ...]
    columns: int = 1

    def __post_init__(self) -> None:
        if not self.panels:
            raise ValueError("a grid needs at least one panel")
        if len(self.subtitles) != len(self.panels):
            raise ValueError(f"{len(self.subtitles)} subtitles for {len(self.panels)} panels")
        if self.columns < 1:
            raise ValueError(f"a grid of {self.columns} columns cannot be drawn: give 1 or more")


Mark: TypeAlias = Panel | Grid
