"""Training inputs of the members, row by row: token vectors from disk, or vectors pooled once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.heads import PoolingHead, pooling
from training.frozen.batches import Rooms, batch_of
from training.frozen.reading import Reading
from training.frozen.states import States

_IN_MEMORY = 256 * 2**20  # bytes of pooled vectors; more of them lie beside the states
_TOKENS = 8192  # in one batch that is only read


class TokenInputs:
    """Batches of token vectors, for a head that learns before it pools."""

    def __init__(self, states: States, reading: Reading, dtype: torch.dtype) -> None:
        self.reading, self.dtype = reading, dtype
        self.views = [states.view(view) for view in reading.views]
        self.lengths = np.ones(len(states), np.int64) if reading.first_only else states.lengths
        self._rooms = [Rooms() for _ in self.views]

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Rows (M, B) or (B,) -> hidden (M, layers, B, T, d) and mask (M, B, T), or without M.

        Hidden states are valid until the next batch.
        """
        parts, mask = [], None
        for view, rooms in zip(self.views, self._rooms, strict=True):
            vectors, mask = batch_of(
                view, rows.reshape(-1), first_only=self.reading.first_only, rooms=rooms
            )
            parts.append(vectors.to(self.dtype).reshape(*rows.shape, *vectors.shape[1:]))
        assert mask is not None
        return self.reading.hidden(parts), mask.reshape(*rows.shape, -1).long()


class VectorInputs:
    """Vectors (N, D) that a head without parameters of its own pooled once for all seeds."""

    def __init__(
        self, states: States, reading: Reading, head: PoolingHead, dtype: torch.dtype
    ) -> None:
        tokens = TokenInputs(states, reading, torch.float32)
        self.lengths = np.ones(len(states), np.int64)
        read = reading.head(head)
        shape = (len(states), head.output_size)
        self.vectors: NDArray[np.float32]
        if 4 * shape[0] * shape[1] <= _IN_MEMORY:
            self.vectors = np.empty(shape, np.float32)
        else:
            import tempfile

            with tempfile.TemporaryFile(dir=states.folder) as file:  # gone with the array
                self.vectors = np.memmap(file, np.float32, "w+", shape=shape)
        self.dtype = dtype
        with torch.no_grad(), pooling.clean_padding():
            for rows in even_batches(tokens.lengths):
                self.vectors[rows] = read.read(*tokens.batch(rows)).vector.numpy()

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Rows (M, B) or (B,) -> vectors (M, B, D), or without M."""
        return (torch.from_numpy(self.vectors[rows]).to(self.dtype),)


Inputs = TokenInputs | VectorInputs


def even_batches(lengths: NDArray[np.int64], tokens: int = _TOKENS) -> list[NDArray[np.int64]]:
    """All rows, by length, in batches of at most so many tokens with their padding."""
    order = np.argsort(lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * lengths[order[stop]] <= tokens:
            stop += 1
        batches.append(order[start:stop])
        start = stop
    return batches


def epoch_batches(
    lengths: NDArray[np.int64], size: int, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Places 0 to n - 1 in batches of ``size``, rows of similar length side by side.

    The order depends on seed and epoch alone. Which batch of a block comes when depends on the
    epoch alone, so that members of different seeds meet batches of similar length together.
    """
    draw = np.random.default_rng([seed, epoch, 1])
    order = draw.permutation(len(lengths))
    block = size * max(1, min(len(lengths) // (size * 4), 50))
    parts = [order[start : start + block] for start in range(0, len(order), block)]
    order = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in parts])
    whole = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    turn = np.random.default_rng([epoch, 2]).permutation(len(whole))
    rest = order[len(whole) * size :]
    return [whole[index] for index in turn] + ([rest] if len(rest) else [])
