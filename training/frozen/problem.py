"""The task that a table's labels pose, and notes on its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.datasets import TASKS, Table
from training import metrics

Kind = Literal["classes", "labels", "number"]
FEWEST_ROWS = 8  # to train on: below, a tenth held out is no row at all
DEV_SHARE = 0.2  # of the rows, where no table to score on is given


@dataclass(frozen=True)
class Problem:
    """Targets and how they are scored.

    ``kind`` is "classes" (one of C a row), "labels" (any of C a row) or "number" (a regression).
    ``target`` is (N,) int64, (N, C) float64 of 0 and 1, or (N,) float64.
    """

    kind: Kind
    names: tuple[str, ...]
    target: np.ndarray
    metrics: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return max(len(self.names), 1)


def problem_of(table: Table) -> Problem:
    """The problem that a labelled table poses.

    Raises
    ------
    ValueError
        No labels, one class only, numbers that do not vary or are not finite, or too few rows.
    """
    target = table.label
    if target is None:
        raise ValueError("the table has no labels: there is nothing to fit. Name their column.")
    if len(table) < FEWEST_ROWS:
        rows = "1 row is" if len(table) == 1 else f"{len(table)} rows are"
        raise ValueError(
            f"{rows} too few to fit a pooling head: give at least {FEWEST_ROWS}, "
            "and some hundreds for a score that means something."
        )
    task = TASKS.get(table.task)
    known = task.metrics if task is not None and task.labels == table.labels else None
    if table.several:
        return Problem("labels", table.labels, np.asarray(target, float), known or metrics.LABELS)
    if table.regression and target.ndim == 2:
        raise ValueError(
            f"each row has {target.shape[1]} numbers, and a pooling head is fitted to one. Name "
            "one of their columns."
        )
    if table.regression:
        if not np.isfinite(target).all() or np.ptp(target) == 0:
            raise ValueError(
                f"every label is {target[0]:g}: there is nothing to learn. Name another column."
                if np.isfinite(target).all()
                else "a label is not a finite number. Correct it, or leave the row out."
            )
        return Problem("number", (), np.asarray(target, float), known or metrics.NUMBER)
    present = np.unique(target)
    if len(present) < 2:
        only = table.labels[int(present[0])]
        raise ValueError(
            f"every row is {only!r}: at least two classes are needed. Name another column, or add "
            "rows of another class."
        )
    return Problem("classes", table.labels, np.asarray(target), known or metrics.CLASSES)


def keys_of(table: Table) -> list[tuple[str, str]]:
    """Keys of rows: text and second text."""
    pairs = table.pair if table.pair is not None else [""] * len(table)
    return list(zip(table.text, pairs, strict=True))


def split_rows(
    table: Table, problem: Problem, share: float = DEV_SHARE, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ascending rows to train on and to score on, (N - n,) and (n,).

    Rows with the same text come to the same side, so that none leaks. A class whose rows all have
    one text stays in the part that is trained on.
    """
    groups: dict[tuple[str, str], int] = {}
    group = np.array([groups.setdefault(key, len(groups)) for key in keys_of(table)])
    must_stay = np.zeros(len(groups), bool)
    if problem.kind == "classes":
        pairs = np.unique(np.stack([problem.target, group]), axis=1)
        classes, count = np.unique(pairs[0], return_counts=True)
        must_stay[pairs[1][np.isin(pairs[0], classes[count == 1])]] = True
    sizes = np.bincount(group, minlength=len(groups))
    share_rows, taken = share * len(table), 0
    scored = np.zeros(len(groups), bool)
    for text_group in np.random.default_rng(seed).permutation(len(groups)).tolist():
        if taken + sizes[text_group] > share_rows and taken:
            continue
        if not must_stay[text_group]:
            scored[text_group] = True
            taken += int(sizes[text_group])
        if taken >= share_rows:
            break
    dev = scored[group]
    if not dev.any() or dev.all():
        raise ValueError(
            "no rows can be set aside to score on: every text is the same, or every class has one "
            "row. Give a table to score on."
        )
    return np.flatnonzero(~dev), np.flatnonzero(dev)


def notes_on(
    train: Table, dev: Table, problem: Problem, cut: tuple[int, int], limit: int
) -> list[str]:
    """Notes on the rows for a reader of the scores, a sentence each."""
    notes = []
    seen = set(keys_of(train))
    leaking = sum(key in seen for key in keys_of(dev))
    if leaking:
        notes.append(
            f"{leaking:,} of the {len(dev):,} rows that are scored are among the training rows as "
            "well: the scores are too good by as much as is learnt by heart."
        )
    if problem.kind == "classes":
        assert dev.label is not None
        counts = np.bincount(problem.target, minlength=problem.outputs)
        single = [name for name, count in zip(problem.names, counts, strict=True) if count == 1]
        absent = [name for name, count in zip(problem.names, counts, strict=True) if count == 0]
        for names, words in ((single, "one training row"), (absent, "no training row")):
            if names:
                shown = ", ".join(repr(name) for name in names[:5])
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                notes.append(
                    f"{len(names):,} of {len(counts):,} classes have {words}: {shown}{more}."
                )
        few = np.bincount(dev.label, minlength=problem.outputs)
        unscored = int((few == 0).sum())
        if unscored:
            notes.append(f"{unscored:,} of {len(few):,} classes have no row that is scored.")
    for rows, name in zip(cut, ("training rows", "scored rows"), strict=True):
        if rows:
            notes.append(f"{rows:,} {name} are longer than {limit} tokens and were cut there.")
    return notes
