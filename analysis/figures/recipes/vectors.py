"""Recipes of a folder of vectors that ``python -m analysis embed`` has written: maps, numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.figures.plot import Plot
from analysis.figures.recipes.folders import folder_recipe
from analysis.figures.recipes.map_results import MapRows
from analysis.figures.recipes.maps import MOST_PANELS, Alignment, map_of, numbers_of
from analysis.figures.recipes.request import columns_at
from analysis.maps.atlas import Layouts, Sheet, Wish
from analysis.maps.row_groups import row_groups
from analysis.maps.sample import stratified

if TYPE_CHECKING:
    from analysis.corpus.vector_folder import VectorFolder
    from analysis.maps.numbers import PoolingNumbers

PICTURES = {
    "map": "Sentences of a folder of vectors as points, a panel for each pooling.",
    "pooling_by_layer": "One number for each pooling and layer of a folder of vectors.",
}
_MAP = {"onto", "layer", "method", "n_neighbors", "min_dist", "metric", "alignment", "colour"}
_MAP |= {"contours", "clusters"}
_SAMPLE = {"poolings", "rows", "seed", "apart"}


def options(view: str) -> frozenset[str]:
    """Names of the parameters of a picture of a folder of vectors."""
    if view == "map":
        return frozenset({*_SAMPLE, *_MAP, "measured"})
    return frozenset({*_SAMPLE, "layers", "measure"} if view == "pooling_by_layer" else ())


def of_folder(
    view: str,
    folder: Path | str,
    poolings: list[str] | None = None,
    layer: int | None = None,
    onto: int | None = None,
    layers: list[int] | None = None,
    measure: Literal["probe", "silhouette", "anisotropy"] = "probe",
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
    contours: bool = False,
    clusters: bool = False,
) -> Plot:
    """The picture `view` of a folder or a file of vectors.

    Raises
    ------
    ValueError
        The folder holds none, or there is no such view, pooling or layer.
    """
    from analysis.corpus.vector_files import open_vectors
    from analysis.corpus.vector_folder import open_folder

    opened = open_vectors(folder) if Path(folder).is_file() else open_folder(folder)
    values = locals()
    return picture_of(
        view, opened, Layouts(), None, **{name: values[name] for name in options(view)}
    )


def picture_of(
    view: str,
    opened: VectorFolder,
    layouts: Layouts,
    numbers: list[dict[int, PoolingNumbers]] | None = None,
    *,
    poolings: list[str] | None = None,
    layer: int | None = None,
    onto: int | None = None,
    layers: list[int] | None = None,
    measure: str = "probe",
    rows: int = 1_000,
    seed: int = 0,
    method: str = "umap",
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    metric: str = "cosine",
    alignment: str = "procrustes",
    colour: str = "",
    apart: str | None = None,
    measured: bool = True,
    contours: bool = False,
    clusters: bool = False,
) -> Plot:
    """The picture `view` of vectors that were read; `numbers` of each panel, where they are known.

    Raises
    ------
    ValueError
        There is no such view, pooling or layer.
    """
    if view not in PICTURES:
        known = ", ".join(PICTURES)
        raise ValueError(f"no picture of vectors is called {view!r}; known are {known}")
    values = locals()
    written = {name: values[name] for name in sorted(options(view))}
    chosen = stratified(opened.table, rows, seed)
    sample = MapRows(opened.table.take(chosen), columns_at(opened.more, chosen), name_of(opened))
    sheets = [
        sheet for name in poolings or _poolings(opened) if (sheet := sheet_of(opened, name, chosen))
    ][:MOST_PANELS]
    if not sheets:
        raise ValueError(f"the folder has no such pooling; it has {', '.join(_poolings(opened))}")
    groups = row_groups(sample.columns, apart)
    if view == "map":
        layer = max(max(sheet.vectors) for sheet in sheets) if layer is None else layer
        wish = Wish(method, seed, n_neighbors, min_dist, metric, alignment)
        onto = layer if onto is None else onto
        plot = map_of(
            sheets,
            sample,
            (),
            layouts,
            wish,
            layer,
            onto,
            colour,
            groups,
            measured,
            (),
            contours=contours,
            clusters=clusters,
        )
    else:
        lines = _numbers(sheets, sample, groups.codes, layers) if numbers is None else numbers
        plot = numbers_of(lines, [sheet.title for sheet in sheets], measure, (), sample, groups)
    return replace(plot, recipe=folder_recipe(view, "vectors", opened.table.split, written))


def name_of(opened: VectorFolder) -> str:
    """The folder's rows in words."""
    return f"{opened.table.split}, vectors of {opened.checkpoint}"


def sheet_of(opened: VectorFolder, pooling: str, chosen: np.ndarray) -> Sheet | None:
    """The panel of a pooling: vectors of the `chosen` rows (n,) by layer; None: it is not there."""
    from analysis.corpus.embedding import TITLES

    vectors = {
        layer: held[chosen] for (name, layer), held in opened.vectors.items() if name == pooling
    }
    digest = opened.table.take(chosen).digest
    key = (f"folder {opened.weights}", digest, pooling, opened.checkpoint)
    return Sheet(key, TITLES.get(pooling, pooling), vectors) if vectors else None


def _poolings(opened: VectorFolder) -> list[str]:
    return list(dict.fromkeys(name for name, _ in opened.vectors))


def _numbers(
    sheets: list[Sheet], sample: MapRows, groups: np.ndarray | None, layers: list[int] | None
) -> list[dict[int, PoolingNumbers]]:
    from analysis.maps.numbers import measured

    labels = sample.table.label if sample.table.labels else None
    return [
        {
            layer: measured(sheet.vectors[layer], labels, groups)
            for layer in sheet.layers
            if layers is None or layer in layers
        }
        for sheet in sheets
    ]
