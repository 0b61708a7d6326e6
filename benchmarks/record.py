"""Cost of recording: `record` for four checkpoints against four bare forwards.

Both tokenise the text and run the same encoder weights on the same threads, in turn, so that a
machine that slows down slows both. Goal: a ratio of at most 1.3.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

TEXT = "The plot is thin, but the acting is anything but dull."
HEADS = ("cls", "max_cls", "mha", "max_seq_mha")
ROUNDS = 40


def run() -> list[dict[str, Any]]:
    """One row per text length: medians in ms and their ratio."""
    import torch

    import analysis

    classifiers = [analysis.load(f"sst2-{head}") for head in HEADS]

    def bare(text: str) -> None:
        for classifier in classifiers:
            inputs = classifier.tokenizer(
                text, truncation=True, max_length=512, padding=False, return_tensors="pt"
            ).to(classifier.device)
            with torch.no_grad():
                classifier.encoder(**inputs)

    def recorded(text: str) -> None:
        for classifier in classifiers:
            analysis.record(classifier, text)

    rows = []
    for copies in (1, 9, 40):
        text = " ".join([TEXT] * copies)
        tokens = len(analysis.record(classifiers[0], text).tokens)
        times = in_turn([partial(recorded, text), partial(bare, text)], ROUNDS)
        ours, theirs = (statistics.median(seconds) * 1000 for seconds in times)
        ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
        rows.append(
            {
                "tokens": tokens,
                "record ×4 (ms)": ours,
                "bare forward ×4 (ms)": theirs,
                "ratio, median of pairs": ratio,
            }
        )
    return rows


def in_turn(functions: list[Callable[[], object]], rounds: int, warm: int = 2) -> list[list[float]]:
    """Seconds of each function, called one after the other in every round, so that a machine that
    slows down slows all; before, each is called `warm` times."""
    for function in functions:
        for _ in range(warm):
            function()
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, taken in zip(functions, times, strict=True):
            started = time.perf_counter()
            function()
            taken.append(time.perf_counter() - started)
    return times
