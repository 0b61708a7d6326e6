"""The first row of a panel: its title with a "?", and at its end what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.kit import cards


def title_row(key: str) -> DeltaGenerator:
    """The empty row, for a panel whose title is known after what follows it."""
    return st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key=f"title-row-{key}",
    )


@contextmanager
def titled(title: str, about: str, key: str, row: DeltaGenerator | None = None) -> Iterator[None]:
    """A title, shown as it is given, with `about` on its "?"; what is drawn inside stands at the
    row's end."""
    with title_row(key) if row is None else row:
        st.markdown(f"**{cards.plain(title)}**", help=about)
        yield
