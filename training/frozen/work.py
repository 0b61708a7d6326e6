"""The data and the budget of a fit: training rows by seed, rows to score on, targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
import torch
from numpy.typing import NDArray

from training.frozen.problem import Problem, split_rows
from training.frozen.states import States
from training.frozen.train import Recipe, Targets

DTYPE = torch.float32


@dataclass(frozen=True)
class Work:
    """States, targets, rows and budget that all heads of one fit share."""

    states: States
    dev: States
    problem: Problem
    targets: Targets
    label: np.ndarray
    seeds: tuple[int, ...]
    rows: tuple[NDArray[np.int64], ...]  # of each seed
    all_rows: NDArray[np.int64]
    dev_rows: NDArray[np.int64]
    split: str
    recipe: Recipe
    cancel: Event | None
    dtype: torch.dtype


def work_of(
    states: States,
    dev: States | None,
    problem: Problem,
    seeds: tuple[int, ...],
    recipe: Recipe,
    class_weights: str | Sequence[float] | None,
    rows: Mapping[int, NDArray[np.int64]] | None,
    cancel: Event | None,
) -> Work:
    if dev is None:
        all_rows, dev_rows = split_rows(states.table, problem)
        dev, label, split = states, problem.target[dev_rows], "held-out fifth"
    else:
        _check_dev(states, dev, problem)
        all_rows, dev_rows = np.arange(len(states)), np.arange(len(dev))
        assert dev.table.label is not None
        label, split = dev.table.label, dev.table.split
    if rows is not None:
        own = tuple(np.asarray(rows[seed], np.int64) for seed in seeds)
        if len({len(each) for each in own}) != 1 or not len(own[0]):
            raise ValueError("every seed needs the same number of training rows, above 0")
        all_rows = np.unique(np.concatenate(own))
    else:
        own = (all_rows,) * len(seeds)
    targets = _targets(problem, all_rows, class_weights)
    return Work(
        states=states,
        dev=dev,
        problem=problem,
        targets=targets,
        label=label,
        seeds=seeds,
        rows=own,
        all_rows=all_rows,
        dev_rows=dev_rows,
        split=split,
        recipe=recipe,
        cancel=cancel,
        dtype=DTYPE,
    )


def _check_dev(states: States, dev: States, problem: Problem) -> None:
    if dev.source.sha256 != states.source.sha256:
        raise ValueError(
            f"the states to score on are of {dev.source.name}, those to train on of "
            f"{states.source.name}: use one encoder for both"
        )
    label = dev.table.label
    if label is None:
        raise ValueError("the table to score on has no labels. Name their column.")
    if dev.table.labels != states.table.labels or label.ndim != problem.target.ndim:
        raise ValueError(
            f"the table to score on has the labels {', '.join(dev.table.labels[:6]) or 'numbers'}, "
            f"the training table {', '.join(states.table.labels[:6]) or 'numbers'}: read it with "
            "labels=the training table's"
        )
    if (dev.table.pair is None) != (states.table.pair is None):
        raise ValueError("one table has pairs of texts and the other one text a row")


def _targets(
    problem: Problem, rows: NDArray[np.int64], class_weights: str | Sequence[float] | None
) -> Targets:
    known = problem.target[rows]
    if problem.kind == "number":
        if class_weights is not None:
            raise ValueError("a regression has no classes to weigh: leave class_weights out")
        centre, scale = float(known.mean()), float(known.std()) or 1.0
        values = torch.from_numpy((problem.target - centre) / scale).to(DTYPE)
        return Targets("number", values, None, centre, scale)
    weights = None
    if isinstance(class_weights, str):
        if class_weights != "balanced":
            raise ValueError(f"class_weights is {class_weights!r}; give 'balanced', or numbers")
        if problem.kind == "labels":
            positive = known.sum(axis=0)
            weights = (len(known) - positive) / np.maximum(positive, 1)
        else:
            counts = np.bincount(known, minlength=problem.outputs)
            weights = len(known) / (np.maximum(counts, 1) * (counts > 0).sum())
    elif class_weights is not None:
        weights = np.asarray(class_weights, float)
        if weights.shape != (problem.outputs,) or not (weights > 0).all():
            raise ValueError(f"class_weights needs {problem.outputs} numbers above 0")
    values = torch.tensor(problem.target)
    values = values.to(DTYPE) if problem.kind == "labels" else values
    kept = None if weights is None else torch.from_numpy(np.asarray(weights)).to(DTYPE)
    return Targets(problem.kind, values, kept)
