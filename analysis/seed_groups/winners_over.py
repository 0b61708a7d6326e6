"""Winners over many sentences for every seed of a group, from results of one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.reading.winner_statistics import SeedDisagreement, WinnerSample
from analysis.seed_groups import averages


@dataclass(frozen=True)
class Many:
    """A checkpoint or seed group over sentences: a sample for each member."""

    name: str
    members: tuple[Checkpoint, ...]
    samples: tuple[WinnerSample, ...]
    seeds: SeedDisagreement | None = None  # of a seed group

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, or a description of the whole group."""
        return averages.mean_checkpoint(self.members, self.name)

    @property
    def is_group(self) -> bool:
        """Whether it is several seeds."""
        return len(self.members) > 1

    @property
    def sentences(self) -> int:
        """Number of sentences in it."""
        return len(self.samples[0].predicted) if self.samples else 0

    @property
    def over_tokens(self) -> bool:
        """Whether tokens compete, not layers."""
        return bool(self.samples) and len(self.samples[0].layers) == 1

    @property
    def only_cls(self) -> bool:
        """Whether all wins are at [CLS], because nothing else is pooled."""
        return not self.over_tokens and all(s.wins[:, 1:].sum() == 0 for s in self.samples)


def joined(parts: Sequence[WinnerSample]) -> WinnerSample:
    """The sample over all sentences, from one of each."""
    names = ("wins", "contributions", "tokens", "predicted")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    return replace(parts[0], **columns)


def joined_seeds(parts: Sequence[SeedDisagreement], sample: WinnerSample) -> SeedDisagreement:
    """Mean over places: a sentence counts with its tokens where every token is pooled.

    `parts` has one a sentence, `sample` is that of one seed over all of them.
    """
    only_cls = sample.wins[:, 1:].sum() == 0 or len(sample.layers) == 1
    weights = np.ones(len(parts)) if only_cls else sample.tokens.sum(axis=1).astype(float)
    weights = weights / weights.sum()
    return replace(
        parts[0],
        share=np.tensordot(weights, np.stack([part.share for part in parts]), 1),
        chance=np.tensordot(weights, np.stack([part.chance for part in parts]), 1),
        sentences=len(parts),
    )
