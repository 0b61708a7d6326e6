"""Vectors and layouts behind the maps: computed in jobs, kept on disk and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from analysis import predictions
from analysis.atlas import Layouts, Sheet, Wish, compute, stratified
from analysis.checkpoints import Checkpoint
from analysis.datasets import Table
from pages.ui import engine, evaluate_run
from pages.ui.map_controls import ALL_LAYERS_UP_TO, MOST_PANELS, Asked

if TYPE_CHECKING:
    from analysis.jobs import Desk


@dataclass(frozen=True)
class Pass:
    """One sample of a data set, the checkpoints it goes through, and what is kept of each."""

    table: Table  # the sample
    rows: np.ndarray  # (N,) its rows in the data set
    members: tuple[Checkpoint, ...]
    poolings: tuple[str, ...]
    layers: tuple[int, ...]
    precision: str

    @property
    def key(self) -> str:
        """The job's name: what is computed, for which rows."""
        named = "".join(member.sha256 for member in self.members)
        said = f"{named}{self.poolings}{self.layers}{self.precision}"
        return f"map-{sha256(said.encode()).hexdigest()[:16]}-{self.table.digest[:16]}"


def depth(member: Checkpoint) -> int:
    """L: how many layers its encoder has."""
    from analysis.embedding import layer_count

    return layer_count(engine.classifier(member))


@st.cache_resource(max_entries=8, show_spinner=False)
def _sample(digest: str, labels: str, most: int, seed: int, _table: Table) -> Any:
    rows = stratified(_table, most, seed)
    return rows, _table.take(rows)


def plan(table: Table, asked: Asked) -> Pass:
    """The pass that these controls ask for."""
    labels = "" if table.label is None else sha256(table.label.tobytes()).hexdigest()
    rows, sample = _sample(table.digest, labels, asked.most, asked.seed, _table=table)
    every = len(sample) <= ALL_LAYERS_UP_TO
    layers = tuple(range(asked.layers + 1)) if every else (asked.layer,)
    return Pass(sample, rows, asked.members, asked.poolings, layers, engine.precision())


def work(given: Pass) -> Callable[[Desk], None]:
    """The job: every checkpoint's vectors, and its predictions where it has any."""
    root, each, count = evaluate_run.folder(), len(given.table), len(given.members)

    def go(desk: Desk) -> None:
        from analysis import corpus

        predictions.prune(root)
        for index, member in enumerate(given.members):
            desk.check()
            desk.report(index * each, each * count, f"loading {member.id}", index / count)

            def tell(done: int, rows: int, what: str, share: float, index: int = index) -> None:
                desk.report(index * each + done, each * count, what, (index + share) / count)

            try:
                classifier = corpus.open_for_data(member, dtype=given.precision)
                corpus.compute(
                    classifier, given.table, root, _readers(classifier, given), progress=tell,
                    cancel=desk.cancel,
                )
            except ValueError as error:
                desk.keep((member.id, str(error)))

    return go


def _readers(classifier: Any, given: Pass) -> list[Any]:
    from analysis.corpus import PREDICTION
    from analysis.embedding import layer_count, poolings_of, readers_of

    own = [name for name in given.poolings if name in poolings_of(classifier.checkpoint)]
    last = layer_count(classifier)
    layers = [layer for layer in given.layers if layer <= last]
    readers: list[Any] = list(readers_of(classifier, own, layers))
    return readers if classifier.checkpoint.kind == "encoder" else [PREDICTION, *readers]


def sheets(given: Pass) -> tuple[list[Sheet], int]:
    """The panels whose vectors are on disk for every row, and how many are not there yet."""
    from analysis.embedding import TITLES, poolings_of

    found: list[Sheet] = []
    lacking = 0
    several = len(given.members) > 1
    for member in given.members:
        last = depth(member)
        for name in given.poolings:
            if name not in poolings_of(member):
                continue
            layers = (last,) if name == "head" else tuple(k for k in given.layers if k <= last)
            vectors = {layer: _vectors(member, given, name, layer) for layer in layers}
            whole = {layer: one for layer, one in vectors.items() if one is not None}
            if len(whole) < len(layers):
                lacking += 1
                continue
            title = f"{member.id}: {TITLES[name]}" if several else TITLES[name]
            key = (member.sha256, given.table.digest, name, given.precision)
            found.append(Sheet(key, title, whole))
    return found[:MOST_PANELS], lacking


def _vectors(member: Checkpoint, given: Pass, name: str, layer: int) -> np.ndarray | None:
    place = predictions.place_of(
        evaluate_run.folder(), member, given.table, given.precision
    )
    parts = tuple(sorted(path.name for path in (place / f"{name}@{layer}").glob("part-*")))
    return _read(str(place), name, layer, parts, _member=member, _given=given)


@st.cache_resource(max_entries=160, show_spinner=False)
def _read(
    place: str, name: str, layer: int, parts: tuple[str, ...], _member: Checkpoint, _given: Pass
) -> np.ndarray | None:
    from analysis.embedding import stored

    rows, vectors = stored(
        evaluate_run.folder(), _member, _given.table, (name, layer), _given.precision
    )
    if len(rows) < len(_given.table):
        return None
    vectors.setflags(write=False)
    return vectors


@st.cache_resource(show_spinner=False)
def layouts() -> Layouts:
    """Maps of this server, for all its sessions; bounded by itself."""
    return Layouts()


def layout_key(given: Sequence[Sheet], wish: Wish) -> str:
    """The name of the job that lays these panels out."""
    named = repr([(sheet.key, sheet.layers) for sheet in given]) + repr(wish)
    return f"layout-{sha256(named.encode()).hexdigest()[:20]}"


def lay_out(
    given: Sequence[Sheet], layer: int, wish: Wish, only_in_view: bool = False
) -> Callable[[Desk], None]:
    """The job: all layouts that are missing, or those of the layer in view."""
    store = layouts()
    if only_in_view:
        given = [
            replace(sheet, vectors={(k := sheet.nearest(layer)): sheet.vectors[k]})
            for sheet in given
        ]

    def go(desk: Desk) -> None:
        def report(done: int, total: int, what: str) -> None:
            desk.check()
            desk.report(done, total, what)

        compute(store, given, layer, wish, report)

    return go


def answers(member: Checkpoint, given: Pass) -> predictions.Predictions | None:
    """A checkpoint's predictions on the sample, where it makes any and all are there."""
    if member.kind == "encoder":
        return None
    place = predictions.place_of(evaluate_run.folder(), member, given.table, given.precision)
    parts = tuple(sorted(path.name for path in (place / predictions.PREDICTION).glob("part-*")))
    found = _answers(str(place), parts, _member=member, _given=given)
    return found if found.complete else None


@st.cache_resource(max_entries=32, show_spinner=False)
def _answers(
    place: str, parts: tuple[str, ...], _member: Checkpoint, _given: Pass
) -> predictions.Predictions:
    return predictions.read(evaluate_run.folder(), _member, _given.table, _given.precision)
