"""Do checkpoints answer alike, and which of two is better on these rows.

Agreement needs no labels. The tests say something of two given checkpoints on this data set, and
nothing of two pooling heads (that needs several seeds of each: :mod:`analysis.statistics.basics`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze, require_shape
from analysis.evaluation.answers import align
from analysis.statistics.intervals import wilson
from analysis.statistics.paired import Bootstrap, McNemar, mcnemar, paired_bootstrap

if TYPE_CHECKING:
    import pandas as pd

    from analysis.corpus.predictions import Predictions
    from analysis.datasets.table import Table


@dataclass(frozen=True)
class Agreement:
    """Shares of n rows on which K checkpoints give the same class, two by two."""

    names: tuple[str, ...]  # (K,)
    n: int
    share: NDArray[np.float64]  # (K, K) of the rows with the same answer
    low: NDArray[np.float64]  # (K, K) Wilson's 95 % interval of the share
    high: NDArray[np.float64]
    kappa: NDArray[np.float64]  # (K, K) Cohen's kappa; NaN where both give one class only
    unanimous: int  # rows on which all K agree

    def __post_init__(self) -> None:
        for name in ("share", "low", "high", "kappa"):
            require_shape(name, getattr(self, name), len(self.names), len(self.names))
        freeze(self)

    def sentence(self) -> str:
        """On how many rows all agree, and which two agree least."""
        count = len(self.names)
        if count < 2:
            return "Choose a second checkpoint to see where they agree."
        low, high = wilson(self.unanimous, self.n)
        phrase = (
            f"These {count} checkpoints give the same answer on {self.unanimous:,} of {self.n:,} "
            f"rows ({100 * self.unanimous / self.n:.1f} %, 95 % interval {100 * low:.1f} to "
            f"{100 * high:.1f})"
        )
        if count == 2:
            return f"{phrase}; Cohen's kappa {self.kappa[0, 1]:.2f}."
        first, second = min(combinations(range(count), 2), key=lambda pair: self.share[pair])
        return (
            f"{phrase}. {self.names[first]} and {self.names[second]} agree least: "
            f"{100 * self.share[first, second]:.1f} %, "
            f"Cohen's kappa {self.kappa[first, second]:.2f}."
        )

    def frame(self) -> pd.DataFrame:
        """One row per pair: share of equal answers, its interval, kappa, n."""
        import pandas as pd

        rows = [
            (
                self.names[a],
                self.names[b],
                self.share[a, b],
                self.low[a, b],
                self.high[a, b],
                self.kappa[a, b],
                self.n,
            )
            for a, b in combinations(range(len(self.names)), 2)
        ]
        columns = ["checkpoint", "other", "same answer", "low", "high", "kappa", "n"]
        return pd.DataFrame(rows, columns=columns)


def agreement(table: Table, runs: Sequence[Predictions]) -> Agreement:
    """Pairwise agreement of the runs on the rows that all of them have done.

    Source of kappa: Cohen 1960.

    Raises
    ------
    ValueError
        No rows in common, a regression, or checkpoints with different classes.
    """
    answers = align(table, runs)
    if answers.regression:
        raise ValueError("Checkpoints that answer with a number do not agree or disagree.")
    if not len(answers.rows):
        raise ValueError("These checkpoints have no rows in common yet.")
    n, count, classes = len(answers.rows), len(answers.names), len(answers.answers)
    share, kappa = np.ones((count, count)), np.ones((count, count))
    low, high = np.ones((count, count)), np.ones((count, count))
    for a in range(count):
        low[a, a], high[a, a] = wilson(n, n)
    for a, b in combinations(range(count), 2):
        cells = np.bincount(
            answers.predicted[a] * classes + answers.predicted[b], minlength=classes**2
        ).reshape(classes, classes)
        same = int(np.trace(cells))
        chance = float(cells.sum(axis=1) @ cells.sum(axis=0)) / n**2
        share[a, b] = share[b, a] = same / n
        low[a, b], high[a, b] = wilson(same, n)
        low[b, a], high[b, a] = low[a, b], high[a, b]
        kappa[a, b] = kappa[b, a] = (same / n - chance) / (1 - chance) if chance < 1 else np.nan
    unanimous = int((answers.predicted == answers.predicted[0]).all(axis=0).sum())
    return Agreement(answers.names, n, share, low, high, kappa, unanimous)


@dataclass(frozen=True)
class Pair:
    """Two checkpoints against each other: McNemar on accuracy where there are classes, and the
    paired bootstrap of the other metrics."""

    first: str
    second: str
    n: int
    mcnemar: McNemar | None
    bootstraps: tuple[Bootstrap, ...]

    def sentences(self) -> tuple[str, ...]:
        """The result of each test of these two checkpoints, in words."""
        sentences = [test.sentence(self.first, self.second) for test in self.bootstraps]
        if self.mcnemar is not None:
            sentences.insert(0, self.mcnemar.sentence(self.first, self.second))
        return tuple(sentences)


def compare(
    table: Table,
    first: Predictions,
    second: Predictions,
    *,
    exact: McNemar | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> Pair:
    """Tests of two checkpoints on the rows that both have answered.

    ``exact`` is their test out of :func:`mcnemar_all`: the intervals are then those of as many
    comparisons too (95 % for all of them together, Bonferroni).

    Raises
    ------
    ValueError
        No labels, no rows in common, or checkpoints with different classes.
    """
    answers = align(table, [first, second])
    if answers.label is None or not len(answers.rows):
        raise ValueError("A comparison needs labels and rows that both checkpoints have answered.")
    label = answers.label
    tests = 1 if exact is None else exact.tests
    level = 1 - 0.05 / tests
    draws = min(draws * max(tests // 5, 1), 20_000)  # enough of them beyond the ends
    if answers.regression and answers.classes:
        raise ValueError(
            "Several numbers a row are scored one by one, and checkpoints are not tested against "
            "each other on them."
        )
    if answers.regression:
        left, right = answers.values[0, :, 0], answers.values[1, :, 0]
        draws = min(draws, max(20_000_000 // len(label), 200))  # a minute at most, not an hour
        bootstraps = [
            paired_bootstrap(metric, label, left, right, draws=draws, level=level, seed=seed)
            for metric in ("pearson", "spearman")
        ]
        return Pair(first.checkpoint, second.checkpoint, len(label), None, tuple(bootstraps))
    metrics: tuple[str, ...] = ("f1", "matthews") if len(answers.classes) == 2 else ("matthews",)
    if answers.several:
        metrics = ()  # whether the whole set is right is what McNemar's test is of
    left, right = answers.predicted
    bootstraps = [
        paired_bootstrap(metric, label, left, right, draws=draws, level=level, seed=seed)
        for metric in metrics
    ]
    if exact is None:
        exact = mcnemar(answers.correct[0], answers.correct[1])
    return Pair(first.checkpoint, second.checkpoint, len(label), exact, tuple(bootstraps))


def mcnemar_all(table: Table, runs: Sequence[Predictions]) -> dict[tuple[str, str], McNemar]:
    """McNemar for every two of the checkpoints on the rows that all have done, by their names;
    p adjusted for their number (Holm).

    Raises
    ------
    ValueError
        As :func:`compare`; or a regression, which McNemar does not apply to.
    """
    from analysis.statistics.family_tests import holm

    answers = align(table, runs)
    tests = {
        (answers.names[a], answers.names[b]): mcnemar(answers.correct[a], answers.correct[b])
        for a, b in combinations(range(len(runs)), 2)
    }
    adjusted = holm([test.p for test in tests.values()])
    return {
        names: replace(test, adjusted=float(p), tests=len(tests))
        for (names, test), p in zip(tests.items(), adjusted, strict=True)
    }


def compare_all(table: Table, runs: Sequence[Predictions]) -> pd.DataFrame:
    """The tests of :func:`mcnemar_all` as a table, one row per pair.

    Raises
    ------
    ValueError
        As there.
    """
    import pandas as pd

    rows = [
        (first, second, test.only_one, test.only_other, test.p, test.adjusted)
        for (first, second), test in mcnemar_all(table, runs).items()
    ]
    columns = [
        "checkpoint",
        "other",
        "only the first right",
        "only the other right",
        "p",
        "p (Holm)",
    ]
    return pd.DataFrame(rows, columns=columns)
