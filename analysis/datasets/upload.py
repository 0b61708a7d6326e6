"""A file of one's own as a data set: CSV, TSV, JSON lines or Parquet, good rows kept.

Whatever is wrong with a row is named with its row number, and the others are read. A file that
cannot be read at all raises :class:`DataError` with what to do. Read as a stream: neither a file
of 200 MB nor one line of 200 MB is ever in memory as a whole.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any, Literal

from analysis.datasets.columns import Unknown
from analysis.datasets.files import DataError
from analysis.datasets.guess import Columns, guess_columns
from analysis.datasets.labels import suggest as suggest_mapping
from analysis.datasets.lines import Source, opened, size_of
from analysis.datasets.reading import Asked, Reading, reading
from analysis.datasets.record import Problem, Record, Records
from analysis.datasets.records import records
from analysis.datasets.rows import LISTED, MOST_CHARACTERS, MOST_TEXT, Rows
from analysis.datasets.table import Kind

__all__ = [
    "LISTED",
    "MOST_TEXT",
    "Columns",
    "Peek",
    "Problem",
    "Reading",
    "Unknown",
    "peek",
    "read_hub",
    "read_upload",
    "suggest_mapping",
]

Report = Callable[[int, int, str, float], None]
_UNPUBLISHED = "-1"  # how the Hub marks a label that is not published


@dataclass(frozen=True)
class Peek:
    """What a file seems to be, from its first rows."""

    form: str  # "CSV", "TSV", "JSON lines", "JSON", "Parquet", "text"
    names: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    columns: Columns  # the best guess
    notes: tuple[str, ...]


def peek(
    source: Source,
    name: str = "",
    *,
    labels: Sequence[str] | None = None,
    pairs: bool | None = None,
    count: int = 5,
    header: bool | None = None,
    delimiter: str | None = None,
) -> Peek:
    """The first rows of a file and which columns are probably meant.

    ``labels`` and ``pairs`` are those of the checkpoints, where some are chosen.

    Raises
    ------
    DataError
        The file is no table of text, is damaged, or is empty.
    """
    name = _named(source, name)
    with opened(source, name) as stream:
        found = records(stream, name, header=header, delimiter=delimiter)
        rows = _first(found, 50)
    shown = tuple(dict(zip(found.names, row, strict=False)) for row in rows[:count])
    columns = guess_columns(found.names, rows, labels, pairs)
    return Peek(found.form, found.names, shown, columns, tuple(found.notes))


def _named(source: Source, name: str) -> str:
    if name:
        return name
    if isinstance(source, str | Path):
        return Path(source).name
    return str(getattr(source, "name", "") or "The file")


def _first(found: Records, count: int) -> list[Sequence[Any]]:
    """The first good rows; they stay in front of the records that are still to come."""
    taken: list[Record] = []
    for record in found.rows:
        taken.append(record)
        if len(taken) >= count:
            break
    found.rows = chain(taken, found.rows)
    return [row for _, row in taken if not isinstance(row, Problem)]


def read_upload(
    source: Source,
    name: str = "",
    *,
    columns: Columns | None = None,
    labels: Sequence[str] | None = None,
    mapping: Mapping[str, str | None] | None = None,
    pairs: bool | None = None,
    kind: Kind = "auto",
    duplicates: Literal["drop", "keep"] = "drop",
    more: Sequence[str] = (),
    header: bool | None = None,
    delimiter: str | None = None,
    progress: Report | None = None,
    cancel: Event | None = None,
    most: int = MOST_CHARACTERS,
) -> Reading:
    """Read a file of one's own: bytes, a path, or an open binary stream.

    ``columns`` names the text, the second text and the label (None: guessed, and said in the
    notes). ``labels`` are the classes the labels must be; () asks for numbers, None takes the
    file's own. ``mapping`` says which class a label of the file means (None: leave such rows
    out); what it does not name is matched where there is no doubt. Of rows that are the same in
    text, second text and label the first is kept. ``more`` names further columns to keep.
    ``cancel`` ends the reading and keeps the rows read so far; so do ``most`` characters of texts.

    Raises
    ------
    DataError
        The file is empty, no table of text or damaged; no such column; or so many different labels
        that the column cannot hold classes.
    """
    asked = Asked(columns, labels, mapping, pairs, kind, duplicates, tuple(more), most)
    name = _named(source, name)
    with opened(source, name) as stream:
        found = records(stream, name, header=header, delimiter=delimiter)
        total = max(size_of(stream), 1)

        def tell(count: int) -> None:
            if progress is not None:
                share = min(_position(stream, total, count) / total, 1.0)
                progress(count, 0, f"reading {name}", share)

        return _read(found, name, asked, tell, cancel)


def read_hub(
    repo: str,
    split: str = "validation",
    config: str = "default",
    *,
    revision: str | None = "refs/convert/parquet",
    columns: Columns | None = None,
    labels: Sequence[str] | None = None,
    mapping: Mapping[str, str | None] | None = None,
    pairs: bool | None = None,
    kind: Kind = "auto",
    duplicates: Literal["drop", "keep"] = "keep",
    more: Sequence[str] = (),
    progress: Report | None = None,
    cancel: Event | None = None,
) -> Reading:
    """Read one split of any data set on the Hub, from the Parquet files the Hub makes of it.

    The local cache comes first; the network is asked once. Row numbers count through all files.
    A split whose labels are not published (-1 throughout) has none. See :func:`read_upload`.

    Raises
    ------
    ValueError
        Not cached and not reachable, or no such split (the message says what to do).
    DataError
        As :func:`read_upload`.
    """
    from analysis.datasets.hub import parquet_files

    name = f"{repo}, {split}"
    mapping = {_UNPUBLISHED: None, **(mapping or {})}
    asked = Asked(columns, labels, mapping, pairs, kind, duplicates, tuple(more))
    paths = parquet_files(repo, f"{config}/{split}/*.parquet", revision)
    tell = (lambda count: progress(count, 0, f"reading {name}", 0.0)) if progress else _silent

    def read(asked: Asked) -> Reading:
        with ExitStack() as stack:
            parts = [records(stack.enter_context(opened(path, name)), name) for path in paths]
            found = replace(parts[0], rows=_through(parts))
            return _read(found, name, asked, tell, cancel)

    found = read(asked)
    if found.columns.label and not len(found.table) and set(found.met) == {_UNPUBLISHED}:
        unlabelled = Columns(found.columns.text, found.columns.pair)
        found = read(replace(asked, columns=unlabelled))
        found = replace(found, notes=(*found.notes, "The labels of this split are not published."))
    return found


def _silent(count: int) -> None:
    """Nobody wants to know how far the reading is."""


def _through(parts: Sequence[Records]) -> Iterator[Record]:
    """The records of several files as of one."""
    before = 0
    for part in parts:
        number = 0
        for number, row in part.rows:
            yield before + number, row
        before += number


def _read(
    found: Records, name: str, asked: Asked, tell: Callable[[int], None], cancel: Event | None
) -> Reading:
    columns = asked.columns
    if columns is None:
        columns = guess_columns(found.names, _first(found, 50), asked.labels, asked.pairs)
    wanted = [columns.text, columns.pair, columns.label, *columns.classes, *asked.more]
    _check_columns(name, found.names, wanted)
    rows = Rows(found, columns, asked.more, repeats=asked.duplicates != "drop", most=asked.most)
    try:
        stopped = rows.collect(tell, cancel)
        return reading(rows, name, asked, stopped)
    except BaseException:
        rows.writer.discard()
        raise


def _check_columns(name: str, names: Sequence[str], wanted: Sequence[str | None]) -> None:
    missing = [column for column in wanted if column is not None and column not in names]
    if missing:
        raise DataError(
            f"{name} has no column {missing[0]!r}; its columns are "
            f"{', '.join(map(repr, names))}. Choose one of these."
        )


def _position(stream: Any, total: int, count: int) -> int:
    try:
        return int(stream.tell())
    except (ValueError, OSError, io.UnsupportedOperation):
        return min(count * 64, total)  # while it is wrapped for decoding: a guess
