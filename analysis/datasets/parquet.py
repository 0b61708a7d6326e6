"""The rows of a Parquet file, in memory that does not grow with what the file unpacks to.

A few kilobytes can stand for gigabytes: one long text that ten thousand rows share, or a column
that is packed a thousandfold. Texts that rows share are made once, and a part of the file that
would unpack to more than can be held is refused before it is read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from analysis.datasets.files import DataError
from analysis.datasets.guess import LABELS, column_names
from analysis.datasets.record import Problem, Record, Records

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet as pq

MOST_UNPACKED = 512 * 2**20  # bytes of one column in one part (row group) of a file
MOST_VALUES = 20_000_000  # entries of all lists of one column in one part of a file
MOST_LISTED = 100_000  # characters of the entries of one list
_BATCH_BYTES = 16 * 2**20  # of all columns in one batch, as the file states their size
_MOST_ROWS = 8192  # in one batch


def parquet(stream: BinaryIO, name: str) -> Records:
    """The records of a Parquet file; columns of lists or bytes are left out, which is noted.

    Raises
    ------
    DataError
        The file is damaged, has no column of texts or numbers, or unpacks to more than can be held.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        plain = pq.ParquetFile(stream)
        schema = plain.schema_arrow
        texts = [f.name for f in schema if pa.types.is_string(f.type) or _large(f.type)]
        lists = [field.name for field in schema if _labels(field)]
        texts += [
            leaf.path
            for leaf in map(plain.schema.column, range(len(plain.schema.names)))
            if leaf.path.partition(".")[0] in lists and leaf.physical_type == "BYTE_ARRAY"
        ]
        file = pq.ParquetFile(stream, metadata=plain.metadata, read_dictionary=texts)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{name} is a damaged Parquet file ({error}). Save it again.") from error
    places = [
        place
        for place, field in enumerate(schema)
        if not (pa.types.is_nested(field.type) or _bytes(field.type)) or _labels(field)
    ]
    left = [schema.names[place] for place in range(len(schema)) if place not in places]
    if not places:
        raise DataError(f"{name} has no column of texts or numbers. It cannot be read as a table.")
    _check_sizes(file.metadata, stream, name, lists)
    columns = list(dict.fromkeys(schema.names[place] for place in places))
    notes = []
    if left:
        notes.append(f"Columns of lists or bytes are left out: {', '.join(left)}.")
    names = column_names([schema.names[place] for place in places])
    rows = _rows(file, columns, _rows_a_batch(file.metadata))
    return Records(
        "Parquet", names, rows, notes, label_names=_hub_labels(schema.metadata), left=tuple(left)
    )


def _labels(field: pa.Field) -> bool:
    """Whether a column may hold several labels a row: lists of texts or whole numbers, or lists
    of any numbers under the name of a label. A list of fractions is a vector."""
    import pyarrow as pa

    kind = field.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    item = kind.value_type
    if pa.types.is_dictionary(item):
        item = item.value_type
    if pa.types.is_nested(item) or _bytes(item):
        return False
    return not pa.types.is_floating(item) or field.name.casefold() in LABELS


def _bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _large(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_large_string(kind))


def _check_sizes(about: pq.FileMetaData, stream: BinaryIO, name: str, lists: list[str]) -> None:
    groups = [about.row_group(group).total_byte_size for group in range(about.num_row_groups)]
    if max(groups, default=0) <= MOST_UNPACKED and not lists:
        return  # so is every column
    for column, size, values in _column_sizes(stream, name):
        if values > MOST_VALUES and column.partition(".")[0] in lists:
            raise DataError(
                f"{name}: the lists of column {column.partition('.')[0]!r} have {values:,} entries "
                f"in one part of the file (at most {MOST_VALUES:,}). Leave the column out."
            )
        if size > MOST_UNPACKED:
            raise DataError(
                f"{name}: column {column!r} unpacks to {size / 2**20:,.0f} MB in one part of the "
                f"file (at most {MOST_UNPACKED // 2**20} MB). Write it with smaller row groups."
            )


_SIZES = """
import io, json, sys
from pyarrow.parquet import read_metadata
about = read_metadata(io.BytesIO(sys.stdin.buffer.read()))
groups = map(about.row_group, range(about.num_row_groups))
columns = [group.column(place) for group in groups for place in range(group.num_columns)]
print(json.dumps([
    (column.path_in_schema, column.total_uncompressed_size, column.num_values) for column in columns
]))
"""


def _column_sizes(stream: BinaryIO, name: str) -> list[tuple[str, int, int]]:
    """(column, unpacked bytes, values) of every part of the file, in order.

    Another process looks at its last bytes: what pyarrow says of a column ends the whole process
    where that is damaged ("terminate called after throwing", seen in 26.0).
    """
    stream.seek(-8, os.SEEK_END)
    length = int.from_bytes(stream.read(4), "little")
    stream.seek(-8 - length, os.SEEK_END)
    ending = stream.read()
    stream.seek(0)
    command = [sys.executable, "-c", _SIZES]
    answer = subprocess.run(command, input=b"PAR1" + ending, capture_output=True, check=False)
    try:
        return [(str(path), int(size), int(n)) for path, size, n in json.loads(answer.stdout)]
    except ValueError:
        raise DataError(f"{name} is a damaged Parquet file. Save it again.") from None


def _rows_a_batch(about: pq.FileMetaData) -> int:
    rows = max(about.num_rows, 1)
    size = sum(about.row_group(g).total_byte_size for g in range(about.num_row_groups))
    return int(min(max(_BATCH_BYTES * rows // max(size, 1), 1), _MOST_ROWS))


def _rows(file: pq.ParquetFile, columns: list[str], size: int) -> Iterator[Record]:
    import pyarrow as pa

    number = 0
    try:
        for batch in file.iter_batches(batch_size=size, columns=columns):
            for values in zip(*map(_values, batch.columns), strict=True):
                number += 1
                yield number, values
    except (pa.ArrowException, OSError) as error:
        phrase = f"the file is damaged from here on ({error})"
        yield number + 1, Problem(number + 1, phrase, "damaged")


def _values(column: pa.Array) -> list[Any]:
    """The values of a column of one batch; rows that share a text share its string."""
    import pyarrow as pa

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _lists(column)
    if not pa.types.is_dictionary(column.type):
        return _plain(column)
    shared = _plain(column.dictionary)
    return [None if place is None else shared[place] for place in column.indices.to_pylist()]


def _lists(column: pa.Array) -> list[list[Any] | None]:
    """The lists of a column; each ends behind MOST_LISTED characters, which is too many."""
    import pyarrow.compute as pc

    entries, place = _values(column.flatten()), 0
    cut: dict[int, str] = {}  # of entries that rows share, one string each
    lists: list[list[Any] | None] = []
    for length in pc.list_value_length(column).to_pylist():
        kept: list[Any] = []
        characters = 0
        for entry in entries[place : place + (length or 0)]:
            if characters > MOST_LISTED:
                break
            if isinstance(entry, str) and len(entry) > MOST_LISTED:
                entry = cut.setdefault(id(entry), entry[: MOST_LISTED + 1])
            kept.append(entry)
            characters += len(entry) if isinstance(entry, str) else 1
        lists.append(None if length is None else kept)
        place += length or 0
    return lists


def _plain(column: pa.Array) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
        return values
    except UnicodeDecodeError:  # texts that are no UTF-8: read as such bytes of a CSV are
        import pyarrow as pa

        raw = column.cast(pa.large_binary() if _large(column.type) else pa.binary()).to_pylist()
        return [None if value is None else _decoded(value) for value in raw]


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _hub_labels(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Names of the classes that the Hub's own Parquet files carry, column by column."""
    try:
        about = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        features = about.get("info", {}).get("features", {})
        return {
            column: tuple(map(str, feature["names"]))
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}
