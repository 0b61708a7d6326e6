"""Views of MaxSim and SPLADE: who wins each token of a query, and each term of the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Bars
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import provenance_of

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.splade import SharedTerms


@view("maxsim_margins")
def maxsim_margins(result: MaxSim, checkpoint: Checkpoint | None = None, most: int = 40) -> Plot:
    """The best match of each query token (MaxSim), and its margin to the runner-up."""
    rows = np.flatnonzero(result.winner >= 0)[:most]
    best = result.similarities[rows, result.winner[rows]]
    query, document = result.query.labels, result.document.labels
    categories = tuple(f"{query[row]} → {document[result.winner[row]]}" for row in rows.tolist())
    margin = np.where(np.isfinite(result.margin[rows]), result.margin[rows], np.nan)
    notes = [f"Compared: {result.compared}."]
    if result.ties:
        notes.append(f"{result.ties} query tokens have two equally good matches.")
    return Plot(
        view="maxsim_margins",
        title=f"Best match of each query token: MaxSim {result.score:.2f}",
        mark=Bars(
            values=np.stack([best, margin]),
            categories=categories,
            series=("similarity of the best match", "margin to the runner-up"),
            category_label="query token → its best match",
            value_label="similarity",
        ),
        params={"most": most},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [],
            text=result.query.text,
            pair=result.document.text,
            method="MaxSim",
        ),
        notes=tuple(notes),
        caption="Each query token keeps its best match in the document; MaxSim is their sum.",
    )


@view("splade_terms")
def splade_terms(result: SharedTerms, checkpoint: Checkpoint | None = None, most: int = 20) -> Plot:
    """The heaviest terms that two sparse vectors (SPLADE) share, and the tokens that won them."""
    a, b = result.a.tokens.labels, result.b.tokens.labels
    count = min(most, len(result.terms))
    categories = tuple(
        f"{term}: {a[left]} · {b[right]}"
        for term, (left, right) in zip(
            result.terms[:count], result.winners[:count].tolist(), strict=True
        )
    )
    values = result.contribution[:count]
    if not count:
        categories, values = ("no shared term",), np.zeros(1)
    return Plot(
        view="splade_terms",
        title=f"Terms that both sentences share: SPLADE {result.score:.2f}",
        mark=Bars(
            values=values[None],
            categories=categories,
            series=("contribution",),
            category_label="term: winning token of each sentence",
            value_label="contribution to the dot product",
        ),
        params={"most": most},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [],
            text=result.a.tokens.text,
            pair=result.b.tokens.text,
            method="SPLADE",
        ),
        caption="Contribution of shared vocabulary terms to the dot product of two sparse "
        "vectors, with the token that won each term.",
    )
