"""One pass over many sentences, sentence by sentence, so that stopping it keeps what is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.common.arrays import bytes_of
from analysis.common.faults import reason
from analysis.datasets.sentences import Rows, digest
from analysis.figures.recipes import results
from analysis.seed_groups.winners_over import Many, joined, joined_seeds
from pages.ui.engine import models
from pages.ui.engine.results import subject_of
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame.catalogue import Entry

if TYPE_CHECKING:
    from analysis.reading.winner_statistics import SeedDisagreement, WinnerSample


@dataclass
class _Store:
    """Samples of an entry by the place of the sentence; filled by one run after another."""

    samples: dict[int, tuple[WinnerSample, ...]] = field(default_factory=dict)
    seeds: dict[int, SeedDisagreement] = field(default_factory=dict)
    problem: str = ""

    @property
    def nbytes(self) -> int:
        """About what it takes in memory: as many as one sentence, times the sentences."""
        first = next(iter(self.samples.items()), ())
        return len(self.samples) * bytes_of((*first, *self.seeds.values())[:3])


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
                _read_row(entry, store, index, text, pair, reference)
            except Exception as error:
                store.problem = f"{entry.name}, sentence {index + 1}: {reason(error)}"
        progress(index + 1)


def done(entries: Sequence[Entry], rows: Rows, reference: str | None) -> int:
    """Number of sentences that all entries have read."""
    stores = [_of(entry, rows, reference) for entry in entries]
    return min((_prefix(store) for store in stores if not store.problem), default=0)


def result(entry: Entry, rows: Rows, reference: str | None, count: int) -> Many:
    """The first `count` sentences of an entry. Raises ``ValueError`` with the reason."""
    store = _of(entry, rows, reference)
    if store.problem:
        raise ValueError(store.problem)
    if not count:
        return Many(entry.name, entry.members, ())
    samples = tuple(
        joined([store.samples[i][member] for i in range(count)])
        for member in range(len(entry.members))
    )
    seeds = None
    if entry.is_group:
        seeds = joined_seeds([store.seeds[i] for i in range(count)], samples[0])
    return Many(entry.name, entry.members, samples, seeds)


def problem(entry: Entry, rows: Rows, reference: str | None) -> str:
    """Why an entry has no winners over these sentences; "" where none is known."""
    return _of(entry, rows, reference).problem


def _of(entry: Entry, rows: Rows, reference: str | None) -> _Store:
    members = tuple((member.id, member.sha256) for member in entry.members)
    return _store(members, models.precision(), digest(rows), reference)


@kept_up_to(256, most=32, growing=True)
def _store(
    members: tuple[tuple[str, str], ...], dtype: str, rows: str, reference: str | None
) -> _Store:
    return _Store()


def _prefix(store: _Store) -> int:
    count = 0
    while count in store.samples:
        count += 1
    return count


def _read_row(
    entry: Entry, store: _Store, index: int, text: str, pair: str | None, reference: str | None
) -> None:
    subject = subject_of(entry, text, pair)
    samples = subject.each(results.winner_sample, reference)
    if entry.is_group:
        members = subject.members
        store.seeds[index] = members[0].result(results.disagreement_of_seeds, members)
    store.samples[index] = samples  # written last: its presence means that everything is complete
