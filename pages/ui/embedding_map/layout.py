"""Layouts of the panels on the page: what is there now, what runs, and how far it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.common import jobs as work_in_hand
from analysis.maps.atlas import Sheet, Wish, aligned, digest, missing, together
from analysis.maps.projection import Map
from analysis.maps.quality import FEWEST, Quality
from analysis.maps.structure import Structure
from pages.ui.embedding_map import engine
from pages.ui.embedding_map.controls import MapRequest
from pages.ui.engine import jobs

if TYPE_CHECKING:
    import numpy as np


AT_ONCE = 5.0  # seconds: what takes longer waits for a click
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


@dataclass(frozen=True)
class Measured:
    """Quality and structure of each panel; None where it is not measured yet."""

    qualities: list[Quality | None]
    structures: list[Structure | None]
    more: bool  # is to come


def lay_out(sheets: Sequence[Sheet], request: MapRequest) -> LaidOutMaps:
    """Begin or watch what is missing; meanwhile PCA stands there.

    Raises ``ValueError`` for vectors that cannot be laid out (the page says so).
    """
    store, wish = engine.layouts(), request.wish
    store.room_for(sheets)
    if wish.method == "umap" and missing(store, sheets, request.layer, wish):
        _job(sheets, request.layer, wish)
    if missing(store, sheets, request.layer, wish, only_in_view=True):
        wish = wish.quickly()
    if wish.method == "pca":
        for sheet, layer in missing(store, sheets, request.layer, wish, only_in_view=True):
            store.made(sheet, layer, wish)
        others = missing(store, sheets, request.layer, wish)
        if sum(len(sheet.vectors[layer]) for sheet, layer in others) <= _PCA_AT_ONCE:
            for sheet, layer in others:
                store.made(sheet, layer, wish)
        elif others and request.wish.method == "pca":
            _job(sheets, request.layer, wish)
    every = sorted({layer for sheet in sheets for layer in sheet.layers})
    layers = tuple(
        layer
        for layer in every
        if all(store.get(sheet, sheet.nearest(layer), wish, sheets) is not None for sheet in sheets)
    )
    return LaidOutMaps(wish, layers, aligned(store, sheets, layers, wish))


def _job(sheets: Sequence[Sheet], layer: int, wish: Wish) -> None:
    """First the layer in view, which is then shown; then the others, for the slider."""
    view = bool(missing(engine.layouts(), sheets, layer, wish, only_in_view=True))
    key = engine.layout_key(sheets, wish) + (f"-{layer}" if view else "-all")
    work = engine.lay_out(sheets, layer, wish, only_in_view=view)
    expected = engine.layout_seconds(sheets, layer, wish, only_in_view=view)
    if jobs.find(key) is None and (engine.is_asked(sheets) or expected <= AT_ONCE):
        jobs.begin(key, work, lane="maps")
    joint = bool(together(sheets, sheets[0].nearest(layer), wish))
    about = "The slider covers the layers computed so far."
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
        label="Lay out by UMAP" if view else "Lay out the other layers",
        lane="maps",
        place="layout",
        about=f"About {work_in_hand.time_in_words(expected)}. {about}",
    )


def unmeasured(sheets: Sequence[Sheet]) -> Measured:
    """Panels of which nothing is known, and nothing is to come."""
    return Measured([None] * len(sheets), [None] * len(sheets), False)


def measured(
    sheets: Sequence[Sheet],
    layer: int,
    wish: Wish,
    labels: np.ndarray | None,
    groups: np.ndarray | None,
    texts: Sequence[str],
) -> Measured:
    """Quality and structure of each panel, and whether more is to come."""
    store = engine.layouts()
    rows = len(sheets[0].vectors[sheets[0].nearest(layer)])
    now = rows <= _MEASURED_AT_ONCE

    def of(sheet: Sheet, measure: bool) -> tuple[Quality | None, Structure | None]:
        at = (sheet, sheet.nearest(layer), wish)
        return (
            store.quality(*at, labels, groups, sheets, measure),
            store.structure(*at, texts, sheets, measure),
        )

    pairs = [of(sheet, now) for sheet in sheets]
    qualities, structures = [quality for quality, _ in pairs], [structure for _, structure in pairs]
    whole = all(structure is not None for structure in structures)
    if whole and (rows < FEWEST or all(quality is not None for quality in qualities)):
        return Measured(qualities, structures, False)
    key = f"{engine.layout_key(sheets, wish)}-{layer}-measure-{digest(labels)}-{digest(groups)}"

    def go(desk: work_in_hand.Desk) -> None:
        for done, sheet in enumerate(sheets):
            desk.check()
            desk.report(done, len(sheets), f"Measuring {sheet.title}")
            of(sheet, True)

    job = jobs.find(key)
    if job is None or job.state == "done":  # its numbers have left the store
        jobs.begin(key, go, lane="measure")
    jobs.draw(key, go, label="Measure the quality of the maps", lane="measure", place="measuring")
    return Measured(qualities, structures, True)
