"""One run of a study: a configuration and a seed in, a small record of numbers out.

No checkpoint is kept: a study is its scores and predictions. The record is a pure function of
the configuration, its seed, the data and the versions it names, except for the times.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from analysis.datasets.table import Table
from training.settings import Settings, Splits, all_options, load_splits
from training.study_plan import PlannedRun, recipe_of


@dataclass(frozen=True)
class Sources:
    """Where a study finds its tables and its encoders; none of it changes a run's name."""

    data: str | None
    text_data: str | None
    encoders: Mapping[str, str]  # name in the plan -> folder or Hub id
    own: Mapping[str, Mapping[str, Any]]


def settings_of(run: PlannedRun, sources: Sources) -> Settings:
    """A run as the settings that fine-tuning takes (no output: a study keeps no checkpoint).

    Raises
    ------
    ValueError
        Options that the pooling head does not have.
    """
    config = run.config
    return replace(
        task_settings(run, sources),
        tuning=config["tuning"],
        recipe=recipe_of(config),
        options=all_options(config["head"], config["options"]),
    )


def task_settings(run: PlannedRun, sources: Sources) -> Settings:
    """Settings of a run that say which tables are read, and the names of the rest."""
    config = run.config
    more: dict[str, Any] = {}
    if run.task in sources.own:
        more = dict(sources.own[run.task])
        more |= {name: _own_file(Path(more[name]), sources) for name in ("train", "dev")}
    return Settings(
        task="csv" if more else run.task,
        head=config["head"],
        encoder=sources.encoders.get(config["encoder"], config["encoder"]),
        output=Path(run.name),
        data=sources.text_data if run.task == "trec" and sources.text_data else sources.data,
        seed=run.seed,
        **more,
    )


def _own_file(path: Path, sources: Sources) -> Path:
    """Beside the study's file, or in a folder of the same name where the texts are."""
    if path.is_file() or sources.text_data is None:
        return path
    return Path(sources.text_data) / path.parent.name / path.name


def nested_rows(task: str, rows: int, share: float, seed: int) -> np.ndarray:
    """Sorted indices of a share of ``rows`` training rows (above 1: of so many of them).

    Drawn by task and seed alone, hence anew per seed and the same for every pooling head; a
    smaller share is part of a larger one. The whole set keeps its order.
    """
    if share == 1 or share >= rows:
        return np.arange(rows)
    order = np.random.default_rng([seed, crc32(task.encode())]).permutation(rows)
    return np.sort(order[: int(share) if share > 1 else math.ceil(share * rows)])


def splits_of(run: PlannedRun, settings: Settings) -> Splits:
    """The tables of a run; the training rows are the run's share of them."""
    splits = load_splits(settings)
    rows = nested_rows(run.task, len(splits.train), run.share, run.seed)
    return replace(splits, train=splits.train.take(rows))


def execute(run: PlannedRun, sources: Sources, scratch: Path) -> dict[str, Any]:
    """Train and score one run; returns its record, ready for JSON.

    ``scratch`` is a folder for what the Trainer writes; the caller removes it.

    Raises
    ------
    ValueError
        Data or encoder not found, or training that diverged.
    """
    from analysis.checkpoints.tokenizers import input_rules
    from training.evaluate import ModelUnderTraining, evaluate
    from training.finetune import fit, longest, prepare
    from training.study_machine import machine
    from training.trainer import plain

    settings = settings_of(run, sources)
    splits = splits_of(run, settings)
    model, tokenizer, location = prepare(settings, splits.train)
    spent = fit(model, tokenizer, splits.train, settings, scratch, keep_states=False)

    started = time.monotonic()
    # Cut as in training: the score is that of the recipe, its length limit included.
    classifier = ModelUnderTraining(
        model=model,
        tokenizer=tokenizer,
        limit=longest(model, tokenizer, settings.recipe),
        inputs=input_rules(plain(model), tokenizer),
    )
    scored = {
        split: evaluate(classifier, table, splits.metrics) for split, table in splits.scored.items()
    }
    regression = splits.train.regression
    return {
        "hash": run.hash,
        "task": run.task,
        "variant": run.variant,
        "share": run.share,
        "seed": run.seed,
        "metrics": {
            split: {name: round(value, 6) for name, value in result.metrics.items()}
            for split, result in scored.items()
        },
        "predictions": {
            split: compact(result.logits, regression=regression) for split, result in scored.items()
        },
        "rows": {"train": len(splits.train)}
        | {split: len(table) for split, table in splits.scored.items()},
        "train_data": digest(splits.train),
        "data": {split: digest(table) for split, table in splits.scored.items()},
        "steps": spent.steps,
        "epochs": spent.epochs,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "seconds": {
            "training": round(spent.seconds, 1),
            "evaluation": round(time.monotonic() - started, 1),
        },
        "config": dict(run.config) | {"all_options": settings.options},
        "encoder_sha256": location.sha256,
        "machine": machine(),
    }


def compact(logits: np.ndarray, *, regression: bool) -> str | list[float]:
    """Predictions in few bytes: a digit per row (a class), or numbers to three places.

    More than ten classes are written in base 36, which ends at 36 classes.
    """
    if regression:
        return [round(float(value), 3) for value in logits[:, 0]]
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    if logits.shape[1] > len(digits):
        raise ValueError(f"{logits.shape[1]} classes; a study records at most {len(digits)}.")
    return "".join(digits[index] for index in logits.argmax(axis=1))


def digest(table: Table) -> str:
    """Sixteen hexadecimal digits of a table's texts and labels: the same for the same rows."""
    summary = hashlib.sha256()
    for part in (table.text, table.pair or ()):
        summary.update("\x1f".join(part).encode("utf-8", "surrogatepass"))
    summary.update(b"" if table.label is None else np.asarray(table.label, float).tobytes())
    return summary.hexdigest()[:16]
