"""What a reader sees of the Layers page: lines and maps, read back from their charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import analysis
from analysis.reading import layers
from tests.support import compare_reader as seen
from tests.support.plotly_arrays import numbers

TEXT = "the plot is thin but the acting is fine"
NAMES = ("norm", "cosine_to_previous", "cosine_to_last")


def charts(app: Any) -> dict[str, dict[str, Any]]:
    """Plotly figures of the page by the key of their widget."""
    return seen.charts(app, r"(depth|standing|cka|map|dimension)-chart(-\d)?$")


def lines(app: Any, quantity: int, kind: str = "depth") -> dict[str, np.ndarray]:
    """The lines of one picture by the name of their checkpoint."""
    data = charts(app)[f"{kind}-chart-{quantity}"]["data"]
    return {
        trace["name"]: numbers(trace["y"])
        for trace in data
        if "lines" in trace["mode"]
        and trace.get("fill") is None
        and np.isfinite(numbers(trace["y"])).any()
    }


def cells(app: Any) -> list[np.ndarray]:
    return [
        numbers(trace["z"])
        for trace in charts(app)["map-chart"]["data"]
        if trace["type"] == "heatmap"
    ]


def path(folder: Path, text: str = TEXT, token: int = 0) -> layers.Trajectory:
    return layers.trajectory(analysis.load(folder), text, token=token)
