"""Several checkpoints' answers to the same rows, in one order of classes, beside the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.common.outputs import class_gap, is_number
from analysis.common.records import freeze, require_shape
from analysis.corpus.predictions import Predictions, common_rows

if TYPE_CHECKING:
    from analysis.datasets.table import Table


@dataclass(frozen=True)
class Answers:
    """K checkpoints on the M rows that all of them have done.

    ``classes`` are the data set's labels in their order, then those that only the checkpoints
    have; () for a regression. ``values`` holds probabilities, or the values of a regression.
    """

    names: tuple[str, ...]  # (K,)
    classes: tuple[str, ...]  # (C,)
    rows: NDArray[np.int64]  # (M,) rows of the table
    label: NDArray[Any] | None  # (M,) class index, or number for a regression; None: no labels
    values: NDArray[np.float64]  # (K, M, C); (K, M, 1) for a regression
    total: int  # rows of the data set
    cut: NDArray[np.int64]  # (K, M) tokens beyond the model's limit, left out
    tokens: NDArray[np.int64]  # (K, M) as the model got them
    output: str = "softmax"  # what the values are: one of analysis.common.outputs.KINDS

    def __post_init__(self) -> None:
        expected = (len(self.names), len(self.rows), max(len(self.classes), 1))
        if self.values.shape != expected:
            raise ValueError(f"values have shape {self.values.shape}, expected {expected}")
        for name in ("cut", "tokens"):
            require_shape(name, getattr(self, name), *expected[:2])
        freeze(self)

    @property
    def regression(self) -> bool:
        """True where the answers are numbers."""
        return is_number(self.output)

    def cut_in_words(self) -> tuple[str, ...]:
        """Which checkpoints did not see all of a row, a sentence each; none where all did."""
        told = []
        for name, cut, tokens in zip(self.names, self.cut, self.tokens, strict=True):
            count = int((cut > 0).sum())
            if count:
                rows = f"{count:,} rows were" if count > 1 else "1 row was"
                told.append(
                    f"{name}: {rows} cut at {int(tokens[cut > 0].max()):,} tokens; what stood "
                    "behind was not read."
                )
        return tuple(told)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(K, M) index of the most probable class."""
        return np.asarray(self.values.argmax(axis=2), dtype=np.int64)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(K, M) probability of the predicted class."""
        return np.asarray(self.values.max(axis=2))

    @cached_property
    def gap(self) -> NDArray[np.float64]:
        """(K, M) class gap: probability of the predicted class minus that of the runner-up."""
        return class_gap(self.output, self.values)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """(K, M) whether the predicted class is the label.

        Raises
        ------
        ValueError
            There are no labels, or they are numbers.
        """
        if self.label is None or self.regression:
            raise ValueError("Right and wrong need a data set with classes as labels.")
        return np.asarray(self.predicted == self.label)


def align(table: Table, runs: Sequence[Predictions]) -> Answers:
    """The answers of all runs to the rows that each of them has done, beside their labels.

    Raises
    ------
    ValueError
        No run, runs of different data sets, or a checkpoint with other classes.
    """
    if not runs:
        raise ValueError("Choose at least one checkpoint.")
    rows = common_rows(runs)
    if runs[0].total != len(table):
        raise ValueError(
            f"The predictions are of {runs[0].total} rows, the data set has {len(table)}."
        )
    kinds = {run.output for run in runs}
    if len(kinds) > 1:
        raise ValueError(
            "These checkpoints answer in different ways: some with one class of several, with "
            "classes each for itself, or with numbers. Choose checkpoints of one kind."
        )
    output = runs[0].output
    label = None if table.label is None else table.label[rows]
    here = [run.at(rows) for run in runs]
    cut, tokens = (
        np.stack([getattr(run, name) for run in here]).astype(np.int64)
        for name in ("cut", "tokens")
    )
    if is_number(output):
        numbers = np.stack([run.logits for run in here]).astype(np.float64)
        named = () if output == "value" else runs[0].labels
        return Answers(_names(runs), named, rows, label, numbers, len(table), cut, tokens, output)
    classes = list(table.labels)
    # A data set may not have all classes of its task; an answer of the others is wrong, not lost.
    taken = set(runs[0].places(classes).values())
    classes += [name for place, name in enumerate(runs[0].labels) if place not in taken]
    columns = [list(run.places(classes).values()) for run in runs]
    values = [run.probabilities[:, order] for run, order in zip(here, columns, strict=True)]
    return Answers(
        _names(runs),
        tuple(classes),
        rows,
        label,
        np.stack(values),
        len(table),
        cut,
        tokens,
        output,
    )


def _names(runs: Sequence[Predictions]) -> tuple[str, ...]:
    return tuple(run.checkpoint for run in runs)
