"""Arrays as the short text that scripts in the browser read: base64 of 1, 8 or 16 bits a number."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

UNKNOWN = 254  # the code of a number that is not known
_STEPS = 200  # of a ramp of colours


class Square:
    """The square around points (N, 2), 4 % larger, on which maps are drawn."""

    def __init__(self, layouts: Sequence[np.ndarray]) -> None:
        every = np.concatenate(list(layouts))
        low, high = every.min(axis=0), every.max(axis=0)
        self.middle = (low + high) / 2
        self.side = float((high - low).max()) * 1.04 or 1.0

    def place(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) -> 0..1 inside the square; what lies outside of it is not cut."""
        return np.asarray((points - self.middle) / self.side + 0.5)


def coordinates(places: np.ndarray) -> str:
    """(N, 2) in 16 bits each, for the unit square and as much again on each side of it."""
    return _base64(np.clip(np.rint((places + 1) / 3 * 65535), 0, 65535).astype("<u2"))


def cells(values: np.ndarray) -> tuple[str, float]:
    """Values (R, K) in 16 bits a cell from 0 to the largest value, and that value."""
    highest = max(float(values.max(initial=0.0)), 1e-12)
    return _base64(np.round(values / highest * 65535).clip(0, 65535).astype("<u2")), highest


def classes(codes: np.ndarray, most: int, count: int) -> tuple[str, list[int]]:
    """Classes (N,) as bytes, those from `most` - 1 on as one; and how often each of `count` is."""
    short = np.minimum(codes, most - 1).astype(np.uint8)
    return _base64(short), np.bincount(short, minlength=count).tolist()


def ramps(panels: Sequence[np.ndarray]) -> tuple[list[str], float, float, bool]:
    """Numbers (N,) of each panel on one ramp: bytes, its ends, and whether any is not known."""
    arrays = [np.asarray(values, float) for values in panels]
    every = np.concatenate(arrays)
    finite = every[np.isfinite(every)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    codes = [_base64(_ramp(values, low, high)) for values in arrays]
    return codes, low, high, bool(finite.size < every.size)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 to 200 along the ramp; `UNKNOWN` where there is no number."""
    share = (np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0)
    codes = np.clip(np.rint(share * _STEPS), 0, _STEPS)
    return np.where(np.isfinite(values), codes, UNKNOWN).astype(np.uint8)


def flags(values: Sequence[bool]) -> str:
    """One bit a value, the first in the lowest bit of the first byte."""
    return _base64(np.packbits(np.asarray(values, bool), bitorder="little"))


def flags_at(places: Sequence[int], count: int) -> str:
    """`count` bits, those of the `places` set."""
    marked = np.zeros(count, bool)
    marked[list(places)] = True
    return flags(marked.tolist())


def repeated(numbers: Sequence[int] | Sequence[str], rows: int) -> np.ndarray:
    """Whole numbers (N,), 32 bits each, the same in every one of `rows` rows: (R, N)."""
    row = np.array(list(numbers), np.int32)
    return np.broadcast_to(row, (rows, len(row))).copy()


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
