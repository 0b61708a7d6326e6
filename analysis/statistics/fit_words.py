"""Verdict on the scores of a fit: which pooling heads differ from the baseline."""

from __future__ import annotations

from math import comb

import numpy as np

from analysis.common.phrases import amount, listed
from analysis.datasets.tasks import metric_name
from analysis.statistics.family_tests import holm
from analysis.statistics.permutation import permutation_p
from analysis.study.fits import FitScores, HeadScores

ALPHA = 0.05
BASELINE = "cls"


def differences(fit: FitScores) -> tuple[tuple[str, float, float], ...]:
    """(head, mean difference to the baseline, p after Holm) of every other head.

    Two-sided permutation tests over seeds, exact, Holm over all of them. Empty where the baseline
    or every other head has no score.
    """
    base = _baseline(fit)
    others = [head for head in fit.scored if base is not None and head.name != base.name]
    if base is None or not others:
        return ()
    p = [
        float(permutation_p(head.scores[None], base.scores[None])[0])
        if min(len(head.scores), len(base.scores)) > 1
        else np.nan
        for head in others
    ]
    means = [float(head.scores.mean() - base.scores.mean()) for head in others]
    adjusted = [float(value) for value in holm(p)]
    return tuple(
        (head.name, mean, value) for head, mean, value in zip(others, means, adjusted, strict=True)
    )


def leaders(fit: FitScores) -> str:
    """Heads with the highest mean, and that mean; empty without a score."""
    if not fit.scored:
        return ""
    top = 100 * float(fit.scored[0].scores.mean())
    names = [head.name for head in fit.scored if np.isclose(100 * head.scores.mean(), top)]
    what = f"{top:.1f} ({metric_name(fit.metric)} × 100)"
    if len(names) == 1:
        return f"{names[0]} has the highest mean, {what}."
    return f"{listed(names)} share the highest mean, {what}."


def verdict(fit: FitScores) -> str:
    """One or two sentences: who scores above or below the baseline, or why that is not decided."""
    tests = differences(fit)
    base = _baseline(fit)
    if base is None or not tests:
        return "One pooling head alone has no other to be compared with."
    seeds = min(len(head.scores) for head in fit.scored)
    smallest = 2 / comb(2 * seeds, seeds) * len(tests)
    if seeds < 2 or smallest > ALPHA:
        enough = next(n for n in range(2, 100) if 2 / comb(2 * n, n) * len(tests) <= ALPHA)
        return (
            f"{amount(seeds, 'seed')} cannot decide {amount(len(tests), 'test')} at the 5 % level: "
            f"{enough} seeds of each head could."
        )
    above = [name for name, mean, p in tests if p <= ALPHA and mean > 0]
    below = [name for name, mean, p in tests if p <= ALPHA and mean < 0]
    rest = [name for name, _, p in tests if not p <= ALPHA]
    groups = (
        (f"above {base.name}", above),
        (f"below {base.name}", below),
        ("not decided", rest),
    )
    outcome = "; ".join(f"{words}: {listed(names)}" for words, names in groups if names)
    return (
        f"Tested against {base.name} at the 5 % level, {outcome} (permutation tests over {seeds} "
        f"seeds, Holm over {amount(len(tests), 'test')}). {_frozen(fit)}Seeds vary the start and "
        "the order of rows only: other rows may order the heads otherwise."
    )


def _frozen(fit: FitScores) -> str:
    return "The encoder is frozen. " if fit.tuning == "frozen" else ""


def _baseline(fit: FitScores) -> HeadScores | None:
    scored = {head.name: head for head in fit.scored}
    return scored.get(BASELINE) or next(iter(scored.values()), None)
