"""Results of a fit: every head's seeds with their scores, and notes on the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze
from training.frozen.encoder import Source
from training.frozen.problem import Problem
from training.frozen.train import Recipe

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FittedHead:
    """One pooling head, S seeds of it.

    ``reason`` says why a head has no result, or was stopped early; "" where it is whole.
    ``weights`` are a checkpoint's tensors with the seeds in front (S, ...).
    """

    name: str  # as it was asked for; results are listed by it
    key: str
    options: Mapping[str, Any]
    seeds: tuple[int, ...]
    learning_rate: float
    rates: Mapping[float, float]  # tried: rate -> loss on the held-out tenth (NaN: diverged)
    parameters: int  # trained, classifier included
    epochs: int
    steps: int
    seconds: float
    scores: Mapping[str, Floats]  # metric -> (S,)
    predictions: np.ndarray  # (S, n) classes or numbers, (S, n, C) of 0 and 1
    loss: Floats  # (E, S) mean training loss of each epoch
    curve: Floats  # (E, S) score (of the first metric) on at most 500 rows after each epoch
    weights: Mapping[str, NDArray[np.float32]] = field(repr=False)
    complete: bool = True
    reason: str = ""

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def fitted(self) -> bool:
        """Whether there is anything to score and to save."""
        return bool(self.weights)


@dataclass(frozen=True)
class Fitted:
    """The heads of a fit, in the order asked for, on one encoder and one table.

    ``notes`` are sentences about the rows (leaking, cut, classes without rows).
    """

    heads: tuple[FittedHead, ...]
    problem: Problem
    source: Source
    recipe: Recipe
    task: str
    pairs: bool
    rows: Mapping[str, int]  # "train" and the scored split -> rows
    split: str  # name of the scored split
    label: np.ndarray  # of the scored rows
    notes: tuple[str, ...]
    precision: str
    states_seconds: float

    def __post_init__(self) -> None:
        freeze(self)

    def __getitem__(self, name: str) -> FittedHead:
        for head in self.heads:
            if head.name == name:
                return head
        raise KeyError(
            f"no head is called {name!r}; there are {', '.join(h.name for h in self.heads)}"
        )

    def table(self) -> str:
        """Mean and standard deviation over seeds of each metric, parameters and seconds, a line a
        head; a head without a result with its reason."""
        names = self.problem.metrics
        rows = [["head", *names, "rate", "parameters", "seconds"]]
        for head in self.heads:
            if not head.fitted:
                rows.append([head.name, head.reason])
                continue
            cells = [_cell(head.scores[name]) for name in names]
            rate, count = f"{head.learning_rate:g}", f"{head.parameters:,}"
            rows.append([head.name, *cells, rate, count, f"{head.seconds:.1f}"])
        widths = [max(len(row[i]) for row in rows if len(row) > 2) for i in range(len(rows[0]))]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False)).rstrip()
            for row in rows
        )


def _cell(values: Floats) -> str:
    spread = f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else ""
    return f"{values.mean():.4f}{spread}"
