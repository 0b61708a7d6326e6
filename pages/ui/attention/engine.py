"""Forwards with attentions and what follows from them, kept up to a number of bytes.

Attentions are recorded here and nowhere else in the app: 512 tokens of a 12-layer, 12-head
encoder are 151 MB of them, so whole ones are kept only while there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from analysis.checkpoints.folder import Checkpoint
from analysis.common.cache import Cache
from analysis.common.faults import reason
from analysis.interventions.effects import LeaveOneOut
from analysis.reading import attention, groups
from analysis.statistics.basics import Agreement
from pages.ui.engine import models
from pages.ui.frame.catalogue import Entry

if TYPE_CHECKING:
    from analysis.reading.trace import Trace

# Apart, so that attentions of a long text never drive out what the page has already drawn.
_BYTES = {"whole": 400_000_000, "small": 200_000_000}


@st.cache_resource(show_spinner=False, max_entries=2)
def _kept(kind: str) -> Cache[Any]:
    return Cache[Any](_BYTES[kind])


def once(
    key: Hashable, make: Callable[[], Any], size: Callable[[Any], int], kind: str = "small"
) -> Any:
    """The kept result under this key, made where there is none."""
    return _kept(kind).get_or_make(key, make, size)


def key_of(member: Checkpoint, text: str, pair: str | None, *more: Hashable) -> Hashable:
    """What a result hangs on: the files as they are now, the precision, the text."""
    return (member.id, member.sha256, models.precision(), text, pair, *more)


def heard(member: Checkpoint, text: str, pair: str | None) -> Trace:
    """The trace of one text with the [CLS] rows of the encoder's attentions: (L, H, 1, T).

    Raises ``ValueError`` with the reason where there is none.
    """

    def make() -> Trace:
        trace = whole(member, text, pair)
        assert trace.attentions is not None
        # Nothing on the cards reads the hidden states themselves: 20 MB at 512 tokens.
        return replace(
            trace,
            attentions=trace.attentions[:, :, :1],
            hidden=trace.hidden[:, :, :1],
            between=None,
        )

    return once(key_of(member, text, pair, "heard"), make, _size)  # type: ignore[no-any-return]


def whole(member: Checkpoint, text: str, pair: str | None) -> Trace:
    """The trace with all attentions (L, H, T, T); recorded anew where they had to make room."""

    def make() -> Trace:
        from analysis.reading.trace import record

        seen = record(models.classifier(member), text, pair, attentions=True)
        # A Hub checkpoint is loaded from its folder in the cache: the id is the one asked for.
        return replace(seen, checkpoint=member)

    return once(key_of(member, text, pair), make, _size, "whole")  # type: ignore[no-any-return]


def whole_of(entry: Entry, text: str, pair: str | None) -> Trace:
    """The trace of an entry with all attentions: of a seed group, their mean over the seeds.

    Attention heads of the encoder correspond across seeds, for all began as the same encoder.
    """
    if not entry.is_group:
        return whole(entry.first, text, pair)

    def make() -> Trace:
        total: Any = 0.0
        for member in entry.members:
            seen = whole(member, text, pair)
            total = total + seen.attentions
        return replace(
            seen,
            attentions=total / len(entry.members),
            checkpoint=groups.mean_checkpoint(entry.members, entry.id),
        )

    key = tuple(key_of(member, text, pair) for member in entry.members)
    return once(key, make, _size, "whole")  # type: ignore[no-any-return]


def _size(trace: Trace) -> int:
    arrays = [*vars(trace).values(), *vars(trace.head).values()]
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


@dataclass(frozen=True)
class Summary:
    """What all attentions of one checkpoint come down to."""

    rollout: np.ndarray  # (L, T) of [CLS]: the rows of other queries are 12 MB nobody looks at
    entropy: attention.HeadEntropy
    distance: attention.HeadDistance
    blocks: attention.BlockMasses  # (L, H, B, B)


def summary(member: Checkpoint, text: str, pair: str | None) -> Summary:
    """Rollout ([CLS] only), entropy, distance and masses between parts of the input."""

    def make() -> Summary:
        trace = whole(member, text, pair)
        return Summary(
            attention.rollout(trace).values[:, 0].copy(),
            attention.head_entropy(trace),
            attention.head_distance(trace),
            attention.block_masses(attention.encoder_attention(trace), trace.tokens),
        )

    return once(  # type: ignore[no-any-return]
        key_of(member, text, pair, "summary"), make, lambda one: 2 * int(one.rollout.nbytes)
    )


def norms(member: Checkpoint, trace: Trace) -> attention.ValueNorms:
    """The pooling head's attention weighted by what it moves."""
    tokens = trace.tokens
    return once(  # type: ignore[no-any-return]
        key_of(member, tokens.text, tokens.pair, "norms"),
        lambda: attention.value_norms(models.classifier(member), trace),
        lambda one: int(one.norms.nbytes),
    )


def known_effects(
    member: Checkpoint, text: str, pair: str | None, where: str, words: bool
) -> LeaveOneOut | str | None:
    """Leave-one-out effects, or in one sentence why there are none; None: not computed yet."""
    return _kept("small").get(key_of(member, text, pair, "left out", where, words))


def find_effects(
    member: Checkpoint,
    text: str,
    pair: str | None,
    where: str,
    words: bool,
    progress: Callable[[float], None],
) -> None:
    """Compute what `known_effects` then knows; `progress` may end it."""
    from analysis.interventions import leave_one_out

    key = key_of(member, text, pair, "left out", where, words)
    try:
        result: LeaveOneOut | str = leave_one_out(
            models.classifier(member), text, pair, where, words, progress
        )
    except Exception as error:
        result = reason(error)
    numbers = 0 if isinstance(result, str) else int(result.effects.nbytes)
    _kept("small").put(key, result, 2000 + numbers)


def mean_effects(results: Sequence[LeaveOneOut], checkpoint: Checkpoint) -> LeaveOneOut:
    """Mean over the seeds of a group."""
    return replace(
        results[0],
        checkpoint=checkpoint,
        logits=np.mean([one.logits for one in results], axis=0),
        effects=np.mean([one.effects for one in results], axis=0),
    )


def agreement(
    member: Checkpoint, rows: np.ndarray, left_out: LeaveOneOut, target: int, *name: Hashable
) -> Agreement:
    """Kendall's tau between attention and the size of leave-one-out effects; `name` of the rows."""
    tokens = left_out.tokens
    words = len(left_out.units) < len(tokens)
    return once(  # type: ignore[no-any-return]
        key_of(member, tokens.text, tokens.pair, "tau", left_out.where, words, target, *name),
        lambda: attention.agreement(rows, left_out, target),
        lambda one: 200,
    )
