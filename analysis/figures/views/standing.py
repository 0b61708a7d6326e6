"""View of where one sentence stands among others, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Grid, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.depth import QUANTITIES
from analysis.figures.views.source import provenance_of

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.text.tokens import Tokens

PREDICTION, REFERENCE = "prediction", "reference"
# The quantities above, and two that are ranked among sentences but not in a profile.
PLACED = {
    **QUANTITIES,
    PREDICTION: "value read out at the layer",
    REFERENCE: "cosine to the reference text",
}


@view("standing")
def standing(
    percentiles: Sequence[Mapping[str, np.ndarray]],
    names: Sequence[str],
    count: int,
    checkpoints: Sequence[Checkpoint] = (),
    tokens: Tokens | None = None,
) -> Plot:
    """Percentile of a sentence's [CLS] among other sentences, a panel a number, a line an entry.

    `percentiles` has (L+1,) by quantity (keys of `PLACED`) for each entry, `count` is how many
    sentences they are among.
    """
    panels, subtitles = [], []
    for quantity, title in PLACED.items():
        rows = {
            name: ranks[quantity]
            for name, ranks in zip(names, percentiles, strict=True)
            if quantity in ranks
        }
        if rows:
            lines = np.stack(list(rows.values()))
            layers = np.arange(lines.shape[1])
            subtitles.append(title)
            panels.append(
                Lines(layers, lines, tuple(rows), "layer", "percentile", limits=(-3, 103))
            )
    first = "[CLS]" if tokens is None else tokens.labels[0]
    return Plot(
        view="standing",
        title="Percentiles of this sentence",
        mark=Grid(tuple(panels), tuple(subtitles), 3),
        params={"names": list(names)},
        provenance=provenance_of(checkpoints, tokens, view="standing", sentences=count),
        notes=(f"Percentile of this sentence's [CLS] among {count} sentences.",),
        caption=f"{first}: percentile of its {', '.join(subtitles)} among {count} sentences, by "
        "layer (0: embeddings).",
    )
