"""A set of sentences to look at: those of the data set that is chosen on every page alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from analysis.datasets.sentences import Rows, SentenceSet, spread
from analysis.figures.recipes.request import Data
from pages.ui.data import choose as dataset
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry

COUNTS = (64, 128, 256, 512, 1000, 2000)


@dataclass(frozen=True)
class ChosenSentences:
    """Sentences, and the data set and number by which a recipe takes the same ones again."""

    sentences: SentenceSet = field(default_factory=SentenceSet)
    data: Data | None = None
    most: int = 0

    @property
    def rows(self) -> Rows:
        """The texts with their second texts."""
        return self.sentences.rows

    @property
    def name(self) -> str:
        """Name in words; "" where no sentences are chosen yet."""
        return self.sentences.name


def choose(entries: Sequence[Entry]) -> ChosenSentences:
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
        return ChosenSentences()
    most = int(count or COUNTS[1])
    data = Data(chosen.table, chosen.name)
    return ChosenSentences(spread(chosen.table, chosen.name, most), data, most)
