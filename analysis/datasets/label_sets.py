"""Rows with several classes: each set of classes that is met, as one answer with a name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NONE = "none"  # the set of no class


def sets_of(
    assigned: NDArray[np.bool_], classes: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(..., C) whether each class is given -> (...) codes, and the sets' names by code.

    Sets are ordered by how many classes they have, then by the order of the classes.
    """
    flat = np.asarray(assigned, bool).reshape(-1, len(classes))
    distinct, codes = np.unique(flat, axis=0, return_inverse=True)
    order = np.lexsort((*(~distinct).T[::-1], distinct.sum(axis=1)))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    names = tuple(
        ", ".join(classes[c] for c in np.flatnonzero(distinct[row]).tolist()) or NONE
        for row in order
    )
    return place[codes.reshape(-1)].reshape(assigned.shape[:-1]), names
