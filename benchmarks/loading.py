"""Time to open a demo checkpoint: its adapter merged by hand on a kept encoder, or by PEFT.

Both open the same folder in turn, bit for bit the same weights; PEFT is imported before.
"""

from __future__ import annotations

import statistics
from typing import Any
from unittest import mock

from benchmarks.record import HEADS, in_turn

ROUNDS = 8


def run() -> list[dict[str, Any]]:
    """One row: medians in ms of a checkpoint, and the ratio's median."""
    import peft  # noqa: F401

    import analysis
    from analysis.checkpoints import lora

    def ours() -> None:
        for head in HEADS:
            analysis.load(f"sst2-{head}")

    def theirs() -> None:
        with mock.patch.object(lora, "scale_of", return_value=None):
            ours()

    times = in_turn([ours, theirs], ROUNDS)
    by_hand, by_peft = (statistics.median(seconds) / len(HEADS) * 1000 for seconds in times)
    return [
        {
            "what": "analysis.load of a demo checkpoint (ms)",
            "by hand": by_hand,
            "by PEFT": by_peft,
            "ratio, median of pairs": statistics.median(a / b for a, b in zip(*times, strict=True)),
        }
    ]
