"""Evidence of a seed group: the mean over its seeds, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.attribution.evidence.faithfulness import Control, Faithfulness
from analysis.attribution.results import Attribution

_CURVES = ("comprehensiveness", "sufficiency", "deletion", "insertion")


@dataclass(frozen=True)
class Number:
    """Mean over the seeds, with their standard deviation where there are several."""

    value: float
    spread: float = float("nan")


def number(values: Sequence[float]) -> Number:
    """Of one value a seed; NaN where any is missing."""
    array = np.array(values, float)
    if not array.size or not np.isfinite(array).all():
        return Number(float("nan"))
    return Number(float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else np.nan)


def gaps(results: Sequence[Attribution]) -> Number:
    """The largest integration error of the seeds; NaN where the method promises no sum."""
    known = [r.completeness_gap for r in results if r.completeness_gap is not None]
    return Number(max(known)) if len(known) == len(results) and known else Number(float("nan"))


def mean_faithfulness(records: Sequence[Faithfulness]) -> Faithfulness:
    """The mean over the seeds of a group: curves, measures, and the random rankings likewise.

    All seeds stand against the same rankings, so the mean of their curves is a ranking's curve.
    """
    first = records[0]
    if len(records) == 1:
        return first

    def mean(name: str, of: Sequence[Faithfulness | Control]) -> np.ndarray:
        return np.asarray(np.mean([getattr(member, name) for member in of], axis=0))

    controls = [record.control for record in records]
    curves: dict[str, Any] = {name: mean(name, records) for name in _CURVES}
    drawn: dict[str, Any] = {name: mean(name, controls) for name in _CURVES}
    return replace(
        first,
        control=replace(first.control, **drawn),
        value=float(np.mean([record.value for record in records])),
        empty=float(np.mean([record.empty for record in records])),
        **curves,
    )
