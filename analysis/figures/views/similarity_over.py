"""Views of similarity over a data set of pairs: agreement with people, and anisotropy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Grid, HeatMap, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.similarity import TITLES
from analysis.figures.views.source import provenance_of

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.similarities.pair_scores import PairScores


@view("pair_correlations")
def pair_correlations(
    scores: PairScores,
    checkpoint: Checkpoint | None = None,
    centred: bool = False,
    metric: str = "spearman",
) -> Plot:
    """Correlation with gold scores for each pooling and layer, as a map."""
    values, poolings, layers = _by_pooling(scores, getattr(scores, metric)[:, int(centred), 0])
    name = {"spearman": "Spearman", "pearson": "Pearson"}[metric]
    finite = values[np.isfinite(values)]
    low = min(float(finite.min()), 0.0) if finite.size else 0.0
    return Plot(
        view="pair_correlations",
        title=f"{name} of each pooling and layer" + (", centred" if centred else ""),
        mark=HeatMap(
            values=values,
            rows=tuple(TITLES.get(name, name) for name in poolings),
            columns=tuple(str(layer) for layer in layers),
            row_label="pooling",
            column_label="layer",
            value_label=f"{name}'s correlation with the gold scores",
            scale="sequential",
            limits=(low, max(float(finite.max()), low + 0.01) if finite.size else 1.0),
            written="probability",
        ),
        params={"centred": centred, "metric": metric},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [], pairs=len(scores.rows)
        ),
        caption=f"{name}'s correlation of the cosine with gold scores over {len(scores.rows):,} "
        "pairs" + (", about the mean of all sentences." if centred else "."),
    )


@view("pair_anisotropy")
def pair_anisotropy(
    scores: PairScores, checkpoint: Checkpoint | None = None, centred: bool | None = None
) -> Plot:
    """Anisotropy by layer: the mean cosine of two different sentences, for each pooling.

    As the vectors are, `centred`, or (None) both.
    """
    shown = (False, True) if centred is None else (centred,)
    known = scores.anisotropy[np.isfinite(scores.anisotropy)]
    low, high = (float(end) for end in (known.min(initial=0.0), known.max(initial=0.0)))
    room = 0.05 * max(high - low, 0.01)
    marks = []
    for after in shown:
        values, poolings, layers = _by_pooling(scores, scores.anisotropy[:, int(after)])
        marks.append(
            Lines(
                x=np.array(layers, float),
                y=values,
                series=tuple(TITLES.get(name, name) for name in poolings),
                x_label="layer",
                y_label="mean cosine of different sentences",
                limits=(low - room, high + room),
            )
        )
    names = ("as they are", "about the mean of all sentences")
    return Plot(
        view="pair_anisotropy",
        title="Anisotropy by layer" + (", centred" if centred else ""),
        mark=marks[0] if len(marks) == 1 else Grid(tuple(marks), names),
        params={"centred": centred},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [], pairs=len(scores.rows)
        ),
        caption=f"Mean cosine of two different sentences among {scores.sentences:,}"
        + (", before and after centring" if centred is None else "")
        + "; 0 where directions are spread evenly.",
    )


def _by_pooling(
    scores: PairScores, values: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...], tuple[int, ...]]:
    """(poolings, layers) NaN where a pooling has no such layer."""
    poolings = tuple(dict.fromkeys(pooling for pooling, _ in scores.keys))
    layers = tuple(sorted({layer for _, layer in scores.keys}))
    held = np.full((len(poolings), len(layers)), np.nan)
    for (pooling, layer), value in zip(scores.keys, values.tolist(), strict=True):
        held[poolings.index(pooling), layers.index(layer)] = value
    return held, poolings, layers
