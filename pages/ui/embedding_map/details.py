"""Below the maps: what was selected, the numbers behind the picture, downloads, and the cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common.arrays import npy_bytes
from analysis.common.csv_text import as_csv
from analysis.corpus import predictions
from analysis.corpus.predictions import Predictions
from analysis.maps.atlas import Sheet
from analysis.maps.projection import Map
from analysis.maps.row_groups import RowGroups
from pages.ui.data.choose import DataChoice
from pages.ui.embedding_map import engine, numbers, typed_sentence
from pages.ui.embedding_map import groups as groups_of
from pages.ui.embedding_map.controls import MapRequest
from pages.ui.embedding_map.drawing import MapSource
from pages.ui.embedding_map.engine import Pass
from pages.ui.embedding_map.layout import LaidOutMaps
from pages.ui.embedding_map.typed_sentence import TypedPlaces
from pages.ui.engine import results_folder
from pages.ui.frame.choice import Choice
from pages.ui.frame.sentence_fields import compare
from pages.ui.kit import cards
from pages.ui.kit.show import export_menu

if TYPE_CHECKING:
    import pandas as pd

_SELECTED, _GO, _TABLE = "map_selected", "map_go", "map-table"


def follow() -> None:
    """Go to Compare where a row was clicked in the last run; before any widget is drawn."""
    row = st.session_state.pop(_GO, None)
    if row is not None:
        compare(*row)


def _take_along(data_pass: Pass, rows: Sequence[int]) -> None:
    """A click on a cell: its sentence is opened on Compare once the page has been left whole."""
    cells = st.session_state[_TABLE]["selection"]["cells"]
    if not cells:
        return
    go(data_pass, rows[int(cells[0][0])])


def go(data_pass: Pass, row: int) -> None:
    """Open a row on Compare at the beginning of the next run of the page."""
    pair = None if data_pass.table.pair is None else data_pass.table.pair[row]
    st.session_state[_GO] = (data_pass.table.text[row], pair)


def is_going() -> bool:
    """Whether the next run of the page leads to Compare."""
    return _GO in st.session_state


def select(data_pass: Pass, rows: Sequence[int]) -> None:
    """Keep what the lasso caught: it belongs to this sample."""
    st.session_state[_SELECTED] = (data_pass.table.digest, tuple(rows)) if rows else None


def selected(data_pass: Pass) -> tuple[int, ...] | None:
    """Rows of the sample that are selected, or None."""
    kept = st.session_state.get(_SELECTED)
    return kept[1] if kept and kept[0] == data_pass.table.digest else None


def draw(
    source: MapSource,
    choice: Choice,
    sheets: Sequence[Sheet],
    shown: LaidOutMaps,
    now: Sequence[Map],
    colour: str,
    typed: TypedPlaces | None,
    groups: RowGroups,
    measured: bool,
) -> None:
    """Draw all that stands below the maps."""
    chosen, data_pass = source.chosen, source.data_pass
    texts = list(data_pass.table.text)
    with st.container(key="map-save"):
        try:
            plot = source.map(choice, shown, colour, groups, measured)
            export_menu({plot.title: plot}, "export-map", "Export the maps")
        except ValueError as error:
            st.caption(cards.plain(f"The maps cannot be exported yet: {error}."))
        _downloads(chosen, data_pass, source.request, sheets, now)
    _rows(chosen, data_pass)
    typed_sentence.draw(typed, sheets, texts)
    numbers.draw(source, sheets, shown.wish, groups)
    _cache()


def _rows(chosen: DataChoice, data_pass: Pass) -> None:
    answers = [
        predictions
        for member in data_pass.members
        if (predictions := engine.answers(member, data_pass)) is not None
    ]
    rows = list(selected(data_pass) or ())
    with st.container(border=True, key="map-rows"):
        count = f" ({len(rows):,})" if rows else ""
        st.markdown(
            f"**Selected sentences{count}**", help="A lasso in one map selects in all of them."
        )
        if not rows:
            st.caption("Switch to Lasso (or hold Shift) and draw around some points.")
            return
        st.dataframe(
            _frame(chosen, data_pass, rows),
            key=_TABLE,
            hide_index=True,
            selection_mode="single-cell",
            on_select=lambda: _take_along(data_pass, rows),
            height=min(38 + 35 * len(rows), 320),
        )
        st.caption("A click on a row opens it on Compare.")
        st.download_button(
            "Selected rows (CSV)",
            lambda: as_csv(_frame(chosen, data_pass, rows, answers)),
            file_name="selection.csv",
            mime="text/csv",
            on_click="ignore",
            key="map-selection",
        )


def _frame(
    chosen: DataChoice, data_pass: Pass, rows: Sequence[int], answers: Sequence[Predictions] = ()
) -> pd.DataFrame:
    """The rows with all that is known of them: their file's columns, and predictions."""
    import pandas as pd

    table = data_pass.table
    columns: dict[str, Any] = {
        "row": [chosen.row_name(int(data_pass.rows[row])) for row in rows],
        "text": [table.text[row] for row in rows],
    }
    if table.pair is not None:
        columns["second text"] = [table.pair[row] for row in rows]
    if table.label is not None:
        columns["label"] = [
            table.labels[table.label[row]] if table.labels else float(table.label[row])
            for row in rows
        ]
    if chosen.cases:
        columns["capability"] = [chosen.cases[int(data_pass.rows[row])].capability for row in rows]
    for name, values in groups_of.columns(chosen, data_pass).items():
        columns.setdefault(name, [values[row] for row in rows])
    for answer in answers:
        known = answer.frame()
        for name in known.columns:
            if name not in ("row", "tokens", "cut"):
                columns[f"{answer.checkpoint}: {name}"] = known[name].iloc[list(rows)].tolist()
    return pd.DataFrame(columns)


def _downloads(
    chosen: DataChoice,
    data_pass: Pass,
    request: MapRequest,
    sheets: Sequence[Sheet],
    now: Sequence[Map],
) -> None:
    with st.popover("Coordinates and vectors", type="tertiary", icon=":material/table:"):
        st.download_button(
            "Coordinates (Parquet)",
            lambda: coordinates(chosen, data_pass, sheets, now),
            file_name="map.parquet",
            on_click="ignore",
            key="map-coordinates",
        )
        for index, sheet in enumerate(sheets):
            layer = sheet.nearest(request.layer)
            st.download_button(
                f"{cards.plain(sheet.title)}, layer {layer} (npy)",
                partial(npy_bytes, sheet.vectors[layer]),
                file_name=f"vectors-{index + 1}-layer-{layer}.npy",
                on_click="ignore",
                key=f"map-npy-{index}",
            )
        st.caption("Rows are in the order of the coordinates' table.")


def coordinates(
    chosen: DataChoice, data_pass: Pass, sheets: Sequence[Sheet], now: Sequence[Map]
) -> bytes:
    """Parquet: the rows with their texts, labels, and x and y in every panel."""
    import io

    frame = _frame(chosen, data_pass, range(len(data_pass.table)))
    for sheet, layout in zip(sheets, now, strict=True):
        frame[f"{sheet.title} x"], frame[f"{sheet.title} y"] = layout.projection.points.T
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()


def _cache() -> None:
    root = results_folder.folder()
    with st.expander("Vectors and answers kept on this machine"):
        held = predictions.size(root) if root.is_dir() else 0
        most = predictions.CACHE_BYTES / 2**30
        st.caption(
            f"{held / 2**20:,.0f} MB; at most {most:.0f} GB are kept. The least recently used "
            "are deleted first, and computed again when they are needed."
        )
        if st.button("Clear", key="map-clear", disabled=not held):
            predictions.clear(root)
            st.rerun()
