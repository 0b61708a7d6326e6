"""Vectors and layouts behind the maps: computed in jobs, kept on disk and in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import streamlit as st

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.cache import Cache
from analysis.common.faults import reason
from analysis.corpus import predictions
from analysis.datasets.table import Table
from analysis.maps import atlas
from analysis.maps.atlas import Layouts, Sheet, Wish, compute
from analysis.maps.sample import stratified
from pages.ui.embedding_map import part
from pages.ui.embedding_map.controls import (
    ALL_LAYERS_UP_TO,
    MOST_LAYOUT_ROWS,
    MOST_PANELS,
    MapRequest,
)
from pages.ui.engine import models, results_folder
from pages.ui.engine.server_wide import kept_up_to, once_a_server

if TYPE_CHECKING:
    import numpy as np

    from analysis.checkpoints.loading import Classifier
    from analysis.common.jobs import Desk
    from analysis.corpus.readers import Reader


_REQUESTED = "map_asked"
_UMAP_BEGINS, _UMAP_ROW = 2.0, 0.0016  # seconds until UMAP is imported, and for each row of a map


@dataclass(frozen=True)
class Pass:
    """One sample of a data set, the checkpoints it goes through, and what is kept of each."""

    table: Table  # the sample
    rows: np.ndarray  # (N,) its rows in the data set
    members: tuple[Checkpoint, ...]
    poolings: tuple[str, ...]
    layers: tuple[int, ...]
    precision: str
    whole: Pass | None = None  # the pass that these rows are a part of, while it is under way
    places: tuple[int, ...] = ()  # of these rows in it, ascending

    def part(self, places: Sequence[int], layer: int) -> Pass:
        """Some of its rows, at one layer, as a pass of their own that computes nothing."""
        chosen = tuple(int(place) for place in places)
        return replace(
            self,
            table=self.table.take(chosen),
            rows=self.rows[list(chosen)],
            layers=(layer,),
            whole=self,
            places=chosen,
        )

    def panels(self) -> list[tuple[Checkpoint, str]]:
        """A checkpoint and a pooling that it has, for each map; also those beyond the most."""
        from analysis.corpus.embedding import poolings_of

        return [
            (member, name)
            for member in self.members
            for name in self.poolings
            if name in poolings_of(member)
        ]

    def shown(self) -> list[tuple[Checkpoint, str]]:
        """Panels that are computed and drawn."""
        return self.panels()[:MOST_PANELS]

    def layers_of(self, member: Checkpoint, pooling: str) -> tuple[int, ...]:
        """The layers of one map; the last stands for those that a flat encoder does not have."""
        last = depth(member)
        if pooling == "head":
            return (last,)
        return tuple(layer for layer in self.layers if layer <= last) or (last,)

    @property
    def key(self) -> str:
        """The job's name: what is computed, for which rows."""
        named = "".join(member.sha256 for member in self.members)
        sentence = f"{named}{self.poolings}{self.layers}{self.precision}"
        return f"map-{sha256(sentence.encode()).hexdigest()[:16]}-{self.table.digest[:16]}"


def depth(member: Checkpoint) -> int:
    """L: how many layers its encoder has."""
    from analysis.corpus.embedding import layer_count

    return layer_count(models.classifier(member))


@kept_up_to(256, most=8)
def _sample(
    digest: str, labels: str, most: int, seed: int, _table: Table
) -> tuple[np.ndarray, Table]:
    rows = stratified(_table, most, seed)
    return rows, _table.take(rows)


def plan(table: Table, request: MapRequest) -> Pass:
    """The pass that these controls ask for."""
    labels = "" if table.label is None else sha256(table.label.tobytes()).hexdigest()
    rows, sample = _sample(table.digest, labels, request.most, request.seed, _table=table)
    panels = min(max(len(request.members), 1) * len(request.poolings), MOST_PANELS)
    every = (
        len(sample) <= ALL_LAYERS_UP_TO
        and len(sample) * (request.layers + 1) * panels <= MOST_LAYOUT_ROWS
    )
    layers = tuple(range(request.layers + 1)) if every else (request.layer,)
    return Pass(sample, rows, request.members, request.poolings, layers, models.precision())


def seconds(data_pass: Pass) -> float:
    """Expected seconds until every checkpoint has read the rows."""
    return sum(
        _seconds(
            member.sha256,
            data_pass.precision,
            data_pass.table.digest,
            _data_pass=data_pass,
            _member=member,
        )
        for member in data_pass.members
    )


@kept_up_to(4, most=64)
def _seconds(
    sha256: str, precision: str, rows: str, _data_pass: Pass, _member: Checkpoint
) -> float:
    from analysis.corpus import runs

    try:
        return runs.seconds_for(models.classifier(_member), _data_pass.table)
    except Exception:  # the job meets it, too, and says it beside the checkpoint's name
        return 0.0


def work(data_pass: Pass) -> Callable[[Desk], None]:
    """The job: every checkpoint's vectors, and its predictions where it has any."""
    root, each, count = results_folder.folder(), len(data_pass.table), len(data_pass.members)

    def go(desk: Desk) -> None:
        from analysis.corpus import runs

        own = [
            predictions.place_of(root, member, data_pass.table, data_pass.precision)
            for member in data_pass.members
        ]
        predictions.prune(root, keep=own)
        for index, member in enumerate(data_pass.members):
            desk.check()
            desk.report(index * each, each * count, f"loading {member.name}", index / count)

            def tell(done: int, rows: int, what: str, share: float, index: int = index) -> None:
                desk.report(index * each + done, each * count, what, (index + share) / count)

            try:
                classifier = runs.open_for_data(member, dtype=data_pass.precision)
                runs.compute(
                    classifier,
                    data_pass.table,
                    root,
                    _readers(classifier, data_pass),
                    progress=tell,
                    cancel=desk.cancel,
                )
            except Exception as error:
                desk.keep((member.id, reason(error, member.id)))

    return go


def _readers(classifier: Classifier, data_pass: Pass) -> list[Reader]:
    from analysis.corpus.embedding import readers_of
    from analysis.corpus.readers import PREDICTION

    readers: list[Reader] = [
        reader
        for member, name in data_pass.shown()
        if member.sha256 == classifier.checkpoint.sha256
        for reader in readers_of(classifier, [name], data_pass.layers_of(member, name))
    ]
    return readers if classifier.checkpoint.kind == "encoder" else [PREDICTION, *readers]


def sheets(data_pass: Pass) -> tuple[list[Sheet], int]:
    """The panels whose vectors are on disk for every row, and how many are not there yet."""
    from analysis.corpus.embedding import TITLES

    made: list[Sheet] = []
    lacking = 0
    several = len(data_pass.members) > 1
    for member, name in data_pass.shown():
        layers = data_pass.layers_of(member, name)
        vectors = {layer: _vectors(member, data_pass, name, layer) for layer in layers}
        whole = {
            layer: vectors_of_layer
            for layer, vectors_of_layer in vectors.items()
            if vectors_of_layer is not None
        }
        if len(whole) < len(layers):
            lacking += 1
            continue
        title = f"{member.name}: {TITLES[name]}" if several else TITLES[name]
        key = (member.sha256, data_pass.table.digest, name, data_pass.precision)
        made.append(Sheet(key, title, whole))
    return made, lacking


def usable(sheets: Sequence[Sheet], layer: int) -> tuple[list[Sheet], list[str]]:
    """The panels that can be laid out at this layer, and in words what cannot."""
    return atlas.usable(sheets, layer, lambda sheet, number: _broken(sheet.key, number, sheet))


@kept_up_to(64, most=2_048)
def _broken(key: Hashable, layer: int, _sheet: Sheet) -> np.ndarray:
    return atlas.rows_not_finite(_sheet, layer)


def vectors_of(member: Checkpoint, data_pass: Pass, name: str, layer: int) -> np.ndarray | None:
    """Vectors (N, d) of the sample that are on disk for every row; None: not yet."""
    return _vectors(member, data_pass, name, layer)


def _vectors(member: Checkpoint, data_pass: Pass, name: str, layer: int) -> np.ndarray | None:
    if data_pass.whole is not None:
        return part.vectors(member, data_pass, data_pass.whole, name, layer)
    place = predictions.place_of(
        results_folder.folder(), member, data_pass.table, data_pass.precision
    )
    parts = tuple(sorted(path.name for path in (place / f"{name}@{layer}").glob("part-*")))
    if not parts:
        return None
    os.utime(place)  # what is shown was used just now: others leave before it
    return _held().get_or_make(
        (str(place), name, layer, parts),
        lambda: _stored(member, data_pass, name, layer),
        lambda array: 0 if array is None else array.nbytes,
    )


def _stored(member: Checkpoint, data_pass: Pass, name: str, layer: int) -> np.ndarray | None:
    from analysis.corpus.embedding import stored

    rows, vectors = stored(
        results_folder.folder(), member, data_pass.table, (name, layer), data_pass.precision
    )
    if len(rows) < len(data_pass.table):
        return None
    vectors.setflags(write=False)
    return vectors


@once_a_server
def _held() -> Cache[np.ndarray | None]:
    return Cache(2 * 2**30)


@once_a_server
def layouts() -> Layouts:
    """Maps of this server, for all its sessions; bounded by itself."""
    return Layouts()


def layout_key(sheets: Sequence[Sheet], wish: Wish) -> str:
    """The name of the job that lays these panels out."""
    named = repr([(sheet.key, sheet.layers) for sheet in sheets]) + repr(wish)
    return f"layout-{sha256(named.encode()).hexdigest()[:20]}"


def lay_out(
    sheets: Sequence[Sheet], layer: int, wish: Wish, only_in_view: bool = False
) -> Callable[[Desk], None]:
    """The job: all layouts that are missing, or those of the layer in view."""
    store = layouts()

    def go(desk: Desk) -> None:
        def report(done: int, total: int, what: str, share: float) -> None:
            desk.check()
            desk.report(done, total, what, share)

        compute(store, sheets, layer, wish, report, only_in_view)

    return go


def ask_for(data_pass: Pass) -> None:
    """Somebody has clicked for maps of these rows: their layouts need no click of their own."""
    st.session_state[_REQUESTED] = data_pass.table.digest


def is_asked(sheets: Sequence[Sheet]) -> bool:
    """Whether these panels are of the rows that somebody has clicked for."""
    digest = st.session_state.get(_REQUESTED)
    return any(digest in sheet.key for sheet in sheets if isinstance(sheet.key, tuple))


def layout_seconds(
    sheets: Sequence[Sheet], layer: int, wish: Wish, only_in_view: bool = False
) -> float:
    """About how long the layouts that are missing take on two cores, compiled kernels read."""
    todo = atlas.missing(layouts(), sheets, layer, wish, only_in_view)
    rows = sum(len(sheet.vectors[number]) for sheet, number in todo)
    return _UMAP_BEGINS + _UMAP_ROW * rows if todo else 0.0


def answers(member: Checkpoint, data_pass: Pass) -> predictions.Predictions | None:
    """A checkpoint's predictions on the sample, where it makes any and all are there."""
    if member.kind == "encoder":
        return None
    if data_pass.whole is not None:
        return part.answers(member, data_pass, data_pass.whole)
    place = predictions.place_of(
        results_folder.folder(), member, data_pass.table, data_pass.precision
    )
    parts = tuple(sorted(path.name for path in (place / predictions.PREDICTION).glob("part-*")))
    read = _answers(str(place), parts, _member=member, _data_pass=data_pass)
    return read if read.complete else None


@kept_up_to(256, most=32)
def _answers(
    place: str, parts: tuple[str, ...], _member: Checkpoint, _data_pass: Pass
) -> predictions.Predictions:
    return predictions.read(
        results_folder.folder(), _member, _data_pass.table, _data_pass.precision
    )
