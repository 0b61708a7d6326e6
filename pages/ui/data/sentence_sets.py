"""A set of sentences to look at: those of the data set that is chosen on every page alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.datasets.table import Table
from pages.ui.data import choose as dataset
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry

COUNTS = (64, 128, 256, 512, 1000, 2000)
Rows = tuple[tuple[str, str | None], ...]  # texts with their second texts


@dataclass(frozen=True)
class SentenceSet:
    """Texts, each once, and what they are in words."""

    rows: Rows = ()
    name: str = ""
    given: tuple[str, ...] | None = None  # each one's class, where the data set gives classes

    def __len__(self) -> int:
        return len(self.rows)


def choose(entries: Sequence[Entry]) -> SentenceSet:
    """Draw the choice of a data set and of how many of its sentences; empty: none is chosen yet."""
    with st.container(key="many-choice"):
        chosen = dataset.choose(entries, any_labels=True)
        count = st.selectbox(
            "At most",
            COUNTS,
            index=1,
            **address.kept("many_count"),
            width=110,
            help="Different sentences, spread evenly over the data set.",
        )
    if chosen.table is None:
        return SentenceSet()
    return spread(chosen.table, chosen.name, int(count or COUNTS[1]))


def spread(table: Table, name: str, count: int) -> SentenceSet:
    """`count` different rows of a data set, or all, spread evenly over it."""
    first: dict[tuple[str, str | None], int] = {}
    for index in range(len(table)):
        pair = None if table.pair is None else table.pair[index] or None
        first.setdefault((table.text[index], pair), index)
    places = np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int)
    every = list(first.items())
    kept = [every[place] for place in dict.fromkeys(places.tolist())] if every else []
    given = None
    if table.label is not None and table.labels:
        given = tuple(table.labels[int(table.label[index])] for _, index in kept)
    of = f"all {len(kept):,}" if len(kept) == len(first) else f"{len(kept):,} of {len(first):,}"
    return SentenceSet(tuple(row for row, _ in kept), f"{name}: {of} different sentences", given)


def digest(rows: Rows) -> str:
    """What identifies a set of sentences."""
    return hashlib.sha256(repr(rows).encode("utf-8", "replace")).hexdigest()
