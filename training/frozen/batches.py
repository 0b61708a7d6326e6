"""Batches of stored states: rows of different lengths as padded tensors, in reused memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.frozen.store import Stored


class Rooms:
    """Memory that batches are read into, kept from one to the next: a batch of many seeds has some
    hundred MB, and memory that is new each time costs more than the reading.
    """

    def __init__(self) -> None:
        self._stored: Tensor | None = None  # as on disk, float16
        self._read: Tensor | None = None  # float32

    def read(self, vectors: Tensor, index: NDArray[np.int64]) -> Tensor:
        """Rows `index` (n,) of vectors (N, d) -> (n, d) float32, valid until the next call."""
        count, width = len(index), vectors.shape[1]
        if self._stored is None or self._read is None or len(self._read) < count:
            self._stored = torch.empty((count, width), dtype=vectors.dtype)
            self._read = torch.empty((count, width), dtype=torch.float32)
        part = self._stored[:count]
        np.take(vectors.numpy(), index, axis=0, out=part.numpy(), mode="clip")
        return self._read[:count].copy_(part)


def batch_of(
    stored: Stored,
    rows: NDArray[np.int64],
    *,
    first_only: bool = False,
    rooms: Rooms | None = None,
) -> tuple[Tensor, Tensor]:
    """Rows (R,) -> vectors (R, T, d) float32 and mask (R, T); padding is zero, on the right.

    With `rooms` the vectors are valid until the next batch that is read into them.
    """
    rows = np.asarray(rows, np.int64)
    begin = stored.starts[rows]
    lengths = stored.starts[rows + 1] - begin
    longest = 1 if first_only else int(lengths.max())
    place = np.arange(longest)
    real = place[None] < lengths[:, None]
    index = begin[:, None] + np.minimum(place[None], lengths[:, None] - 1)
    vectors = (rooms or Rooms()).read(stored.vectors, index.reshape(-1))
    padding = np.flatnonzero(~real)
    if len(padding):
        vectors.index_fill_(0, torch.from_numpy(padding), 0.0)
    return vectors.reshape(*real.shape, -1), torch.from_numpy(real)
