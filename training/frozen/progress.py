"""Progress of a fit: the share that is done, the time that is left, scores after an epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.frozen.results import FittedHead, Floats
from training.frozen.train import Recipe


@dataclass(frozen=True)
class Progress:
    """Progress of a fit. ``loss`` and ``score`` (M,) are the seeds under way after an epoch."""

    head: str
    place: int  # of the head, from 1
    heads: int
    phase: str  # "learning rate", "training", "scoring" or "done"
    share: float  # of the whole fit, 0 to 1
    seconds_left: float
    epoch: int = 0
    epochs: int = 0
    loss: Floats | None = None
    score: Floats | None = None
    metric: str = ""
    result: FittedHead | None = None  # once the head is done

    def sentence(self) -> str:
        """One line of text."""
        numbers = ""
        if self.score is not None and len(self.score):
            numbers = f"  {self.metric} {np.nanmean(self.score):.4f}"
        epoch = f"  epoch {self.epoch}/{self.epochs}" if self.epoch else ""
        left = f"{int(self.seconds_left) // 60}:{int(self.seconds_left) % 60:02d} left"
        return f"[{self.place}/{self.heads}] {self.head}  {self.phase}{epoch}{numbers}  {left}"


class Teller:
    """Turns steps and epochs into :class:`Progress`, a few times a second at most."""

    def __init__(
        self, progress: Callable[[Progress], None] | None, heads: int, recipe: Recipe, metric: str
    ) -> None:
        self.progress, self.heads, self.metric = progress, heads, metric
        # Choosing the rate trains as many single seeds as there are rates.
        self.choosing = 0.0 if recipe.learning_rate is not None else 0.4
        self.began, self.last_call = time.monotonic(), 0.0
        self.head, self.place, self.within = "", 0, 0.0

    def begin(self, head: str, place: int) -> None:
        self.head, self.place, self.within = head, place, 0.0

    def step(self, phase: str, share: float) -> None:
        start, size = (
            (0.0, self.choosing) if phase == "learning rate" else (self.choosing, 1 - self.choosing)
        )
        self.within = start + size * share
        if time.monotonic() - self.last_call > 0.5:
            self._tell(phase)

    def epoch(self, epoch: int, epochs: int, loss: Floats, score: Floats) -> None:
        self._tell("training", epoch=epoch, epochs=epochs, loss=loss, score=score)

    def end(self, result: FittedHead) -> None:
        self.within = 1.0
        score = result.scores.get(self.metric)
        self._tell("done", score=score, result=result)

    def _tell(self, phase: str, **more: Any) -> None:
        self.last_call = time.monotonic()
        if self.progress is None:
            return
        share = (self.place - 1 + self.within) / self.heads
        left = (self.last_call - self.began) * (1 - share) / max(share, 1e-3)
        self.progress(
            Progress(
                self.head, self.place, self.heads, phase, share, left, metric=self.metric, **more
            )
        )
