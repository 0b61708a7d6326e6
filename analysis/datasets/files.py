"""Rows of a labelled text file, before anything is known of the task: text, pair, raw label.

Every complaint names the file, the line and the column, and says what to do.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analysis.common.faults import FileError

Column = str | int  # a header's name, or a position where there is no header
MISSING = ("nan", "<na>", "nat")  # how libraries write that there is no value, in any case
BROKEN = -1  # line number of a row that its source is known to have broken


def is_missing(value: object) -> bool:
    """Whether a label stands for no value: None, NaN, blank, or one of these written out."""
    if value is None or value != value:
        return True
    return str(value).strip().casefold() in ("", *MISSING)


class DataError(FileError):
    """A data file that cannot be used: the message names the file, the line and the column."""


@dataclass(frozen=True)
class File:
    """Where one split of a task is kept, and in which columns."""

    name: str
    text: Column = 0
    pair: Column | None = None
    label: Column | None = None
    header: bool = True
    form: Literal["tsv", "trec"] = "tsv"


_LABEL = 2  # place of the label among text, pair, label
Row = tuple[int, str, str | None, str | None]  # line, text, pair, label as it stands in the file


def column_name(column: Column | None) -> str:
    """A column as an error names it: ``'label'``, or ``number 4`` (counted from one)."""
    return f"number {column + 1}" if isinstance(column, int) else repr(column)


def position(path: Path, header: Sequence[str], column: Column | None) -> int | None:
    """Index of a column in the header.

    Raises
    ------
    DataError
        No such column; the message lists those there are.
    """
    if column is None or isinstance(column, int):
        return column
    names = [name.strip() for name in header]
    if column not in names:
        raise DataError(
            f"{path}, line 1: no column {column!r}; the columns are "
            f"{', '.join(map(repr, names)) or 'none'}. Name one of these."
        )
    return names.index(column)


def records(path: Path, encoding: str = "utf-8-sig") -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every non-empty line of a tab-separated file without quoting.

    Raises
    ------
    DataError
        There is no such file, or a line cannot be decoded or read.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file. Check the path.")
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, after line {reader.line_num}: not valid {encoding} "
                    f"({error.reason}). Save the file as UTF-8."
                ) from error
            except csv.Error as error:
                raise DataError(f"{path}, line {reader.line_num}: {error}.") from error
            if fields:
                yield reader.line_num, fields


def tsv_rows(path: Path, file: File, skip_broken: bool) -> Iterator[Row]:
    """Rows of a tab-separated file without quoting, as GLUE has them."""
    columns = (file.text, file.pair, file.label)
    lines = records(path)
    header = next(lines, (1, []))[1] if file.header else []
    places = [position(path, header, column) for column in columns]
    return pick(path, lines, places, columns, len(header), skip_broken)


def trec_rows(path: Path) -> Iterator[Row]:
    """``COARSE:fine question`` per line, in Latin-1.

    Raises
    ------
    DataError
        A line is no question with its class.
    """
    with path.open(encoding="latin-1", newline="\n") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            label, _, text = line.strip().partition(" ")
            if ":" not in label or not text:
                raise DataError(
                    f"{path}, line {number}: expected 'COARSE:fine question', found "
                    f"{line.strip()[:60]!r}. Check that this is a TREC label file."
                )
            yield number, text.strip(), None, label.partition(":")[0]


def pick(
    path: Path,
    lines: Iterator[tuple[int, list[str]]],
    places: Sequence[int | None],
    columns: Sequence[Column | None],
    width: int,
    skip_broken: bool,
) -> Iterator[Row]:
    """Text, pair and label of each record; a record too short or with a blank text is refused,
    or handed on with line -1 where the source is known to be broken.

    Raises
    ------
    DataError
        A record is too short or has a blank text; with its line.
    """
    for number, fields in lines:
        values: list[str | None] = []
        for part, (place, column) in enumerate(zip(places, columns, strict=True)):
            value = "" if place is None or place >= len(fields) else fields[place].strip()
            if place is None:
                values.append(None)
            elif value and not (part == _LABEL and is_missing(value)):
                values.append(value)
            elif skip_broken:
                number = BROKEN
                values.append("")
            else:
                counts = f" ({len(fields)} columns, the header has {width})" if width else ""
                raise DataError(
                    f"{path}, line {number}: column {column_name(column)} is missing or empty"
                    f"{counts}. Fill it in or remove the row."
                )
        yield number, values[0] or "", values[1], values[2]
