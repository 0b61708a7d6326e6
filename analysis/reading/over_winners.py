"""Winners of a text in several seeds: shares of wins, contributions and falls by layer or unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.reading.winners import part_of_maximum, wins_by_token

if TYPE_CHECKING:
    from analysis.interventions.effects import DropEffects, WhatIf
    from analysis.reading.decomposition import Decomposition
    from analysis.reading.trace import Trace

Units = Sequence[Sequence[int]]  # positions of the tokens of each unit


def shares_by_layer(traces: Sequence[Trace]) -> np.ndarray:
    """(K,) share of wins of each competing layer, mean over seeds; sums to 1.

    Raises ``ValueError`` where a seed takes no maximum over layers.
    """
    rows = [t.head.winners.share_by_layer() for t in traces if t.head.winners is not None]
    if not rows or len(rows) < len(traces):
        raise ValueError("a seed takes no maximum, so nothing wins")
    return np.asarray(np.mean(rows, axis=0))


def fall_by_layer(effects: Sequence[DropEffects], target: int) -> np.ndarray:
    """(K,) what the contrast of a class loses without each layer, in logits, mean over seeds."""
    return np.asarray(np.mean([effect.contrast(target) for effect in effects], axis=0))


def added_by_token(splits: Sequence[Decomposition], target: int) -> np.ndarray:
    """(T,) what each token adds to the contrast of a class, in logits, mean over seeds."""
    return np.asarray(np.mean([split.by_token(target) for split in splits], axis=0))


def shares_by_unit(traces: Sequence[Trace], units: Units) -> np.ndarray:
    """(M, U) share of the dimensions that each unit of the text wins, a row a seed.

    Raises ``ValueError`` where a seed takes no maximum.
    """
    rows = []
    for trace in traces:
        won = trace.head.winners
        if won is None:
            raise ValueError("a seed takes no maximum, so nothing wins")
        wins = wins_by_token(won, len(trace.tokens)).sum(axis=1)
        rows.append(wins / wins.sum())
    return _by_unit(rows, units)


def added_by_unit(
    traces: Sequence[Trace], splits: Sequence[Decomposition], target: int, units: Units
) -> np.ndarray:
    """(M, U) what each unit adds to the contrast of a class through the maximum alone, in logits.

    A pooling head that reads something beside its maximum (`concat`) has the rest left out.
    """
    part = part_of_maximum(traces[0].head)
    rows = [
        split.by_token(target) if part is None else split.contrast(target)[part].sum(axis=1)
        for split in splits
    ]
    return _by_unit(rows, units)


def answers_of(results: Sequence[WhatIf]) -> tuple[int, int]:
    """The class that the mean over seeds predicts before and after a change."""
    mean = np.mean([result.probabilities for result in results], axis=0)
    before, after = mean.argmax(axis=1).tolist()
    return before, after


def _by_unit(rows: Sequence[np.ndarray], units: Units) -> np.ndarray:
    return np.array([[row[list(unit)].sum() for unit in units] for row in rows])
