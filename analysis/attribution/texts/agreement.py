"""Do methods rank alike over a data set? Kendall's tau by text, and its mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.evidence.agreement import null_band
from analysis.attribution.texts.records import TextEvidence, shown_name
from analysis.common.records import freeze, require_shape
from analysis.statistics.basics import mean_interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MeanAgreement:
    """Two methods of one checkpoint over N texts."""

    checkpoint: str
    methods: tuple[str, str]
    tau: np.ndarray  # (N,) Kendall's tau-b of each text that both explain and rank
    mean: float  # NaN without texts
    interval: tuple[float, float]  # 95 % by t over texts; NaN for fewer than two
    beyond_chance: float  # share of the texts whose tau lies above what chance gives

    def __post_init__(self) -> None:
        require_shape("tau", self.tau, None)
        freeze(self)


def agreement_over_texts(items: Iterable[TextEvidence]) -> tuple[MeanAgreement, ...]:
    """Rank agreement of every two methods of each checkpoint, from the records of a pass.

    Texts that one of the two could not explain, or gives a constant score, are left out. Nothing
    is computed anew. Source: Kendall 1945; chance as in :func:`null_band`.
    """
    texts: dict[str, dict[int, dict[str, TextEvidence]]] = {}
    methods: dict[str, dict[str, None]] = {}
    for item in items:
        texts.setdefault(item.checkpoint, {}).setdefault(item.row, {})[item.method] = item
        methods.setdefault(item.checkpoint, {})[item.method] = None
    return tuple(
        _pair(checkpoint, pair, list(texts[checkpoint].values()))
        for checkpoint, known in methods.items()
        for pair in combinations(known, 2)
    )


def agreement_frame(agreements: Sequence[MeanAgreement]) -> pd.DataFrame:
    """A line a checkpoint and pair of methods: mean tau, its interval, texts, beyond chance."""
    import pandas as pd

    columns = ["checkpoint", "method", "other", "tau", "low", "high", "texts", "beyond_chance"]
    return pd.DataFrame(
        [
            (
                shown_name(agreement.checkpoint),
                *agreement.methods,
                agreement.mean,
                *agreement.interval,
                len(agreement.tau),
                agreement.beyond_chance,
            )
            for agreement in agreements
        ],
        columns=columns,
    )


def _pair(
    checkpoint: str, pair: tuple[str, str], texts: Sequence[dict[str, TextEvidence]]
) -> MeanAgreement:
    from scipy.stats import kendalltau

    taus, beyond = [], []
    for text in texts:
        if not all(method in text and not text[method].problem for method in pair):
            continue
        first, second = (text[method].scores for method in pair)
        if len(first) != len(second) or len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
            continue
        taus.append(float(kendalltau(first, second).statistic))
        beyond.append(taus[-1] > null_band(len(first))[1])
    tau = np.array(taus)
    if not taus:
        return MeanAgreement(checkpoint, pair, tau, np.nan, (np.nan, np.nan), np.nan)
    mean, interval = mean_interval(tau[:, None])
    low, high = (float(end) for end in np.asarray(interval)[0])
    return MeanAgreement(checkpoint, pair, tau, float(mean[0]), (low, high), float(np.mean(beyond)))
