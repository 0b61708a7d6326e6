"""One pass over many sentences, sentence by sentence, so that stopping it keeps what is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from analysis.common.faults import reason
from pages.ui.data.sentence_sets import Rows, digest
from pages.ui.engine import models
from pages.ui.frame.catalogue import Entry

if TYPE_CHECKING:
    from analysis.reading.winner_statistics import SeedDisagreement, WinnerSample


@dataclass
class _Store:
    """What is known of an entry, by the place of the sentence; filled by one run after another."""

    samples: dict[int, tuple[WinnerSample, ...]] = field(default_factory=dict)
    seeds: dict[int, SeedDisagreement] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Many:
    """An entry over the sentences that are done: a sample for each member."""

    entry: Entry
    samples: tuple[WinnerSample, ...]
    seeds: SeedDisagreement | None  # of a seed group
    problem: str = ""  # why there are no samples

    @property
    def sentences(self) -> int:
        """How many sentences are in it."""
        return len(self.samples[0].predicted) if self.samples else 0

    @property
    def over_tokens(self) -> bool:
        """Whether tokens compete, not layers."""
        return bool(self.samples) and len(self.samples[0].layers) == 1

    @property
    def only_cls(self) -> bool:
        """Whether all wins are at [CLS], because nothing else is pooled."""
        return not self.over_tokens and all(s.wins[:, 1:].sum() == 0 for s in self.samples)


def run(
    entries: Sequence[Entry], rows: Rows, reference: str | None, progress: Callable[[int], None]
) -> None:
    """All entries sentence by sentence; `progress` is told how many are done, and may leave."""
    for index, (text, pair) in enumerate(rows):
        for entry in entries:
            store = _of(entry, rows, reference)
            if index in store.samples or store.problem:
                continue
            try:
                _one(entry, store, index, text, pair, reference)
            except Exception as error:
                store.problem = f"{entry.id}, sentence {index + 1}: {reason(error)}"
        progress(index + 1)


def done(entries: Sequence[Entry], rows: Rows, reference: str | None) -> int:
    """How many sentences all entries have behind them."""
    stores = [_of(entry, rows, reference) for entry in entries]
    return min((_prefix(store) for store in stores if not store.problem), default=0)


def result(entry: Entry, rows: Rows, reference: str | None, count: int) -> Many:
    """The first `count` sentences of an entry."""
    store = _of(entry, rows, reference)
    if store.problem or not count:
        return Many(entry, (), None, store.problem)
    samples = tuple(
        _joined([store.samples[i][member] for i in range(count)])
        for member in range(len(entry.members))
    )
    seeds = None
    if entry.is_group:
        seeds = _seeds([store.seeds[i] for i in range(count)], samples[0])
    return Many(entry, samples, seeds)


def _of(entry: Entry, rows: Rows, reference: str | None) -> _Store:
    members = tuple((member.id, member.sha256) for member in entry.members)
    return _store(members, models.precision(), digest(rows), reference)


@st.cache_resource(max_entries=32, show_spinner=False)
def _store(
    members: tuple[tuple[str, str], ...], dtype: str, rows: str, reference: str | None
) -> _Store:
    return _Store()


def _prefix(store: _Store) -> int:
    count = 0
    while count in store.samples:
        count += 1
    return count


def _one(
    entry: Entry, store: _Store, index: int, text: str, pair: str | None, reference: str | None
) -> None:
    from analysis.reading.winner_statistics import collect, seed_disagreement

    members = [models.classifier(member) for member in entry.members]
    samples = tuple(collect(member, [text], [pair], reference) for member in members)
    if entry.is_group:
        store.seeds[index] = seed_disagreement(members, [text], [pair])
    store.samples[index] = samples  # last, because its being there says that all is


def _joined(parts: Sequence[WinnerSample]) -> WinnerSample:
    names = ("wins", "contributions", "tokens", "predicted")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    return replace(parts[0], **joined)


def _seeds(parts: Sequence[SeedDisagreement], sample: WinnerSample) -> SeedDisagreement:
    """Mean over places: a sentence counts with its tokens where every token is pooled."""
    only_cls = sample.wins[:, 1:].sum() == 0 or len(sample.layers) == 1
    weights = np.ones(len(parts)) if only_cls else sample.tokens.sum(axis=1).astype(float)
    weights = weights / weights.sum()
    return replace(
        parts[0],
        share=np.tensordot(weights, np.stack([one.share for one in parts]), 1),
        chance=np.tensordot(weights, np.stack([one.chance for one in parts]), 1),
        sentences=len(parts),
    )
