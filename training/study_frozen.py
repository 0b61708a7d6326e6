"""One run of a study on a frozen encoder: every seed of a pooling head on a task, in one fit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.settings import load_splits
from training.study_plan import PlannedRun
from training.study_run import Sources, digest, nested_rows, task_settings

if TYPE_CHECKING:
    from training.frozen.states import States


def missing_head(run: PlannedRun) -> bool:
    """Whether the run's pooling head is not known here: declared, and to be run when it is."""
    from analysis.heads import HEADS

    return run.config["head"] not in HEADS


_HELD: dict[tuple[str, str], tuple[States, States]] = {}  # of the task last fitted


def _states_of(run: PlannedRun, sources: Sources) -> tuple[States, States]:
    """States of the training and the scored table; those of the last task are at hand."""
    import training

    encoder = sources.encoders.get(run.config["encoder"], run.config["encoder"])
    key = (run.task, str(encoder))
    if key not in _HELD:
        splits = load_splits(task_settings(run, sources))
        scored = next(iter(splits.scored.values()))
        both = (training.states(encoder, splits.train), training.states(encoder, scored))
        _HELD.clear()
        _HELD[key] = both
    return _HELD[key]


def execute(run: PlannedRun, sources: Sources, scratch: Path) -> dict[str, Any]:
    """Fit and score every seed of one run; returns its record, ready for JSON.

    The states are kept where :func:`training.states` keeps them, so that runs of one task and
    encoder share them.

    Raises
    ------
    ValueError
        Data or encoder not found, or a head that could not be fitted.
    """
    import training
    from training.frozen.train import Recipe
    from training.study_machine import machine

    config: Mapping[str, Any] = run.config
    train, dev = _states_of(run, sources)
    split = dev.table.split
    rows = {seed: nested_rows(run.task, len(train), run.share, seed) for seed in run.seeds}
    recipe = dict(config["recipe"])
    recipe["rates"] = tuple(recipe["rates"])
    recipe["epochs"] = int(recipe["epochs"])
    started = time.monotonic()
    head = (config["head"], dict(config["options"]))
    fitted = training.fit(
        train,
        [head],
        dev=dev,
        seeds=run.seeds,
        recipe=Recipe(**recipe),
        rows=None if run.share == 1 else rows,
    )
    result = fitted.heads[0]
    if not result.complete:
        raise ValueError(result.reason)
    return {
        "hash": run.hash,
        "task": run.task,
        "variant": run.variant,
        "share": run.share,
        "seeds": list(run.seeds),
        "metrics": {
            split: {
                name: [round(float(value), 5) for value in values]
                for name, values in result.scores.items()
            }
        },
        "predictions": {},
        "rows": dict(fitted.rows),
        "train_data": digest(train.table),
        "data": {split: digest(dev.table)},
        "cut": [int((train.cut > 0).sum()), int((dev.cut > 0).sum())],
        "notes": list(fitted.notes),
        "learning_rate": result.learning_rate,
        "rates": {f"{rate:g}": round(loss, 5) for rate, loss in result.rates.items()},
        "steps": result.steps,
        "epochs": result.epochs,
        "parameters": result.parameters,
        "seconds": {"training": round(time.monotonic() - started, 1), "evaluation": 0.0},
        "config": dict(config) | {"all_options": dict(result.options)},
        "encoder_sha256": fitted.source.sha256,
        "machine": machine(),
    }
