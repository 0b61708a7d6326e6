"""A picture whose every text tries to become code."""

from __future__ import annotations

import numpy as np

from analysis.figures import Bars, Grid, HeatMap, Plot, Strip
from tests.support.known_results import HOSTILE


def hostile(size=None):
    size = size or len(HOSTILE)
    names = HOSTILE[:size]
    marks = (
        Strip(
            names,
            np.linspace(-1, 1, size),
            (True,) * size,
            (False,) * size,
            (0,) * size,
            tuple((i,) for i in range(size)),
            np.zeros((size, 2), int),
            "100% $v$",
            "\\par",
        ),
        HeatMap(np.eye(size), names, names, "$r$", "a_b", "#1 & {%"),
        Bars(np.ones((2, size)), names, ("$a$", "\\b{"), "<b>", "x^2"),
    )
    return Plot(
        "reading",
        "\\input{/etc/passwd} % $ _ <script>",
        Grid(marks, HOSTILE[:3], 1),
        provenance={"text": HOSTILE[2], "checkpoint": "a_b & c%"},
        caption="\\immediate\\write18{ls} 50% of $x$ _ <script>alert(1)</script>.",
    )
