"""Views of why two sentences are similar: bands, a map of token pairs, winners, effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from analysis.figures.marks import Bands, Bars, Grid, HeatMap, Panel, symmetric_limit
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import as_list, cut_note, provenance_of
from analysis.figures.views.units import labels_of, strip_of, units_of
from analysis.similarities.token_pairs import MAXSIM, SPLADE, TokenPairs, pairs_of
from analysis.similarities.unit_pairs import UnitPairs, unit_pairs
from analysis.similarities.wording import LeadingPair, carried

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.similarities.edits import PairEffects
    from analysis.similarities.maxsim import MaxSim
    from analysis.similarities.splade import SharedTerms
    from analysis.similarities.split import Similarity

    Result = TokenPairs | Similarity | MaxSim | SharedTerms

BANDS = 8  # drawn unless more are asked for
TITLES = {
    "mean": "mean",
    "max": "max",
    "cls": "[CLS]",
    "last_token": "last token",
    "concat": "[CLS], mean and max",
    "adaptive_mean": "mean of two halves",
    "weighted_mean": "learned weighted mean",
    "head": "own vector",
    "maxsim": "MaxSim, mean",
    "splade": "SPLADE",
}
_COSINE = (
    "The score is the sum of all bands, given the winners of a maximum and the attention weights"
)


_UNITS: WeakKeyDictionary[TokenPairs, dict[bool, UnitPairs]] = WeakKeyDictionary()


def units_of_both(pairs: TokenPairs, words: bool) -> UnitPairs:
    """Contributions by pairs of words (or pieces) of the two sentences; summed up once."""
    held = _UNITS.setdefault(pairs, {})
    if words not in held:
        groups = units_of(pairs.a, words), units_of(pairs.b, words)
        held[words] = unit_pairs(pairs.contributions, *groups)
    return held[words]


def bands_of(
    pairs: TokenPairs,
    *,
    words: bool = True,
    count: int = BANDS,
    limit: float | None = None,
) -> Bands:
    """Two sentences with the strongest `count` pairs of their words (or pieces) as bands."""
    units = units_of_both(pairs, words)
    values, strongest = units.values, units.strongest(count)
    first, second = (
        strip_of(tokens, group, values.sum(axis=axis), "contribution", pairs.unit)
        for tokens, group, axis in zip((pairs.a, pairs.b), units.groups, (1, 0), strict=True)
    )
    return Bands(
        first=first,
        second=second,
        ends=np.array([(i, j) for i, j, _ in strongest], dtype=int).reshape(-1, 2),
        values=np.array([value for _, _, value in strongest]),
        value_label=pairs.unit,
        score=named(pairs),
        limit=limit if limit is not None else symmetric_limit(values),
    )


def limits_of(every: Sequence[TokenPairs], words: bool) -> dict[str, float]:
    """One end of the scale for each pooling, common to all checkpoints: its largest pair.

    A mean spreads its cosine over all pairs and [CLS] has a single one: on one scale for both the
    bands of the mean would be hairlines.
    """
    largest: dict[str, list[np.ndarray]] = {}
    for pairs in every:
        largest.setdefault(pairs.pooling, []).append(units_of_both(pairs, words).values)
    return {pooling: symmetric_limit(*values) for pooling, values in largest.items()}


def named(result: Result) -> str:
    """Name of a result's pooling, with its score: "mean .62"."""
    pairs = pairs_of(result)
    return f"{TITLES.get(pairs.pooling, pairs.pooling)} {pairs.score:.2f}"


def leading(pairs: TokenPairs, words: bool) -> LeadingPair:
    """One pooling's strongest pair of words, for a sentence on it."""
    units = units_of_both(pairs, words)
    first, second = (
        labels_of(tokens, group)
        for tokens, group in zip((pairs.a, pairs.b), units.groups, strict=True)
    )
    return carried(
        TITLES.get(pairs.pooling, pairs.pooling),
        pairs.score,
        units.values,
        first.labels,
        second.labels,
        (first.special, second.special),
    )


@view("similarity_bands")
def similarity_bands(
    results: Result | Sequence[Result],
    checkpoints: Sequence[Checkpoint] = (),
    words: bool = True,
    count: int = BANDS,
    limit: float | None = None,
    limits: Mapping[str, float] | None = None,
) -> Plot:
    """Why two sentences are similar: bands between their tokens, one picture a pooling.

    `limits` gives the value of the widest band by pooling, `limit` one for all; by default each
    pooling has one scale for all checkpoints.
    """
    listed: Sequence[Result] = as_list(results)
    every = [pairs_of(result) for result in listed]
    first = every[0]
    ends = limits_of(every, words) | dict(limits or {})
    marks = [
        bands_of(
            pairs,
            words=words,
            count=count,
            limit=ends[pairs.pooling] if limit is None else limit,
        )
        for pairs in every
    ]
    several = len({pairs.checkpoint for pairs in every}) > 1
    names = tuple(
        f"{pairs.checkpoint}: {TITLES.get(pairs.pooling, pairs.pooling)}"
        if several
        else TITLES.get(pairs.pooling, pairs.pooling)
        for pairs in every
    )
    centred = any(pairs.centred for pairs in every)
    shown = f"the {count} strongest pairs of {'words' if words else 'tokens'}"
    notes = [note for pairs in every if pairs.gap for note in pairs.notes[:1]]
    return Plot(
        view="similarity_bands",
        title="Why are these two sentences similar?",
        mark=marks[0] if len(marks) == 1 else Grid(tuple(marks), names),
        params={
            "poolings": list(dict.fromkeys(pairs.pooling for pairs in every)),
            "layer": first.layer,
            "words": words,
            "count": count,
            "limit": limit,
        },
        provenance=_source(every, checkpoints),
        notes=(*cut_note([first.a, first.b]), *dict.fromkeys(notes)),
        caption=f"Contributions of {shown} to the similarity of two sentences"
        + (", about the corpus mean" if centred else "")
        + f". {_COSINE}. The width of a band is the size of its contribution, on a scale of its "
        "own for each pooling; a dashed edge is negative." + _of_seeds(every),
    )


@view("similarity_map")
def similarity_map(
    result: Result,
    checkpoint: Checkpoint | None = None,
    words: bool = True,
    limit: float | None = None,
) -> Plot:
    """Contribution of every pair of tokens to the score, as a map."""
    pairs = pairs_of(result)
    units = units_of_both(pairs, words)
    labels = [
        labels_of(tokens, group).labels
        for tokens, group in zip((pairs.a, pairs.b), units.groups, strict=True)
    ]
    bound = limit if limit is not None else symmetric_limit(units.values)
    return Plot(
        view="similarity_map",
        title=f"Every pair of {'words' if words else 'tokens'}: {named(pairs)}",
        mark=HeatMap(
            values=units.values,
            rows=labels[0],
            columns=labels[1],
            row_label="first sentence",
            column_label="second sentence",
            value_label=f"contribution to {pairs.unit.removeprefix('of ')}",
            limits=(-bound, bound),
        ),
        params={"words": words, "limit": limit, "pooling": pairs.pooling, "layer": pairs.layer},
        provenance=_source([pairs], [checkpoint] if checkpoint is not None else ()),
        notes=cut_note([pairs.a, pairs.b]),
        caption=f"Contribution of each pair to the score ({named(pairs)}); all cells sum to it."
        + _of_seeds([pairs]),
    )


@view("similarity_layers")
def similarity_layers(
    result: Result, checkpoint: Checkpoint | None = None, limit: float | None = None
) -> Plot:
    """Contribution of each pair of source layers, or of each pair of parts, to the cosine."""
    pairs = pairs_of(result)
    splits = pairs.splits
    first = splits[0]
    layers = len(first.a.layers) > 1 or len(first.a.parts) == 1
    values = np.mean([split.by_layer if layers else split.by_part for split in splits], axis=0)
    names = tuple(f"layer {layer}" for layer in first.a.layers) if layers else first.a.parts
    bound = limit if limit is not None else symmetric_limit(values)
    what = "source layers" if layers else "parts of the pooling head"
    return Plot(
        view="similarity_layers",
        title=f"Pairs of {what}: {named(pairs)}",
        mark=HeatMap(
            values=values,
            rows=tuple(names),
            columns=tuple(names),
            row_label="first sentence",
            column_label="second sentence",
            value_label="contribution to the cosine",
            limits=(-bound, bound),
            written="signed",
        ),
        params={"limit": limit, "pooling": pairs.pooling, "layer": pairs.layer},
        provenance=_source([pairs], [checkpoint] if checkpoint is not None else ()),
        caption=f"Contribution of each pair of {what} to the cosine ({named(pairs)})."
        + _of_seeds([pairs]),
    )


@view("max_winners")
def max_winners(
    result: Result, checkpoint: Checkpoint | None = None, words: bool = True, most: int = 12
) -> Plot:
    """Winners of the maximum over tokens in each sentence: share of dimensions won.

    Raises
    ------
    ValueError
        The pooling takes no maximum over tokens.
    """
    pairs = pairs_of(result)
    panels: list[Panel] = []
    ties = 0
    for side, tokens in (("a", pairs.a), ("b", pairs.b)):
        every = [getattr(split, side).winners for split in pairs.splits]
        if any(winners is None or winners.token is None for winners in every):
            raise ValueError(
                f"{pairs.pooling} does not max-pool over tokens, so there are no winners"
            )
        groups = units_of(tokens, words)
        labels = labels_of(tokens, groups).labels
        unit = np.zeros(len(tokens), int)
        for number, group in enumerate(groups):
            unit[list(group)] = number
        won = np.stack([unit[winners.token] for winners in every])  # (seeds, d)
        margin = np.stack([winners.margin for winners in every])
        ties += sum(winners.ties for winners in every)
        share = np.bincount(won.ravel(), minlength=len(groups)) / won.size
        order = np.argsort(-share, kind="stable")[:most]
        order = order[share[order] > 0]
        categories = []
        for number in order.tolist():
            margins = margin[won == number]
            finite = margins[np.isfinite(margins)]
            phrase = f" ({np.median(finite):.2g})" if len(finite) else ""
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
        title=f"Winners of the maximum over tokens: {named(pairs)}",
        mark=Grid(tuple(panels), ("first sentence", "second sentence")),
        params={"words": words, "most": most, "pooling": pairs.pooling, "layer": pairs.layer},
        provenance=_source([pairs], [checkpoint] if checkpoint is not None else ()),
        notes=(f"{ties} maxima are ties and go to the earliest token.",) if ties else (),
        caption="Share of the dimensions whose maximum each token holds, and the median of its "
        "margin to the runner-up." + _of_seeds([pairs]),
    )


@view("similarity_effects")
def similarity_effects(
    result: PairEffects, checkpoint: Checkpoint | None = None, most: int = 12
) -> Plot:
    """Words of both sentences by what the score loses without each, the largest first.

    Raises
    ------
    ValueError
        No word can be left out: each is the only one of its sentence.
    """
    panels: list[Panel] = []
    names = []
    sides = zip((result.a, result.b), result.tokens, result.groups, strict=True)
    for name, (values, tokens, groups) in zip(("first", "second"), sides, strict=True):
        order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")
        order = order[np.isfinite(values[order])][:most]
        if not len(order):
            continue
        labels = labels_of(tokens, groups).labels
        names.append(f"{name} sentence")
        panels.append(
            Bars(
                values=values[order][None],
                categories=tuple(labels[place] for place in order.tolist()),
                series=("effect",),
                category_label="word left out",
                value_label="score minus score without it",
                colours="sign",
            )
        )
    if not panels:
        raise ValueError("no word can be left out: nothing would be left of its sentence")
    title = TITLES.get(result.pooling, result.pooling)
    return Plot(
        view="similarity_effects",
        title=f"Effect of leaving each word out: {title} {result.score:.2f}",
        mark=panels[0] if len(panels) == 1 else Grid(tuple(panels), tuple(names)),
        params={"most": most, "pooling": result.pooling, "layer": result.layer},
        provenance=provenance_of(
            [checkpoint] if checkpoint is not None else [],
            text=result.tokens[0].text,
            pair=result.tokens[1].text,
            method="leave_one_out",
        ),
        notes=cut_note(result.tokens),
        caption="Score minus the score without each word, the encoder reading the sentence anew: "
        "above zero the word makes the sentences more similar.",
    )


def _source(every: Sequence[TokenPairs], checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    first = every[0]
    return provenance_of(
        list(checkpoints),
        text=first.a.text,
        pair=first.b.text,
        method=list(dict.fromkeys(_method(pairs) for pairs in every)),
        layers=[pairs.layer for pairs in every],
        poolings=[pairs.pooling for pairs in every],
        reference="corpus mean" if any(pairs.centred for pairs in every) else None,
    )


def _method(pairs: TokenPairs) -> str:
    if pairs.pooling in (MAXSIM, SPLADE):
        return {MAXSIM: "MaxSim", SPLADE: "SPLADE"}[pairs.pooling]
    return "split along a straight line" if pairs.gap else "split of the cosine"


def _of_seeds(every: Sequence[TokenPairs]) -> str:
    """A sentence on the seeds that a picture is a mean over; "" where there is one."""
    seeds = max(len(pairs.scores) for pairs in every)
    return f" Means over {seeds} seeds." if seeds > 1 else ""
