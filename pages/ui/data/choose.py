"""Choose a data set: the behaviour suite, a file, a GLUE folder, the Hub, or sentences typed in.

What was chosen is in the address where it fits there; a file that was uploaded is kept for the
session, so that leaving the page and coming back does not lose it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.datasets.table import HUB, TASKS, Table, read
from analysis.figures.recipes.request import ABOUT_THE_SUITE, Data, of_suite
from analysis.text.tokens import clean
from pages.ui.data import file
from pages.ui.data import hub as dataset_hub
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame import address, settings
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.examples import words_for
from pages.ui.frame.folder_field import folder_field
from pages.ui.kit import cards

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.datasets.upload import Reading
    from analysis.suite import Case

SUITE, FILE, FOLDER, ONLINE, OWN = "suite", "file", "GLUE folder", "Hub", "own sentences"
NAMES = {
    SUITE: "Behaviour suite",
    FILE: "File",
    FOLDER: "GLUE folder",
    ONLINE: "Hub",
    OWN: "Own sentences",
}
MOST_DRAWN, USUALLY_DRAWN = 2_000, 50  # rows of a data set
KNOWN, ANY = "a known task", "any data set"


@dataclass(frozen=True)
class DataChoice:
    """A data set, or (``table`` None) none yet: the page has then said why."""

    table: Table | None = None
    name: str = ""  # in words, for titles and files
    cases: tuple[Case, ...] = ()  # of the behaviour suite, row by row
    lines: NDArray[np.int64] | None = None  # of a file: the row number of each row kept
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)  # its further columns

    def row_name(self, row: int) -> int:
        """The number by which people find a row: that in their file, else counted from 1."""
        return row + 1 if self.lines is None else int(self.lines[row])


def data_of(chosen: DataChoice) -> Data:
    """The data set as recipes take it."""
    assert chosen.table is not None
    if chosen.cases:
        return replace(of_suite(chosen.table.task), name=chosen.name)
    return Data(chosen.table, chosen.name, chosen.more)


def choose(entries: Sequence[Entry], any_labels: bool = False) -> DataChoice:
    """Draw the choice and read what was chosen; problems are said where they belong.

    With ``any_labels`` a file may have classes that the checkpoints do not know.
    """
    with st.container(key="dataset"):
        with st.container(key="dataset-source"):
            names = offered()
            if st.session_state.get("source") not in (None, *names):
                del st.session_state["source"]
            source = st.segmented_control(
                "Data set",
                names,
                default=SUITE,
                required=True,
                **address.kept("source"),
                format_func=NAMES.__getitem__,
            )
        with st.container(key="dataset-details"):
            try:
                if source in (FILE, ONLINE):
                    read_it = _file if source == FILE else _online
                    return read_it(entries, any_labels)
                return _READERS[source](entries)
            except ValueError as error:
                st.error(cards.plain(str(error)))
                return DataChoice()


def how_many(name: str, rows: int, fewest: int) -> int:
    """Ask how many rows of a data set are drawn at random; the choice stands in the address."""
    most = min(rows, MOST_DRAWN)
    fewest = min(fewest, most)
    chosen = st.session_state.get(name)
    if chosen is not None and not fewest <= chosen <= most:  # another data set has other bounds
        st.session_state[name] = min(most, USUALLY_DRAWN)
    return int(
        st.number_input(
            "Texts",
            fewest,
            most,
            min(most, USUALLY_DRAWN),
            width=130,
            **address.kept(name),
            help="Drawn at random, the same ones each time.",
        )
    )


def offered() -> list[str]:
    """The kinds of data sets: a shared server reads no paths, and asks the Hub for nobody."""
    app = settings.read()
    if not app.shared:
        return list(NAMES)
    return [name for name in NAMES if name != ONLINE and (name != FOLDER or app.data is not None)]


def labels_of(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The classes of the checkpoints, of the first that has any; none for a regression."""
    named = (e.first.labels for e in entries if e.first.labels and e.first.output != "value")
    return next(named, ())


def _suite(entries: Sequence[Entry]) -> DataChoice:
    from analysis import suite

    task = _task(entries, suite.TASKS, "suite_task")
    table = suite.table(task)
    st.caption(f"{len(table):,} templated sentences, not natural text.", help=ABOUT_THE_SUITE)
    return DataChoice(table, f"behaviour suite, {task}", suite.sentences(task))


def _task(entries: Sequence[Entry], tasks: Sequence[str], key: str) -> str:
    """A task out of these; that of the checkpoints until another one is chosen."""
    own = next((entry.task for entry in entries if entry.task in tasks), tasks[0])
    if st.session_state.get(f"{key}_for") not in (None, own):
        st.session_state[key] = own  # other checkpoints bring their own task
    if st.session_state.get(key) not in (None, *tasks):
        del st.session_state[key]  # a link may name any
    st.session_state[f"{key}_for"] = own
    return str(
        st.selectbox(
            "Task",
            tasks,
            index=list(tasks).index(own),
            **address.kept(key),
            format_func=lambda t: TASKS[t].title if t in TASKS else t,
        )
    )


def _known(entries: Sequence[Entry], hub: bool) -> DataChoice:
    """A split of a task that is known by name, from a folder or the Hub."""
    folder = HUB
    if not hub:
        folder = str(settings.read().data or "") or folder_field(
            "Folder",
            "folder",
            placeholder="glue",
            help="The folder that holds CoLA/, SST-2/, MRPC/, ... or one of these; TREC's too.",
        )
    task = _task(entries, tuple(TASKS), "glue_task")
    splits = list(TASKS[task].files)
    default = TASKS[task].scored[0]
    if st.session_state.get("split") not in (None, *splits):
        del st.session_state["split"]
    split = str(st.selectbox("Split", splits, index=splits.index(default), **address.kept("split")))
    if not folder:
        st.caption("Type the folder of the data; nothing is read until then.")
        return DataChoice()
    fetch_key = f"fetch-{task}-{split}"
    if hub and not st.session_state.get(fetch_key):
        st.button(
            "Fetch it",
            on_click=st.session_state.update,
            kwargs={fetch_key: True},
            help="From the Hub's cache on this machine, or over the network.",
        )
        return DataChoice()
    with st.spinner(f"Reading {task}, {split}"):
        table = _read(task, split, folder)
    st.caption(
        _size(table)
        + (f" {table.skipped} broken rows of the source are left out." if table.skipped else "")
    )
    return DataChoice(table, f"{task}, {split}")


@kept_up_to(256, most=4)
def _read(task: str, split: str, folder: str) -> Table:
    return read(task, split, folder)


def _online(entries: Sequence[Entry], any_labels: bool) -> DataChoice:
    """A task that is known by name, or any data set of the Hub."""
    kind = st.segmented_control(
        "From the Hub",
        (KNOWN, ANY),
        default=KNOWN,
        required=True,
        **address.kept("hub_kind"),
        label_visibility="collapsed",
    )
    if kind == KNOWN:
        return _known(entries, hub=True)
    reading = dataset_hub.ask(*_expected(entries, any_labels))
    if reading is None:
        return DataChoice()
    return _of(reading, reading.table.split)


def _expected(
    entries: Sequence[Entry], any_labels: bool
) -> tuple[tuple[str, ...] | None, bool | None]:
    """Classes that a table's labels must be (() numbers, None any), and whether it has pairs."""
    pairs = {entry.first.pairs for entry in entries if entry.first.kind == "pooling"}
    regression = all(entry.first.regression for entry in entries)
    labels = None if any_labels else labels_of(entries) or (() if regression else None)
    # Whether a foreign classifier reads pairs is not known, nor what a bare encoder is for.
    return labels, pairs.pop() if len(pairs) == 1 else None


def _file(entries: Sequence[Entry], any_labels: bool) -> DataChoice:
    reading = file.ask(*_expected(entries, any_labels), more=True)
    return DataChoice() if reading is None else _of(reading, file.name())


def _of(reading: Reading, name: str) -> DataChoice:
    if not len(reading.table):
        st.error("No row of it can be used; the list of rows says why.")
        return DataChoice()
    st.caption(_size(reading.table))
    return DataChoice(reading.table, name, (), reading.lines, reading.more)


def _own(entries: Sequence[Entry]) -> DataChoice:
    task = next((entry.task for entry in entries), "other")
    example = words_for(task).examples[0]
    typed = st.text_area(
        "Your sentences, one a line",
        height=140,
        **address.kept("own_sentences"),
        placeholder=example.text + ("\t" + example.pair if example.pair else ""),
        help="A tab separates the two texts of a pair.",
    )
    rows = [line.split("\t", 1) for line in clean(typed or "")[0].splitlines() if line.strip()]
    rows = [row for row in rows if row[0].strip()]
    if not rows:
        st.caption("Type or paste a sentence to begin.")
        return DataChoice()
    pairs = any(len(row) > 1 and row[1].strip() for row in rows)
    table = Table(
        task,
        "own",
        tuple(row[0].strip() for row in rows),
        tuple(row[1].strip() if len(row) > 1 else "" for row in rows) if pairs else None,
        None,
        (),
    )
    st.caption(
        f"{_size(table)} Without labels there are no scores: the page shows where the "
        f"checkpoints differ."
    )
    return DataChoice(table, "own sentences")


def _size(table: Table) -> str:
    if table.label is None:
        return f"{len(table):,} rows without labels."
    if table.regression:
        several = f"{len(table.labels)} numbers" if table.labels else "a number"
        return f"{len(table):,} rows with {several} each."
    sizes = ", ".join(
        f"{cards.plain(name)} {count:,}"
        for name, count in zip(table.labels, table.class_counts(), strict=True)
    )
    return f"{len(table):,} rows: {sizes}."


_READERS = {
    SUITE: _suite,
    FOLDER: lambda entries: _known(entries, hub=False),
    OWN: _own,
}
