"""Small labelled tables whose classes show in their words, and the states of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import training
from analysis.datasets import Table
from tests.support import tiny, zoo

CLASSES = ("cold", "warm, mostly", "very hot")  # with a space and a comma


def table(rows: int, seed: int = 0, *, split: str = "train", classes: int = 3) -> Table:
    """Random sentences; one word of twelve, drawn by the class four times in five, decides."""
    draw = np.random.default_rng(seed)
    words = np.array(tiny.WORDS)
    label = draw.integers(classes, size=rows)
    texts = []
    for row in label:
        filler = list(draw.choice(words[12:], int(draw.integers(1, 9))))
        shown = row if draw.random() < 0.8 else draw.integers(classes)
        filler.insert(int(draw.integers(len(filler) + 1)), words[4 * shown + draw.integers(4)])
        texts.append(" ".join(filler))
    return Table("toy", split, tuple(texts), None, label.astype(np.int64), CLASSES[:classes])


def numbers(rows: int, seed: int = 0, split: str = "train") -> Table:
    """The number of words of each text, far from zero."""
    texts = table(rows, seed).text
    label = np.array([1000.0 + 50 * len(text.split()) for text in texts])
    return Table("toy", split, texts, None, label, ())


def labels(rows: int, seed: int = 0, split: str = "train") -> Table:
    """Which of three words stand in a text: none, some or all of them."""
    draw = np.random.default_rng(seed)
    flags = draw.random((rows, 3)) < 0.4
    words = ("good", "bad", "poor")
    texts = tuple(
        " ".join(["the", *(w for w, on in zip(words, row, strict=True) if on), "film"])
        for row in flags
    )
    return Table("toy", split, texts, None, flags.astype(np.int64), words)


def states(folder: Path, data: Table, **options):
    """States of a table under the tiny bare encoder, in float32 unless another is asked for."""
    return training.states(
        zoo.folder("bare"), data, folder=folder, **{"precision": "float32", **options}
    )
