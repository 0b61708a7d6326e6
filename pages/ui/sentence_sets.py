"""A set of sentences to look at: spread over the behaviour suite, or typed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.tokens import clean
from pages.ui.catalogue import Entry
from pages.ui.inputs import KEPT

SUITE, OWN = "behaviour suite", "own"
COUNTS = (64, 128, 256, 512)
Rows = tuple[tuple[str, str | None], ...]  # texts with their second texts


@dataclass(frozen=True)
class SentenceSet:
    """Texts, each once, and what they are in words."""

    rows: Rows
    name: str

    def __len__(self) -> int:
        return len(self.rows)


def ask() -> str:
    """Draw the choice of a source; the same on every page, and kept."""
    return str(st.segmented_control(
        "Sentences", (SUITE, OWN), default=SUITE, required=True, key="many_source", **KEPT,
        help="The behaviour suite is made from templates, and its numbers are those of its "
        "templates as much as of the checkpoint; sentences of your own say more.",
    ))  # fmt: skip


def ask_count() -> int:
    """How many sentences of the suite."""
    return int(st.selectbox("How many", COUNTS, index=1, key="many_count", **KEPT, width=90) or 128)


def given(entries: Sequence[Entry], source: str, count: int, fewest: int) -> SentenceSet:
    """The sentences; draws the field for one's own where they are asked for."""
    if source != OWN:
        return suite(entries, count)
    typed = st.text_area(
        "Your sentences, one a line", key="many_own", height=140, persist_state="session",
        placeholder=f"A tab separates the two texts of a pair. At least {fewest} different ones.",
    )  # fmt: skip
    rows = read(typed or "")
    return SentenceSet(rows, f"{len(rows)} sentences of your own")


def suite(entries: Sequence[Entry], count: int) -> SentenceSet:
    """As many cases of the checkpoints' task, spread evenly over what the suite tests.

    A task that the suite does not know gets its statements, or, if it takes pairs, its pairs.
    """
    from analysis.suite import TASKS, sentences

    own = next((entry.task for entry in entries if entry.task in TASKS), None)
    pairs = all(entry.first.pairs for entry in entries)
    task = own or ("mrpc" if pairs else "sst2")
    cases = sentences(task)
    chosen = np.linspace(0, len(cases) - 1, min(count, len(cases))).round().astype(int)
    rows: Rows = tuple(dict.fromkeys((cases[i].text, cases[i].pair) for i in chosen.tolist()))
    return SentenceSet(rows, f"{len(rows)} of the {len(cases):,} sentences of the behaviour suite "
                       f"({task}), spread evenly")  # fmt: skip


def read(typed: str) -> Rows:
    """Sentences from lines, each once; a tab separates the two texts of a pair."""
    rows: dict[tuple[str, str | None], None] = {}
    for line in clean(typed)[0].splitlines():
        text, _, pair = (part.strip() for part in line.partition("\t"))
        if text:
            rows[text, pair or None] = None
    return tuple(rows)
