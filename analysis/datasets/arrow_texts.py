"""Many texts without a Python string each: an Arrow column, on disk where it is large."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

IN_MEMORY = 16 * 2**20  # characters that are kept in memory before they go to disk
_CHUNK = 4 * 2**20  # characters in one chunk of a column


class ArrowTexts(Sequence[str]):
    """Texts of an Arrow column, made a string each when it is asked for."""

    def __init__(self, column: pa.ChunkedArray, rows: NDArray[np.int64] | None = None) -> None:
        self._column = column
        self._rows = rows  # which rows of the column these are; None: all of them

    def __len__(self) -> int:
        return len(self._column) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        row = place if self._rows is None else int(self._rows[place])
        text: str = self._column[row].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 4096):
            if self._rows is None:
                part = self._column.slice(start, 4096)
            else:
                part = self._column.take(pa.array(self._rows[start : start + 4096]))
            yield from part.to_pylist()

    def take(self, rows: NDArray[np.int64]) -> ArrowTexts:
        """The given rows (n,), in the given order; no text is copied."""
        chosen = rows if self._rows is None else self._rows[rows]
        return ArrowTexts(self._column, np.asarray(chosen, dtype=np.int64))


class TextWriter:
    """Collects columns of texts row by row; beyond ``IN_MEMORY`` characters they go to a file.

    The file is temporary: it is removed when nothing refers to its texts any more.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._schema = pa.schema([pa.field(name, pa.large_string()) for name in names])
        self._rows: list[tuple[str, ...]] = []
        self._size = 0  # characters in _rows
        self._batches: list[pa.RecordBatch] = []
        self._held = 0  # characters in _batches
        self._writer: pa.RecordBatchFileWriter | None = None
        self._folder: Path | None = None

    def add(self, *texts: str) -> None:
        """One row."""
        self._rows.append(texts)
        self._size += sum(map(len, texts))
        if self._size >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = [pa.array(column, pa.large_string()) for column in zip(*self._rows, strict=True)]
        self._batches.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._held += self._size
        self._rows, self._size = [], 0
        if self._writer is None and self._held >= IN_MEMORY:
            self._folder = Path(tempfile.mkdtemp(prefix="poollens-texts-"))
            self._writer = pa.ipc.new_file(str(self._folder / "texts.arrow"), self._schema)
        if self._writer is not None:
            for batch in self._batches:
                self._writer.write_batch(batch)
            self._batches = []

    def close(self) -> Mapping[str, Sequence[str]]:
        """The columns: tuples where they are small, else texts on disk."""
        if self._writer is None and not self._batches:  # small: strings are quicker
            columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
            return dict(zip(self._schema.names, columns, strict=True))
        self._flush()
        if self._writer is None:
            table = pa.Table.from_batches(self._batches, self._schema)
        else:
            self._writer.close()
            assert self._folder is not None
            mapped = pa.memory_map(str(self._folder / "texts.arrow"))
            table = pa.ipc.open_file(mapped).read_all()
        texts = {name: ArrowTexts(table[name]) for name in self._schema.names}
        if self._folder is not None:
            _remove_with(table, [column._column for column in texts.values()], self._folder)
        return texts

    def discard(self) -> None:
        """Remove what was written, after an error."""
        if self._writer is not None:
            self._writer.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _remove_with(table: pa.Table, columns: Sequence[pa.ChunkedArray], folder: Path) -> None:
    """Remove the folder when the last of the columns is gone."""
    left = [len(columns)]

    def gone() -> None:
        left[0] -= 1
        if not left[0]:
            shutil.rmtree(folder, ignore_errors=True)

    for column in columns:
        weakref.finalize(column, gone)
