"""A plan of tiny runs, and what the runs of a study say."""

from __future__ import annotations

import json
from pathlib import Path

TINY = {
    "name": "tiny",
    "tuning": "full",
    "heads": {"cls": {}, "max_cls": {"last_k": 2}, "cls_tanh": {"head": "cls", "pooler": "tanh"}},
    "recipe": {
        "epochs": 1,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "max_length": 32,
        "min_steps": 4,
        "weight_decay": 0.0,
        "warmup": 0.1,
        "dropout": 0.1,
    },
    "families": [
        {"name": "main", "primary": True, "tasks": ["sst2"], "heads": ["max_cls"], "seeds": 2},
        {
            "name": "parts",
            "tasks": ["sst2"],
            "heads": ["max_cls", "cls_tanh"],
            "seeds": 1,
            "shares": [0.5, 1.0],
        },
    ],
}


def scores_of(folder: Path) -> dict[str, dict]:
    """All that the runs say, except what an interruption or another clock may change."""
    records = {}
    for path in sorted((folder / "runs").glob("*.json")):
        record = json.loads(path.read_text())
        record.pop("seconds")
        records[path.stem] = record
    return records


def record_without_training(run, sources, scratch):
    """A record without a training: the score tells the configuration."""
    return {
        "hash": run.hash,
        "task": run.task,
        "variant": run.variant,
        "share": run.share,
        "seed": run.seed,
        "metrics": {"dev": {"accuracy": run.seed / 10 + run.share / 100}},
        "predictions": {"dev": "01"},
        "seconds": {"training": 60.0, "evaluation": 1.0},
        "data": {"dev": "same"},
        "machine": {},
    }
