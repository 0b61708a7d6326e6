"""Vectors of any other program: a file of NumPy or Parquet, and the rows that they belong to.

What ``SentenceTransformer.encode`` returns is such an array; ``numpy.save`` writes it. The texts
lie in a table of the same name beside it (``vectors.npy`` and ``vectors.csv``), or in the Parquet
file itself. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.corpus.vector_folder import VectorFolder, of_parquet
from analysis.datasets.guess import guess_columns
from analysis.datasets.lines import Lines, encoding_of, head_of, opened
from analysis.datasets.record import Problem
from analysis.datasets.records import records
from analysis.datasets.table import Table
from analysis.text.tokens import clean, one_line

VECTORS = (".npy", ".parquet")
TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet")
_WRITE = "Write them with numpy.save('vectors.npy', model.encode(texts))."
MOST_DIMENSIONS = 65_536


def open_vectors(path: str | Path, most: int = 100_000, seed: int = 0) -> VectorFolder:
    """Read a file of vectors (N, d): ``.npy``, or ``.parquet`` with columns of lists of numbers.

    Of more than ``most`` rows a seeded sample is read. Each column of lists in Parquet is a map of
    its own; its texts are the column "text", "sentence" or the first of words. Rows without texts
    are named by their numbers.

    Raises
    ------
    ValueError
        The file holds no vectors, or another number of them than the table beside it has rows.
    """
    path = Path(path)
    if path.suffix.lower() not in VECTORS:
        raise ValueError(f"{path.name} is no file of vectors: .npy and .parquet are. {_WRITE}")
    table = _table_beside(path)
    if path.suffix.lower() == ".parquet":
        opened = of_parquet([path], path.stem, most=most, seed=seed)
        if table is None:
            return opened
        count, notes = len(opened.table), opened.notes
        vectors: dict[tuple[str, int], np.ndarray] = opened.vectors
        if notes:
            raise ValueError(
                f"{path.name} has more than {most:,} rows: put the texts into the Parquet file "
                "itself, or take fewer rows."
            )
    else:
        array = _array(path)
        count, notes = len(array), ()
        vectors = {("vectors", 0): array}
    shown = _numbered(path.stem, count)
    more: dict[str, tuple[str, ...]] = {}
    if table is not None:
        shown, more = _rows(table, path, count)
    if count > most:
        notes = (f"A random sample of {most:,} of the file's {count:,} rows.",)
        kept = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
        shown = shown.take(kept)
        more = {name: tuple(values[row] for row in kept) for name, values in more.items()}
        vectors = {name: held[kept] for name, held in vectors.items()}
    chosen = {name: np.ascontiguousarray(held, np.float32) for name, held in vectors.items()}
    opened = VectorFolder(shown, chosen, path.name, "", more, notes)
    return replace(opened, weights=digest_of(opened))


def digest_of(opened: VectorFolder) -> str:
    """A name for the vectors themselves: nothing else says where they come from."""
    named = hashlib.sha256()
    for held in opened.vectors.values():
        named.update(np.ascontiguousarray(held).tobytes())
    return named.hexdigest()[:20]


def _array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        reason = "it is damaged, or holds Python objects, which are never unpickled"
        raise ValueError(f"{path.name} cannot be read as an array: {reason}. {_WRITE}") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "fiu":
        shape = " × ".join(map(str, getattr(array, "shape", ()))) or "no"
        raise ValueError(
            f"{path.name} holds {shape} values of type {getattr(array, 'dtype', 'unknown')}; a map "
            f"takes numbers, a row for each text. {_WRITE}"
        )
    if not 2 <= array.shape[1] <= MOST_DIMENSIONS or not len(array):
        raise ValueError(
            f"{path.name} holds {len(array):,} vectors of {array.shape[1]:,} numbers; a map takes "
            f"at least one vector of 2 to {MOST_DIMENSIONS:,} numbers."
        )
    return array


def _table_beside(path: Path) -> Path | None:
    beside = [path.with_suffix(suffix) for suffix in TABLES]
    return next(
        (path_beside for path_beside in beside if path_beside != path and path_beside.is_file()),
        None,
    )


def _numbered(name: str, count: int) -> Table:
    texts = tuple(f"row {row + 1:,}" for row in range(count))
    return Table("own", name, texts, None, None, ())


def _rows(table: Path, path: Path, count: int) -> tuple[Table, dict[str, tuple[str, ...]]]:
    """The rows of a table, which must be ``count``, and their further columns."""
    columns, text, label = _columns(table)
    rows = len(columns[text])
    if rows != count:
        raise ValueError(
            f"{path.name} holds {count:,} vectors and {table.name} {rows:,} rows; they must be as "
            "many, in one order."
        )
    classes: tuple[str, ...] = ()
    codes = None
    if label is not None:
        named = [one_line(name) for name in columns[label]]
        members, codes = np.unique(np.array(named, dtype=object), return_inverse=True)
        classes = tuple(str(member) for member in members)
    more = {name: values for name, values in columns.items() if name not in (text, label)}
    shown = tuple(clean(words)[0] or "(empty)" for words in columns[text])
    return Table("own", path.stem, shown, None, codes, classes), more


def _columns(table: Path) -> tuple[dict[str, tuple[str, ...]], str, str | None]:
    """A table's columns as words, and which are the text and the label; lines of plain text are
    one column. Read as data sets are: any encoding, delimiter and shape of JSON."""
    with opened(table, table.name) as stream:
        if table.suffix.lower() == ".txt":
            head = head_of(stream)
            lines = [line for _, line in Lines(stream, encoding_of(head, table.name), head)]
            texts = "".join(lines).rstrip("\r\n").replace("\r\n", "\n").split("\n")
            return {"text": tuple(texts)}, "text", None
        form = records(stream, table.name)
        rows: list[Sequence[object]] = []
        for number, row in form.rows:
            if isinstance(row, Problem):
                if not row.kept:
                    raise ValueError(f"{table.name}, row {number}: {row.what}. Correct the row.")
            elif any(map(_word, row[len(form.names) :])):
                raise ValueError(
                    f"{table.name}, row {number}: {len(row)} fields, and {len(form.names)} columns "
                    "have names. Is a delimiter inside a text?"
                )
            else:
                rows.append(row)
    guessed = guess_columns(form.names, rows[:50], pairs=False)
    columns = {
        name: tuple(_word(row[place]) if place < len(row) else "" for row in rows)
        for place, name in enumerate(form.names)
    }
    return columns, guessed.text, guessed.label


def _word(value: object) -> str:
    return "" if value is None or value != value else str(value).strip()
