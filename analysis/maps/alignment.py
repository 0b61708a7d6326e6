"""Layouts that can be compared by eye: laid out together, or turned onto a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.common.first_import import scikit_learn
from analysis.maps import compiled
from analysis.maps.procrustes import Similarity as Similarity
from analysis.maps.procrustes import procrustes as procrustes
from analysis.maps.projection import DEFAULTS, Map, Projection, checked, quiet


def aligned_umap(
    vectors: Sequence[np.ndarray], seed: int = 0, regularisation: float = 0.01, **options: Any
) -> list[Map]:
    """Maps of the same N rows seen several ways, `vectors` (N, d) each, laid out together
    (umap.AlignedUMAP).

    ``regularisation`` is how strongly a row is held near its place in the neighbouring maps. It
    has no transform: a further vector is placed by its neighbours.

    Raises ``ValueError`` for fewer than two sets, sets of different length, or fewer than 4
    rows.
    """
    scikit_learn()
    from umap import AlignedUMAP

    compiled.keep()
    sets = [checked(vector, f"set {index + 1}") for index, vector in enumerate(vectors)]
    count = len(sets[0]) if sets else 0
    if len(sets) < 2 or any(len(vectors) != count for vectors in sets):
        raise ValueError("AlignedUMAP needs at least two sets of vectors of the same rows")
    if count < 4 or any((vectors == vectors[0]).all() for vectors in sets):
        raise ValueError("AlignedUMAP needs at least 4 rows that are not all equal; take PCA")
    chosen = {**DEFAULTS["umap"], **options}
    chosen["n_neighbors"] = min(int(chosen["n_neighbors"]), count - 1)
    same = {row: row for row in range(count)}
    with quiet():
        reducer = AlignedUMAP(
            n_components=2, random_state=seed, alignment_regularisation=regularisation, **chosen
        )
        layouts = reducer.fit(sets, relations=[same] * (len(sets) - 1)).embeddings_
    return [
        Map(
            Projection(
                np.asarray(layout, dtype=float),
                "aligned_umap",
                seed,
                {**chosen, "regularisation": regularisation},
            ),
            vectors,
        )
        for layout, vectors in zip(layouts, sets, strict=True)
    ]
