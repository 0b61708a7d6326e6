"""Layouts of the panels on the page: what is there now, what runs, and how far it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.common import jobs as work_in_hand
from analysis.maps.atlas import Sheet, Wish, aligned, digest, missing, together
from analysis.maps.projection import Map
from analysis.maps.quality import FEWEST, Quality
from pages.ui.embedding_map import engine
from pages.ui.embedding_map.controls import MapRequest
from pages.ui.engine import jobs

if TYPE_CHECKING:
    import numpy as np


_PCA_AT_ONCE = 60_000  # rows of vectors that are laid out by PCA while the page waits (about 1 s)
_MEASURED_AT_ONCE = 600  # rows of a panel


@dataclass(frozen=True)
class LaidOutMaps:
    """The maps on the page: how they are laid out, and the layers of the slider."""

    wish: Wish
    layers: tuple[int, ...]
    maps: list[list[Map]]  # by panel and layer

    def place(self, layer: int) -> int:
        """The index of the layer in view."""
        return self.layers.index(layer) if layer in self.layers else len(self.layers) - 1


def lay_out(sheets: Sequence[Sheet], asked: MapRequest) -> LaidOutMaps:
    """Begin or watch what is missing; meanwhile PCA stands there.

    Raises ``ValueError`` for vectors that cannot be laid out (the page says so).
    """
    store, wish = engine.layouts(), asked.wish
    store.room_for(sheets)
    if wish.method == "umap" and missing(store, sheets, asked.layer, wish):
        _job(sheets, asked.layer, wish)
    if missing(store, sheets, asked.layer, wish, only_in_view=True):
        wish = wish.quickly()
    if wish.method == "pca":
        for sheet, layer in missing(store, sheets, asked.layer, wish, only_in_view=True):
            store.made(sheet, layer, wish)
        others = missing(store, sheets, asked.layer, wish)
        if sum(len(sheet.vectors[layer]) for sheet, layer in others) <= _PCA_AT_ONCE:
            for sheet, layer in others:
                store.made(sheet, layer, wish)
        elif others and asked.wish.method == "pca":
            _job(sheets, asked.layer, wish)
    every = sorted({layer for sheet in sheets for layer in sheet.layers})
    layers = tuple(
        layer
        for layer in every
        if all(store.get(one, one.nearest(layer), wish, sheets) is not None for one in sheets)
    )
    return LaidOutMaps(wish, layers, aligned(store, sheets, layers, wish))


def _job(sheets: Sequence[Sheet], layer: int, wish: Wish) -> None:
    """First the layer in view, which is then shown; then the others, for the slider."""
    view = bool(missing(engine.layouts(), sheets, layer, wish, only_in_view=True))
    key = engine.layout_key(sheets, wish) + (f"-{layer}" if view else "-all")
    work = engine.lay_out(sheets, layer, wish, only_in_view=view)
    if jobs.find(key) is None:
        jobs.begin(key, work, lane="maps")
    joint = bool(together(sheets, sheets[0].nearest(layer), wish))
    about = "The slider goes through the layers that are there."
    if view:
        about = "UMAP compiles itself after a start; the first time on a machine takes longest. "
        about += (
            "AlignedUMAP reports nothing while it fits and stops only between two layers."
            if joint
            else "It can be stopped between two of its epochs."
        )
    jobs.draw(
        key,
        work,
        label="Lay out" if view else "Lay out the other layers",
        lane="maps",
        place="layout",
        about=about,
    )


def measured(
    sheets: Sequence[Sheet],
    layer: int,
    wish: Wish,
    labels: np.ndarray | None,
    groups: np.ndarray | None,
) -> tuple[list[Quality | None], bool]:
    """How far each panel may be believed, as far as it is known, and whether more is to come."""
    store = engine.layouts()
    rows = len(sheets[0].vectors[sheets[0].nearest(layer)])

    def known(measure: bool) -> list[Quality | None]:
        return [
            store.quality(sheet, sheet.nearest(layer), wish, labels, groups, sheets, measure)
            for sheet in sheets
        ]

    found = known(measure=rows <= _MEASURED_AT_ONCE)
    if rows < FEWEST or all(one is not None for one in found):
        return found, False
    key = f"{engine.layout_key(sheets, wish)}-{layer}-measure-{digest(labels)}-{digest(groups)}"

    def go(desk: work_in_hand.Desk) -> None:
        for done, sheet in enumerate(sheets):
            desk.check()
            desk.report(done, len(sheets), f"Measuring {sheet.title}")
            store.quality(sheet, sheet.nearest(layer), wish, labels, groups, sheets)

    job = jobs.find(key)
    if job is None or job.state == "done":  # its numbers have left the store
        jobs.begin(key, go, lane="measure")
    jobs.draw(
        key, go, label="Measure how far the maps can be believed", lane="measure", place="measuring"
    )
    return found, True
