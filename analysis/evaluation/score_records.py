"""Records of scores: a metric with its interval, and all scores of one checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze
from analysis.evaluation.calibration import Reliability

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_NORMAL = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True)
class Score:
    """A metric with its 95 % interval, and by which method the interval was found."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    method: str
    higher_is_better: bool = True

    def sentence(self) -> str:
        """``accuracy 0.891 (0.868 to 0.910)``."""
        return f"{self.metric} {self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Evaluation:
    """One checkpoint on the n rows that it has answered of ``total``."""

    checkpoint: str
    n: int
    total: int
    classes: tuple[str, ...]  # (C,); () for a regression
    scores: tuple[Score, ...]
    confusion: NDArray[np.int64] | None  # (C, C), rows the labels, columns the answers
    # Precision, recall, F1 of each class; and average precision where there may be several.
    per_class: tuple[tuple[Score, ...], ...]
    calibration: Reliability | None
    value: Floats | None = None  # (n,) answers of a regression, for a plot against the labels
    label: np.ndarray | None = None  # (n,) class index, (n, C) of 0 and 1, or number
    thresholds: Floats | None = None  # (C,) of the best F1 on these rows, where several are given

    def __post_init__(self) -> None:
        freeze(self)

    def worst(self) -> tuple[str, str, int, int] | None:
        """The most frequent mistake: (label, answer, rows, rows of that label); None: none made."""
        if self.confusion is None:
            return None
        mistakes = self.confusion.copy()
        np.fill_diagonal(mistakes, 0)
        if not mistakes.any():
            return None
        row, column = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
        rows = int(self.confusion[row].sum())
        return self.classes[row], self.classes[column], int(mistakes[row, column]), rows

    def score(self, metric: str) -> Score:
        """The score of one metric.

        Raises
        ------
        KeyError
            It was not computed; those that were are listed.
        """
        for score in self.scores:
            if score.metric == metric:
                return score
        raise KeyError(f"no {metric!r} here; there are {', '.join(s.metric for s in self.scores)}")

    def sentence(self) -> str:
        """A sentence with the first score of this checkpoint and its interval."""
        first = self.scores[0]
        part = "" if self.n == self.total else f" (of {self.total:,}; the run was stopped)"
        if self.confusion is not None:
            right = int(np.trace(self.confusion))
            return (
                f"{self.checkpoint} is right on {right:,} of {self.n:,} rows{part}: accuracy "
                f"{100 * first.value:.1f} % (95 % interval {100 * first.low:.1f} to "
                f"{100 * first.high:.1f}, {first.method})."
            )
        return (
            f"{self.checkpoint} on {self.n:,} rows{part}: {first.metric} {first.value:.3f} (95 % "
            f"interval {first.low:.3f} to {first.high:.3f}, {first.method})."
        )

    def frame(self) -> pd.DataFrame:
        """One row per score: metric, value, low, high, n, method."""
        return _frame(self.checkpoint, self.scores)

    def class_frame(self) -> pd.DataFrame:
        """One row per class and score (precision, recall, F1; average precision)."""
        import pandas as pd

        parts = [
            _frame(self.checkpoint, scores).assign(**{"class": name})
            for name, scores in zip(self.classes, self.per_class, strict=True)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def confusion_frame(self) -> pd.DataFrame:
        """Counts, one row per label and one column per answer."""
        import pandas as pd

        counts = np.zeros((0, 0), np.int64) if self.confusion is None else self.confusion
        return pd.DataFrame(counts, index=list(self.classes), columns=list(self.classes))


def _frame(checkpoint: str, scores: Sequence[Score]) -> pd.DataFrame:
    import pandas as pd

    columns = ["checkpoint", "metric", "value", "low", "high", "n", "method"]
    rows = [(checkpoint, s.metric, s.value, s.low, s.high, s.n, s.method) for s in scores]
    return pd.DataFrame(rows, columns=columns)


def mean_score(metric: str, values: Floats) -> Score:
    """The mean over rows of values (n,), lower being better, with its normal interval."""
    mean = float(values.mean())
    half = _NORMAL * float(values.std(ddof=1)) / sqrt(len(values)) if len(values) > 1 else np.inf
    return Score(
        metric,
        mean,
        max(mean - half, 0.0),
        mean + half,
        len(values),
        "normal, of the mean over rows",
        higher_is_better=False,
    )
