"""Recipes of maps of a data set, and of the numbers of its poolings and layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.common.phrases import name_without_folder
from analysis.figures.plot import Plot
from analysis.figures.recipes.map_results import (
    Key,
    MapRows,
    layouts_of,
    map_pass,
    pooling_numbers,
    rows_of,
    texts_of,
    typed_vector,
)
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import ABOUT_THE_SUITE, Data, Request
from analysis.figures.recipes.results import Member
from analysis.figures.views import maps as views
from analysis.maps import quality_words
from analysis.maps.atlas import Layouts, Sheet, Wish, aligned, compute, usable
from analysis.maps.colours import colours
from analysis.maps.row_groups import RowGroups, row_groups

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.corpus.predictions import Predictions
    from analysis.maps.numbers import PoolingNumbers
    from analysis.maps.projection import Map

MOST_PANELS = 9
USUAL = ("mean", "max", "cls")
Alignment = Literal["procrustes", "aligned_umap", "none"]


@recipe("map")
def embedding_map(
    request: Request,
    poolings: list[str] | None = None,
    layer: int | None = None,
    onto: int | None = None,
    rows: int = 1_000,
    seed: int = 0,
    method: Literal["pca", "umap"] = "umap",
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    metric: str = "cosine",
    alignment: Alignment = "procrustes",
    colour: str = "",
    apart: str | None = None,
    measured: bool = True,
    precision: str = "float32",
    contours: bool = False,
    clusters: bool = False,
) -> Plot:
    """Sentences of a data set as points, a panel for each pooling and checkpoint.

    `layer` is in view (default: the last), `onto` the layer that panels are brought onto; `apart`
    a column whose rows have no vote on each other. A text is placed among the points. Density
    `contours` and names of `clusters` are drawn where asked for.
    """
    members, data = _members(request, "map")
    sample = rows_of(data, rows, seed)
    depths = [_depth(member) for member in members]
    layer = max(depths) if layer is None else layer
    onto = layer if onto is None else onto
    wish = Wish(method, seed, n_neighbors, min_dist, metric, alignment)
    own = [member.reads("", None) for member in members]
    panels = _panels(own, depths, poolings, (layer, onto))
    passes = {
        member: member.result(map_pass, data, rows, seed, _keys_of(member, panels), precision)
        for member in dict.fromkeys(member for member, _, _ in panels)
    }
    sheets = []
    places = {}
    for member, name, keys in panels:
        key = (member.checkpoint.sha256, sample.table.digest, name, precision)
        vectors = {number: passes[member].vectors[name, number] for _, number in keys}
        sheets.append(Sheet(key, _title(member.checkpoint, name, len(members) > 1), vectors))
        places[key] = (member, name)

    def land(sheet: Sheet, laid_out: Map) -> np.ndarray | None:
        member, name = places[sheet.key]  # type: ignore[index]
        number = sheet.nearest(layer)
        arguments = (request.text, request.pair, name, number)
        try:
            point: np.ndarray = laid_out.place(member.result(typed_vector, *arguments)).points[0]
            return point
        except ValueError:  # the page says why under the map
            return None

    return map_of(
        sheets,
        sample,
        [held.answers for held in passes.values() if held.answers is not None],
        own[0].result(layouts_of),
        wish,
        layer,
        onto,
        colour,
        row_groups(sample.columns, apart),
        measured,
        [member.checkpoint for member in members],
        land if request.text.strip() else None,
        contours,
        clusters,
    )


def map_of(
    sheets: Sequence[Sheet],
    sample: MapRows,
    answers: Sequence[Predictions],
    layouts: Layouts,
    wish: Wish,
    layer: int,
    onto: int,
    colour: str,
    groups: RowGroups,
    measured: bool,
    checkpoints: Sequence[Checkpoint],
    land: Callable[[Sheet, Map], np.ndarray | None] | None = None,
    contours: bool = False,
    clusters: bool = False,
) -> Plot:
    """A map of vectors that are there, laid out where that is missing; the last step of both kinds.

    `land` gives the place (2,) of a typed sentence on a panel, or None.

    Raises
    ------
    ValueError
        No panel can be drawn, or there is nothing of that name to colour by.
    """
    sheets, problems = usable(sheets, layer)
    if not sheets:
        raise ValueError(" ".join(problems) or "there is no panel to draw: choose a pooling")
    compute(layouts, sheets, layer, wish, lambda *progress: None)
    layers = sorted({layer, onto})
    now = [row[layers.index(layer)] for row in aligned(layouts, sheets, layers, wish)]
    labels = sample.table.label if sample.table.labels else None
    qualities = [
        layouts.quality(sheet, sheet.nearest(layer), wish, labels, groups.codes, sheets)
        if measured
        else None
        for sheet in sheets
    ]
    structures = []
    if contours or clusters:
        for sheet, layout in zip(sheets, now, strict=True):
            own = layouts.structure(
                sheet, sheet.nearest(layer), wish, texts_of(sample.table), sheets
            )
            structures.append(own and own.onto(layout))
    offered = colours(sample.table, sample.columns, answers, qualities)
    name = colour or next(iter(offered))
    if name not in offered:
        raise ValueError(f"there is no {name!r} to colour by; there are {', '.join(offered)}")
    codes, names = offered[name]().grouped()
    typed = [land(sheet, layout) for sheet, layout in zip(sheets, now, strict=True)] if land else ()
    about = f" {ABOUT_THE_SUITE}" if sample.table.split == "suite" else ""
    return views.embedding_map(
        [layout.projection for layout in now],
        [sheet.title for sheet in sheets],
        codes,
        names,
        checkpoints=checkpoints,
        data=sample.name,
        typed=typed,
        typed_label="typed sentence" if typed else "",
        columns=3 if len(sheets) > 2 else 2,
        alignment=wish.alignment,
        subtitles=[quality_words.short(quality) for quality in qualities],
        note=quality_words.note(qualities, groups) + about,
        structures=structures,
        contours=contours,
        clusters=clusters,
    )


@recipe("pooling_by_layer")
def pooling_by_layer(
    request: Request,
    poolings: list[str] | None = None,
    layers: list[int] | None = None,
    measure: Literal["probe", "silhouette", "anisotropy"] = "probe",
    rows: int = 1_000,
    seed: int = 0,
    apart: str | None = None,
    precision: str = "float32",
) -> Plot:
    """One number for each pooling and layer over a data set: probe, silhouette or anisotropy."""
    members, data = _members(request, "pooling_by_layer")
    sample = rows_of(data, rows, seed)
    own = [member.reads("", None) for member in members]
    depths = [_depth(member) for member in members]
    chosen = tuple(range(max(depths) + 1)) if layers is None else tuple(layers)
    titles, lines = [], []
    panels = _panels(own, depths, poolings, chosen)
    for member, name, keys in panels:
        every = _keys_of(member, panels)
        numbers = member.result(pooling_numbers, data, rows, seed, every, apart, precision)
        titles.append(_title(member.checkpoint, name, len(members) > 1))
        lines.append({key[1]: numbers[key] for key in keys})
    return numbers_of(
        lines,
        titles,
        measure,
        [member.checkpoint for member in members],
        sample,
        row_groups(sample.columns, apart),
    )


def numbers_of(
    lines: Sequence[Mapping[int, PoolingNumbers]],
    titles: Sequence[str],
    measure: str,
    checkpoints: Sequence[Checkpoint],
    sample: MapRows,
    groups: RowGroups,
) -> Plot:
    """The picture of numbers by layer that were measured, a line of them for each title."""
    layers = sorted({layer for line in lines for layer in line})
    values = np.array(
        [
            [getattr(line[layer], measure) if layer in line else np.nan for layer in layers]
            for line in lines
        ]
    )
    note = ""
    if groups.codes is not None and measure == "probe":
        note = f"Folds are grouped by {groups.name}."
    elif groups.codes is not None and measure == "silhouette":
        note = f"A sentence is compared with those of another {groups.name} only."
    return views.pooling_by_layer(
        values,
        titles,
        layers,
        measure,
        checkpoints[0] if len(checkpoints) == 1 else None,
        sample.name,
        len(sample.table),
        note,
    )


def _members(request: Request, view: str) -> tuple[list[Member], Data]:
    request.table  # noqa: B018 (says that a data set is missing)
    assert request.data is not None
    members = [subject.only(view) for subject in request.subjects]
    return list({member.checkpoint.id: member for member in members}.values()), request.data


def _keys_of(
    member: Member, panels: Sequence[tuple[Member, str, tuple[Key, ...]]]
) -> tuple[Key, ...]:
    return tuple(key for own, _, keys in panels if own == member for key in keys)


def _depth(member: Member) -> int:
    from analysis.corpus.embedding import layer_count

    return layer_count(member.classifier)


def _title(checkpoint: Checkpoint, pooling: str, several: bool) -> str:
    from analysis.corpus.embedding import TITLES

    name = TITLES[pooling]
    return f"{name_without_folder(checkpoint.id)}: {name}" if several else name


def _panels(
    members: Sequence[Member],
    depths: Sequence[int],
    poolings: Sequence[str] | None,
    layers: Sequence[int],
) -> list[tuple[Member, str, tuple[Key, ...]]]:
    """A checkpoint and a pooling that it has, with its layers; the last stands for a deeper one.

    Raises
    ------
    ValueError
        A layer that no checkpoint has, or no checkpoint has any of the poolings.
    """
    from analysis.corpus.embedding import poolings_of

    names = USUAL if poolings is None else tuple(poolings)
    if outside := [layer for layer in layers if not 0 <= layer <= max(depths)]:
        raise ValueError(f"layer {outside[0]} is not there: choose 0 to {max(depths)}")
    panels = []
    for member, depth in zip(members, depths, strict=True):
        for name in names:
            if name in poolings_of(member.checkpoint):
                own = {depth} if name == "head" else {min(layer, depth) for layer in layers}
                panels.append((member, name, tuple((name, layer) for layer in sorted(own))))
    if not panels:
        raise ValueError(f"none of these checkpoints has the pooling {' or '.join(names)}")
    return panels[:MOST_PANELS]
