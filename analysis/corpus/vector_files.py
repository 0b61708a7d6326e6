"""Vectors of any other program: a file of NumPy or Parquet, and the rows that they belong to.

What ``SentenceTransformer.encode`` returns is such an array; ``numpy.save`` writes it. The texts
lie in a table of the same name beside it (``vectors.npy`` and ``vectors.csv``), or in the Parquet
file itself. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.common.faults import reason
from analysis.corpus.vector_folder import VectorFolder, of_parquet
from analysis.datasets.table import Table

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
    columns = _columns(table)
    rows = len(next(iter(columns.values()), ()))
    if rows != count:
        raise ValueError(
            f"{path.name} holds {count:,} vectors and {table.name} {rows:,} rows; they must be as "
            "many, in one order."
        )
    names = list(columns)
    text = next((name for name in names if name in ("text", "sentence", "texts")), names[0])
    label = next((name for name in names if name in ("label", "labels", "class")), None)
    classes: tuple[str, ...] = ()
    codes = None
    if label is not None and label != text:
        members, codes = np.unique(np.array(columns[label], dtype=object), return_inverse=True)
        classes = tuple(str(member) for member in members)
    more = {name: values for name, values in columns.items() if name not in (text, label)}
    shown = tuple(words or "(empty)" for words in columns[text])
    return Table("own", path.stem, shown, None, codes, classes), more


def _columns(table: Path) -> dict[str, tuple[str, ...]]:
    """A table's columns as words; lines of plain text are one column."""
    import pandas as pd

    kind = table.suffix.lower()
    try:
        if kind == ".txt":
            lines = table.read_text(encoding="utf-8-sig").splitlines()
            return {"text": tuple(lines)}
        if kind in (".csv", ".tsv"):
            mark = "," if kind == ".csv" else "\t"
            frame = pd.read_csv(
                table, sep=mark, dtype=str, keep_default_na=False, encoding="utf-8-sig"
            )
        elif kind == ".parquet":
            frame = pd.read_parquet(table)
        else:
            frame = pd.read_json(table, lines=kind != ".json", dtype=False)
    except Exception as error:
        raise ValueError(f"{table.name} cannot be read as a table: {reason(error)}") from None
    return {str(name): tuple(map(str, frame[name].tolist())) for name in frame.columns}
