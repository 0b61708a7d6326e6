"""Maps of a data set: panels of points that share groups and scale, and numbers by pooling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.phrases import listed
from analysis.figures.marks import Grid, HeatMap, Points, Scale
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import provenance_of
from analysis.maps.quality_words import METHODS

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.maps.projection import Projection
    from analysis.maps.structure import Structure

NUMBERS = {
    "probe": ("Accuracy of a linear probe", "accuracy"),
    "silhouette": ("Silhouette of the labels", "silhouette (cosine)"),
    "anisotropy": ("Anisotropy", "mean cosine of two sentences"),
}
_MEASURED = {
    "probe": "Cross-validated accuracy of a linear probe on the standardised vectors",
    "silhouette": "Mean silhouette of the labels, by cosine (1 apart, 0 overlapping),",
    "anisotropy": "Mean cosine of two different sentences (near 1, all vectors point one way)",
}


@view("map")
def embedding_map(
    projections: Sequence[Projection],
    names: Sequence[str],
    group: np.ndarray,
    groups: Sequence[str],
    checkpoints: Sequence[Checkpoint] = (),
    data: str = "",
    subtitles: Sequence[str] = (),
    texts: Sequence[str] = (),
    typed: Sequence[np.ndarray | None] = (),
    typed_label: str = "",
    columns: int = 3,
    alignment: str = "procrustes",
    note: str = "",
    structures: Sequence[Structure | None] = (),
    contours: bool = False,
    clusters: bool = False,
) -> Plot:
    """A data set's sentences as points, one panel for each pooling, layer or checkpoint.

    `projections` are records of `analysis.maps.projection` of the same N sentences, `group` (N,) an
    index into `groups`, or (P, N) where each panel has its own. `typed` holds, for each panel,
    where one more sentence lands (2,), or None. `alignment` is how the panels were brought onto
    each other: "procrustes", "aligned_umap" or "none". `note` says what the subtitles' numbers are.
    `structures` are those of each panel in its frame; their density `contours` and the names of
    their `clusters` are drawn where asked for.
    """
    panels = []
    of_panel = np.broadcast_to(group, (len(projections), np.shape(group)[-1]))
    for index, projection in enumerate(projections):
        points, own, marks = projection.points, of_panel[index], tuple(texts)
        rings: tuple[int, ...] = ()
        landed = typed[index] if len(typed) > index else None
        if landed is not None:
            points = np.concatenate([points, landed[None]])
            own, rings = np.append(own, len(groups)), (len(points) - 1,)
            marks = (*(marks or ("",) * (len(points) - 1)), typed_label)
        panels.append(
            Points(
                xy=points,
                group=own.astype(int),
                labels=marks,
                rings=rings,
                groups=(*groups, typed_label or "typed") if rings else tuple(groups),
                x_label=_axis(projection, 0),
                y_label=_axis(projection, 1),
                **_over(structures[index], contours, clusters) if index < len(structures) else {},
            )
        )
    first = projections[0]
    under = list(subtitles) or [""] * len(panels)
    titles = tuple(
        f"{name} ({sub})" if sub else name for name, sub in zip(names, under, strict=True)
    )
    notes = tuple(dict.fromkeys(note for projection in projections for note in projection.notes))
    count = of_panel.shape[1]
    kinds = list(dict.fromkeys(METHODS[projection.method] for projection in projections))
    method = listed(kinds)
    if contours:
        note += f"{' ' if note else ''}Lines: densest regions of 90, 60 and 30 % of the points."
    if clusters:
        note += f"{' ' if note else ''}Names: words of largest class-based TF-IDF of a cluster."
    return Plot(
        view="map",
        title=f"{method} of {count:,} sentences",
        mark=Grid(tuple(panels), titles, min(columns, len(panels)))
        if len(panels) > 1
        else panels[0],
        params={"method": first.method, "options": _plain(first.options), "panels": list(names)},
        provenance=provenance_of(
            checkpoints,
            data=data or None,
            sentences=count,
            method=first.method,
            seed=first.seed,
        ),
        notes=notes,
        caption=_caption(f"{method} of {count:,} sentences", data, projections, alignment)
        + (f" {names[0]}: {under[0]}." if under[0] and len(panels) == 1 else "")
        + (f" {note}" if note else ""),
    )


def _caption(what: str, data: str, projections: Sequence[Projection], alignment: str) -> str:
    used = {projection.method for projection in projections}
    sentence = what + (f" of {data}" if data else "")
    if len(projections) > 1:
        sentence += {
            "none": ", each panel in a frame of its own",
            "aligned_umap": ", laid out together"
            if used == {"aligned_umap"}
            else ", laid out together where AlignedUMAP could, the others brought onto the first "
            "panel by Procrustes",
        }.get(
            alignment if alignment != "aligned_umap" or "aligned_umap" in used else "",
            ", each panel brought onto the first by Procrustes",
        )
    if used != {"pca"}:
        sentence += f" (seed {projections[0].seed}). Distances between far groups mean little."
    else:
        sentence += "."
    if "pca" in used and (len(projections) == 1 or alignment == "none" or used == {"pca"}):
        sentence += " Axes: principal components, with their share of the variance"
        turned = len(projections) > 1 and alignment != "none"
        sentence += ", before the panels were turned." if turned else "."
    return sentence


def _over(structure: Structure | None, contours: bool, clusters: bool) -> dict[str, Any]:
    """Lines and names of a panel, as its mark takes them."""
    over: dict[str, Any] = {}
    if structure is None:
        return over
    lines = [line for lines in structure.contours.lines for line in lines]
    if contours and lines:
        over["contours"] = np.concatenate(lines)
        over["contour_of"] = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    named = [place for place, name in enumerate(structure.clusters.names) if name]
    if clusters and named:
        over["regions"] = tuple(structure.clusters.names[place] for place in named)
        over["region_at"] = structure.clusters.centres[named]
    return over


def _axis(projection: Projection, index: int) -> str:
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
    checkpoint: Checkpoint | None = None,
    data: str = "",
    sentences: int = 0,
    note: str = "",
) -> Plot:
    """One number for every pooling and layer: (P, K) of a probe, silhouette or anisotropy."""
    title, label = NUMBERS[measure]
    finite = values[np.isfinite(values)]
    limits = None
    scale: Scale = "sequential"
    if measure != "probe" and finite.size and finite.min() < 0:
        scale = "diverging"
    return Plot(
        view="pooling_by_layer",
        title=title,
        mark=HeatMap(
            values=np.asarray(values, float),
            rows=tuple(poolings),
            columns=tuple(str(layer) for layer in layers),
            row_label="pooling",
            column_label="layer",
            value_label=label,
            scale=scale,
            limits=limits,
        ),
        params={"measure": measure, "poolings": list(poolings), "layers": list(layers)},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [],
            data=data or None,
            sentences=sentences or None,
        ),
        notes=(note,) if note else (),
        caption=f"{_MEASURED[measure]} of each pooling at each layer (0: the embeddings)."
        + (f" {note}" if note else ""),
    )
