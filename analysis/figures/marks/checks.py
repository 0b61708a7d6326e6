"""The checks that several marks make of their values, and the end of a symmetric scale."""

from __future__ import annotations

import numpy as np


def symmetric_limit(*arrays: np.ndarray) -> float:
    """The largest finite absolute value in the arrays, or 1 where all are zero or missing."""
    finite = [np.abs(a[np.isfinite(a)]) for a in arrays]
    largest = max((float(a.max()) for a in finite if a.size), default=0.0)
    return largest or 1.0


def scale_end(limit: float | None, largest: float) -> float:
    """The end of a scale about zero: the limit, or the largest value where none is set.

    Raises
    ------
    ValueError
        If the limit is not a finite number above 0.
    """
    if limit is None:
        return largest
    if not (np.isfinite(limit) and limit > 0):
        raise ValueError(f"limit {limit} cannot end a scale: give a number above 0")
    return limit


def no_infinity(name: str, array: np.ndarray | None) -> None:
    """Check that an array (...) can be drawn to scale: empty places are NaN.

    Raises
    ------
    ValueError
        If a value is infinite; names the array.
    """
    if array is not None and np.isinf(array).any():
        raise ValueError(f"{name} holds infinite values: nothing can be drawn to scale")


def check_segments(numbers: tuple[int, ...]) -> None:
    """Check that each unit says which text it is of.

    Raises
    ------
    ValueError
        If a number is too large to be that of a text.
    """
    if any(abs(number) > 2**31 for number in numbers):
        raise ValueError("a segment is the number of a text: 0, or 1 for the second")


def not_empty(what: str, values: np.ndarray) -> None:
    """Check that there is something to draw among the values (...).

    Raises
    ------
    ValueError
        If the array has no values; names the mark.
    """
    if not values.size:
        raise ValueError(f"{what} without values: there is nothing to draw")


def check_limits(limits: tuple[float, float] | None) -> None:
    """Check that limits are a range, where they are set.

    Raises
    ------
    ValueError
        If they are not two finite numbers, the lower first.
    """
    if limits is not None and not (np.isfinite(limits).all() and limits[0] < limits[1]):
        raise ValueError(f"limits {limits} are not a range: give (low, high) with low < high")
