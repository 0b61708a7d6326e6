"""A data set on several maps at once: which vectors, laid out how, brought onto each other.

A :class:`Sheet` is one panel: a checkpoint, a pooling, and the layers that its slider goes
through. Layouts are computed one by one and kept, so that PCA is there at once while UMAP runs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from analysis.common.cache import Cache
from analysis.maps import projection
from analysis.maps.projection import Map
from analysis.maps.quality import FEWEST, Quality, quality
from analysis.maps.structure import Structure, structure

ALIGNMENTS = ("procrustes", "aligned_umap", "none")
_BYTES = 2 * 2**30  # of the vectors behind the layouts that are kept; the oldest leave first
_QUALITIES = 512


@dataclass(frozen=True)
class Wish:
    """Settings of a layout; hashable, so that they name what was computed."""

    method: str = "pca"
    seed: int = 0
    n_neighbors: int = 15
    min_dist: float = 0.1
    metric: str = "cosine"
    alignment: str = "procrustes"

    def options(self) -> dict[str, Any]:
        """The method's own options."""
        if self.method == "pca":
            return {}
        return {
            "n_neighbors": self.n_neighbors,
            "min_dist": self.min_dist,
            "metric": self.metric,
        }

    def quickly(self) -> Wish:
        """The wish with PCA, which is laid out at once."""
        alone = self.alignment == "none"
        return Wish("pca", self.seed, alignment="none" if alone else "procrustes")


@dataclass(frozen=True)
class Sheet:
    """One panel: vectors by layer, all of the same rows. ``key`` names the vectors."""

    key: Hashable
    title: str
    vectors: Mapping[int, np.ndarray]  # layer -> (N, d)

    @property
    def layers(self) -> tuple[int, ...]:
        return tuple(sorted(self.vectors))

    def nearest(self, layer: int) -> int:
        """The layer of this sheet that stands for ``layer``: itself, or the last one."""
        return layer if layer in self.vectors else max(self.vectors)

    def constant(self, layer: int) -> bool:
        """Whether all rows are one vector, as [CLS] at the embedding output is."""
        rows = self.vectors[layer]
        return bool((rows[:8] == rows[0]).all() and (rows == rows[0]).all())


def together(sheets: Sequence[Sheet], layer: int, wish: Wish) -> tuple[Sheet, ...]:
    """The sheets that AlignedUMAP lays out in one fit at a layer; none where it lays out none.

    Those that have the layer and whose vectors are not all equal; a single one has nothing to be
    aligned with.
    """
    if wish.method != "umap" or wish.alignment != "aligned_umap" or len(sheets) < 2:
        return ()
    joint = tuple(
        sheet
        for sheet in sheets
        if layer in sheet.vectors
        and len(sheet.vectors[layer]) >= FEWEST
        and not sheet.constant(layer)
    )
    return joint if len(joint) > 1 else ()


def _name(sheet: Sheet, layer: int, wish: Wish, beside: Sequence[Sheet]) -> Hashable:
    """Of a layout: a joint fit is another one for other sheets beside, a lone one is not."""
    joint = tuple(sheet.key for sheet in together(beside, layer, wish))
    if sheet.key in joint:
        return (sheet.key, layer, wish, joint)
    return (sheet.key, layer, replace(wish, alignment="none"), ())


def usable(
    sheets: Sequence[Sheet],
    layer: int,
    broken_rows: Callable[[Sheet, int], np.ndarray] | None = None,
) -> tuple[list[Sheet], list[str]]:
    """The sheets that can be laid out at this layer, and in words what cannot.

    A layer that holds values that are not finite is left out, and the sheet with it where it is
    the layer in view. `broken_rows` gives the rows (n,) of such values, for who keeps them.
    """
    broken_rows = broken_rows or rows_not_finite
    whole, problems = [], []
    for sheet in sheets:
        broken = {}
        for number in sheet.layers:
            rows = broken_rows(sheet, number)
            if rows.size:
                broken[number] = rows
                named = ", ".join(f"{row + 1:,}" for row in rows[:5])
                problems.append(
                    f"{sheet.title}, layer {number}: {rows.size:,} of "
                    f"{len(sheet.vectors[number]):,} vectors hold values that are not finite "
                    f"(rows {named}{', …' if rows.size > 5 else ''} of the sample); this layer is "
                    "not drawn."
                )
        if sheet.nearest(layer) not in broken:
            finite = {k: v for k, v in sheet.vectors.items() if k not in broken}
            whole.append(replace(sheet, vectors=finite) if broken else sheet)
    return whole, problems


def rows_not_finite(sheet: Sheet, layer: int) -> np.ndarray:
    """(n,) rows of a layer that hold a value that is not finite."""
    return np.flatnonzero(~np.isfinite(sheet.vectors[layer]).all(axis=1))


class Layouts:
    """Maps that were computed, by sheet, layer and wish; bounded, safe between threads.

    Where a method takes ``beside``, these are all sheets of the picture, among them the one that
    is asked for: AlignedUMAP lays them out together.
    """

    def __init__(self, room: int = _BYTES) -> None:
        self._maps: Cache[Map] = Cache(room)
        self._qualities: Cache[Quality] = Cache(_QUALITIES)
        self._structures: Cache[Structure] = Cache(_QUALITIES)

    def __len__(self) -> int:
        return len(self._maps)

    def room_for(self, sheets: Sequence[Sheet]) -> None:
        """Never push out one layout of a picture to keep another of the same picture."""
        of_all = sum(vectors.nbytes for sheet in sheets for vectors in sheet.vectors.values())
        # its PCA and its UMAP, which copies the vectors
        self._maps.budget = max(_BYTES, 4 * of_all)

    def get(self, sheet: Sheet, layer: int, wish: Wish, beside: Sequence[Sheet] = ()) -> Map | None:
        """A map that is there, or None."""
        return self._maps.get(_name(sheet, layer, wish, beside))

    def put(
        self, sheet: Sheet, layer: int, wish: Wish, made: Map, beside: Sequence[Sheet] = ()
    ) -> None:
        """Keep a map; those used longest ago leave where there is no room."""
        self._maps.put(_name(sheet, layer, wish, beside), made, _weight(made))

    def made(
        self,
        sheet: Sheet,
        layer: int,
        wish: Wish,
        progress: Callable[[int, int], None] | None = None,
    ) -> Map:
        """A map of its own, computed where it is not there."""
        known = self.get(sheet, layer, wish)
        if known is None:
            known = projection.fit(
                sheet.vectors[layer], wish.method, wish.seed, progress=progress, **wish.options()
            )
            self.put(sheet, layer, wish, known)
        return known

    def quality(
        self,
        sheet: Sheet,
        layer: int,
        wish: Wish,
        labels: np.ndarray | None,
        groups: np.ndarray | None = None,
        beside: Sequence[Sheet] = (),
        measure: bool = True,
    ) -> Quality | None:
        """Distortion of a map that is there; None for one that is not, or too few points.

        `labels` and `groups` are (N,). Without ``measure`` only what has been measured before.
        """
        made = self.get(sheet, layer, wish, beside)
        if made is None or len(made.vectors) < FEWEST:
            return None
        name = (_name(sheet, layer, wish, beside), digest(labels), digest(groups))
        known = self._qualities.get(name)
        if known is None and measure:
            known = quality(
                made.vectors,
                made.projection.points,
                labels,
                k=wish.n_neighbors,
                metric=wish.metric if wish.method != "pca" else "euclidean",
                groups=groups,
            )
            self._qualities.put(name, known, 1)
        return known

    def structure(
        self,
        sheet: Sheet,
        layer: int,
        wish: Wish,
        texts: Sequence[str],
        beside: Sequence[Sheet] = (),
        measure: bool = True,
    ) -> Structure | None:
        """Contours, clusters and outliers of a map that is there, in the frame of its own.

        `texts` (N,) name the clusters. Without ``measure`` only what has been computed before.
        """
        made = self.get(sheet, layer, wish, beside)
        if made is None:
            return None
        name = _name(sheet, layer, wish, beside)
        known = self._structures.get(name)
        if known is None and measure:
            known = structure(made, texts, wish.seed)
            self._structures.put(name, known, 1)
        return known


def _weight(made: Map) -> int:
    return made.vectors.nbytes * (2 if made.projection.method == "umap" else 1)


def digest(array: np.ndarray | None) -> str:
    """A name for the content of an array (...); empty for None."""
    if array is None:
        return ""
    return sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:20]


def missing(
    layouts: Layouts, sheets: Sequence[Sheet], layer: int, wish: Wish, only_in_view: bool = False
) -> list[tuple[Sheet, int]]:
    """Layouts still to be computed, the layer in view first, then the others from the last on."""
    sheets_by_layer = {(sheet.key, sheet.nearest(layer)): sheet for sheet in sheets}
    if not only_in_view:
        for number in sorted({n for sheet in sheets for n in sheet.layers}, reverse=True):
            for sheet in sheets:
                if number in sheet.vectors:
                    sheets_by_layer.setdefault((sheet.key, number), sheet)
    return [
        (sheet, number)
        for (_, number), sheet in sheets_by_layer.items()
        if layouts.get(sheet, number, wish, sheets) is None
    ]


def compute(
    layouts: Layouts,
    sheets: Sequence[Sheet],
    layer: int,
    wish: Wish,
    report: Callable[[int, int, str, float], None],
    only_in_view: bool = False,
) -> None:
    """Lay out everything that is missing, or what is missing of the layer in view.

    ``report`` (done, total, what, share of the work) may raise to stop it; UMAP reports after
    each of its epochs, AlignedUMAP only between two layers.
    """
    from analysis.maps.alignment import aligned_umap

    todo = missing(layouts, sheets, layer, wish, only_in_view)
    total = len(todo)
    for done, (sheet, number) in enumerate(todo):
        joint = together(sheets, number, wish)
        if sheet.key not in {member.key for member in joint}:
            what = f"{sheet.title}, layer {number}"
            report(done, total, what, done / total)

            def tell(epoch: int, epochs: int, done: int = done, what: str = what) -> None:
                report(done, total, what, (done + epoch / max(epochs, 1)) / total)

            layouts.made(sheet, number, wish, tell)
        elif layouts.get(sheet, number, wish, sheets) is None:
            report(done, total, f"layer {number}, {len(joint)} maps together", done / total)
            made = aligned_umap(
                [sheet.vectors[number] for sheet in joint], wish.seed, **wish.options()
            )
            for member_sheet, its in zip(joint, made, strict=True):
                layouts.put(member_sheet, number, wish, its, sheets)
    report(total, total, "", 1.0)


def aligned(
    layouts: Layouts, sheets: Sequence[Sheet], layers: Sequence[int], wish: Wish
) -> list[list[Map]]:
    """Maps by sheet and layer (all of them there), brought onto the first sheet's last layer.

    Where that one lies on a single spot, onto the next that does not. Maps of one joint fit share
    their frame and are moved as one. With ``alignment`` "none" every map keeps the frame of its
    own; a sheet without a layer shows its last one.

    Raises ``ValueError`` for a map that is not computed yet.
    """
    rows: list[list[Map]] = []
    for sheet in sheets:
        row = []
        for layer in layers:
            layout = layouts.get(sheet, sheet.nearest(layer), wish, sheets)
            if layout is None:
                raise ValueError(f"{sheet.title}, layer {layer}: this map is not computed yet")
            row.append(layout)
        rows.append(row)
    if wish.alignment == "none":
        return [[_own_frame(layout) for layout in row] for row in rows]
    every = [layout.projection.points for row in rows for layout in reversed(row)]
    reference = next((points for points in every if np.ptp(points) > 0), every[0])
    moved: list[list[Map]] = []
    for sheet, row in zip(sheets, rows, strict=True):
        moved.append([])
        for layer, layout in zip(layers, row, strict=True):
            number = sheet.nearest(layer)
            joint = together(sheets, number, wish)
            leader = layout
            if sheet.key in {member.key for member in joint}:
                leader = layouts.get(joint[0], number, wish, sheets) or layout
            moved[-1].append(_with(layout, leader, reference))
    return moved


def _with(layout: Map, leader: Map, reference: np.ndarray) -> Map:
    """The move that brings ``leader`` onto the reference, done to ``layout``."""
    if layout is leader:
        return layout.onto(reference)
    from analysis.maps.alignment import procrustes

    move = procrustes(reference, leader.projection.points)
    points = replace(layout.projection, points=move.apply(layout.projection.points))
    return Map(points, layout.vectors, layout.reducer, [*layout.moved, move])


def _own_frame(layout: Map) -> Map:
    """Centred and scaled to the same size, so that panels can share a frame without relation."""
    points = layout.projection.points - layout.projection.points.mean(axis=0)
    size = float(np.sqrt((points**2).sum(axis=1).mean())) or 1.0
    return layout.onto(points / size)
