"""What a reader sees of the Max-pool winners page: its drawings and what it says."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from tests.support import compare_reader as seen
from tests.support.plotly_arrays import numbers

TEXT = "the plot is thin but the acting is fine"


def charts(app: Any) -> dict[str, dict[str, Any]]:
    """Plotly figures of the page by their widget key."""
    return seen.charts(app, r"(drawing|map)-[\w-]+$")


def heat(figure: dict[str, Any]) -> np.ndarray:
    """Cells of the first heat map."""
    return numbers(next(trace["z"] for trace in figure["data"] if trace["type"] == "heatmap"))


def pieces(app: Any) -> dict[str, str]:
    """HTML of the page's pieces by their key."""
    by_key = {}
    for element in app.get("bidi_component"):
        key = re.search(r"(drawing|bars|strips)-[\w-]+$", element.proto.id)
        if key:
            by_key[key.group(0)] = json.loads(element.proto.json)["html"]
    return by_key


def said_by(app: Any) -> str:
    return " ".join(caption.value.replace("\\", "") for caption in app.caption)
