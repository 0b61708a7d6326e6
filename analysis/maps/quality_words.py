"""Quality of a map in words: below a panel's title, and in a printed caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.maps.projection import Map
from analysis.maps.quality import Quality
from analysis.maps.row_groups import RowGroups

METHODS = {"pca": "PCA", "umap": "UMAP", "aligned_umap": "AlignedUMAP"}


def subtitle(
    layout: Map, quality: Quality | None, groups: RowGroups, measuring: bool = False
) -> str:
    """``UMAP, trustworthiness 0.94, continuity 0.96 (k = 15), k-NN 0.88 → 0.81, chance 0.50``."""
    method = METHODS[layout.projection.method]
    if quality is None:
        return f"{method}, being measured" if measuring else method
    if np.isnan(quality.trustworthiness):
        return f"{method}, everything lies on one point"
    phrase = (
        f"{method}, trustworthiness {quality.trustworthiness:.2f}, "
        f"continuity {quality.continuity:.2f} (k = {quality.k}"
    )
    sampled = len(quality.sample) < len(layout.vectors)
    phrase += f", on {len(quality.sample):,} of {len(layout.vectors):,} rows)" if sampled else ")"
    return phrase + _votes(quality, groups)


def _votes(quality: Quality, groups: RowGroups) -> str:
    if quality.knn_original is None or quality.knn_map is None:
        return ""
    phrase = f", k-NN {quality.knn_original:.2f} → {quality.knn_map:.2f}"
    if quality.grouped:
        phrase += f" {groups.words}"
    return phrase + f", chance {quality.knn_chance:.2f}"


def short(quality: Quality | None) -> str:
    """The quality in a printed panel's title; :func:`note` explains the letters."""
    if quality is None:
        return ""
    if np.isnan(quality.trustworthiness):
        return "everything on one point"
    phrase = f"T\xa0{quality.trustworthiness:.2f}, C\xa0{quality.continuity:.2f}"
    if quality.knn_original is not None and quality.knn_map is not None:
        phrase += f", k-NN {quality.knn_original:.2f} → {quality.knn_map:.2f}"
    return phrase


def note(qualities: Sequence[Quality | None], groups: RowGroups) -> str:
    """Meaning of the letters of :func:`short`, and the number of rows they were measured on."""
    known = [
        quality
        for quality in qualities
        if quality is not None and np.isfinite(quality.trustworthiness)
    ]
    if not known:
        return ""
    first = known[0]
    phrase = (
        f"T: trustworthiness, C: continuity of {first.k} neighbours, on {len(first.sample):,} rows"
    )
    if first.knn_original is not None:
        phrase += "; k-NN: share of rows whose label their neighbours vote for"
        if first.grouped:
            phrase += f" ({groups.words})"
        phrase += f", by the vectors → by the map (most frequent label {first.knn_chance:.2f})"
    return f"{phrase}."
