"""Seed groups: several runs of one recipe, seen as one by their mean.

Logits, contributions and attributions are linear in what is averaged, so the mean of exact splits
is the exact split of the mean logits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from analysis.attribution import Attribution
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.profiles import MOMENTS
from analysis.common.records import freeze, require_shape
from analysis.reading.decomposition import Decomposition
from analysis.reading.trace import HeadTrace
from analysis.reading.winners import Winners

if TYPE_CHECKING:
    from analysis.checkpoints.profiles import Profile
    from analysis.interventions.effects import LeaveOneOut, Sweep
    from analysis.reading.attention import BlockMasses, HeadDistance, HeadEntropy
    from analysis.reading.trace import Trace

T = TypeVar("T")


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


def mean(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of arrays (...,) of one shape, summed one by one: a stack would hold them all.

    Returns (...), the shape of each.
    """
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return np.asarray(total / len(arrays))


def couples(first: Sequence[T], second: Sequence[T]) -> list[tuple[T, T]]:
    """Members to compare: seed by seed; of a group with itself, every two different seeds."""
    if tuple(first) == tuple(second):
        return list(combinations(first, 2)) or [(first[0], first[0])]
    if len(first) == len(second):
        return list(zip(first, second, strict=True))
    return [(left, right) for left in first for right in second]


def mean_trace(traces: Sequence[Trace], name: str) -> Trace:
    """The first member's trace with the members' mean hidden states and attentions.

    Attention heads of the encoder correspond across seeds, for all began as the same encoder;
    those of a pooling head do not, and stay the first member's.
    """
    if len(traces) == 1:
        return traces[0]
    rows = [trace.attentions for trace in traces if trace.attentions is not None]
    return replace(
        traces[0],
        checkpoint=mean_checkpoint([trace.checkpoint for trace in traces], name),
        hidden=mean([trace.hidden for trace in traces]),
        attentions=mean(rows) if len(rows) == len(traces) else None,
        between=None,
    )


def attention_by_seed(traces: Sequence[Trace], rows: Sequence[np.ndarray], name: str) -> Trace:
    """A trace whose pooling head has a row of attention a seed.

    Attention heads of different seeds do not correspond: each seed is seen by their mean.

    Parameters
    ----------
    traces
        One a seed.
    rows
        (P, T) of each seed: attention weights, or shares of the value norms.
    name
        What the group is called; seeds are called by what their ids add to it.
    """
    members = [trace.checkpoint for trace in traces]
    return replace(
        traces[0],
        checkpoint=mean_checkpoint(members, name),
        head=HeadTrace(
            attention=np.stack([each.mean(axis=0) for each in rows]),
            parts=seed_names([member.id for member in members], name),
        ),
    )


def seed_names(ids: Sequence[str], name: str) -> tuple[str, ...]:
    """Name of each member within the group `name`: "s0" of "trec-cls-s0"."""
    return tuple(member.removeprefix(name).lstrip("-") or member for member in ids)


def mean_moments(corpora: Sequence[Profile | None]) -> Profile | None:
    """The first member's profile with the members' mean moments (`profiles.MOMENTS`).

    None where a member has no profile; without moments where a member's holds none.
    """
    known = [corpus for corpus in corpora if corpus is not None]
    if not known or len(known) < len(corpora):
        return None
    moments: dict[str, Any] = {}
    for moment in MOMENTS:
        values = [getattr(corpus, moment) for corpus in known]
        held = [value for value in values if value is not None]
        moments[moment] = mean(held) if len(held) == len(values) else None
    return replace(known[0], **moments)


def mean_leave_one_out(results: Sequence[LeaveOneOut], checkpoint: Checkpoint) -> LeaveOneOut:
    """Mean effects of leaving tokens out, over the members."""
    if len(results) == 1:
        return results[0]
    return replace(
        results[0],
        checkpoint=checkpoint,
        logits=np.mean([result.logits for result in results], axis=0),
        effects=np.mean([result.effects for result in results], axis=0),
    )


def mean_sweep_shares(sweeps: Sequence[Sweep], checkpoint: Checkpoint) -> tuple[Sweep, float]:
    """(the first member's sweep with the members' mean shares of wins, their largest spread).

    The spread is a standard deviation of shares in a cell; NaN for a single member.
    """
    if len(sweeps) == 1:
        return sweeps[0], float("nan")
    shares = np.stack([sweep.shares for sweep in sweeps])
    spread = float(np.nanmax(shares.std(axis=0, ddof=1)))
    return replace(sweeps[0], shares=shares.mean(axis=0), checkpoint=checkpoint), spread


def mean_entropy(results: Sequence[HeadEntropy]) -> HeadEntropy:
    """Mean entropy of every attention head of the encoder, over the members."""
    return replace(results[0], normalised=mean([result.normalised for result in results]))


def mean_distance(results: Sequence[HeadDistance]) -> HeadDistance:
    """Mean distance of every attention head of the encoder, over the members."""
    return replace(results[0], tokens=mean([result.tokens for result in results]))


def mean_blocks(results: Sequence[BlockMasses]) -> BlockMasses:
    """Mean attention between the parts of the input, over the members."""
    return replace(results[0], values=mean([result.values for result in results]))


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


def largest_contributions(
    splits: Sequence[Decomposition], target: int, units: Sequence[Sequence[int]]
) -> tuple[float, float, float]:
    """The largest absolute contribution to the contrast of a unit, of a layer, and of all.

    Of the mean over the members; in logits. The last is the sum over units and layers.
    """
    split = mean_decomposition(splits)
    tokens = split.by_token(target)
    largest = max(abs(float(tokens[list(unit)].sum())) for unit in units)
    cells = split.contrast(target).sum(axis=0)  # (T, K)
    every = sum(float(np.abs(cells[list(unit)].sum(axis=0)).sum()) for unit in units)
    return largest, float(np.abs(split.by_layer(target)).max()), every


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
    layer_scores = [r.layer_scores for r in results if r.layer_scores is not None]
    same = len(layer_scores) == len(results) and all(r.layers == results[0].layers for r in results)
    return np.asarray(np.mean(layer_scores, axis=0)) if same else None
