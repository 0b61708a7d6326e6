"""Pooling heads fitted on a frozen encoder's states: many seeds of each, all with one budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.frozen.head import fit_head
from training.frozen.problem import notes_on, problem_of
from training.frozen.progress import Progress, Teller
from training.frozen.results import Fitted, FittedHead
from training.frozen.specs import Head, specs_of
from training.frozen.states import States
from training.frozen.train import Recipe
from training.frozen.work import work_of


def fit(
    states: States,
    heads: str | Sequence[Head] = "all",
    *,
    dev: States | None = None,
    seeds: int | Sequence[int] = 5,
    recipe: Recipe | None = None,
    class_weights: str | Sequence[float] | None = None,
    options: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
    rows: Mapping[int, NDArray[np.int64]] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: Event | None = None,
    **changes: Any,
) -> Fitted:
    """Fit pooling heads and their classifiers on stored states; the encoder stays as it is.

    Every head gets the same rows, epochs, optimiser and order of rows (by seed). Nothing is
    selected on the rows that are scored: epochs are fixed, the last one is reported, and the
    learning rate is chosen on a tenth of the training rows, or fixed.

    Parameters
    ----------
    states
        Of the training table (:func:`training.states`), whose labels say what is fitted: classes,
        several labels a row (``label`` (N, C) of 0 and 1), or a number.
    heads
        "all" registered ones, or keys, classes, or (key, options).
    dev
        States of the table to score on, under the same encoder. None: a fifth of ``states`` is set
        aside; rows with the same text stay on one side.
    seeds
        How many, or which. A seed decides the start of head and classifier, and the order of rows.
    recipe, changes
        The budget (:class:`training.frozen.train.Recipe`), or some of its entries by name, such as
        ``epochs=20, learning_rate=1e-3``.
    class_weights
        "balanced", or one weight a class.
    options
        For all heads that know them, such as ``{"last_k": 3, "num_heads": 4}``.
    names
        What results call the heads; None: by key, and by the options that were given.
    rows
        Training rows of each seed, alike in number; None: all. For learning curves.
    progress
        Called at the end of each epoch and head with a :class:`Progress`.
    cancel
        Stops after the step under way; the heads that are there are returned, the one under way as
        it is.

    Returns
    -------
    Fitted
        Heads in the order asked for. One whose training diverges or raises has its ``reason``, and
        the others go on.

    Raises
    ------
    ValueError
        Labels that cannot be fitted (none, one class, too few rows), an unknown head or option, or
        ``dev`` under another encoder or of another task.
    CheckpointError
        A head needs states that are not on disk, and the encoder is not there any more.
    """
    recipe = replace(recipe or Recipe(), **changes)
    problem = problem_of(states.table)
    specs = specs_of(heads, states.source, options or {})
    if names is not None:
        specs = tuple(replace(spec, name=name) for spec, name in zip(specs, names, strict=True))
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(int(s) for s in seeds)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds are {seeds!r}; give a number above 0, or numbers that differ")
    work = work_of(states, dev, problem, chosen, recipe, class_weights, rows, cancel)
    tell = Teller(progress, len(specs), recipe, problem.metrics[0])
    done: list[FittedHead] = []
    for place, spec in enumerate(specs, 1):
        tell.begin(spec.name, place)
        done.append(fit_head(work, spec, tell))
        tell.end(done[-1])
    train_table, dev_table = states.table.take(work.all_rows), work.dev.table.take(work.dev_rows)
    cut = (int((states.cut[work.all_rows] > 0).sum()), int((work.dev.cut[work.dev_rows] > 0).sum()))
    on_rows = replace(problem, target=problem.target[work.all_rows])
    return Fitted(
        heads=tuple(done),
        problem=problem,
        source=states.source,
        recipe=recipe,
        task=states.table.task,
        pairs=states.table.pair is not None,
        rows={"train": len(work.rows[0]), work.split: len(work.dev_rows)},
        split=work.split,
        label=work.label,
        notes=tuple(notes_on(train_table, dev_table, on_rows, cut, states.limit)),
        precision=states.precision,
        states_seconds=states.seconds + (dev.seconds if dev is not None else 0.0),
    )
