"""A record of a file: its fields with its row number, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.datasets.lines import Lines


@dataclass(frozen=True)
class Problem:
    """Something wrong with a row of a file, and whether the row was kept."""

    row: int
    what: str
    kind: str
    kept: bool = False


Record = tuple[int, "Sequence[Any] | Problem"]


@dataclass
class Records:
    """An open file as records: names of its columns, an iterator, what was found on the way."""

    form: str  # "CSV", "TSV", "JSON lines", "JSON", "Parquet", "fastText", "text"
    names: tuple[str, ...]
    rows: Iterator[Record]
    notes: list[str]
    lines: Lines | None = None
    label_names: Mapping[str, tuple[str, ...]] | None = None  # of a Parquet file from the Hub
    left: tuple[str, ...] = ()  # columns that are not read: lists of vectors, bytes
