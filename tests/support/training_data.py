"""A tiny task that a tiny model can learn, for the tests of fine-tuning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from training.tasks import Recipe

WORDS = ["good", "fine", "bad", "poor", "a", "the", "film", "plot", "very", "so"]
QUICK = Recipe(
    epochs=3,
    batch_size=8,
    learning_rate=5e-3,
    full_learning_rate=5e-3,
    max_length=32,
    min_steps=1,
    lora_rank=4,
)


def sentences(rows: int, seed: int) -> list[tuple[str, int]]:
    """Random words around one that decides the class, which a tiny model can learn."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        label = int(draw.integers(2))
        key = draw.choice(["good", "fine"] if label else ["bad", "poor"])
        filler = list(draw.choice(WORDS[4:], int(draw.integers(0, 8))))
        filler.insert(int(draw.integers(len(filler) + 1)), key)
        made.append((" ".join(filler), label))
    return made


def write_sst2(folder: Path, dev: list[tuple[str, int]] | None = None) -> Path:
    for name, rows in (("train", sentences(96, 1)), ("dev", dev or sentences(32, 2))):
        path = folder / "SST-2" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("sentence\tlabel\n" + "".join(f"{t}\t{y}\n" for t, y in rows))
    return folder


def facts_in(folder: Path) -> dict:
    return json.loads((folder / "training.json").read_text())
