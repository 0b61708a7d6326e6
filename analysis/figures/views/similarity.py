"""Views of why two sentences are similar: bands, a token map, margins, terms, scores of a set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.marks import Bands, Bars, Grid, HeatMap, Lines, Panel, symmetric_limit
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import as_list, cut_note, provenance_of
from analysis.figures.views.units import labels_of, strip_of, units_of
from analysis.similarities.unit_pairs import unit_pairs

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.pair_scores import PairScores
    from analysis.similarities.splade import SharedTerms
    from analysis.similarities.split import Similarity
    from analysis.text.tokens import Tokens

BANDS = 8  # drawn unless more are asked for
TITLES = {
    "mean": "mean",
    "max": "max",
    "cls": "[CLS]",
    "last_token": "last token",
    "concat": "[CLS], mean and max",
    "adaptive_mean": "mean of two halves",
    "weighted_mean": "learned weighted mean",
    "head": "the pooling head's vector",
    "maxsim": "MaxSim, mean",
    "splade": "SPLADE",
}
_COSINE = (
    "The cosine is the sum of all bands, given the winners of a maximum and the attention weights"
)


def bands_of(
    contributions: np.ndarray,
    first: Tokens,
    second: Tokens,
    score: str,
    *,
    words: bool = True,
    count: int = BANDS,
    limit: float | None = None,
    label: str = "of the cosine",
) -> Bands:
    """Contributions (Ta, Tb) of two sentences' tokens as bands, the strongest `count` of them."""
    groups = units_of(first, words), units_of(second, words)
    pairs = unit_pairs(contributions, *groups)
    values, strongest = pairs.values, pairs.strongest(count)
    return Bands(
        first=strip_of(first, groups[0], values.sum(axis=1), "contribution", label),
        second=strip_of(second, groups[1], values.sum(axis=0), "contribution", label),
        ends=np.array([(i, j) for i, j, _ in strongest], dtype=int).reshape(-1, 2),
        values=np.array([value for _, _, value in strongest]),
        value_label=label,
        score=score,
        limit=limit if limit is not None else symmetric_limit(values),
    )


def limits_of(marks: Sequence[tuple[str, Bands]]) -> dict[str, float]:
    """One end of the scale for each pooling, common to all checkpoints.

    A mean spreads its cosine over all pairs and [CLS] has a single one: on one scale for both the
    bands of the mean would be hairlines.
    """
    found: dict[str, list[np.ndarray]] = {}
    for pooling, mark in marks:
        found.setdefault(pooling, []).append(mark.values)
    return {pooling: symmetric_limit(*values) for pooling, values in found.items()}


def named(result: Similarity) -> str:
    """Name of a result's pooling, with its score: "mean .62"."""
    return f"{TITLES.get(result.pooling, result.pooling)} {result.score:.2f}"


@view("similarity_bands")
def similarity_bands(
    results: Similarity | Sequence[Similarity],
    checkpoints: Sequence[Checkpoint] = (),
    words: bool = True,
    count: int = BANDS,
    limit: float | None = None,
) -> Plot:
    """Why two sentences are similar: bands between their tokens, one picture a pooling."""
    given: list[Similarity] = as_list(results)
    one = given[0]
    marks = [
        bands_of(r.contributions, r.a.tokens, r.b.tokens, named(r), words=words, count=count)
        for r in given
    ]
    ends = limits_of(list(zip((r.pooling for r in given), marks, strict=True)))
    marks = [
        replace(mark, limit=ends[r.pooling] if limit is None else limit)
        for r, mark in zip(given, marks, strict=True)
    ]
    several = len({r.checkpoint for r in given}) > 1
    names = tuple(
        f"{r.checkpoint}: {TITLES.get(r.pooling, r.pooling)}"
        if several
        else TITLES.get(r.pooling, r.pooling)
        for r in given
    )
    centred = any(r.centre is not None for r in given)
    shown = f"the {count} strongest pairs of {'words' if words else 'tokens'}"
    return Plot(
        view="similarity_bands",
        title="Why are these two sentences similar?",
        mark=marks[0] if len(marks) == 1 else Grid(tuple(marks), names),
        params={
            "poolings": list(dict.fromkeys(r.pooling for r in given)),
            "layer": one.layer,
            "words": words,
            "count": count,
            "limit": limit,
        },
        provenance=_source(given, checkpoints),
        notes=cut_note([one.a.tokens, one.b.tokens]),
        caption=f"Contributions of {shown} to the cosine of two pooled sentences"
        + (", about the corpus mean" if centred else "")
        + f". {_COSINE}; width is size (a scale a pooling), dashes are negative.",
    )


@view("similarity_map")
def similarity_map(
    result: Similarity,
    checkpoint: Checkpoint | None = None,
    words: bool = True,
    limit: float | None = None,
) -> Plot:
    """Contribution of every pair of tokens to the cosine, as a map."""
    groups = units_of(result.a.tokens, words), units_of(result.b.tokens, words)
    values = unit_pairs(result.contributions, *groups).values
    labels = [
        labels_of(side.tokens, group).labels
        for side, group in zip((result.a, result.b), groups, strict=True)
    ]
    bound = limit if limit is not None else symmetric_limit(values)
    return Plot(
        view="similarity_map",
        title=f"Every pair of {'words' if words else 'tokens'}: {named(result)}",
        mark=HeatMap(
            values=values,
            rows=labels[0],
            columns=labels[1],
            row_label="first sentence",
            column_label="second sentence",
            value_label="contribution to the cosine",
            limits=(-bound, bound),
        ),
        params={"words": words, "limit": limit, "pooling": result.pooling, "layer": result.layer},
        provenance=_source([result], [checkpoint] if checkpoint is not None else ()),
        notes=cut_note([result.a.tokens, result.b.tokens]),
        caption=f"Contribution of each pair to the cosine ({named(result)}); all cells sum to it.",
    )


@view("similarity_layers")
def similarity_layers(
    result: Similarity, checkpoint: Checkpoint | None = None, limit: float | None = None
) -> Plot:
    """Contribution of each pair of source layers, or of each pair of parts, to the cosine."""
    layers = len(result.a.layers) > 1 or len(result.a.parts) == 1
    values = result.by_layer if layers else result.by_part
    names = (
        tuple(f"layer {layer}" for layer in result.a.layers) if layers else tuple(result.a.parts)
    )
    bound = limit if limit is not None else symmetric_limit(values)
    what = "source layers" if layers else "parts of the pooling head"
    return Plot(
        view="similarity_layers",
        title=f"Pairs of {what}: {named(result)}",
        mark=HeatMap(
            values=values,
            rows=names,
            columns=names,
            row_label="first sentence",
            column_label="second sentence",
            value_label="contribution to the cosine",
            limits=(-bound, bound),
            written="signed",
        ),
        params={"limit": limit, "pooling": result.pooling, "layer": result.layer},
        provenance=_source([result], [checkpoint] if checkpoint is not None else ()),
        caption=f"Contribution of each pair of {what} to the cosine ({named(result)}).",
    )


@view("max_winners")
def max_winners(
    result: Similarity, checkpoint: Checkpoint | None = None, words: bool = True, most: int = 12
) -> Plot:
    """Which tokens win the maximum over tokens in each sentence: share of dimensions won.

    Raises
    ------
    ValueError
        The pooling takes no maximum.
    """
    panels: list[Panel] = []
    ties = 0
    for side in (result.a, result.b):
        if side.winners is None or side.winners.token is None:
            raise ValueError(f"{result.pooling} takes no maximum over tokens: nothing wins")
        groups = units_of(side.tokens, words)
        labels = labels_of(side.tokens, groups).labels
        unit = np.zeros(len(side.tokens), int)
        for number, group in enumerate(groups):
            unit[list(group)] = number
        won = unit[side.winners.token]
        ties += side.winners.ties
        share = np.bincount(won, minlength=len(groups)) / len(won)
        finite = np.where(np.isfinite(side.winners.margin), side.winners.margin, np.nan)
        order = np.argsort(-share, kind="stable")[:most]
        order = order[share[order] > 0]
        categories = []
        for number in order.tolist():
            margins = finite[won == number]
            held = margins[np.isfinite(margins)]
            phrase = f", margin {np.median(held):.2g}" if len(held) else ""
            categories.append(f"{labels[number]}{phrase}")
        panels.append(
            Bars(
                values=100 * share[order][None],
                categories=tuple(categories),
                series=("share of dimensions won",),
                category_label="winner (median margin)",
                value_label="share of dimensions won (%)",
            )
        )
    return Plot(
        view="max_winners",
        title=f"Winners of the maximum over tokens: {named(result)}",
        mark=Grid(tuple(panels), ("first sentence", "second sentence")),
        params={"words": words, "most": most, "pooling": result.pooling, "layer": result.layer},
        provenance=_source([result], [checkpoint] if checkpoint is not None else ()),
        notes=(f"{ties} maxima are ties and go to the earliest token.",) if ties else (),
        caption="Share of the dimensions whose maximum each token holds, and the median of its "
        "margin to the runner-up.",
    )


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
    scores: PairScores, checkpoint: Checkpoint | None = None, centred: bool = False
) -> Plot:
    """Anisotropy by layer: the mean cosine of two different sentences, for each pooling."""
    values, poolings, layers = _by_pooling(scores, scores.anisotropy[:, int(centred)])
    return Plot(
        view="pair_anisotropy",
        title="Anisotropy by layer" + (", centred" if centred else ""),
        mark=Lines(
            x=np.array(layers, float),
            y=values,
            series=tuple(TITLES.get(name, name) for name in poolings),
            x_label="layer",
            y_label="mean cosine of different sentences",
        ),
        params={"centred": centred},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [], pairs=len(scores.rows)
        ),
        caption=f"Mean cosine of two different sentences among {scores.sentences:,}; 0 where "
        "directions are spread evenly.",
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


def _source(results: Sequence[Similarity], checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    one = results[0]
    return provenance_of(
        list(checkpoints),
        text=one.a.tokens.text,
        pair=one.b.tokens.text,
        method=list(dict.fromkeys(_method(result) for result in results)),
        layers=[result.layer for result in results],
        poolings=[result.pooling for result in results],
        reference="corpus mean" if any(r.centre is not None for r in results) else None,
    )


def _method(result: Similarity) -> str:
    return "split along a straight line" if result.gap else "split of the cosine"
