"""Vectors that were made elsewhere: a file of NumPy or Parquet, or a folder of ``embed``."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.places import typed_folder
from analysis.common.whole import why_not_written, write_whole
from analysis.figures.recipes.vectors import sheet_of
from analysis.maps.atlas import Sheet
from pages.ui.embedding_map.controls import MOST_PANELS
from pages.ui.embedding_map.engine import Pass
from pages.ui.engine.server_wide import kept_up_to
from pages.ui.frame import settings
from pages.ui.frame.folder_field import folder_field
from pages.ui.kit import cards

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from analysis.corpus.vector_folder import VectorFolder

_FOLDER, _UPLOADS = "vectors_upload_folder", "vectors_upload"
_HELD, _REFUSED = "vectors_held", "vectors_refused"
_MOST = 3  # uploads of a session that are kept
_SHARED_BYTES = 32 * 2**20  # of uploads to a shared server
_TYPES = ("npy", "parquet", "csv", "tsv", "txt", "jsonl", "ndjson", "json")
_HELP = (
    "A .npy array with a row for each text, as numpy.save writes what SentenceTransformer.encode "
    "returns, or a .parquet file with a column of lists. Together with an array drop a table of "
    "as many rows (CSV, TSV, TXT, JSON lines or Parquet): its texts, labels and further columns. "
    "Nothing is unpickled."
)


def ask(place: DeltaGenerator, notice: DeltaGenerator) -> str:
    """The folder or file that was typed or dropped, or nothing.

    What is to be said of a folder that a link names stands in ``notice``.
    """
    held: Path | None = st.session_state.get(_HELD)
    opened = bool(st.session_state.get("vectors_folder") or held)
    with place, st.expander("Use your own vectors", expanded=opened):
        st.file_uploader(
            "Vectors, and their texts",
            type=_TYPES,
            accept_multiple_files=True,
            key=_UPLOADS,
            on_change=_took,
            help=_HELP,
        )
        if refused := st.session_state.get(_REFUSED):
            st.error(cards.plain(refused))
        if held is not None and held.is_file():
            st.caption(f"The map is of {cards.plain(held.name)}.")
            st.button("Back to the data set", on_click=st.session_state.pop, args=(_HELD,))
            return str(held)
        return "" if settings.read().shared else _typed(notice)


def _took() -> None:
    """Keep what was dropped: leaving the page does not lose it."""
    dropped = st.session_state.get(_UPLOADS)
    for name in (_HELD, _REFUSED):
        st.session_state.pop(name, None)
    if not dropped:  # the cross was pressed
        return
    try:
        st.session_state[_HELD] = _kept([(file.name, file.getvalue()) for file in dropped])
    except ValueError as error:
        st.session_state[_REFUSED] = str(error)


def _typed(notice: DeltaGenerator) -> str:
    return str(
        folder_field(
            "Folder or file",
            "vectors_folder",
            placeholder="vectors.npy, or a folder",
            help="A file as above, its table beside it under the same name, or a folder written "
            "by `python -m analysis embed`. Empty: the data set goes through the checkpoints here.",
            notice=notice,
        )
    )


def _kept(files: list[tuple[str, bytes]]) -> Path:
    """The dropped files in a folder of this session, the table under the name of the vectors."""
    if settings.read().shared and sum(len(content) for _, content in files) > _SHARED_BYTES:
        raise ValueError(
            f"This shared server takes at most {_SHARED_BYTES // 2**20} MB of vectors. Take a part "
            "of them, or run PoolLens on your own machine."
        )
    kinds = [Path(name).suffix.lower() for name, _ in files]
    array = ".npy" if ".npy" in kinds else ".parquet"
    if len(files) > 2 or kinds.count(array) != 1:
        raise ValueError("Drop one file of vectors (.npy or .parquet), and at most one table.")
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for _, content in files))
    if _FOLDER not in st.session_state:
        st.session_state[_FOLDER] = tempfile.TemporaryDirectory(prefix="poollens-vectors-")
    root: tempfile.TemporaryDirectory[str] = st.session_state[_FOLDER]
    folder = Path(root.name) / digest.hexdigest()[:20]
    stem = Path(files[kinds.index(array)][0]).stem
    try:
        folder.mkdir(exist_ok=True)
        for kind, (_, content) in zip(kinds, files, strict=True):
            write_whole(folder / f"{stem}{kind}", content)
    except OSError as error:
        raise ValueError(why_not_written(error, folder)) from None
    every = sorted(Path(root.name).iterdir(), key=lambda path: path.stat().st_mtime)
    for old in every[:-_MOST]:
        shutil.rmtree(old, ignore_errors=True)
    return folder / f"{stem}{array}"


def read(typed: str) -> VectorFolder:
    """The rows and vectors. Raises ``ValueError`` where there are none."""
    from analysis.corpus.vector_folder import described

    path = typed_folder(typed)
    if path.is_file():
        beside = path.parent.glob(f"{path.stem}.*")
        return _read_file(str(path), max(file.stat().st_mtime_ns for file in beside))
    described(path)  # or any folder that is typed would be walked through
    written = max((file.stat().st_mtime_ns for file in path.rglob("*.parquet")), default=0)
    return _read(str(path), written)


@kept_up_to(512, most=2, spinner="Reading the vectors")
def _read(folder: str, written: int) -> VectorFolder:
    from analysis.corpus.vector_folder import open_folder

    return open_folder(folder)


@kept_up_to(512, most=2, spinner="Reading the vectors")
def _read_file(path: str, written: int) -> VectorFolder:
    from analysis.corpus.vector_files import open_vectors

    return open_vectors(path)


def sheets(opened: VectorFolder, data_pass: Pass) -> list[Sheet]:
    """A panel for each pooling that was chosen; the sample's rows of it."""
    every = [sheet_of(opened, name, data_pass.rows) for name in data_pass.poolings]
    return [sheet for sheet in every if sheet is not None][:MOST_PANELS]
