"""Units of a text, words or pieces, and the strips made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Grid, Strip, symmetric_limit

if TYPE_CHECKING:
    from analysis.attribution.results import Attribution
    from analysis.text.tokens import Tokens


def units_of(tokens: Tokens, words: bool) -> tuple[tuple[int, ...], ...]:
    if words:
        return tuple(tokens.word_groups())
    return tuple((position,) for position in range(len(tokens.ids)))


def strip_of(
    tokens: Tokens, groups: Sequence[Sequence[int]], values: np.ndarray, value_label: str, unit: str
) -> Strip:
    """A strip of U units with `values` (U,); the text between a unit's first and last character is
    its label.
    """
    pieces, spaced, texts = tokens.labels, tokens.spaced, (tokens.text, tokens.pair or "")
    offsets, special, segment = tokens.offsets, tokens.special, tokens.segment
    labels, spans = [], np.zeros((len(groups), 2), int)
    for index, group in enumerate(groups):
        first, last = group[0], group[-1]
        spans[index] = offsets[first][0], offsets[last][1]
        whole = texts[int(segment[first])][spans[index, 0] : spans[index, 1]]
        labels.append(whole if len(group) > 1 and whole else pieces[first])
    return Strip(
        labels=tuple(labels),
        values=np.asarray(values, float),
        spaced=tuple(bool(spaced[g[0]]) for g in groups),
        special=tuple(bool(special[g[0]]) for g in groups),
        segment=tuple(int(segment[g[0]]) for g in groups),
        positions=tuple(tuple(int(p) for p in g) for g in groups),
        spans=spans,
        value_label=value_label,
        unit=unit,
    )


def labels_of(tokens: Tokens, groups: Sequence[Sequence[int]]) -> Strip:
    """A strip without values: labels, places and kinds of units."""
    return strip_of(tokens, groups, np.zeros(len(groups)), "", "")


def blank_strip(tokens: Tokens, words: bool) -> Strip:
    """The units of a text before there are numbers for them: all zero."""
    groups = units_of(tokens, words)
    return strip_of(tokens, groups, np.zeros(len(groups)), "", "")


def merged_scores(
    result: Attribution, tokens: Tokens, words: bool
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """(units, scores (U,)), with piece scores summed into words where words are asked for."""
    units = [tuple(int(p) for p in unit) for unit in result.unit_tokens]
    scores = np.asarray(result.scores, float)
    if not words:
        return units, scores
    word_of = {p: index for index, group in enumerate(tokens.word_groups()) for p in group}
    merged: dict[int, tuple[list[int], float]] = {}
    for unit, score in zip(units, scores.tolist(), strict=True):
        positions, total = merged.get(word_of[unit[0]], ([], 0.0))
        merged[word_of[unit[0]]] = ([*positions, *unit], total + score)
    return [tuple(p) for p, _ in merged.values()], np.array([s for _, s in merged.values()])


def one_or_grid(strips: list[Strip], names: Sequence[str], limit: float | None) -> Strip | Grid:
    """One strip, or several on one common scale: the largest value of all, or the given limit."""
    common = limit if limit is not None else symmetric_limit(*(s.values for s in strips))
    fields = [
        {name: getattr(s, name) for name in s.__dataclass_fields__} | {"limit": common}
        for s in strips
    ]
    scaled = tuple(Strip(**f) for f in fields)
    return scaled[0] if len(scaled) == 1 else Grid(scaled, tuple(names), columns=1)
