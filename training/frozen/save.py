"""Fitted heads as checkpoint folders: pooling head and classifier, the encoder by reference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.checkpoints.frozen import HEAD_FILE
from analysis.checkpoints.refusals.weights import sums_of
from analysis.common.whole import whole_folder, why_not_written, write_whole
from training.card import write_card
from training.folder import versions
from training.frozen.results import Fitted, FittedHead
from training.resuming import written

PROBLEMS: dict[str, Any] = {
    "classes": "single_label_classification",
    "labels": "multi_label_classification",
    "number": "regression",
}


def save(
    fitted: Fitted,
    folder: str | Path,
    *,
    heads: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    name: str = "",
    command: str = "",
) -> list[Path]:
    """Write a checkpoint folder for each seed of each head: ``folder/NAME-HEAD-sSEED``.

    Each loads by :func:`analysis.load`; the encoder is found by its name, or beside the folder.
    Seeds of a head are one group (``NAME-HEAD``). A folder appears by one rename; none is written
    over.

    Parameters
    ----------
    heads, seeds
        Names of results, and seeds; None: all that were fitted.
    name
        The first part of the folders' names; "": the task.
    command
        As the model card shows it.

    Returns
    -------
    list of Path
        The folders, in order.

    Raises
    ------
    ValueError
        A folder of that name is there already, nothing was fitted, or the disk is full.
    """
    root = Path(folder)
    chosen = [head for head in fitted.heads if heads is None or head.name in heads]
    plan = [
        (head, index, root / f"{name or fitted.task}-{head.name}-s{seed}")
        for head in chosen
        for index, seed in enumerate(head.seeds)
        if head.fitted and (seeds is None or seed in seeds)
    ]
    if not plan:
        raise ValueError("there is nothing to save: no head was fitted")
    for _, _, path in plan:
        if path.exists():
            raise ValueError(f"{path} is there already. Give another name, or remove it.")
    saved: list[Path] = []
    for head, index, path in plan:
        try:
            with whole_folder(path) as building, written(root):
                _write(fitted, head, index, building, path.name, command)
        except OSError as error:
            why = why_not_written(error, path)
            raise ValueError(f"{path.name} is not saved, {len(saved)} others are. {why}") from error
        saved.append(path)
    return saved


def _write(
    fitted: Fitted, head: FittedHead, index: int, folder: Path, name: str, command: str
) -> None:
    import torch
    from safetensors.torch import save_file

    tensors = {key: torch.from_numpy(np.array(value[index])) for key, value in head.weights.items()}
    save_file(tensors, folder / HEAD_FILE)
    (folder / HEAD_FILE).chmod(0o644)
    config = _config(fitted, head, index)
    write_whole(folder / "config.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    facts = _facts(fitted, head, index, name, command)
    facts["weights"] = sums_of([folder / HEAD_FILE])
    write_whole(folder / "training.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    write_card(folder, facts)


def _config(fitted: Fitted, head: FittedHead, index: int) -> dict[str, Any]:
    from analysis.checkpoints.model import PoolingClassifier, PoolingConfig

    names = fitted.problem.names or ("score",)
    config = PoolingConfig(
        encoder=dict(fitted.source.config),
        encoder_name=fitted.source.reference,
        encoder_sha256=fitted.source.sha256,
        head=head.key,
        head_options=dict(head.options),
        classifier_dropout=fitted.recipe.dropout,
        task=fitted.task,
        pairs=fitted.pairs,
        seed=head.seeds[index],
        id2label=dict(enumerate(names)),
        label2id={label: place for place, label in enumerate(names)},
        problem_type=PROBLEMS[fitted.problem.kind],
        architectures=[PoolingClassifier.__name__],
    )
    values: dict[str, Any] = json.loads(config.to_json_string())
    return values


def _facts(fitted: Fitted, head: FittedHead, index: int, name: str, command: str) -> dict[str, Any]:
    import torch

    recipe = fitted.recipe
    return {
        "name": name,
        "task": fitted.task,
        "head": head.key,
        "head_options": dict(head.options),
        "tuning": "frozen",
        "encoder": fitted.source.name,
        "encoder_sha256": fitted.source.sha256,
        "labels": list(fitted.problem.names),
        "regression": fitted.problem.kind == "number",
        "pairs": fitted.pairs,
        "seed": head.seeds[index],
        "group": name.rpartition("-s")[0],
        "selection": "last",
        "command": command or "training.fit(states, ...)",
        "source": "files",
        "rows": dict(fitted.rows),
        "recipe": {
            "epochs": head.epochs,
            "batch_size": recipe.batch_size,
            "learning_rate": head.learning_rate,
            "weight_decay": recipe.weight_decay,
            "warmup": recipe.warmup,
            "dropout": recipe.dropout,
        },
        "rates": {f"{rate:g}": round(loss, 5) for rate, loss in head.rates.items() if loss == loss},
        "notes": list(fitted.notes),
        "complete": head.complete,
        "steps": head.steps,
        "trained_parameters": head.parameters,
        "training_seconds": round(head.seconds / len(head.seeds), 2),
        "states_precision": fitted.precision,
        "precision": "fp32",
        "device": "CPU",
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "metrics": {
            fitted.split: {name: float(values[index]) for name, values in head.scores.items()}
        },
    }
