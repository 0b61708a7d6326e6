"""Small reductions of arrays that pages ask for: largest, order, mean and spread over seeds."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass

import numpy as np


def largest(*arrays: np.ndarray | None) -> float:
    """Largest absolute value of arrays of any shape (...); NaN and None aside; 0 without any."""
    known = [np.abs(array[np.isfinite(array)]) for array in arrays if array is not None]
    return max((float(values.max(initial=0.0)) for values in known), default=0.0)


def order(values: np.ndarray) -> list[int]:
    """Places of values (N,), the largest first; of equal ones the first first."""
    return [int(place) for place in np.argsort(-np.asarray(values), kind="stable")]


def order_by_size(rows: Sequence[np.ndarray]) -> list[int]:
    """Places of (M, N), the largest mean absolute value over rows first."""
    return order(np.abs(np.stack(list(rows))).mean(axis=0))


def top(values: np.ndarray) -> int:
    """Place of the largest absolute value of (N,)."""
    return int(np.abs(values).argmax())


def row_or_mean(rows: np.ndarray, index: int | None) -> np.ndarray:
    """Row `index` of (M, ...), or the mean over all where it is None or not there."""
    return np.asarray(rows.mean(axis=0) if index is None or index >= len(rows) else rows[index])


def spread(rows: Sequence[np.ndarray] | np.ndarray | None) -> np.ndarray | None:
    """Standard deviation (ddof = 1) over the first axis of (M, ...); None for fewer than two."""
    if rows is None or len(rows) < 2:
        return None
    return np.asarray(np.std(np.asarray(rows), axis=0, ddof=1))


def spread_of_rows(rows: np.ndarray | None, count: int) -> np.ndarray:
    """Standard deviation (ddof = 1) of each row of (N, M); NaN (`count`,) where there is none."""
    if rows is None:
        return np.full(count, np.nan)
    return np.asarray(rows.std(axis=1, ddof=1))


def mean_known(values: np.ndarray | Sequence[float | None]) -> float:
    """Mean of numbers (...) that are not NaN; NaN where none is."""
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    return float(known.mean()) if known.size else float("nan")


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (...) of one shape as one, (M, ...)."""
    return np.stack(list(rows))


def nothing(count: int) -> np.ndarray:
    """(N,) of NaN: numbers that are not there yet."""
    return np.full(count, np.nan)


def npy_bytes(array: np.ndarray) -> bytes:
    """An array (...) as the bytes of a .npy file."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()


def bytes_of(result: object) -> int:
    """About how many bytes a result takes: its arrays and texts, through records and containers.

    What several parts hold in common counts once.
    """
    return _bytes_of(result, set())


def _bytes_of(part: object, seen: set[int]) -> int:
    if part is None or isinstance(part, bool | int | float | type) or id(part) in seen:
        return 0
    seen.add(id(part))
    if isinstance(part, str | bytes):
        return len(part)
    if isinstance(part, np.ndarray) and part.dtype == object:
        return int(part.nbytes) + sum(_bytes_of(value, seen) for value in part.flat)
    if hasattr(part, "memory_usage"):  # a table of pandas, whose texts are objects
        return int(np.sum(part.memory_usage(deep=True)))
    if isinstance(size := getattr(part, "nbytes", None), int):
        return size
    if isinstance(part, Mapping):
        return sum(_bytes_of(key, seen) + _bytes_of(value, seen) for key, value in part.items())
    if isinstance(part, list | tuple | set | frozenset):
        return sum(_bytes_of(value, seen) for value in part)
    if is_dataclass(part):
        return sum(_bytes_of(getattr(part, field.name), seen) for field in fields(part))
    return sum(_bytes_of(value, seen) for value in getattr(part, "__dict__", {}).values())
