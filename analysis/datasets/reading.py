"""A file as read: its good rows as a table, its bad ones by number, and what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.common.records import freeze
from analysis.datasets.arrow_texts import ArrowTexts
from analysis.datasets.columns import MOST_CLASSES, Met, Unknown, classes_of, resolve
from analysis.datasets.files import DataError
from analysis.datasets.guess import Columns
from analysis.datasets.labels import match
from analysis.datasets.numerals import numbers_of
from analysis.datasets.record import Problem
from analysis.datasets.rows import CELL, LISTED, MOST_CHARACTERS, SEVERAL, Rows
from analysis.datasets.table import Kind, Table

UNKNOWN_LABEL = "with an unknown label"  # a kind of problem


@dataclass(frozen=True)
class ReadingRequest:
    """Request of a reader's caller: columns, labels, mapping, duplicates."""

    columns: Columns | None
    labels: Sequence[str] | None
    mapping: Mapping[str, str | None] | None
    pairs: bool | None
    kind: Kind
    duplicates: str
    more: tuple[str, ...]
    most: int = MOST_CHARACTERS  # of all texts


@dataclass(frozen=True)
class Reading:
    """A file as read: its good rows as a table, and what was wrong with the others.

    ``lines`` (N,) is the row number in the file of each row of the table; ``problems`` lists at
    most :data:`LISTED` of each kind, ``counts`` says how many there are. ``mapping`` says which
    label of the file was read as which class, ``unknown`` which could not be, ``met`` how often
    each label stands there and in which row first. ``more`` holds further columns that were asked
    for, row by row.
    """

    table: Table
    columns: Columns
    problems: tuple[Problem, ...]
    counts: Mapping[str, int]
    rows: int  # rows of the file, good and bad
    lines: NDArray[np.int64]
    notes: tuple[str, ...]
    mapping: Mapping[str, str]
    unknown: tuple[Unknown, ...]
    names: tuple[str, ...]  # of the file's columns
    form: str
    guessed: bool  # the columns were not named by the caller
    more: Mapping[str, Sequence[str]]
    met: Met

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def left_out(self) -> int:
        """Rows that are not in the table."""
        return self.rows - len(self.table)

    def sentence(self) -> str:
        """Number of usable rows, and why the others are left out."""
        used = f"{len(self.table):,} of {self.rows:,} rows can be used"
        reasons = [
            f"{count:,} {kind}" for kind, count in self.counts.items() if kind not in _KEPT_KINDS
        ]
        return f"{used}; left out: {', '.join(reasons)}." if self.left_out else f"{used}."


_KEPT_KINDS = ("encoding", "quotes read as characters")


def reading(rows: Rows, name: str, request: ReadingRequest, stopped: bool) -> Reading:
    """The collected rows as a table, with everything that was noticed.

    Raises
    ------
    DataError
        No row at all, or labels that cannot be classes.
    """
    records, columns = rows.records, rows.columns
    if not rows.rows:
        raise DataError(f"{name} has a header and no rows below it. Add rows.")
    notes = [*records.notes, *_encoding_notes(rows)]
    if request.columns is None:
        notes.append(_columns_in_words(columns))
    lines, codes = np.frombuffer(rows.lines, np.int64), np.frombuffer(rows.codes, np.intc)
    keep = np.ones(len(lines), dtype=bool)
    classes: tuple[str, ...] = ()
    label: np.ndarray | None = None
    used: Mapping[str, str] = {}
    unknown: tuple[Unknown, ...] = ()
    met: Met = {}
    raw = rows.labels()
    if any(value.startswith(CELL) for value in raw):
        label, keep, classes = _numbers(rows, raw, name, request, codes, lines)
    elif any(value.startswith(SEVERAL) for value in raw):
        label, keep, classes, used = _several(rows, raw, name, request, codes)
        met = _met(raw, rows.first, codes)
        unknown = tuple(Unknown(part, *met[part], None) for part in met if part not in used)
    elif columns.label and len(lines):
        hub = (records.label_names or {}).get(columns.label, ())
        counts = np.bincount(codes, minlength=len(rows.values))
        met = dict(zip(rows.values, zip(counts.tolist(), rows.first, strict=True), strict=True))
        classes = classes_of(name, columns.label, met, request.labels, request.kind, hub)
        numbers, used, unknown = resolve(met, classes, request.mapping, hub)
        value = np.array(list(numbers.values()))[codes]
        keep = ~np.isnan(value)
        odd = np.flatnonzero(~keep)
        for place in odd[:LISTED].tolist():
            what = _unknown_in_words(raw[int(codes[place])], classes)
            rows.note(Problem(int(lines[place]), what, UNKNOWN_LABEL))
        rows.counts[UNKNOWN_LABEL] += max(len(odd) - LISTED, 0)
        label = np.where(keep, value, 0).astype(np.int64) if classes else value
        notes += _mapping_notes(used)
    if request.duplicates == "drop":
        keep &= _first_of_each(rows, np.frombuffer(rows.digests, np.uint64), lines, keep)
    texts = rows.writer.close()
    if stopped:
        notes.append(f"Reading was stopped after {rows.rows:,} rows.")
    kept = np.flatnonzero(keep)
    chosen = {key: _take(column, kept) for key, column in texts.items()}
    if label is not None:
        with np.errstate(invalid="ignore"):
            label = label[kept]
    table = Table("own", name, chosen["text"], chosen.get("pair"), label, classes)
    problems = tuple(sorted(rows.problems, key=lambda problem: (problem.row, problem.kind)))
    return Reading(
        table,
        columns,
        problems,
        {k: n for k, n in rows.counts.items() if n},
        rows.rows,
        lines[kept],
        tuple(notes),
        used,
        unknown,
        records.names,
        records.form,
        request.columns is None,
        {column: chosen[f"more {column}"] for column in rows.more},
        met,
    )


def _numbers(
    rows: Rows,
    raw: Sequence[str],
    name: str,
    request: ReadingRequest,
    codes: np.ndarray,
    lines: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], tuple[str, ...]]:
    """Numbers (N, C) of columns that hold one each, (N,) which rows have all of them, and their
    names: those asked for, in their order."""
    own = rows.columns.classes
    classes = tuple(request.labels or own)
    sure = match(list(own), classes)
    if len(own) != len(classes) or set(sure.values()) != set(classes):
        raise DataError(
            f"{name}: the columns {', '.join(own)} hold numbers, and the labels are "
            f"{', '.join(classes)}. Choose a column of numbers for each of these."
        )
    places = [own.index(column) for label in classes for column in own if sure[column] == label]
    texts = [value.split(CELL)[1:] for value in raw]
    known = [numbers_of({row[place] for row in texts} - {""}) for place in range(len(own))]
    cells = [[known[p].get(cell) for p, cell in enumerate(row)] for row in texts]
    table = np.array(
        [[np.nan if row[p] is None else row[p] for p in places] for row in cells], np.float64
    )
    label = table[codes]
    keep = np.isfinite(label).all(axis=1)
    odd = np.flatnonzero(~keep)
    for place in odd[:LISTED].tolist():
        what = f"a number is missing in one of the columns {', '.join(own)}"
        rows.note(Problem(int(lines[place]), what, UNKNOWN_LABEL))
    rows.counts[UNKNOWN_LABEL] += max(len(odd) - LISTED, 0)
    return label, keep, classes


def _several(
    rows: Rows, raw: Sequence[str], name: str, request: ReadingRequest, codes: np.ndarray
) -> tuple[NDArray[np.int64], NDArray[np.bool_], tuple[str, ...], Mapping[str, str]]:
    """Labels (N, C) of 0 and 1, (N,) which rows have known labels only, the classes, and the class
    that each label was read as."""
    parts, met = [_parts(value) for value in raw], _met(raw, rows.first, codes)
    own = rows.columns.classes or tuple(sorted(met))
    classes = tuple(request.labels or own)
    if len(classes) > MOST_CLASSES:
        raise DataError(
            f"{name}: its rows have {len(classes):,} different labels, too many for classes. "
            "Choose the column with the classes, or no label."
        )
    sure = match(list(met), classes)
    read = {part: (request.mapping or {}).get(part, sure.get(part)) for part in met}
    places = {label: index for index, label in enumerate(classes)}
    matrix = np.zeros((len(parts), len(classes)), np.int64)
    known = np.ones(len(parts), bool)
    for code, names_of_row in enumerate(parts):
        for part in names_of_row:
            label = read[part]
            if label is None:
                known[code] = False
                what = _unknown_in_words(part, classes)
                rows.note(Problem(rows.first[code], what, UNKNOWN_LABEL))
            else:
                matrix[code, places[label]] = 1
    odd = int((~known[codes]).sum())
    rows.counts[UNKNOWN_LABEL] = odd
    used = {part: label for part, label in read.items() if label is not None}
    return matrix[codes], known[codes], classes, used


def _met(raw: Sequence[str], firsts: Sequence[int], codes: np.ndarray) -> Met:
    """Count of each label, and the first row that has it, where rows have several labels."""
    counts = np.bincount(codes, minlength=len(raw)).tolist()
    met: dict[str, tuple[int, int]] = {}
    for value, count, first in zip(raw, counts, firsts, strict=True):
        for part in _parts(value):
            before = met.get(part, (0, first))
            met[part] = (before[0] + count, min(before[1], first))
    return met


def _parts(value: str) -> list[str]:
    """The labels of a row, of which there may be none, one or several."""
    return [part for part in value.split(SEVERAL) if part] if value else []


def _take(column: Sequence[str], rows: NDArray[np.int64]) -> Sequence[str]:
    if len(rows) == len(column):
        return column
    if isinstance(column, ArrowTexts):
        return column.take(rows)
    return tuple(column[row] for row in rows.tolist())


def _first_of_each(
    rows: Rows, digests: NDArray[np.uint64], lines: NDArray[np.int64], keep: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Rows that repeat no earlier one; the others are noted."""
    order = np.argsort(digests, kind="stable")
    sorted_digests = digests[order]
    fresh = np.ones(len(digests), dtype=bool)
    fresh[order[1:][sorted_digests[1:] == sorted_digests[:-1]]] = False
    repeated = np.flatnonzero(~fresh & keep)
    for place in repeated[:LISTED].tolist():
        earlier = int(lines[order[np.searchsorted(sorted_digests, digests[place])]])
        phrase = f"the same text and label as row {earlier}"
        rows.note(Problem(int(lines[place]), phrase, "repeated"))
    rows.counts["repeated"] += len(repeated) - min(len(repeated), LISTED)
    return fresh


def _unknown_in_words(value: str, classes: Sequence[str]) -> str:
    shown = value if len(value) <= 40 else f"{value[:39]}…"
    expected = f"none of {', '.join(classes)}" if classes else "no number"
    return f"the label {shown!r} is {expected}"


def _encoding_notes(rows: Rows) -> list[str]:
    lines = rows.records.lines
    if lines is None or not lines.odd:
        return []
    if not lines.good:  # no line speaks for UTF-8: the whole file is in the older encoding
        return ["The file is not UTF-8; its letters were read as Windows-1252 (Latin-1)."]
    for number in lines.odd:
        rows.note(Problem(number, "not UTF-8; read as Windows-1252 (Latin-1)", "encoding", True))
    return [f"{len(lines.odd)} lines are not UTF-8 as the others are; see the list of rows."]


def _columns_in_words(columns: Columns) -> str:
    parts = [f"text from {columns.text!r}"]
    if columns.pair:
        parts.append(f"second text from {columns.pair!r}")
    if columns.classes:
        parts.append(f"a class each from {', '.join(map(repr, columns.classes))}")
    else:
        parts.append(f"label from {columns.label!r}" if columns.label else "no label")
    return f"Columns were guessed: {', '.join(parts)}."


def _mapping_notes(used: Mapping[str, str]) -> list[str]:
    changes = [f"{value} as {label}" for value, label in used.items() if value != label]
    shown = ", ".join(changes[:8]) + (f" and {len(changes) - 8} more" if len(changes) > 8 else "")
    return [f"Labels were read as classes: {shown}."] if changes else []
