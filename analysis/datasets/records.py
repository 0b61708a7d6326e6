"""Records out of a file of any of the known forms: fields with their row number, or what is wrong.

A row number is the line on which the record begins (CSV, TSV, JSON lines), or the number of the
row counted from 1 (Parquet, a JSON list): what an editor or a reader of the file finds it by.
"""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, BinaryIO

from analysis.datasets.fasttext import is_fasttext, row_of
from analysis.datasets.files import DataError
from analysis.datasets.guess import column_names, delimiter_of, has_header, is_quoted
from analysis.datasets.json_shapes import is_table, rows_of
from analysis.datasets.lines import Lines, encoding_of, head_of
from analysis.datasets.parquet import parquet
from analysis.datasets.record import Problem, Record, Records
from analysis.text.tokens import one_line

MOST_QUOTED = 100_000  # characters that a quoted field may run over lines before it counts as open
_FORGIVEN = 20  # quotation marks left open, after which none may run over lines
_SAMPLE_LINES = 200
_NO_DELIMITER = "\x1f"  # a character that no text has, where a line is one field
DELIMITER_LINE = re.compile(r'"?sep=([,;|\t])"?\s*', re.IGNORECASE)  # as Excel writes it
MOST_COLUMNS = 5_000
_MOST_JSON = 64 * 2**20  # bytes of a JSON list, which has to be read as a whole


def records(
    stream: BinaryIO, name: str, *, header: bool | None = None, delimiter: str | None = None
) -> Records:
    """The records of a file; its form is told from its content, then from its name.

    Raises
    ------
    DataError
        The file is no table of text, is damaged, holds no row, or more columns than a table has.
    """
    form = _of_its_form(stream, name, header, delimiter)
    if not all(map(str.isprintable, form.names)):
        form.names = column_names([one_line(column) for column in form.names])
    if len(form.names) > MOST_COLUMNS:
        raise DataError(
            f"{name} has {len(form.names):,} columns ({form.names[0]!r:.40}, "
            f"{form.names[1]!r:.40}, ...), and at most {MOST_COLUMNS:,} are read. Keep those with "
            "the text and the label; in JSON give every row the same names."
        )
    return form


def _of_its_form(
    stream: BinaryIO, name: str, header: bool | None, delimiter: str | None
) -> Records:
    head = head_of(stream)
    if head.startswith(b"PAR1"):
        return parquet(stream, name)
    encoding = encoding_of(head, name)
    lines = Lines(stream, encoding, head)
    start = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    suffix = name.lower().rpartition(".")[2]
    if start.startswith("[") and (suffix == "json" or '{"' in start[:200].replace(" ", "")):
        return _json_whole(stream, name, encoding)
    if start.startswith("{") and (suffix in ("json", "jsonl", "ndjson") or '":' in start[:2000]):
        if _is_one_object(lines, stream, encoding):
            return _json_whole(stream, name, encoding)
        return _json_lines(lines, name)
    if suffix == "parquet":
        raise DataError(f"{name} is no Parquet file, or is damaged. Save it again.")
    return _delimited(lines, name, suffix, header, delimiter)


def _noted(lines: Lines) -> list[str]:
    if lines.encoding in ("utf-8", "utf-8-sig"):
        return []
    return [f"The file is encoded as {lines.encoding.upper()}."]


def _delimited(
    lines: Lines, name: str, suffix: str, header: bool | None, delimiter: str | None
) -> Records:
    sample: list[str] = []
    announced = 0
    for number, line in lines:
        if not sample and (mark := DELIMITER_LINE.fullmatch(line)):
            announced, delimiter = number, delimiter or mark[1]
            continue
        sample.append(line.rstrip("\r\n"))
        if len(sample) >= _SAMPLE_LINES:
            break
    sample = [line for line in sample if line.strip()]
    if not sample:
        raise DataError(f"{name} holds no rows. Check that the file was saved.")
    if delimiter is None and is_fasttext(sample):
        lines.forget()
        marked: Iterator[Record] = ((n, row_of(line)) for n, line in lines if line.strip())
        return Records("fastText", ("label", "text"), marked, _noted(lines), lines)
    separator = delimiter or delimiter_of(sample, suffix)
    quoted = separator != "\t" or is_quoted(sample)
    first = _fields(sample[0], separator) if quoted else None
    if first is None:  # not quoted, or a mark is left open
        first = sample[0].split(separator or _NO_DELIMITER)
    named = has_header(first) if header is None else header
    names = column_names(first) if named else tuple(f"column {n + 1}" for n in range(len(first)))
    notes = _noted(lines)
    if not named:
        phrase = (
            "a column without a name" if len(names) == 1 else f"{len(names)} columns by position"
        )
        notes.append(f"The first line reads as data and not as names: {phrase}.")
    if separator == "\t" and quoted:
        notes.append("Fields are quoted: quotation marks around a field are no part of it.")
    lines.forget()
    form = "text" if separator is None else "TSV" if separator == "\t" else "CSV"
    rows = _split(lines, separator, quoted, len(names), skip_first=named, after=announced)
    return Records(form, names, rows, notes, lines)


def _fields(text: str, delimiter: str | None) -> list[str] | None:
    """Fields of a record, or None where a quotation mark is open at its end, or is closed in the
    middle of a later line's field (it then closes something else)."""
    delimiter = delimiter or _NO_DELIMITER
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "unexpected end" in str(error) or "\n" in text:
            return None
    try:  # a quotation mark in the middle of a field: read as people mean it
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return text.split(delimiter)


def _split(
    lines: Lines,
    delimiter: str | None,
    quoted: bool,
    width: int,
    skip_first: bool,
    after: int = 0,
) -> Iterator[Record]:
    """Fields of each record. A quoted field may run over lines; one that is never closed is read
    as a character, so that it does not swallow the rest of the file."""
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MOST_QUOTED))
    source = (line for line in lines if line[0] > after)
    waiting = deque[tuple[int, str]]()
    open_marks = 0

    def following() -> tuple[int, str] | None:
        return waiting.popleft() if waiting else next(source, None)

    at = following()
    if skip_first:
        while at is not None and not at[1].strip():
            at = following()
        if at is not None and quoted and _fields(at[1].rstrip("\r\n"), delimiter) is None:
            yield at[0], Problem(at[0], "a quotation mark in the header is not closed", "quotes")
        at = following()
    while at is not None:
        number, line = at
        line = line.rstrip("\r\n")
        at = None
        if not line.strip():
            pass
        elif not quoted or '"' not in line:
            yield number, line.split(delimiter) if delimiter else [line]
        else:
            fields = _fields(line, delimiter)
            taken: list[tuple[int, str]] = []
            text = line
            while fields is None and open_marks < _FORGIVEN and len(text) < MOST_QUOTED:
                more = following()
                if more is None:
                    break
                taken.append(more)
                text = f"{text}\n{more[1].rstrip(chr(13) + chr(10))}"
                if '"' in more[1]:
                    fields = _fields(text, delimiter)
            if fields is None or (taken and len(fields) != width):
                open_marks += 1
                waiting.extendleft(reversed(taken))
                fields = line.split(delimiter) if delimiter else [line]
                phrase = "a quotation mark is not closed"
                if len(fields) == width:
                    yield number, Problem(number, f"{phrase}; read as a character", "quotes", True)
                    yield number, fields
                else:
                    yield number, Problem(number, f"{phrase}, and the row cannot be told", "quotes")
            else:
                yield number, fields
        at = following()


def _json_lines(lines: Lines, name: str) -> Records:
    names: dict[str, None] = {}
    for count, (_, line) in enumerate(lines):
        item = _object(line)
        names.update(dict.fromkeys(item if isinstance(item, dict) else ()))
        if count >= _SAMPLE_LINES:
            break
    if not names:
        raise DataError(
            f"{name} holds no JSON object a line. Write one object in each line, such as "
            '{"text": "...", "label": "..."}.'
        )
    lines.forget()
    columns = tuple(names)

    def rows() -> Iterator[Record]:
        for number, line in lines:
            if not line.strip():
                continue
            item = _object(line)
            if isinstance(item, dict):
                yield number, [item.get(column) for column in columns]
            else:
                yield number, Problem(number, f"no JSON object ({item})", "JSON")

    return Records("JSON lines", columns, rows(), _noted(lines), lines)


def _object(line: str) -> dict[str, Any] | str:
    """The object of a line, or what is wrong with it."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return str(error).split(":")[0].lower() or "not readable"
    return value if isinstance(value, dict) else f"a {type(value).__name__}"


def _is_one_object(lines: Lines, stream: BinaryIO, encoding: str) -> bool:
    """Whether the file is one JSON object that holds the table, and not an object a line."""
    first = next((line for _, line in lines if line.strip()), "")
    lines.forget()
    row = _object(first)
    if isinstance(row, dict):
        return is_table(row)
    # An object over several lines, or a broken line before good ones.
    stream.seek(0)
    raw = stream.read(_MOST_JSON + 1)
    try:
        return len(raw) <= _MOST_JSON and isinstance(json.loads(raw.decode(encoding)), dict)
    except (ValueError, RecursionError):
        return False


def _json_whole(stream: BinaryIO, name: str, encoding: str) -> Records:
    """A file that is one JSON value: a list of objects, or a table in another of pandas' shapes."""
    stream.seek(0)
    raw = stream.read(_MOST_JSON + 1)
    if len(raw) > _MOST_JSON:
        raise DataError(
            f"{name} is one JSON value of more than {_MOST_JSON // 2**20} MB, which has to be read "
            "as a whole. Write it as JSON lines: one object in each line."
        )
    try:
        value = json.loads(raw.decode(encoding))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} cannot be read as JSON ({error}). Save it again.") from error
    items = rows_of(value) or []
    names = tuple(dict.fromkeys(key for item in items if isinstance(item, dict) for key in item))
    if not names:
        raise DataError(
            f"{name} holds no table as JSON: no list of objects, and none of the shapes that "
            "pandas writes. Write one object for each row: frame.to_json(name, orient='records')."
        )

    def rows() -> Iterator[Record]:
        for number, item in enumerate(items, 1):
            if isinstance(item, dict):
                yield number, [item.get(column) for column in names]
            else:
                yield number, Problem(number, f"a {type(item).__name__}, no object", "JSON")

    return Records("JSON", names, rows(), [])
