"""What the attributions say, in sentences with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.attribution import METHODS, Disagreement, largest_disagreement
from analysis.figures.style import number, printable
from analysis.figures.token_axis import label_of
from analysis.figures.views_attributions import unit_of

_LONGEST = 28  # characters of a word in a sentence
_NAMES = ("Shapley", "KernelSHAP", "GradientSHAP", "SmoothGrad")
Extreme = tuple[str, float] | None


def answer(
    results: Sequence[Any], tokens: Sequence[Any], names: Sequence[str], labels: Sequence[str]
) -> str:
    """Which unit speaks most for the explained class, and which against it, by one method."""
    if not results:
        return ""
    tops = [_extremes(result, text) for result, text in zip(results, tokens, strict=True)]
    same = len(set(labels)) == 1
    unit = unit_of(results[0]) + ("" if unit_of(results[0]) == "probability" else "s")
    target = labels[0] if same else "its class"
    sides = [
        _side([top[0] for top in tops], names, f"for {target}", unit),
        _side([top[1] for top in tops], names, "against it" if same else "against its class", unit),
    ]
    said = "; ".join(side for side in sides if side)
    by = in_sentence(METHODS[results[0].method].title)
    return f"By {by}, {said}." if said else f"By {by} no token speaks for or against {target}."


def _extremes(result: Any, tokens: Any) -> tuple[Extreme, Extreme]:
    """(most in favour, most against): a unit with its score each; special tokens aside."""
    own = [(label_of(tokens, unit), float(score))
           for unit, score in zip(result.unit_tokens, result.scores, strict=True)
           if not tokens.special[unit[0]]]  # fmt: skip
    best = max(own, key=lambda one: one[1], default=("", 0.0))
    worst = min(own, key=lambda one: one[1], default=("", 0.0))
    return (best if best[1] > 0 else None), (worst if worst[1] < 0 else None)


def _side(tops: Sequence[Extreme], names: Sequence[str], way: str, unit: str) -> str:
    """“good” speaks most for positive in A and B (+0.20 to +0.40 logits), “fine” in C (+0.10)."""
    owners: dict[str, list[tuple[str, float]]] = {}
    for top, name in zip(tops, names, strict=True):
        if top is not None:
            owners.setdefault(top[0], []).append((name, top[1]))
    parts = []
    for word, found in sorted(owners.items(), key=lambda pair: -len(pair[1])):
        ends = [number(value, "signed") for value in sorted(value for _, value in found)]
        span = " to ".join(dict.fromkeys((ends[0], ends[-1])))
        shown = quoted(word) + ("" if parts else f" speaks most {way}")
        if len(names) > 1:
            every = "both" if len(names) == 2 else "all"
            where = every if len(found) == len(names) else listed([name for name, _ in found])
            shown += f" in {where}"
        parts.append(f"{shown} ({span}{'' if parts else ' ' + unit})")
    return ", ".join(parts)


def methods_differ(
    results: Sequence[Any], tokens: Any, methods: Sequence[str]
) -> Disagreement | None:
    """Where two methods on one checkpoint differ most; None where they cannot be compared."""
    try:
        titles = [in_sentence(METHODS[key].title) for key in methods]
        return largest_disagreement(results, tokens, titles)
    except ValueError:
        return None


def checkpoints_differ(
    results: Sequence[Any], tokens: Sequence[Any], names: Sequence[str]
) -> Disagreement | None:
    """Where two checkpoints differ most by one method; None where their tokens differ."""
    if len({tuple(text.pieces) for text in tokens}) != 1:
        return None
    try:
        return largest_disagreement(results, tokens[0], names)
    except ValueError:
        return None


def begin(sentence: str) -> str:
    """A sentence with a capital; names of checkpoints keep their own."""
    return sentence[:1].upper() + sentence[1:]


def quoted(word: str) -> str:
    """A unit of a text within a sentence."""
    return f"“{printable(word, _LONGEST)}”"


def listed(names: Sequence[str]) -> str:
    """A, B and C."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def in_sentence(title: str) -> str:
    """A method's name within a sentence; names of people and abbreviations keep capitals."""
    return title if title.startswith(_NAMES) else title[:1].lower() + title[1:]
