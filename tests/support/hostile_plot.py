"""A picture whose every text tries to become code."""

from __future__ import annotations

import numpy as np

from analysis.figures import Bars, Grid, HeatMap, Plot
from tests.support.known_results import HOSTILE
from tests.support.strips import strip_of


def hostile(size=None):
    size = size or len(HOSTILE)
    names = HOSTILE[:size]
    marks = (
        strip_of(names, value_label="100% $v$", unit="\\par"),
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
