"""A study's folder with scores drawn at random: what 'python -m training study' would write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HEADS = ("cls", "max_cls", "mha", "max_seq_mha")
NOTE = "The encoder is a sentence encoder: its scores are not comparable with those of BERT-base."
METRICS = {"rte": ("accuracy",), "mrpc": ("accuracy", "f1"), "cola": ("matthews", "accuracy")}
Effect = Callable[[str, float, str], float]


def family(
    name: str,
    tasks: Sequence[str],
    seeds: int,
    shares: Sequence[float] = (1.0,),
    primary: bool = False,
) -> dict[str, Any]:
    return {
        "name": name,
        "title": f"{', '.join(tasks)}, {seeds} seeds",
        "primary": primary,
        "against": "cls",
        "heads": list(HEADS[1:]),
        "seeds": list(range(seeds)),
        "strata": [
            {"task": task, "share": share, "metric": METRICS[task][0], "split": "dev"}
            for task in tasks
            for share in shares
        ],
    }


def nothing(task: str, share: float, head: str) -> float:
    """No pooling head is better than another."""
    return 0.0


def write(
    folder: Path,
    families: Sequence[dict[str, Any]],
    effect: Effect = nothing,
    spread: float = 0.01,
    keep: Callable[[str, float, str, int], bool] = lambda *cell: True,
    name: str = "toy",
    seed: int = 0,
    precision: Callable[[str], str] = lambda head: "bf16",
) -> Path:
    """Write the study; ``effect`` is added to a run's score, ``keep`` says which runs are done."""
    draw = np.random.default_rng(seed)
    (folder / "runs").mkdir(parents=True)
    cells = dict.fromkeys(
        (stratum["task"], stratum["share"], head, number)
        for each in families
        for stratum in each["strata"]
        for number in each["seeds"]
        for head in (each["against"], *each["heads"])
    )
    runs = []
    for task, share, head, number in cells:
        key = hashlib.sha256(f"{task} {share} {head} {number}".encode()).hexdigest()[:16]
        runs.append([key, task, head, share, number])
        base = 0.6 + 0.1 * share + effect(task, share, head)
        scores = {
            metric: round(base + 0.05 * m + spread * draw.normal(), 6)
            for m, metric in enumerate(METRICS[task])
        }
        if not keep(task, share, head, number):
            continue
        record = {
            "hash": key,
            "task": task,
            "variant": head,
            "share": share,
            "seed": number,
            "metrics": {"dev": scores},
            "predictions": {"dev": "0101"},
            "rows": {"dev": 4},
            "data": {"dev": task},
            "seconds": {"training": 60.0, "evaluation": 1.0},
            "machine": {
                "precision": precision(head),
                "device": "CPU",
                "threads": 1,
                "versions": {"torch": "2.13.0"},
            },
        }
        (folder / "runs" / f"{key}.json").write_text(json.dumps(record))
    declaration = {
        "name": name,
        "title": "Pooling heads on a toy",
        "note": NOTE,
        "encoder": "toy",
        "tuning": "full",
        "recipes": {"rte": {"epochs": 4.0}},
        "families": list(families),
        "runs": runs,
    }
    (folder / "study.json").write_text(json.dumps(declaration))
    return folder
