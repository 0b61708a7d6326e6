"""Several checkpoints' answers to the same rows, in one order of classes, beside the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.common.outputs import THRESHOLD, class_gap, is_number
from analysis.common.phrases import listed, name_without_folder
from analysis.common.records import freeze, require_shape
from analysis.corpus.predictions import Predictions, common_rows
from analysis.datasets.label_sets import sets_of
from analysis.datasets.labels import columns_of

if TYPE_CHECKING:
    from analysis.datasets.table import Table


@dataclass(frozen=True)
class Answers:
    """K checkpoints on the M rows that all of them have done.

    ``classes`` are the data set's labels in their order, then those that only the checkpoints
    have; the names of several numbers; () for a regression of one. ``values`` holds probabilities,
    or the values of a regression. Where a row may have several classes an answer is the set of
    those above ``threshold``.
    """

    names: tuple[str, ...]  # (K,)
    classes: tuple[str, ...]  # (C,)
    rows: NDArray[np.int64]  # (M,) rows of the table
    # (M,) class index or number, (M, C) of 0 and 1 where a row may have several classes, or of
    # several numbers; or None
    label: np.ndarray | None
    values: NDArray[np.float64]  # (K, M, C); (K, M, 1) for a regression
    total: int  # rows of the data set
    cut: NDArray[np.int64]  # (K, M) tokens beyond the model's limit, left out
    tokens: NDArray[np.int64]  # (K, M) as the model got them
    output: str = "softmax"  # what the values are: one of analysis.common.outputs.KINDS
    threshold: float = THRESHOLD  # above it a class of several is given

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
        """A sentence for each checkpoint that did not see all of a row; none where all did."""
        parts = []
        for name, cut, tokens in zip(self.names, self.cut, self.tokens, strict=True):
            count = int((cut > 0).sum())
            if count:
                rows = f"{count:,} rows were" if count > 1 else "1 row was"
                parts.append(
                    f"{name}: {rows} cut at {int(tokens[cut > 0].max()):,} tokens; what stood "
                    "behind was not read."
                )
        return tuple(parts)

    @property
    def several(self) -> bool:
        """True where a row may have several classes, or none."""
        return self.output == "sigmoid" and len(self.classes) > 1

    @property
    def assigned(self) -> NDArray[np.bool_]:
        """(K, M, C) whether a class is above the threshold, where there may be several."""
        return np.asarray(self.values > self.threshold)

    @cached_property
    def _sets(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """(K + 1, M) codes of sets of classes, the labels last, and the sets' names."""
        labels = np.zeros(self.values.shape[1:], bool) if self.label is None else self.label
        return sets_of(np.concatenate([self.assigned, labels[None].astype(bool)]), self.classes)

    @property
    def answers(self) -> tuple[str, ...]:
        """Answers that :attr:`predicted` and :attr:`truth` index: classes, or sets of them."""
        return self._sets[1] if self.several else self.classes

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(K, M) index of the most probable class, or of the set of classes that is given."""
        if self.several:
            return self._sets[0][:-1]
        return np.asarray(self.values.argmax(axis=2), dtype=np.int64)

    @cached_property
    def truth(self) -> np.ndarray | None:
        """(M,) index of the answer that the labels hold; numbers of a regression; or None."""
        return self._sets[0][-1] if self.several and self.label is not None else self.label

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(K, M) probability of the predicted class; of a set that of its least sure class."""
        if self.several:
            return np.asarray(np.where(self.assigned, self.values, 1 - self.values).min(axis=2))
        return np.asarray(self.values.max(axis=2))

    @cached_property
    def gap(self) -> NDArray[np.float64]:
        """(K, M) probability margin: that of the predicted class minus that of the runner-up; of a
        set that of its least sure class being given minus not."""
        if self.several:
            return np.asarray(2 * self.confidence - 1)
        return class_gap(self.output, self.values)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """(K, M) whether the predicted class, or the whole set, is the label.

        Raises
        ------
        ValueError
            There are no labels, or they are numbers.
        """
        if self.truth is None or self.regression:
            raise ValueError("Right and wrong need a data set with classes as labels.")
        return np.asarray(self.predicted == self.truth)


def comparable(runs: Sequence[Predictions]) -> tuple[list[Predictions], str]:
    """The runs whose answers can stand side by side, and in a sentence who is left out, if anybody.

    Of those that answer in one way with the same classes, whatever their order, the most; of
    several such groups the first.
    """
    groups: list[list[Predictions]] = []
    for run in runs:
        own = next((group for group in groups if _alike(group[0], run)), None)
        if own is None:
            groups.append([run])
        else:
            own.append(run)
    kept = max(groups, key=len, default=[])
    others = [
        name_without_folder(run.checkpoint)
        for run in runs
        if not any(run is member for member in kept)
    ]
    if not others:
        return kept, ""
    alone = len(others) == 1
    return kept, (
        f"{listed(others)} {'has' if alone else 'have'} other classes, or another kind of answer, "
        f"and {'is' if alone else 'are'} left out here: choose {'it' if alone else 'them'} alone."
    )


def _alike(first: Predictions, second: Predictions) -> bool:
    """Whether two runs answer in one way, with the same classes."""
    if first.output != second.output or len(first.labels) != len(second.labels):
        return False
    both = (first.labels, second.labels), (second.labels, first.labels)
    return first.output == "value" or any(columns_of(*two) is not None for two in both)


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
        several = label is not None and label.ndim == 2
        named = () if output == "value" else table.labels if several else runs[0].labels
        if label is not None and several != bool(named):
            raise ValueError(
                f"The data set has {label.shape[1] if several else 1} numbers a row, and the "
                f"checkpoints answer with {len(runs[0].labels)}. Choose a file with a column for "
                f"each of {', '.join(runs[0].labels)}."
            )
        orders = [list(run.places(list(named)).values()) if named else [0] for run in runs]
        numbers = np.stack(
            [run.logits[:, order] for run, order in zip(here, orders, strict=True)]
        ).astype(np.float64)
        return Answers(_names(runs), named, rows, label, numbers, len(table), cut, tokens, output)
    if table.regression:
        raise ValueError(
            "The labels of this data set are numbers, and these checkpoints answer with classes. "
            "Choose another label column, or checkpoints that answer with numbers."
        )
    classes = list(table.labels)
    # A data set may not have all classes of its task; an answer of the others is wrong, not lost.
    taken = set(runs[0].places(classes).values())
    classes += [name for place, name in enumerate(runs[0].labels) if place not in taken]
    columns = [list(run.places(classes).values()) for run in runs]
    if output == "sigmoid" and len(classes) > 1 and label is not None:
        label = _of_each(label, len(classes))
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


def _of_each(label: np.ndarray, classes: int) -> NDArray[np.int64]:
    """(M,) class index or (M, fewer) of 0 and 1 -> (M, C) of 0 and 1."""
    if label.ndim == 1:
        return np.asarray(np.eye(classes, dtype=np.int64)[label])
    more = classes - label.shape[1]
    return np.asarray(np.pad(label, ((0, 0), (0, more))), dtype=np.int64)


def _names(runs: Sequence[Predictions]) -> tuple[str, ...]:
    return tuple(run.checkpoint for run in runs)
