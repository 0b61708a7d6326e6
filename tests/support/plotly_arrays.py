"""Arrays of a plotly figure, read back from its JSON."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np


def numbers(value: Any) -> np.ndarray:
    """The numbers of an array in a figure; plotly packs most arrays as base64."""
    if not isinstance(value, dict):
        return np.array(value, dtype=float)
    flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
    shape = value.get("shape")
    return flat.reshape([int(size) for size in str(shape).split(",")]) if shape else flat
