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
from typing import IO, Any, Literal

from analysis.datasets.columns import Unknown
from analysis.datasets.files import DataError
from analysis.datasets.guess import Columns, guess_columns
from analysis.datasets.labels import suggest as suggest_mapping
from analysis.datasets.lines import Source, opened, size_of
from analysis.datasets.reading import Reading, ReadingRequest, reading
from analysis.datasets.record import Problem, Record, Records
from analysis.datasets.records import records
from analysis.datasets.rows import LISTED, MOST_CHARACTERS, MOST_TEXT, Rows
from analysis.datasets.table import Kind, Table

__all__ = [
    "LISTED",
    "MOST_TEXT",
    "Columns",
    "Peek",
    "Problem",
    "Reading",
    "Unknown",
    "peek",
    "read_file",
    "read_hub",
    "read_upload",
    "suggest_mapping",
]

Report = Callable[[int, int, str, float], None]
_UNPUBLISHED = "-1"  # how the Hub marks a label that is not published


@dataclass(frozen=True)
class Peek:
    """A guess at a file from its first rows: form, columns, their meaning."""

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
        file = records(stream, name, header=header, delimiter=delimiter)
        rows = _first(file, 50)
    shown = tuple(dict(zip(file.names, row, strict=False)) for row in rows[:count])
    columns = guess_columns(file.names, rows, labels, pairs)
    return Peek(file.form, file.names, shown, columns, tuple(file.notes))


def _named(source: Source, name: str) -> str:
    if name:
        return name
    if isinstance(source, str | Path):
        return Path(source).name
    return str(getattr(source, "name", "") or "The file")


def _first(file: Records, count: int) -> list[Sequence[Any]]:
    """The first good rows; they stay in front of the records that are still to come."""
    taken: list[Record] = []
    for record in file.rows:
        taken.append(record)
        if len(taken) >= count:
            break
    file.rows = chain(taken, file.rows)
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
    request = ReadingRequest(columns, labels, mapping, pairs, kind, duplicates, tuple(more), most)
    name = _named(source, name)
    with opened(source, name) as stream:
        file = records(stream, name, header=header, delimiter=delimiter)
        total = max(size_of(stream), 1)

        def tell(count: int) -> None:
            if progress is not None:
                share = min(_position(stream, total, count) / total, 1.0)
                progress(count, 0, f"reading {name}", share)

        return _read(file, name, request, tell, cancel)


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
    request = ReadingRequest(columns, labels, mapping, pairs, kind, duplicates, tuple(more))
    paths = parquet_files(repo, f"{config}/{split}/*.parquet", revision)
    tell = (lambda count: progress(count, 0, f"reading {name}", 0.0)) if progress else _silent

    def read(request: ReadingRequest) -> Reading:
        with ExitStack() as stack:
            parts = [records(stack.enter_context(opened(path, name)), name) for path in paths]
            joined = replace(parts[0], rows=_through(parts))
            return _read(joined, name, request, tell, cancel)

    result = read(request)
    if result.columns.label and not len(result.table) and set(result.met) == {_UNPUBLISHED}:
        unlabelled = Columns(result.columns.text, result.columns.pair)
        result = read(replace(request, columns=unlabelled))
        result = replace(
            result, notes=(*result.notes, "The labels of this split are not published.")
        )
    return result


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
    file: Records,
    name: str,
    request: ReadingRequest,
    tell: Callable[[int], None],
    cancel: Event | None,
) -> Reading:
    columns = request.columns
    if columns is None:
        columns = guess_columns(file.names, _first(file, 50), request.labels, request.pairs)
    names = [columns.text, columns.pair, columns.label, *columns.classes, *request.more]
    _check_columns(name, file, names)
    rows = Rows(
        file, columns, request.more, repeats=request.duplicates != "drop", most=request.most
    )
    try:
        stopped = rows.collect(tell, cancel)
        return reading(rows, name, request, stopped)
    except BaseException:
        rows.writer.discard()
        raise


def _check_columns(name: str, file: Records, chosen: Sequence[str | None]) -> None:
    missing = [column for column in chosen if column is not None and column not in file.names]
    if missing and missing[0] in file.left:
        raise DataError(
            f"{name}: column {missing[0]!r} holds bytes, vectors or records, which are no text and "
            f"no label. Choose one of {', '.join(map(repr, file.names))}, or save it as text."
        )
    if missing:
        raise DataError(
            f"{name} has no column {missing[0]!r}; its columns are "
            f"{', '.join(map(repr, file.names))}. Choose one of these."
        )


def _position(stream: IO[str] | IO[bytes], total: int, count: int) -> int:
    try:
        return int(stream.tell())
    except (ValueError, OSError, io.UnsupportedOperation):
        return min(count * 64, total)  # while it is wrapped for decoding: a guess


def read_file(
    path: str | Path,
    text: str,
    pair: str | None = None,
    label: str | None = None,
    *,
    label_columns: Sequence[str] = (),
    kind: Kind = "auto",
    labels: Sequence[str] | None = None,
    delimiter: str | None = None,
    split: str = "train",
) -> Table:
    """Read every row of one's own file; nothing of it is left out.

    The file is read as :func:`read_upload` does it: CSV, TSV, JSON lines or Parquet, in any
    encoding. ``label_columns`` are columns of 0 and 1, one for each of several labels.
    ``kind="auto"`` takes the label for a number when every value is one and at least one has a
    fraction. ``labels`` fixes the classes (those of the training file, when reading the dev
    file); an empty sequence fixes a number.

    Raises
    ------
    DataError
        No such file or column, an empty text, a label that is missing, unknown or no number; the
        message names the row.
    """
    if not Path(path).is_file():
        raise DataError(f"{path} is not a file. Check the path.")
    upload = read_upload(
        Path(path),
        str(path),
        columns=Columns(text, pair, label, tuple(label_columns)),
        labels=labels,
        kind=kind,
        duplicates="keep",
        header=True,
        delimiter=delimiter,
    )
    if upload.left_out:
        first = next((problem for problem in upload.problems if not problem.kept), None)
        where = f"row {first.row}: {first.what}" if first else f"{upload.left_out} rows"
        raise DataError(f"{path}, {where}. Correct the row, or name another column.")
    return replace(upload.table, task="csv", split=split)
