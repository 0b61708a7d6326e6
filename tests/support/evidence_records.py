"""Records of attributions over texts, made by hand, and rows and settings for a quick pass."""

from __future__ import annotations

import numpy as np

from analysis.attribution import MEASURES
from analysis.attribution.texts.run import COLUMNS, TextEvidence

ROWS = [("the plot is thin", None), ("but not dull", None), ("The film is good", "was it?")]
METHODS = ("integrated_gradients", "leave_one_out")
QUICK = {"repeats": 3, "options": {"integrated_gradients": {"n_steps": 2}}}


def record(
    row=0,
    scores=(1.0,),
    words=("a",),
    method="m",
    checkpoint="c",
    explained="positive",
    values=None,
    problem="",
):
    """A record made by hand."""
    return TextEvidence(
        row,
        checkpoint,
        method,
        explained,
        tuple(words),
        np.array(scores, float),
        "logit",
        np.zeros(len(COLUMNS)) if values is None else np.array(values, float),
        *np.zeros((2, len(MEASURES))),
        0.1,
        problem,
    )


def alike(first: TextEvidence, second: TextEvidence) -> bool:
    """Whether two records hold the same answers, NaN where NaN."""
    return (first.key, first.words, first.explained, first.problem) == (
        second.key,
        second.words,
        second.explained,
        second.problem,
    ) and all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in ("scores", "values", "random", "spread")
    )
