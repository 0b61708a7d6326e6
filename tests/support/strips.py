"""A strip of a text whose words alone matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.figures.marks import Strip


def strip_of(labels: Sequence[str], values: Any = None, **rest: Any) -> Strip:
    """Units one token each; values from -1 to 1 where none are given."""
    size = len(labels)
    return Strip(
        labels=tuple(labels),
        values=np.linspace(-1, 1, size) if values is None else np.asarray(values, float),
        special=(False,) * size,
        positions=tuple((unit,) for unit in range(size)),
        spans=np.zeros((size, 2), int),
        **{
            "spaced": (True,) * size,
            "segment": (0,) * size,
            "value_label": "value",
            **rest,
        },
    )
