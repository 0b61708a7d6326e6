"""A data set on several maps at once: which vectors, laid out how, brought onto each other.

A :class:`Sheet` is one panel: a checkpoint, a pooling, and the layers that its slider goes
through. Layouts are computed one by one and kept, so that PCA is there at once while UMAP runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis import projection
from analysis.map_quality import FEWEST, Quality, quality

if TYPE_CHECKING:
    from analysis.datasets import Table
    from analysis.projection import Map

ALIGNMENTS = ("procrustes", "aligned_umap", "none")
_KEPT = 96  # layouts that are kept in memory, the least recently used leave first


@dataclass(frozen=True)
class Wish:
    """How sheets are laid out; hashable, so that it names what was computed."""

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
            "n_neighbors": self.n_neighbors, "min_dist": self.min_dist, "metric": self.metric,
        }  # fmt: skip

    def quickly(self) -> Wish:
        """The same by PCA, which is there at once."""
        return Wish("pca", self.seed, alignment="procrustes")


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


@dataclass
class Layouts:
    """Maps that were computed, by sheet, layer and wish; bounded, safe between threads."""

    _maps: OrderedDict[Hashable, Map] = field(default_factory=OrderedDict)
    _qualities: OrderedDict[Hashable, Quality] = field(default_factory=OrderedDict)
    _lock: RLock = field(default_factory=RLock)

    def get(self, sheet: Sheet, layer: int, wish: Wish) -> Map | None:
        """A map that is there, or None."""
        known: Map | None = self._find(self._maps, (sheet.key, layer, wish))
        return known

    def put(self, sheet: Sheet, layer: int, wish: Wish, made: Map) -> None:
        self._keep(self._maps, (sheet.key, layer, wish), made)

    def made(self, sheet: Sheet, layer: int, wish: Wish) -> Map:
        """A map, computed where it is not there."""
        known = self.get(sheet, layer, wish)
        if known is None:
            known = projection.fit(
                sheet.vectors[layer], wish.method, wish.seed, **wish.options()
            )
            self.put(sheet, layer, wish, known)
        return known

    def quality(
        self, sheet: Sheet, layer: int, wish: Wish, labels: np.ndarray | None, name: str = ""
    ) -> Quality | None:
        """Distortion of a map that is there; None for one that is not, or too few points.

        ``name`` tells apart the labels by which neighbours vote.
        """
        made = self.get(sheet, layer, wish)
        if made is None or len(made.vectors) < FEWEST:
            return None
        key = (sheet.key, layer, wish, name)
        known: Quality | None = self._find(self._qualities, key)
        if known is None:
            known = quality(
                made.vectors, made.projection.points, labels, k=wish.n_neighbors,
                metric=wish.metric if wish.method != "pca" else "euclidean",
            )  # fmt: skip
            self._keep(self._qualities, key, known)
        return known

    def _find(self, where: OrderedDict[Hashable, Any], key: Hashable) -> Any:
        with self._lock:
            if key in where:
                where.move_to_end(key)
            return where.get(key)

    def _keep(self, where: OrderedDict[Hashable, Any], key: Hashable, value: Any) -> None:
        with self._lock:
            where[key] = value
            where.move_to_end(key)
            while len(where) > _KEPT:
                where.popitem(last=False)


def missing(
    layouts: Layouts, sheets: Sequence[Sheet], layer: int, wish: Wish
) -> list[tuple[Sheet, int]]:
    """What is still to be computed, the layer in view first, then the others from the last on."""
    first = [(sheet, sheet.nearest(layer)) for sheet in sheets]
    others = [
        (sheet, number)
        for number in sorted({n for sheet in sheets for n in sheet.layers}, reverse=True)
        for sheet in sheets
        if number in sheet.vectors
    ]
    wanted = dict.fromkeys((sheet.key, number) for sheet, number in [*first, *others])
    by_key = {sheet.key: sheet for sheet in sheets}
    return [
        (by_key[key], number)
        for key, number in wanted
        if layouts.get(by_key[key], number, wish) is None
    ]


def compute(
    layouts: Layouts,
    sheets: Sequence[Sheet],
    layer: int,
    wish: Wish,
    report: Callable[[int, int, str], None],
) -> None:
    """Lay out everything that is missing; ``report`` (done, total, what) may raise to stop it."""
    from analysis.alignment import aligned_umap

    todo = missing(layouts, sheets, layer, wish)
    if wish.method == "umap" and wish.alignment == "aligned_umap" and len(sheets) > 1:
        numbers = list(dict.fromkeys(number for _, number in todo))
        for done, number in enumerate(numbers):
            report(done, len(numbers), f"layer {number}, {len(sheets)} maps together")
            members = [sheet for sheet in sheets if number in sheet.vectors]
            if len(members) < 2:
                continue
            together = aligned_umap(
                [sheet.vectors[number] for sheet in members], wish.seed, **wish.options()
            )
            for sheet, made in zip(members, together, strict=True):
                layouts.put(sheet, number, wish, made)
        report(len(numbers), len(numbers), "")
        return
    for done, (sheet, number) in enumerate(todo):
        report(done, len(todo), f"{sheet.title}, layer {number}")
        layouts.made(sheet, number, wish)
    report(len(todo), len(todo), "")


def aligned(
    layouts: Layouts, sheets: Sequence[Sheet], layers: Sequence[int], wish: Wish
) -> list[list[Map]]:
    """Maps by sheet and layer (all of them there), brought onto the first sheet's last layer.

    With ``alignment`` "none" every map keeps the frame of its own; a sheet without a layer shows
    its last one.
    """
    found: list[list[Map]] = []
    for sheet in sheets:
        row = []
        for layer in layers:
            one = layouts.get(sheet, sheet.nearest(layer), wish)
            if one is None:
                raise ValueError(f"{sheet.title}, layer {layer}: this map is not computed yet")
            row.append(one)
        found.append(row)
    if wish.alignment == "none":
        return [[_own_frame(one) for one in row] for row in found]
    reference = found[0][-1].projection.points
    if wish.alignment == "aligned_umap" and found[0][-1].projection.method == "aligned_umap":
        # Layouts of one layer share their frame; layers are brought onto each other.
        return [
            [_with(one, found[0][index], reference) for index, one in enumerate(row)]
            for row in found
        ]
    return [[one.onto(reference) for one in row] for row in found]


def _with(one: Map, leader: Map, reference: np.ndarray) -> Map:
    from dataclasses import replace

    from analysis.alignment import procrustes

    move = procrustes(reference, leader.projection.points)
    moved = replace(one.projection, points=move.apply(one.projection.points))
    return projection.Map(moved, one.vectors, one.reducer, [*one.moved, move])


def _own_frame(one: Map) -> Map:
    """Centred and scaled to the same size, so that panels can share a frame without relation."""
    points = one.projection.points - one.projection.points.mean(axis=0)
    size = float(np.sqrt((points**2).sum(axis=1).mean())) or 1.0
    return one.onto(points / size)


def stratified(table: Table, most: int, seed: int = 0) -> np.ndarray:
    """Ascending rows of a seeded sample that keeps the shares of the classes.

    Every class keeps at least one row. All rows where there are no more than ``most``.
    """
    count = len(table)
    if count <= most:
        return np.arange(count)
    random = np.random.default_rng(seed)
    if table.label is None or not table.labels:
        return np.sort(random.choice(count, most, replace=False))
    chosen: list[np.ndarray] = []
    for label in np.unique(table.label):
        rows = np.flatnonzero(table.label == label)
        size = max(1, round(most * len(rows) / count))
        chosen.append(random.choice(rows, min(size, len(rows)), replace=False))
    rows = np.sort(np.concatenate(chosen))
    if len(rows) > most:
        rows = np.sort(random.choice(rows, most, replace=False))
    return rows


@dataclass(frozen=True)
class Neighbour:
    """A row of the data set that lies near a typed sentence, by the vectors themselves."""

    row: int
    similarity: float  # cosine


def neighbours(vectors: np.ndarray, vector: np.ndarray, k: int = 5) -> tuple[Neighbour, ...]:
    """The k rows of (N, d) with the largest cosine to a vector (d,)."""
    length = np.linalg.norm(vectors, axis=1) * float(np.linalg.norm(vector))
    cosine = np.divide(vectors @ vector, length, out=np.zeros(len(vectors)), where=length > 0)
    best = np.argsort(-cosine, kind="stable")[:k]
    return tuple(Neighbour(int(row), float(cosine[row])) for row in best)


def shared(found: Sequence[tuple[Neighbour, ...]]) -> Iterator[tuple[int, int, float]]:
    """(i, j, share) for each pair of neighbour lists: how many of the rows they have in common."""
    for i, one in enumerate(found):
        for j in range(i + 1, len(found)):
            mine, other = {n.row for n in one}, {n.row for n in found[j]}
            yield i, j, len(mine & other) / max(len(mine), 1)
