"""Helpers of views of attributions: units in common, scores, and words for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from analysis.figures.views.source import provenance_of, target_label

if TYPE_CHECKING:
    from analysis.attribution.results import Attribution
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.text.tokens import Tokens

Units = tuple[tuple[int, ...], ...]


class HasMethod(Protocol):
    """A result of an attribution method."""

    @property
    def method(self) -> str: ...


def title_of(result: HasMethod) -> str:
    """Title of a result's method."""
    return title_of_method(result.method)


def title_of_method(method: str) -> str:
    """Title of a method by its key."""
    from analysis.attribution import METHODS

    known = METHODS.get(method)
    return known.title if known is not None else method.replace("_", " ")


def on_common_units(results: Sequence[Attribution]) -> tuple[Units, list[np.ndarray]]:
    """(units, scores (U,) of each result) on the coarsest units among them; finer ones are summed.

    Raises ``ValueError`` where neither is made of the other's, as with two different spans.
    """
    parts = [tuple(tuple(int(p) for p in unit) for unit in r.unit_tokens) for r in results]
    units = min(parts, key=len)
    home = {position: index for index, unit in enumerate(units) for position in unit}
    merged = []
    for part, result in zip(parts, results, strict=True):
        scores = np.zeros(len(units))
        for unit, score in zip(part, np.asarray(result.scores, float), strict=True):
            places = {home.get(position, -1) for position in unit}
            if len(places) > 1 or -1 in places:
                raise ValueError(
                    f"{title_of(result)} has other units than the rest: choose one unit for all"
                )
            scores[places.pop()] += score
        merged.append(scores)
    return units, merged


def shares(scores: np.ndarray) -> np.ndarray:
    """(..., U) scores as shares of the largest absolute one along the last axis, -1 to 1."""
    largest = np.abs(scores).max(axis=-1, keepdims=True)
    return np.asarray(scores / np.where(largest > 0, largest, 1.0))


def spread_of(
    entry: Sequence[Attribution],
) -> tuple[Units, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """(units, mean, (U, 2) interval or None, (U, M) dots or None) of one result or a seed group."""
    units, scores = on_common_units(entry)
    if len(entry) == 1:
        interval = entry[0].interval
        return units, scores[0], None if interval is None else np.asarray(interval, float), None
    dots = np.stack(scores, axis=1)
    mean, spread = dots.mean(axis=1), dots.std(axis=1, ddof=1)
    return units, mean, np.stack([mean - spread, mean + spread], axis=1), dots


def by_layer(result: Attribution, every: Sequence[int]) -> np.ndarray:
    """(K,) sums over the units; a layer that is not read has no bar."""
    total = np.asarray(result.layer_scores, float).sum(axis=0)
    own = {int(layer): float(value) for layer, value in zip(result.layers, total, strict=True)}
    return np.array([own.get(layer, np.nan) for layer in every])


def unit_of(result: Attribution) -> str:
    """Unit of the scores of a result."""
    return "probability" if result.output == "probability" else "logit"


def output_words(result: Attribution) -> str:
    """Name of the explained output of the checkpoint."""
    if isinstance(result.target, tuple):
        what = "probabilities" if result.output == "probability" else "logits"
        return f"the difference of the two classes' {what}"
    known = {
        "contrast": "the class's logit minus the mean of the others",
        "logit": "the class's logit",
    }
    return known.get(str(result.output), "the class's probability")


def explained(checkpoint: Checkpoint | None, result: Attribution) -> str:
    """The explained class, or the difference of two."""
    if isinstance(result.target, tuple):
        return " against ".join(target_label(checkpoint, int(c)) for c in result.target)
    return target_label(checkpoint, int(result.target))


def coarsest(results: Sequence[Attribution]) -> str:
    """The unit that all of these results can be shown in."""
    return str(min(results, key=lambda result: len(result.unit_tokens)).unit)


def line_of(result: Attribution, name: str) -> str:
    """The note on how a result was made: method, baseline, and the error of its sum."""
    gap = result.completeness_gap
    phrase = f"{name}: " if name else ""
    phrase += f"{title_of(result)}, baseline {result.baseline}"
    if gap is None:
        return f"{phrase}."
    short = getattr(result, "converged", None) is False
    return f"{phrase}, integration error {gap:.1e}" + (", tolerance not reached." if short else ".")


def source_of(
    key: str,
    results: Sequence[Attribution],
    texts: Sequence[Tokens | None],
    owners: Sequence[Checkpoint | None],
) -> dict[str, Any]:
    """Provenance of a view `key` of these results."""
    first = results[0]
    return provenance_of(
        owners,
        texts[0],
        view=key,
        target=explained(owners[0], first),
        method=list(dict.fromkeys(str(r.method) for r in results)),
        output=first.output,
        unit=first.unit,
        baseline=str(first.baseline),
        options=[dict(r.options) for r in results],
        completeness_gap=[
            None if r.completeness_gap is None else float(r.completeness_gap) for r in results
        ],
        seed=first.seed,
    )
