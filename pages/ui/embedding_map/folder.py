"""Vectors that ``python -m analysis embed`` has written, opened from their folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.places import typed_folder
from analysis.figures.recipes.vectors import sheet_of
from analysis.maps.atlas import Sheet
from pages.ui.embedding_map.controls import MOST_PANELS
from pages.ui.embedding_map.engine import Pass
from pages.ui.frame import settings
from pages.ui.frame.folder_field import folder_field

if TYPE_CHECKING:
    from analysis.corpus.vector_folder import VectorFolder


def ask() -> str:
    """The folder that was typed, or nothing."""
    if settings.read().shared:
        return ""
    opened = bool(st.session_state.get("vectors_folder"))
    with st.sidebar, st.expander("Use your own vectors", expanded=opened):
        return str(
            folder_field(
                "Folder",
                "vectors_folder",
                placeholder="a folder of vectors",
                help="Written by `python -m analysis embed`, on this machine or by Ray on many. "
                "Empty: the data set below goes through the chosen checkpoints here.",
            )
        )


def read(folder: str) -> VectorFolder:
    """The rows and vectors. Raises ``ValueError`` where the folder holds none."""
    from analysis.corpus.vector_folder import described

    path = typed_folder(folder)
    described(path)  # or any folder that is typed would be walked through
    written = max((file.stat().st_mtime_ns for file in path.rglob("*.parquet")), default=0)
    return _read(str(path), written)


@st.cache_resource(max_entries=2, show_spinner="Reading the vectors")
def _read(folder: str, written: int) -> VectorFolder:
    from analysis.corpus.vector_folder import open_folder

    return open_folder(folder)


def sheets(opened: VectorFolder, given: Pass) -> list[Sheet]:
    """A panel for each pooling that was chosen; the sample's rows of it."""
    every = [sheet_of(opened, name, given.rows) for name in given.poolings]
    return [sheet for sheet in every if sheet is not None][:MOST_PANELS]
