"""Which rows are kept apart when neighbours vote and probes are tested: those of one template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.ui.data.choose import Chosen
from pages.ui.embedding_map.engine import Pass
from pages.ui.frame import address

_NONE = "nothing"


@dataclass(frozen=True)
class Groups:
    """Rows of one group never tell each other's class."""

    name: str = ""  # of the column; empty: every row stands for itself
    codes: np.ndarray | None = None  # (N,)

    @property
    def words(self) -> str:
        """After a number: of what it is measured."""
        return (
            f"by other {self.name}s"
            if self.name in ("template", "capability", "kind")
            else (f"by rows of another {self.name}" if self.name else "")
        )


def ask(chosen: Chosen, given: Pass) -> Groups:
    """Draw the choice where the rows have columns to choose from."""
    offered = columns(chosen, given)
    if not offered:
        return Groups()
    names = [_NONE, *offered]
    if st.session_state.get("kept_apart") not in (None, *names):
        st.session_state.pop("kept_apart")
    default = names.index("template") if "template" in offered else 0
    name = st.selectbox(
        "Keep apart rows of one",
        names,
        index=default,
        **address.kept("kept_apart"),
        help="Neighbours of one group do not vote on each other, and share a fold of the probe: "
        "sentences of one template would otherwise tell their template, not their meaning.",
    )
    if name == _NONE:
        return Groups()
    return Groups(
        name, np.unique(np.array(offered[name], dtype=object).astype(str), return_inverse=True)[1]
    )


def columns(chosen: Chosen, given: Pass) -> dict[str, Sequence[str]]:
    """The sample's columns of words, by name."""
    found: dict[str, Sequence[str]] = {}
    if chosen.cases:
        cases = [chosen.cases[row] for row in given.rows]
        for name in ("template", "capability", "kind"):
            found[name] = [str(getattr(case, name)) for case in cases]
    for name, values in chosen.more.items():
        found[name] = [str(values[row]) for row in given.rows]
    return found
