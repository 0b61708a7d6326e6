"""Computations of the Layers page, cached: trajectories, and passes over many sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.checkpoints import profiles
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.faults import reason
from analysis.datasets.sentences import Rows
from analysis.figures.recipes import results
from analysis.figures.style.style import printable
from analysis.reading import over_depth
from pages.ui.engine import models
from pages.ui.engine.results import member_of, subject_of
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.kit.selection import FollowedToken

if TYPE_CHECKING:
    import numpy as np

    from analysis.reading.layers import Standing, Trajectory
    from analysis.reading.over_depth import MeanTrajectory
    from analysis.reading.trace import Trace


@dataclass(frozen=True)
class Way:
    """The way up of one token in one entry: a trace and a trajectory for each member."""

    entry: Entry
    traces: tuple[Trace, ...] = ()
    paths: tuple[Trajectory, ...] = ()
    mean: MeanTrajectory | None = None
    token: int = 0
    chosen: int | None = None  # the same where somebody chose it; None: that which is read
    problem: str = ""  # why there is none

    @property
    def depth(self) -> int:
        """Number of layers, the embeddings not counted."""
        return len(self.paths[0].norm) - 1

    @property
    def name(self) -> str:
        """The token followed, as a text calls it."""
        tokens = self.paths[0].tokens
        label = printable(tokens.labels[self.token], 40)
        return label if tokens.special[self.token] else f"“{label}”"

    @property
    def average(self) -> MeanTrajectory:
        """The mean over the members."""
        assert self.mean is not None
        return self.mean

    @property
    def probabilities(self) -> np.ndarray | None:
        """(L+1, C) mean over the members; None without a pooling head."""
        return self.average.probabilities


def followed(ways: Sequence[Way]) -> str:
    """The tokens that are followed, as their texts call them."""
    return " or ".join(dict.fromkeys(way.name for way in ways))


def ways(choice: Choice, chosen: FollowedToken) -> list[Way]:
    """One for each chosen checkpoint or seed group; a failure stays in its own."""
    made = []
    for entry in choice.entries:
        subject = subject_of(entry, choice.text, choice.pair)
        try:
            traces = subject.traces()
            chosen_token = chosen.position(traces[0].tokens) if chosen.by_hand else None
            paths = subject.each(results.trajectory, chosen_token)
            token = traces[0].read_token if chosen_token is None else chosen_token
            mean = over_depth.mean_trajectory(paths)
            made.append(Way(entry, traces, paths, mean, token, chosen_token))
        except Exception as error:
            made.append(Way(entry, problem=reason(error)))
    return made


def read_all(checkpoint: Checkpoint, rows: Rows) -> None:
    """[CLS] of many sentences, for what stands among them; leaves at once when the page moves."""
    for text, pair in rows:
        member_of(checkpoint, text, pair).result(results.cls_course)
        models.leave_if_stale(0.0)


def in_corpus(way: Way) -> Standing | None:
    """Percentiles by depth in the corpus of the checkpoint's own profile, mean over the members.

    None for another token than [CLS], or where a profile does not hold them.
    """
    corpora = [profiles.read(member.folder) for member in way.entry.members]
    return over_depth.mean_standing_in_corpus(way.paths, corpora)
