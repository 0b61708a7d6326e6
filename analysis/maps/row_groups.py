"""Rows that are kept apart when neighbours vote and probes are tested: those of one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_OF_THE_SUITE = ("template", "capability", "kind")


@dataclass(frozen=True)
class RowGroups:
    """Rows of one group never tell each other's class."""

    name: str = ""  # of the column; empty: every row stands for itself
    codes: np.ndarray | None = None  # (N,)

    @property
    def words(self) -> str:
        """After a number: of what it is measured."""
        if self.name in _OF_THE_SUITE:
            return f"by other {self.name}s"
        return f"by rows of another {self.name}" if self.name else ""


def row_groups(columns: Mapping[str, Sequence[str]], name: str | None) -> RowGroups:
    """The groups that a column of N words makes; without a name every row stands for itself.

    Raises
    ------
    ValueError
        There is no such column.
    """
    if not name:
        return RowGroups()
    if name not in columns:
        known = ", ".join(columns) or "none"
        raise ValueError(f"the data set has no column {name!r} to keep apart; it has {known}")
    values = np.array(list(columns[name]), dtype=object).astype(str)
    return RowGroups(name, np.unique(values, return_inverse=True)[1])
