"""JSON that is no list of objects: the shapes in which pandas and others write a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.datasets.guess import LABELS, PAIRS, TEXTS, column_names, has_header

_KNOWN = {*TEXTS, *PAIRS, *LABELS}


def rows_of(value: Any) -> list[Any] | None:
    """The rows of a JSON value, an object a row; None where it is no table.

    A list of objects; a list of lists (pandas' ``values``, its first row may hold the names); and
    objects: of columns (``columns``, or a list each), of rows (``index``), with names apart
    (``split``, ``tight``), with a schema (``table``), or with the rows under a name of their own.
    """
    if isinstance(value, list):
        return _listed(value)
    if not isinstance(value, dict) or not value:
        return None
    data, columns = value.get("data"), value.get("columns")
    if isinstance(data, list) and isinstance(columns, list):
        return _listed(data, [str(name) for name in columns])
    parts = list(value.values())
    if all(isinstance(part, dict) for part in parts):
        return _of_rows(value) if _keys_are_rows(value) else _of_columns(value)
    if all(isinstance(part, list) for part in parts):
        lengths = {len(part) for part in parts}
        plain = not any(isinstance(item, dict) for part in parts for item in part)
        if len(parts) > 1 and len(lengths) == 1 and plain:
            names = list(value)
            return [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]
    tables = [part for part in parts if isinstance(part, list) and part]
    tables = [part for part in tables if all(isinstance(item, dict) for item in part)]
    # A table with a schema, or rows under one name beside remarks of some sort.
    return tables[0] if len(tables) == 1 else None


def is_table(value: Mapping[str, Any]) -> bool:
    """Whether one object holds a whole table, and is not a row of its own."""
    rows = rows_of(value)
    return bool(rows) and all(isinstance(row, dict) for row in rows or ())


def _listed(rows: Sequence[Any], names: Sequence[str] = ()) -> list[Any] | None:
    if not names and any(isinstance(row, dict) for row in rows):
        return list(rows)
    lists = [row for row in rows if isinstance(row, list)]
    if not lists or len(lists) < len(rows):
        return None
    if not names:
        first = [str(cell) for cell in lists[0]]
        if all(isinstance(cell, str) for cell in lists[0]) and _named(first):
            names, lists = column_names(first), lists[1:]
        else:
            names = [f"column {place + 1}" for place in range(max(map(len, lists)))]
    return [dict(zip(names, row, strict=False)) for row in lists]


def _named(first: Sequence[str]) -> bool:
    known = [name.strip().casefold() in _KNOWN for name in first]
    return any(known) and has_header(first)


def _keys_are_rows(value: Mapping[str, Any]) -> bool:
    """Whether the keys of an object of objects are those of rows, and not names of columns."""
    inner = {str(key) for part in value.values() for key in part}
    for keys, rows in ((inner, True), (set(map(str, value)), False)):
        if any(key.strip().casefold() in _KNOWN for key in keys):
            return rows
    if all(key.isdigit() for key in inner):
        return False
    return all(str(key).isdigit() for key in value) or len(inner) <= len(value)


def _of_rows(value: Mapping[str, Any]) -> list[Any]:
    return list(value.values())


def _of_columns(value: Mapping[str, Any]) -> list[Any]:
    order = list(dict.fromkeys(key for column in value.values() for key in column))
    return [{name: column.get(key) for name, column in value.items()} for key in order]
