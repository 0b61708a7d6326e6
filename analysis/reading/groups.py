"""Seed groups: several runs of one recipe, seen as one by their mean.

Logits, contributions and attributions are linear in what is averaged, so the mean of exact splits
is the exact split of the mean logits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution import Attribution
from analysis.checkpoints.folder import Checkpoint
from analysis.common.records import freeze, require_shape
from analysis.reading.decomposition import Decomposition
from analysis.reading.winners import Winners

if TYPE_CHECKING:
    from analysis.reading.trace import Trace


@dataclass(frozen=True)
class GroupWinners:
    """Shares of wins of a group's members; `share_by_layer` is their mean."""

    layers: tuple[int, ...]  # (K,)
    shares: np.ndarray  # (M, K) a row a member
    token: None = None  # the members' maximum runs over layers

    def __post_init__(self) -> None:
        require_shape("shares", self.shares, None, len(self.layers))
        freeze(self)

    def share_by_layer(self) -> np.ndarray:
        """(K,) mean share of wins; sums to 1."""
        return np.asarray(self.shares.mean(axis=0))


def mean_checkpoint(members: Sequence[Checkpoint], name: str) -> Checkpoint:
    """A description of the whole group, for the provenance of its pictures."""
    if len(members) == 1:
        return members[0]
    digest = hashlib.sha256("".join(member.sha256 for member in members).encode()).hexdigest()
    shown = f"{name} (mean of {len(members)} seeds)"
    # by whom the mean can be made again
    facts = {"members": [(member.id, member.sha256) for member in members]}
    return replace(members[0], id=shown, sha256=digest, seed=None, facts=facts)


def mean_decomposition(splits: Sequence[Decomposition]) -> Decomposition:
    """Mean over the members: it splits the mean logits.

    Raises ``ValueError`` where layers, parts or references differ.
    """
    first = splits[0]
    if any(
        (s.layers, s.parts, s.reference) != (first.layers, first.parts, first.reference)
        for s in splits
    ):
        raise ValueError("the members split over different layers, parts or references")
    return replace(
        first,
        contributions=np.mean([split.contributions for split in splits], axis=0),
        constant=np.mean([split.constant for split in splits], axis=0),
        logits=np.mean([split.logits for split in splits], axis=0),
    )


def mean_winners(winners: Sequence[Winners]) -> GroupWinners:
    """Mean shares of wins; raises ``ValueError`` where other layers competed."""
    first = winners[0]
    if any(w.layers != first.layers or w.token is not None for w in winners):
        raise ValueError("the members' maxima do not run over the same layers")
    return GroupWinners(first.layers, np.stack([w.share_by_layer() for w in winners]))


def mean_pooling_attention(traces: Sequence[Trace]) -> np.ndarray | None:
    """(T,) attention of the pooling head, mean over its attention heads and the members.

    None where one of them has no attention of its own.
    """
    rows = [trace.head.attention for trace in traces]
    if any(row is None for row in rows):
        return None
    return np.asarray(np.mean([np.asarray(row).mean(axis=0) for row in rows], axis=0))


def mean_attribution(results: Sequence[Attribution]) -> Attribution:
    """Mean scores over the members, with the largest completeness gap among them.

    Raises
    ------
    ValueError
        The members explain different classes, or other units.
    """
    first = results[0]
    if len(results) == 1:
        return first
    if any(
        (r.unit_tokens, r.target, r.output) != (first.unit_tokens, first.target, first.output)
        for r in results
    ):
        raise ValueError("the members' attributions are of different units or classes")
    gaps = [r.completeness_gap for r in results if r.completeness_gap is not None]
    deltas = [r.delta for r in results if r.delta is not None]
    return replace(
        first,
        scores=np.mean([r.scores for r in results], axis=0),
        delta=float(np.mean(deltas)) if deltas else None,
        completeness_gap=max(gaps) if gaps else None,
        interval=None,  # each member's is the error of its samples, not the spread of the seeds
        layer_scores=_mean_layers(results),
        converged=None if first.converged is None else all(r.converged for r in results),
        seconds=sum(r.seconds for r in results),
    )


def _mean_layers(results: Sequence[Attribution]) -> np.ndarray | None:
    found = [r.layer_scores for r in results if r.layer_scores is not None]
    same = len(found) == len(results) and all(r.layers == results[0].layers for r in results)
    return np.asarray(np.mean(found, axis=0)) if same else None
