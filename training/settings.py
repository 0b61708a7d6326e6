"""Settings of a run, its tables, and the command that repeats it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.datasets.table import HUB, TASKS, Table, read
from analysis.datasets.upload import read_file
from training import metrics
from training.tasks import Recipe, recipe


@dataclass(frozen=True)
class Settings:
    """Settings that decide what a run computes. ``options`` are the pooling head's own."""

    task: str
    head: str
    encoder: str
    output: Path
    data: str | None = None
    tuning: Literal["lora", "full"] = "lora"
    seed: int = 0
    recipe: Recipe = field(default_factory=Recipe)
    options: dict[str, Any] = field(default_factory=dict)
    selection: Literal["last", "heldout"] = "last"
    max_train_rows: int | None = None
    group: str | None = None
    train: Path | None = None
    dev: Path | None = None
    text: str | None = None
    pair: str | None = None
    label: str | None = None
    label_kind: Literal["auto", "classes", "number"] = "auto"
    label_columns: tuple[str, ...] = ()  # columns of 0 and 1, one a class

    @property
    def encoder_name(self) -> str:
        """The encoder as a card may name it: a Hub id, or the last part of a folder's path."""
        return Path(self.encoder).name if Path(self.encoder).is_dir() else self.encoder

    def fingerprint(self) -> dict[str, Any]:
        """Facts that must be equal for an interrupted run to be continued."""
        facts = asdict(replace(self, output=Path()))
        plain: dict[str, Any] = json.loads(json.dumps(facts, default=str, sort_keys=True))
        return plain


@dataclass(frozen=True)
class Splits:
    """The tables of a run: what is trained on, and what a score is reported on."""

    train: Table
    scored: dict[str, Table]
    metrics: tuple[str, ...]


def all_options(head: str, options: dict[str, Any]) -> dict[str, Any]:
    """The pooling head's options with its defaults written out, so that a later change of a
    default changes no finished checkpoint."""
    from analysis.heads.registry import HEADS, check_options, options_of

    known = check_options(head, options)
    strangers = sorted(set(options) - set(known))
    if strangers:
        raise ValueError(
            f"Pooling head {head} has no option {', '.join(strangers)}; it has "
            f"{', '.join(sorted(options_of(HEADS[head])))}."
        )
    return options_of(HEADS[head]) | known


def load_splits(settings: Settings) -> Splits:
    """Read the tables that the settings name, cut to ``max_train_rows`` (drawn by the seed)."""
    if settings.task == "csv":
        splits = _own_splits(settings)
    else:
        if settings.data is None:
            raise ValueError(f"Task {settings.task} needs --data: a GLUE folder, or 'hub'.")
        train = read(settings.task, "train", settings.data)
        entry = TASKS[settings.task]
        scored = {split: read(settings.task, split, settings.data) for split in entry.scored}
        splits = Splits(train, scored, entry.metrics)
    limit = settings.max_train_rows
    if limit is not None and limit < len(splits.train):
        rows = np.random.default_rng(settings.seed).permutation(len(splits.train))[:limit]
        splits = replace(splits, train=splits.train.take(np.sort(rows)))
    return splits


def _own_splits(settings: Settings) -> Splits:
    needed = ("train", "dev", "text", *(() if settings.label_columns else ("label",)))
    missing = [name for name in needed if getattr(settings, name) is None]
    if missing:
        raise ValueError("--task csv needs " + ", ".join(f"--{name}" for name in missing) + ".")
    assert settings.train is not None
    assert settings.dev is not None
    train = _own_table(settings, settings.train, None, "train")
    if len(train.labels) == 1:
        raise ValueError(
            f"{settings.train}: every row of column {settings.label!r} is "
            f"{train.labels[0]!r}. At least two classes are needed."
        )
    if train.regression and train.labels:
        raise ValueError(
            f"{settings.train}: each row has {len(train.labels)} numbers, and one is learnt. Name "
            "its column with --label."
        )
    dev = _own_table(settings, settings.dev, train.labels, "dev")
    names = metrics.NUMBER if train.regression else metrics.CLASSES
    return Splits(train, {"dev": dev}, metrics.LABELS if train.several else names)


def _own_table(settings: Settings, path: Path, labels: Sequence[str] | None, split: str) -> Table:
    """A file of one's own, every row of it; several labels a row where its columns have them."""
    assert settings.text is not None
    return read_file(
        path,
        settings.text,
        settings.pair,
        settings.label,
        label_columns=settings.label_columns,
        kind=settings.label_kind,
        labels=labels,
        split=split,
    )


def command(settings: Settings) -> str:
    """The command that repeats the run, with placeholders for what differs between machines."""
    words = [
        "python -m training finetune",
        f"--task {settings.task}",
        f"--head {settings.head}",
        f"--encoder {settings.encoder_name}",
        f"--tuning {settings.tuning}",
    ]
    if settings.task == "csv":
        words += [
            f"--{name} {Path(value).name if name in ('train', 'dev') else repr(value)}"
            for name in ("train", "dev", "text", "pair", "label")
            if (value := getattr(settings, name)) is not None
        ]
        if settings.label_columns:
            words.append(f"--label-columns {' '.join(map(repr, settings.label_columns))}")
        if settings.label_kind != "auto":
            words.append(f"--label-kind {settings.label_kind}")
    else:
        folder = "TREC_FOLDER" if settings.task == "trec" else "GLUE_FOLDER"
        words.append(f"--data {HUB if settings.data == HUB else folder}")
    words.append(f"--seed {settings.seed}")
    for name, value in settings.options.items():
        if value is True:
            words.append(f"--{name.replace('_', '-')}")
        elif value is not False and value != "none":
            words.append(f"--{name.replace('_', '-')} {value}")
    standard = recipe(settings.task)
    for name in asdict(standard):
        value = getattr(settings.recipe, name)
        if value != getattr(standard, name):
            value = " ".join(value) if isinstance(value, tuple) else value
            words.append(f"--{name.replace('full_', '').replace('_', '-')} {value}")
    if settings.selection != "last":
        words.append(f"--selection {settings.selection}")
    if settings.max_train_rows is not None:
        words.append(f"--max-train-rows {settings.max_train_rows}")
    return " ".join([*words, f"--output {settings.output.name}"])
