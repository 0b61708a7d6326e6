"""States on disk: one file of float16 vectors a view, token after token, that grows by windows.

A view's folder holds ``vectors.bin`` (tokens, d), ``rows.bin`` (two int32 a row: its tokens, and
tokens cut off) and ``done.json``, which says how much of both is whole, with a sum of each. It is
written last, by one rename: what a killed process left beyond it is cut off at the next start.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.common.whole import why_not_written, write_whole

if TYPE_CHECKING:
    from torch import Tensor

FILES = ("vectors.bin", "rows.bin")
PRECISIONS = {"float16": np.float16, "float32": np.float32}


@dataclass(frozen=True)
class Stored:
    """A view's vectors as they lie on disk, memory-mapped: rows one after the other."""

    vectors: Tensor  # (tokens, d), mapped
    starts: NDArray[np.int64]  # (N + 1,) where each row begins
    cut: NDArray[np.int32]  # (N,) tokens beyond the limit


class ViewFile:
    """One view on disk, to be continued where it ended."""

    def __init__(self, folder: Path, width: int, precision: str) -> None:
        self.folder, self.width, self.precision = folder, width, precision
        self.kind = np.dtype(PRECISIONS[precision])
        folder.mkdir(parents=True, exist_ok=True)
        done = read_done(folder)
        self.rows, self.tokens = done.get("rows", 0), done.get("tokens", 0)
        self._sums = {name: done.get(name) for name in FILES}
        for name, size in self._sizes().items():
            path = folder / name
            if path.is_file() and path.stat().st_size > size:
                os.truncate(path, size)  # a window that was not finished
            elif size and (not path.is_file() or path.stat().st_size < size):
                self.rows = self.tokens = 0  # something was taken away: begin anew
        if self.rows and any(
            known not in (None, self._sum(name)) for name, known in self._sums.items()
        ):
            self.rows = self.tokens = 0  # a bit has changed
        if not self.rows:
            self._sums = dict.fromkeys(FILES, 0)
            for name in FILES:
                (folder / name).write_bytes(b"")

    def _sum(self, name: str) -> int:
        summary = 0
        with (self.folder / name).open("rb") as file:
            while piece := file.read(1 << 22):
                summary = zlib.crc32(piece, summary)
        return summary

    def _sizes(self) -> dict[str, int]:
        return {
            "vectors.bin": self.tokens * self.width * self.kind.itemsize,
            "rows.bin": self.rows * 8,
        }

    def add(self, vectors: np.ndarray, tokens: NDArray[np.int32], cut: NDArray[np.int32]) -> None:
        """Append whole rows: (sum of tokens, d), (R,), (R,).

        Raises
        ------
        ValueError
            The disk is full (what is whole stays), or a value does not fit.
        """
        with np.errstate(over="ignore"):
            stored = np.ascontiguousarray(vectors, self.kind)
        if not np.isfinite(stored).all():
            raise ValueError(
                f"the encoder's states reach {np.abs(vectors).max():.3g}, which float16 cannot "
                "hold. Ask for precision='float32'."
                if np.isfinite(vectors).all()
                else "the encoder's states are not finite: its weights are damaged. Use another."
            )
        lengths = np.ascontiguousarray(np.stack([tokens, cut], axis=1), np.int32)
        try:
            sums = dict(self._sums)
            for name, array in zip(FILES, (stored, lengths), strict=True):
                with (self.folder / name).open("ab") as file:
                    array.tofile(file)
                    file.flush()
                    os.fsync(file.fileno())
                before = sums[name]
                if before is not None:  # a file of an earlier version has none
                    sums[name] = zlib.crc32(array.tobytes(), before)
            rows, total = self.rows + len(tokens), self.tokens + len(stored)
            known = {name: value for name, value in sums.items() if value is not None}
            write_whole(
                self.folder / "done.json", json.dumps({"rows": rows, "tokens": total, **known})
            )
        except OSError as error:
            for name, size in self._sizes().items():
                with contextlib.suppress(OSError):
                    os.truncate(self.folder / name, size)
            raise ValueError(why_not_written(error, self.folder / "vectors.bin")) from error
        self.rows, self.tokens, self._sums = rows, total, sums

    def open(self) -> Stored:
        """The vectors, memory-mapped."""
        import torch

        kind = {"float16": torch.float16, "float32": torch.float32}[self.precision]
        rows = np.fromfile(self.folder / "rows.bin", np.int32, 2 * self.rows).reshape(-1, 2)
        size = self.tokens * self.width
        vectors = torch.from_file(
            str(self.folder / "vectors.bin"), shared=False, size=size, dtype=kind
        )
        starts = np.zeros(self.rows + 1, np.int64)
        np.cumsum(rows[:, 0], out=starts[1:])
        return Stored(vectors.reshape(self.tokens, self.width), starts, rows[:, 1].copy())


def read_done(folder: Path) -> dict[str, int]:
    """Number of whole rows and tokens; 0 where that cannot be read."""
    try:
        done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
        return {name: int(done[name]) for name in ("rows", "tokens", *FILES) if name in done}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
