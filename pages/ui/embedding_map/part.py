"""A map of the rows that have been read so far, while the others are still under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.cache import Cache
from analysis.corpus import predictions
from pages.ui.engine import results_folder
from pages.ui.engine.server_wide import once_a_server

if TYPE_CHECKING:
    import numpy as np

    from analysis.checkpoints.checkpoint import Checkpoint
    from pages.ui.embedding_map.engine import Pass

FEWEST = 400  # rows from which on a part is drawn
_DRAWN = "map_part"


def begun(data_pass: Pass, layer: int, running: bool) -> Pass | None:
    """The rows that all maps have at a layer, as a pass of their own; None while they are few.

    While the pass goes on the same rows stand until there are twice as many: a map that is looked
    at is not drawn anew for every few rows.
    """
    drawn: dict[object, Pass] = st.session_state.setdefault(_DRAWN, {})
    shown = drawn.get((data_pass.key, layer))
    places = _places(data_pass, layer)
    if shown is not None and running and len(places) < 2 * len(shown.places):
        return shown
    if len(places) < FEWEST:
        return None
    made = data_pass.part(places.tolist(), layer)
    st.session_state[_DRAWN] = {(data_pass.key, layer): made}
    return made


def is_due(data_pass: Pass, layer: int, drawn: Pass | None) -> bool:
    """Whether there are rows for a first map, or twice as many as the one that is drawn has."""
    return len(_places(data_pass, layer)) >= (FEWEST if drawn is None else 2 * len(drawn.places))


def _places(data_pass: Pass, layer: int) -> np.ndarray:
    """Rows (M,) of the sample, ascending, whose vectors are on disk for every map of a layer."""
    from analysis.corpus.embedding import PoolingReader

    done = []
    for member, name in data_pass.shown():
        root = results_folder.folder()
        place = predictions.place_of(root, member, data_pass.table, data_pass.precision)
        number = min(layer, data_pass.layers_of(member, name)[-1])
        done.append(predictions.done_rows(place, PoolingReader(name, number).name))
    return predictions.rows_of_all(done)


def vectors(
    member: Checkpoint, part: Pass, whole: Pass, name: str, layer: int
) -> np.ndarray | None:
    """Vectors (M, d) of the rows of a part; None where they are not on disk any more."""
    from analysis.corpus.embedding import stored_at

    def read() -> np.ndarray | None:
        root, key = results_folder.folder(), (name, layer)
        return stored_at(root, member, whole.table, key, part.precision, part.places)

    return _held().get_or_make(
        (member.sha256, part.table.digest, name, layer, part.precision),
        read,
        lambda array: 0 if array is None else array.nbytes,
    )


@once_a_server
def _held() -> Cache[np.ndarray | None]:
    return Cache(256 * 2**20)


def answers(member: Checkpoint, part: Pass, whole: Pass) -> predictions.Predictions | None:
    """A checkpoint's predictions on the rows of a part, numbered as that part's."""
    root = results_folder.folder()
    of_part = predictions.read(root, member, whole.table, part.precision).at(part.places)
    if len(of_part) < len(part.places):
        return None
    return of_part.numbered_as(part.table)


def sentence(part: Pass, whole: Pass, running: bool) -> str:
    """Sentence on the rows that the map shows."""
    rest = "the others follow" if running else "the others have not been read"
    return (
        f"A random sample: {len(part.table):,} of the {len(whole.table):,} rows, laid out by PCA; "
        f"{rest}."
    )
