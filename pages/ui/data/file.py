"""A file of one's own as a data set: columns, what its labels mean, and what was wrong with it."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from analysis.common.whole import why_not_written, write_whole
from analysis.datasets.rows import MOST_CHARACTERS
from analysis.datasets.upload import Columns, Reading, Unknown, peek, read_upload
from pages.ui.frame import settings
from pages.ui.kit import cards

TYPES = ("csv", "tsv", "txt", "jsonl", "ndjson", "json", "parquet")
NONE, LEAVE = "none", "leave these rows out"
FILES, READINGS, MORE = 6, 4, 12  # kept at once: uploads, files as read, further columns
MEANINGS = 20  # labels whose meaning can be chosen
_HELD, _FOLDER, _READ, _REFUSED = "dataset_file", "upload_folder", "files_read", "file_refused"
# Of one upload to a shared server: bytes, characters of its texts once unpacked, rows.
SHARED_BYTES, SHARED_CHARACTERS, SHARED_ROWS = 32 * 2**20, 64 * 2**20, 100_000


@dataclass(frozen=True)
class Held:
    """An upload, kept on disk until the app ends: leaving the page does not lose it."""

    path: Path
    name: str
    digest: str


def ask(labels: Sequence[str] | None, pairs: bool | None, more: bool = False) -> Reading | None:
    """Draw the choice of a file and of its columns; the file as read, or None where none is.

    ``labels`` are the classes its labels must be (() numbers, None its own); ``more`` keeps the
    columns that are neither text nor label.
    """
    st.file_uploader(
        "CSV, TSV, JSON lines or Parquet",
        type=TYPES,
        key="dataset_upload",
        on_change=_took,
        help=_bounds(),
    )
    if refused := st.session_state.get(_REFUSED):
        st.error(cards.plain(refused))
    held: Held | None = st.session_state.get(_HELD)
    if held is not None and not held.path.is_file():
        st.warning(cards.plain(f"{held.name} is no longer kept here: choose it once more."))
        return None
    if held is None:
        st.caption("A header with names of columns helps; nothing else is needed.")
        return None
    seen = peek(held.path, held.name, labels=labels, pairs=pairs)
    chosen = columns(held.digest, seen.names, seen.columns)
    place = st.container(key="dataset-reading")
    key = f"mapping-{held.digest}-{chosen.label}-{chosen.classes}-{labels}"
    mapping: dict[str, str | None] | None = st.session_state.get(key)
    rest = tuple(
        name
        for name in seen.names
        if name not in (chosen.text, chosen.pair, chosen.label, *chosen.classes)
    )
    with place:
        reading = _read(held, chosen, labels, mapping, rest[:MORE] if more else ())
        st.text(f"{held.name} ({reading.form}): {reading.sentence()}")
        explain_reading(reading, labels, key)
        with st.expander("First rows"):
            st.dataframe(list(seen.rows), hide_index=True)
    return reading


def explain_reading(reading: Reading, labels: Sequence[str] | None, key: str) -> None:
    """Notes of the reading, and the meaning of the labels; ``key`` holds the mapping."""
    for note in reading.notes:
        st.caption(cards.plain(note))
    _problems(reading)
    if labels and reading.met:
        _meanings(reading, labels, key)


def name() -> str:
    """Name of the file that is held."""
    held: Held | None = st.session_state.get(_HELD)
    return held.name if held is not None else ""


def _bounds() -> str:
    if not settings.read().shared:
        return "Up to 200 MB. It stays on this machine."
    return (
        f"Up to {SHARED_BYTES // 2**20} MB, of which the first {SHARED_ROWS:,} rows are read. Only "
        "you see it on this server, and it goes when you leave."
    )


def _took() -> None:
    upload = st.session_state.get("dataset_upload")
    st.session_state.pop(_REFUSED, None)
    if upload is None:  # its cross was pressed
        st.session_state.pop(_HELD, None)
        return
    try:
        st.session_state[_HELD] = keep(upload.getvalue(), upload.name)
    except ValueError as error:
        st.session_state.pop(_HELD, None)
        st.session_state[_REFUSED] = str(error)


def keep(content: bytes, name: str) -> Held:
    """Write an upload where it stays until the app ends; the oldest go when there are many."""
    if settings.read().shared and len(content) > SHARED_BYTES:
        raise ValueError(
            f"{name} has {len(content) / 2**20:,.0f} MB, and this shared server takes at most "
            f"{SHARED_BYTES // 2**20} MB. Take a part of it, or run PoolLens on your own machine."
        )
    folder = Path(_folder().name)
    digest = hashlib.sha256(content).hexdigest()[:20]
    path = folder / f"{digest}{Path(name).suffix.lower()}"
    try:
        write_whole(path, content)
    except OSError as error:
        raise ValueError(why_not_written(error, path)) from None
    for old in sorted(folder.iterdir(), key=lambda p: p.stat().st_mtime)[:-FILES]:
        old.unlink(missing_ok=True)
    return Held(path, Path(name).name, digest)


def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for the uploads of this session, which goes when the session does."""
    if _FOLDER not in st.session_state:
        st.session_state[_FOLDER] = tempfile.TemporaryDirectory(prefix="poollens-")
    folder: tempfile.TemporaryDirectory[str] = st.session_state[_FOLDER]
    return folder


def columns(key: str, names: Sequence[str], guess: Columns) -> Columns:
    """Choice of the columns, the guess first. ``key`` names the data set."""
    names = list(names)
    with st.container(key="dataset-fields"):
        text = st.selectbox(
            "Text",
            names,
            index=names.index(guess.text),
            persist_state="session",
            key=f"column-text-{key}",
        )
        chosen = [
            st.selectbox(
                label,
                [None, *names],
                index=0 if first is None else 1 + names.index(first),
                format_func=lambda n: NONE if n is None else str(n),
                persist_state="session",
                key=f"column-{label}-{key}",
            )
            for label, first in (("Second text", guess.pair), ("Label", guess.label))
        ]
        pair, label = chosen
        classes: list[str] = []
        if label is None and guess.classes:
            classes = st.multiselect(
                "Columns of 0 and 1, one a class",
                names,
                default=list(guess.classes),
                persist_state="session",
                key=f"column-classes-{key}",
            )
    return Columns(str(text), pair, label, tuple(classes))


def _read(
    held: Held,
    columns: Columns,
    labels: Sequence[str] | None,
    mapping: dict[str, str | None] | None,
    more: tuple[str, ...],
) -> Reading:
    """The file as read; kept for the next run of the page."""
    key = (held.digest, held.name, columns, labels, str(mapping), more)
    store = _store()
    if key in store:
        store.move_to_end(key)
        return store[key]
    bar, enough, shared = st.empty(), threading.Event(), settings.read().shared

    def tell(done: int, total: int, what: str, share: float) -> None:
        if shared and done >= SHARED_ROWS:
            enough.set()
        if done:  # a small file is read before a bar would be seen
            bar.progress(share, cards.plain(f"{what}: {done:,} rows"))

    reading = read_upload(
        held.path,
        held.name,
        columns=columns,
        labels=labels,
        mapping=mapping,
        more=more,
        progress=tell,
        cancel=enough,
        most=SHARED_CHARACTERS if shared else MOST_CHARACTERS,
    )
    bar.empty()
    store[key] = reading
    while len(store) > READINGS:
        store.popitem(last=False)
    return reading


def _store() -> OrderedDict[Hashable, Reading]:
    """Files of this session as they were read."""
    store: OrderedDict[Hashable, Reading] = st.session_state.setdefault(_READ, OrderedDict())
    return store


def _problems(reading: Reading) -> None:
    """Every row with something wrong, by its number in the file."""
    if not reading.problems:
        return
    count = sum(reading.counts.values())
    with st.expander(f"Rows with a problem ({count:,})", icon=":material/warning:"):
        if count > len(reading.problems):
            st.caption(f"The first {len(reading.problems):,} are listed.")
        st.dataframe(
            [
                {
                    "row": problem.row,
                    "problem": problem.what,
                    "row is": "kept" if problem.kept else "left out",
                }
                for problem in reading.problems
            ],
            hide_index=True,
            height=min(35 * (len(reading.problems) + 1) + 2, 320),
        )


def _meanings(reading: Reading, labels: Sequence[str], key: str) -> None:
    """Class of each label of the file, with a control to change it."""
    unknown = {unknown_label.value: unknown_label for unknown_label in reading.unknown}
    if unknown:
        st.warning(
            f"Some labels are none of {cards.plain(', '.join(labels))}. Say what they mean; until "
            "then their rows are left out.",
            icon=":material/help:",
        )
    # Those that need an answer first, then the most frequent.
    order = sorted(reading.met, key=lambda value: (value not in unknown, -reading.met[value][0]))
    shown = order[:MEANINGS]
    stored = st.session_state.get(key)
    # A changed mapping gets new widgets, whose first values come from the file.
    form = f"{key}-{sorted(stored.items(), key=str) if stored else ''}"
    with st.expander("What the labels mean", expanded=bool(unknown)), st.form(form, border=False):
        st.caption(
            "Read by their names, or by the index of the class where all are such numbers. Change "
            "what is wrong: a file may count its classes in another order."
        )
        with st.container(key="dataset-mapping"):
            chosen = {
                value: _meaning(value, reading, unknown.get(value), labels, form) for value in shown
            }
        if len(order) > len(shown):
            st.caption(f"{len(order) - len(shown)} more labels stay as they were read.")
        with st.container(horizontal=True):
            use = st.form_submit_button("Use these")
            reset = stored is not None and st.form_submit_button("Reset")
    if use:
        meanings = {value: None if label == LEAVE else label for value, label in chosen.items()}
        st.session_state[key] = dict(stored or {}) | meanings
        st.rerun()
    if reset:
        st.session_state.pop(key, None)
        st.rerun()


def _meaning(
    value: str, reading: Reading, unknown: Unknown | None, labels: Sequence[str], form: str
) -> str:
    count, row = reading.met[value]
    rows = "1 row" if count == 1 else f"{count:,} rows"
    first = reading.mapping.get(value) if unknown is None else unknown.suggestion
    return str(
        st.selectbox(
            f"{cards.plain(value)} ({rows}, first in row {row:,})",
            [LEAVE, *labels],
            key=f"means-{form}-{value}",
            index=0 if first is None else 1 + list(labels).index(first),
        )
    )
