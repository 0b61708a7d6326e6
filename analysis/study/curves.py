"""Learning curves of a study: the runs of several families, by share of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze
from analysis.study.results import Scores


@dataclass(frozen=True)
class Curve:
    """Scores of one task by share of its training set: values (H, N, M) in the metric's unit,
    pooling heads by shares by seeds; NaN where there is no run. Shares above 1 are rows."""

    task: str
    metric: str
    heads: tuple[str, ...]
    shares: tuple[float, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        freeze(self)


def curves(scores: Sequence[Scores]) -> tuple[Curve, ...]:
    """Learning curves of every task that was trained on more than one share of its data.

    A family that declares a smaller share says which pooling heads and which metric are drawn;
    the whole set comes from whichever family holds its runs.
    """
    cells: dict[tuple[str, str, float, str], NDArray[np.float64]] = {}
    heads: dict[tuple[str, str], tuple[str, ...]] = {}
    for each in scores:
        for s, stratum in enumerate(each.family.strata):
            if stratum.share != 1:
                heads.setdefault((stratum.task, stratum.metric), each.variants)
            for v, variant in enumerate(each.variants):
                finite = each.values[s, v][np.isfinite(each.values[s, v])]
                key = (stratum.task, stratum.metric, stratum.share, variant)
                if len(finite) > len(cells.get(key, ())):
                    cells[key] = finite
    drawn = []
    for (task, metric), variants in heads.items():
        shares = sorted({key[2] for key in cells if key[:2] == (task, metric)})
        if any(share > 1 for share in shares):  # numbers of rows: the whole set has none here
            shares = [share for share in shares if share > 1]
        if not shares:
            continue
        most = max(len(cells.get((task, metric, x, v), ())) for x in shares for v in variants)
        values = np.full((len(variants), len(shares), most), np.nan)
        for v, variant in enumerate(variants):
            for x, share in enumerate(shares):
                finite = cells.get((task, metric, share, variant), np.empty(0))
                values[v, x, : len(finite)] = finite
        drawn.append(Curve(task, metric, variants, tuple(shares), values))
    return tuple(drawn)
