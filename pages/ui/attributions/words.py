"""Attributions in sentences with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import TYPE_CHECKING

from analysis.attribution import METHODS, Attribution, Disagreement, largest_disagreement
from analysis.common import arrays
from analysis.common.phrases import in_letters, listed
from analysis.figures.recipes.attribution import on_one_text
from analysis.figures.style.style import number, printable
from analysis.figures.views.attribution_results import spread_of, unit_of
from analysis.figures.views.token_axis import label_of
from analysis.seed_groups import averages

if TYPE_CHECKING:
    from analysis.text.tokens import Tokens

_LONGEST = 28  # characters of a word in a sentence
_NAMES = ("Shapley", "KernelSHAP", "GradientSHAP", "SmoothGrad")
Extreme = tuple[str, float, float] | None


def answer(
    entries: Sequence[Sequence[Attribution]],
    tokens: Sequence[Tokens],
    names: Sequence[str],
    labels: Sequence[str],
) -> str:
    """The strongest evidence for the explained class and against it, by a method.

    An entry is the results of its members: one of a checkpoint, several of a seed group.
    """
    if not entries:
        return ""
    tops = [_extremes(entry, text) for entry, text in zip(entries, tokens, strict=True)]
    same, first = len(set(labels)) == 1, entries[0][0]
    unit = unit_of(first) + ("" if unit_of(first) == "probability" else "s")
    target = labels[0] if same else "its class"
    sides = [
        _side([top[0] for top in tops], names, f"for {target}", unit),
        _side([top[1] for top in tops], names, "against it" if same else "against its class", unit),
    ]
    sentence = "; ".join(side for side in sides if side)
    by = in_sentence(METHODS[first.method].title)
    phrase = (
        f"By {by}, {sentence}."
        if sentence
        else f"By {by} no token is evidence for or against {target}."
    )
    return f"{phrase} {seeds_told(entries)}".strip()


def seeds_told(entries: Sequence[Sequence[Attribution]]) -> str:
    """Number of seeds behind a sentence; "" of a single checkpoint."""
    sizes = {len(entry) for entry in entries}
    if sizes == {1}:
        return "One seed each." if len(entries) > 1 else ""
    if len(sizes) == 1:
        each = " each" if len(entries) > 1 else ""
        return f"Mean over {sizes.pop()} seeds{each}, ± one standard deviation."
    return "Seed groups as their mean ± one standard deviation; the others are one seed each."


def _extremes(entry: Sequence[Attribution], tokens: Tokens) -> tuple[Extreme, Extreme]:
    """(most in favour, most against): a unit with its score and spread; special tokens aside."""
    units, mean, _, dots = spread_of(entry)
    spread = arrays.spread_of_rows(dots, len(mean))
    own = [
        (label_of(tokens, unit), float(score), float(sd))
        for unit, score, sd in zip(units, mean, spread, strict=True)
        if not tokens.special[unit[0]]
    ]
    best = max(own, key=lambda extreme: extreme[1], default=("", 0.0, nan))
    worst = min(own, key=lambda extreme: extreme[1], default=("", 0.0, nan))
    return (best if best[1] > 0 else None), (worst if worst[1] < 0 else None)


def _side(tops: Sequence[Extreme], names: Sequence[str], way: str, unit: str) -> str:
    """“good” is the strongest evidence for positive in A and B (+0.2 to +0.4), “fine” in C."""
    owners: dict[str, list[tuple[str, float, float]]] = {}
    for top, name in zip(tops, names, strict=True):
        if top is not None:
            owners.setdefault(top[0], []).append((name, top[1], top[2]))
    parts: list[str] = []
    for word, extremes in sorted(owners.items(), key=lambda pair: -len(pair[1])):
        ends = [
            _value(score, sd) for _, score, sd in sorted(extremes, key=lambda extreme: extreme[1])
        ]
        span = " to ".join(dict.fromkeys((ends[0], ends[-1])))
        shown = quoted(word) + ("" if parts else f" is the strongest evidence {way}")
        if len(names) > 1:
            every = "both" if len(names) == 2 else f"all {in_letters(len(names))}"
            where = (
                every if len(extremes) == len(names) else listed(extreme[0] for extreme in extremes)
            )
            shown += f" in {where}"
        parts.append(f"{shown} ({span}{'' if parts else ' ' + unit})")
    return ", ".join(parts)


def _value(score: float, spread: float) -> str:
    return number(score, "signed") + ("" if isnan(spread) else f" ± {spread:.2f}")


def methods_differ(
    results: Sequence[Attribution], tokens: Tokens, methods: Sequence[str]
) -> Disagreement | None:
    """Where two methods on one checkpoint differ most; None where they cannot be compared."""
    try:
        titles = [in_sentence(METHODS[key].title) for key in methods]
        return largest_disagreement(results, tokens, titles)
    except ValueError:
        return None


def checkpoints_differ(
    entries: Sequence[Sequence[Attribution]],
    tokens: Sequence[Tokens],
    names: Sequence[str],
    method: str,
) -> str:
    """Where two checkpoints (or seed groups) differ most by one method, or why it is not said."""
    if len(entries) < 2:
        return ""
    by = in_sentence(METHODS[method].title)
    try:
        alike = on_one_text(entries, tokens)
        means = [averages.mean_attribution(entry) for entry in alike]
        differ = largest_disagreement(means, tokens[0], names)
    except ValueError as error:
        return f"By {by} these checkpoints are not compared: {error}."
    several = [len(entry) > 1 for entry in entries]
    if not any(several):
        return f"By {by}, of these checkpoints (one seed each) {differ.sentence}"
    spreads = []
    for name in differ.names:
        entry = alike[list(names).index(name)]
        largest = arrays.largest(averages.mean_attribution(entry).scores) or 1.0
        sd = arrays.spread([result.scores[differ.unit] for result in entry])
        spreads.append("none (one seed)" if sd is None else f"{float(sd) / largest:.2f}")
    return (
        f"By {by}, as means over their seeds {differ.sentence} Standard deviation over the seeds "
        f"there, as such a share: {' and '.join(spreads)}."
    )


def begin(sentence: str) -> str:
    """A sentence with a capital; names of checkpoints keep their own."""
    return sentence[:1].upper() + sentence[1:]


def quoted(word: str) -> str:
    """A unit of a text within a sentence."""
    return f"“{printable(word.strip() or word, _LONGEST)}”"  # some pieces hold their space


def in_sentence(title: str) -> str:
    """A method's name within a sentence; names of people and abbreviations keep capitals."""
    return title if title.startswith(_NAMES) else title[:1].lower() + title[1:]
