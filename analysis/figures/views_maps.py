"""Maps of a data set: panels of points that share groups and scale, and numbers by pooling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figures.plot import Grid, HeatMap, Plot, Points
from analysis.figures.registry import view
from analysis.figures.source import provenance_of

NUMBERS = {
    "probe": ("Accuracy of a linear probe", "accuracy"),
    "silhouette": ("Silhouette of the labels", "silhouette (cosine)"),
    "anisotropy": ("Anisotropy", "mean cosine of two sentences"),
}


@view("map")
def embedding_map(
    projections: Sequence[Any],
    names: Sequence[str],
    group: np.ndarray,
    groups: Sequence[str],
    checkpoints: Sequence[Any] = (),
    data: str = "",
    subtitles: Sequence[str] = (),
    texts: Sequence[str] = (),
    typed: Sequence[np.ndarray] = (),
    typed_label: str = "",
    columns: int = 3,
) -> Plot:
    """A data set's sentences as points, one panel for each pooling, layer or checkpoint.

    `projections` are records of `analysis.projection` of the same N sentences, `group` (N,) an
    index into `groups`. `typed` holds, for each panel, where one more sentence lands (2,).
    """
    panels = []
    for index, projection in enumerate(projections):
        points, own, marks = projection.points, group, tuple(texts)
        rings: tuple[int, ...] = ()
        if len(typed) > index:
            points = np.concatenate([points, typed[index][None]])
            own, rings = np.append(group, len(groups)), (len(points) - 1,)
            marks = (*(marks or ("",) * len(group)), typed_label)
        panels.append(
            Points(
                xy=points, group=own.astype(int), labels=marks, rings=rings,
                groups=(*groups, typed_label or "typed") if rings else tuple(groups),
                x_label=_axis(projection, 0), y_label=_axis(projection, 1),
            )
        )  # fmt: skip
    first = projections[0]
    under = list(subtitles) or [""] * len(panels)
    titles = tuple(
        f"{name} ({sub})" if sub else name for name, sub in zip(names, under, strict=True)
    )
    notes = tuple(dict.fromkeys(note for one in projections for note in one.notes))
    method = {"pca": "PCA", "umap": "UMAP", "aligned_umap": "AlignedUMAP"}[first.method]
    return Plot(
        view="map",
        title=f"{method} of {len(group):,} sentences",
        mark=Grid(tuple(panels), titles, min(columns, len(panels))) if len(panels) > 1
        else panels[0],
        params={"method": first.method, "options": _plain(first.options), "panels": list(names)},
        provenance=provenance_of(
            checkpoints, data=data or None, sentences=len(group), method=first.method,
            seed=first.seed,
        ),
        notes=notes,
        caption=f"{method} of {len(group):,} sentences"
        + (f" of {data}" if data else "")
        + (", each panel brought onto the first by Procrustes" if len(panels) > 1 else "")
        + (
            f" (seed {first.seed}). Distances between far groups mean little."
            if first.method != "pca"
            else ". Axes: principal components, with their share of the variance."
        ),
    )


def _axis(projection: Any, index: int) -> str:
    if projection.method == "pca" and projection.explained is not None:
        return f"component {index + 1} ({100 * projection.explained[index]:.0f} %)"
    return f"dimension {index + 1}"


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in options.items() if isinstance(v, (str, int, float, bool))}


@view("pooling_by_layer")
def pooling_by_layer(
    values: np.ndarray,
    poolings: Sequence[str],
    layers: Sequence[int],
    measure: str = "probe",
    checkpoint: Any = None,
    data: str = "",
    sentences: int = 0,
    note: str = "",
) -> Plot:
    """One number for every pooling and layer: (P, K) of a probe, silhouette or anisotropy."""
    title, label = NUMBERS[measure]
    finite = values[np.isfinite(values)]
    limits = None
    scale: Any = "sequential"
    if measure != "probe" and finite.size and finite.min() < 0:
        scale = "diverging"
    return Plot(
        view="pooling_by_layer",
        title=title,
        mark=HeatMap(
            values=np.asarray(values, float), rows=tuple(poolings),
            columns=tuple(str(layer) for layer in layers), row_label="pooling",
            column_label="layer", value_label=label, scale=scale, limits=limits,
        ),
        params={"measure": measure, "poolings": list(poolings), "layers": list(layers)},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [], data=data or None,
            sentences=sentences or None,
        ),
        notes=(note,) if note else (),
    )  # fmt: skip
