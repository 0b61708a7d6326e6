"""Smallest flipping edits over a data set: a job, then how often each pooling head flips."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from analysis.common.csv_text import as_csv
from analysis.common.faults import reason
from analysis.common.jobs import Desk
from analysis.datasets.sentences import random_rows
from analysis.figures.plot import Plot
from analysis.figures.recipes.flips import text_flips, words_of
from analysis.figures.recipes.request import Data, Subject
from analysis.figures.recipes.results import Member
from analysis.interventions.flips_over_texts import (
    READS,
    FlipStore,
    TextFlip,
    flip_frame,
    flips_over,
    rates_in_words,
)
from pages.ui.data import choose
from pages.ui.engine import jobs, models
from pages.ui.engine.results import RecordedStore, subject_of
from pages.ui.engine.results_folder import folder
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame.catalogue import Entry
from pages.ui.kit import cards
from pages.ui.kit.show import panel

ABOUT = (
    "The same search on random rows of a data set: the share of rows whose prediction flips with "
    "at most one, two or three words edited, and the mean number of edits of those that flip. "
    "Fewer flips do not make a head better: it may be confidently wrong. Labels are not used."
)


def draw(entries: Sequence[Entry], data: Data, kind: str, words_from: str) -> None:
    """Number of rows, the job, and the results of the rows that are done."""
    count = choose.how_many("flips_texts", len(data.table), fewest=1)
    work = FlipPass(entries, data, count, kind, words_from)
    try:
        records = work.done()
    except (ValueError, OSError) as error:
        st.error(cards.plain(f"What was searched before cannot be read: {reason(error)}"))
        return
    jobs.draw_pass(
        work.key,
        work.job(),
        records,
        work.total,
        label=f"Search {count:,} texts",
        lane="evidence",
        place="flips-job",
        about=f"Up to {READS:,} short reads a text and checkpoint; it can be stopped, and keeps "
        "what is done.",
    )
    whole = work.whole(records)
    if whole:
        _results(work, [record for record in records if record.row < whole], whole)


def _results(work: FlipPass, records: Sequence[TextFlip], whole: int) -> None:
    if whole < work.count:
        st.caption(f"The results below are of the first {whole:,} of {work.count:,} texts.")
    problems = list(dict.fromkeys(record.problem for record in records if record.problem))
    if problems:
        failed = sum(bool(record.problem) for record in records)
        st.caption(cards.plain(f"{failed} could not be searched, such as: {problems[0]}"))
    words = rates_in_words(records)
    if not words:
        return
    st.text(words)
    panel(work.picture(records, whole), "flip-rates", ABOUT)
    st.download_button(
        "CSV per text",
        data=lambda: as_csv(flip_frame(records)).encode(),
        file_name="flips.csv",
        on_click="ignore",
        key="flips-csv",
        type="tertiary",
        icon=":material/download:",
    )


class FlipPass:
    """These texts through these checkpoints; the records are kept as they come."""

    def __init__(
        self, entries: Sequence[Entry], data: Data, count: int, kind: str, words_from: str
    ) -> None:
        self.entries, self.data, self.count = entries, data, count
        self.kind, self.words_from = kind, words_from
        self.rows = random_rows(data.table, count)
        members = [[m.id, m.sha256] for entry in entries for m in entry.members]
        rows = hashlib.sha256(repr(self.rows).encode("utf-8", "surrogatepass")).hexdigest()
        self._question = {
            "checkpoints": members,
            "names": [entry.id for entry in entries],
            "precision": models.precision(),
            "rows": rows,
            "kind": kind,
            "words_from": words_from,
            "words": data.table.digest if words_from == "data" else "",
            "reads": READS,
        }
        self._settings = hashlib.sha256(repr(self._question).encode()).hexdigest()
        self.key = f"flips-over-{self._settings}"

    @property
    def total(self) -> int:
        """Records that there will be."""
        return len(self.rows) * len(self.entries)

    def done(self) -> list[TextFlip]:
        """Records so far, by row."""
        return sorted(_store(self._settings, self._question).items, key=lambda record: record.row)

    def whole(self, records: Sequence[TextFlip]) -> int:
        """Number of texts, from the first on, that all checkpoints have read."""
        keys = {record.key for record in records}
        count = 0
        while count < len(self.rows) and all((count, entry.id) in keys for entry in self.entries):
            count += 1
        return count

    def picture(self, records: Sequence[TextFlip], first: int) -> Plot:
        """The shares of texts that flip, by the recipe. Raises ``ValueError`` where none does."""
        from analysis.figures.recipes.registry import make

        store = RecordedStore(
            text_flips,
            lambda _, arguments: tuple(r for r in records if r.name == arguments[1]),
        )
        subjects = [
            Subject(entry.id, tuple(Member(m, "", None, store) for m in entry.members))
            for entry in self.entries
        ]
        params = {
            "kind": self.kind,
            "words_from": self.words_from,
            "texts": self.count,
            "first": first if first < self.count else None,
        }
        return make("flip_rates", subjects, "", None, None, params, self.data)

    def job(self) -> Callable[[Desk], None]:
        """The work: goes on after the records that are known when it begins."""
        store, rows, total = _store(self._settings, self._question), self.rows, self.total
        kind, subjects = self.kind, [subject_of(entry, "", None) for entry in self.entries]
        data, words_from = self.data, self.words_from

        def go(desk: Desk) -> None:
            done = list(store.items)
            count = sum(not record.unforeseen for record in done)

            def report(share: float) -> None:
                desk.report(count, total, share=share)
                desk.check()

            loaded = {
                subject.name: [member.classifier for member in subject.members]
                for subject in subjects
            }
            # Every checkpoint by the words of its own task.
            tried = {s.name: words_of(s, kind, words_from, data) for s in subjects}
            for record in flips_over(loaded, rows, kind, tried, done=done, progress=report):
                store.append(record)
                count += 1

        return go


@kept_up_to(64, most=8, growing=True)
def _store(settings: str, _question: Mapping[str, object]) -> FlipStore:
    """On disk, so that a search goes on after the app was closed."""
    return FlipStore.opened(folder() / "evidence" / f"flips-{settings}.jsonl", _question)
