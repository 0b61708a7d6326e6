"""Helpers of result records: shapes are checked, arrays are read-only."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np


def freeze(record: Any) -> None:
    """Make each array field of a frozen dataclass contiguous and read-only.

    Called from ``__post_init__``: a record travels through caches and between pages, so one
    reader must not be able to change what the next one sees. An array that somebody else could
    still write to (a view of the caller's buffer) is copied first.
    """
    for field in fields(record):
        value = getattr(record, field.name)
        if not isinstance(value, np.ndarray):
            continue
        if value.flags.writeable or not value.flags.c_contiguous:
            value = np.array(value, order="C", copy=True)
        value.setflags(write=False)
        object.__setattr__(record, field.name, value)


def require_shape(name: str, array: np.ndarray, *expected: int | None) -> None:
    """Raise ``ValueError`` unless ``array`` (...) has the expected shape; ``None`` matches any
    size.
    """
    fits = array.ndim == len(expected) and all(
        want is None or have == want for have, want in zip(array.shape, expected, strict=True)
    )
    if not fits:
        sizes = ", ".join("?" if size is None else str(size) for size in expected)
        raise ValueError(f"{name} has shape {array.shape}, expected ({sizes})")
