"""Parts of a pass over a data set, and how they are written to disk. No torch."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis.corpus.predictions import write_part

PART_ROWS, PART_SECONDS = 4096, 5.0  # a part is written when either is reached
_FIRST_SECONDS = 1.0  # until the first part, from which a picture is drawn early; then ever longer


@dataclass(frozen=True)
class Piece:
    """Results of one forward pass: places in the batch, row numbers, and each reader's columns."""

    places: np.ndarray
    row: pa.Array
    columns: list[list[pa.Array]]


@dataclass
class Budget:
    """Tokens and rows in one pass, padding included; halved for good where memory ran out."""

    tokens: int
    rows: int
    alike: bool = False  # rows of equal length only

    def slices(self, lengths: np.ndarray) -> list[np.ndarray]:
        """Places (n,) by falling length, of `lengths` (N,) in tokens, cut so that rows x longest
        stays within the budget.
        """
        order = np.argsort(-lengths, kind="stable")
        passes, start = [], 0
        while start < len(order):
            longest = int(lengths[order[start]])
            count = min(max(self.tokens // longest, 1), self.rows)
            # Rows of one length need no padding and no mask, which is worth a smaller pass.
            alike = int((lengths[order[start : start + count]] == longest).sum())
            count = alike if self.alike or 2 * alike >= count else count
            passes.append(order[start : start + count])
            start += count
        return passes


def halves(places: np.ndarray) -> list[np.ndarray]:
    """A slice (n,) in two, the second first."""
    middle = (len(places) + 1) // 2
    return [places[middle:], places[:middle]]


class Parts:
    """Collects pieces and writes them for each reader: in parts, and the rest on the way out.

    A part is written beside the passes that follow it; one at a time, so that no more than two
    parts are ever held in memory.

    Raises
    ------
    OSError
        From `add`, `write` or on the way out: the disk is full, or the folder cannot be written to.
    """

    def __init__(self, place: Path, schemas: Mapping[str, pa.Schema]) -> None:
        self._place, self._schemas = place, schemas
        self._pieces: list[Piece] = []
        self._rows, self._written = 0, math.inf  # the clock starts with the first piece
        self._seconds = _FIRST_SECONDS
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="parts")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.write()  # also after an error or a stop: what is done stays done
            self._wait()
        finally:
            self._writer.shutdown()

    def add(self, piece: Piece) -> None:
        """Keep a piece; write a part where enough rows or seconds have come together."""
        self._written = min(self._written, time.monotonic())
        self._pieces.append(piece)
        self._rows += len(piece.places)
        if self._rows >= PART_ROWS or time.monotonic() - self._written >= self._seconds:
            self.write()
            self._seconds = min(2 * self._seconds, PART_SECONDS)

    def write(self) -> None:
        """Begin to write everything that is not on disk yet, once the part before is."""
        self._wait()
        if self._pieces:
            self._writing = self._writer.submit(self._write, self._pieces)
        self._pieces, self._rows, self._written = [], 0, time.monotonic()

    def _wait(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _write(self, pieces: list[Piece]) -> None:
        for index, (name, schema) in enumerate(self._schemas.items()):
            batches = [
                pa.RecordBatch.from_arrays([piece.row, *piece.columns[index]], schema=schema)
                for piece in pieces
            ]
            write_part(self._place, name, batches)
