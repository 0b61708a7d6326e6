"""Do two attributions of one text rank its units alike? Kendall's tau, beside chance.

Special tokens are left out: gradient methods give them zero by construction (they are their own
baseline), perturbation methods leave them in place, so they would be agreement by convention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt

import numpy as np

from analysis.attribution.registry import METHODS
from analysis.attribution.results import Attribution, in_words
from analysis.attribution.units import check_cover
from analysis.common.records import freeze, require_shape
from analysis.text.tokens import Tokens

_EXACT_UP_TO = 60  # above this the normal approximation differs in the third decimal


@dataclass(frozen=True)
class RankAgreement:
    """Kendall's tau-b between every two of M rankings of the same U units."""

    names: tuple[str, ...]  # (M,) methods, or checkpoints
    tau: np.ndarray  # (M, M) -1 .. 1; NaN where one of the two is constant
    null: tuple[float, float]  # at least the middle 95 % of unrelated rankings of U units
    places: tuple[int, ...]  # (U,) the units compared, as indices into `unit_tokens`

    def __post_init__(self) -> None:
        require_shape("tau", self.tau, len(self.names), len(self.names))
        freeze(self)

    @property
    def units(self) -> int:
        """Number of units compared."""
        return len(self.places)

    @property
    def beyond_chance(self) -> np.ndarray:
        """(M, M) bool: tau lies outside of the null band."""
        return np.asarray((self.tau < self.null[0]) | (self.tau > self.null[1]))


@dataclass(frozen=True)
class Disagreement:
    """The unit at which two attributions of one text differ most."""

    names: tuple[str, str]
    unit: int  # index into `unit_tokens`
    label: str  # the unit as typed
    position: int  # its first token
    scores: tuple[float, float]  # as shares of each attribution's largest absolute score
    ranks: tuple[int, int]  # 1 = the most in favour
    units: int  # ranked
    tau: float  # over all units

    @property
    def sentence(self) -> str:
        """The disagreement in words."""
        left, right = self.names
        first, second = self.scores
        where = f"“{self.label}” (token {self.position})"
        if abs(first - second) < 1e-6:
            return f"{left} and {right} give every unit the same share of their largest score."
        against = first * second < 0 and min(abs(first), abs(second)) >= 0.05
        relation = "differ most, with opposite signs, at" if against else "differ most at"
        return (
            f"{left} and {right} {relation} {where}: {first:+.2f} and {second:+.2f} of their "
            f"largest absolute scores, rank {self.ranks[0]} and {self.ranks[1]} of {self.units}. "
            f"Their rank agreement over the text is {_number(self.tau)}."
        )


def rank_agreement(
    attributions: Sequence[Attribution], tokens: Tokens, names: Sequence[str] | None = None
) -> RankAgreement:
    """Kendall's tau-b (Kendall 1945) between attributions of one text, by method or checkpoint.

    `names` default to the methods' titles.

    Raises ``ValueError`` for fewer than two, or where their units differ.
    """
    from scipy.stats import kendalltau

    scores, places = _compared(attributions, tokens)
    count = len(scores)
    tau = np.eye(count)
    for first in range(count):
        for second in range(first, count):
            if np.ptp(scores[first]) == 0 or np.ptp(scores[second]) == 0 or len(places) < 2:
                value = float("nan")
            else:
                value = float(kendalltau(scores[first], scores[second]).statistic)
            tau[first, second] = tau[second, first] = value
    return RankAgreement(_names(attributions, names), tau, null_band(len(places)), places)


def largest_disagreement(
    attributions: Sequence[Attribution], tokens: Tokens, names: Sequence[str] | None = None
) -> Disagreement:
    """The two attributions and the unit that differ most, each scaled by its largest score.

    Scaled, because scores of two methods are in different units. Errors as
    :func:`rank_agreement`.
    """
    agreement = rank_agreement(attributions, tokens, names)
    scores, places = _compared(attributions, tokens)
    largest = np.abs(scores).max(axis=1, keepdims=True)
    scaled = scores / np.where(largest > 0, largest, 1.0)
    apart = np.abs(scaled[:, None] - scaled[None])  # (M, M, U)
    first, second, place = (int(i) for i in np.unravel_index(apart.argmax(), apart.shape))
    if first == second:  # all alike: any two stand for all
        first, second = 0, 1
    ranks = [int(_ranks(scores[m])[place]) for m in (first, second)]
    unit = attributions[first].unit_tokens[places[place]]
    return Disagreement(
        names=(agreement.names[first], agreement.names[second]),
        unit=places[place],
        label=typed(tokens, unit),
        position=int(unit[0]),
        scores=(float(scaled[first, place]), float(scaled[second, place])),
        ranks=(ranks[0], ranks[1]),
        units=len(places),
        tau=float(agreement.tau[first, second]),
    )


def aligned(
    attributions: Sequence[Attribution], tokens: Sequence[Tokens]
) -> tuple[Attribution, ...]:
    """Attributions of one text by several tokenizers, each on the units of the first.

    Where the pieces differ they are compared by word; special tokens, which each tokenizer has of
    its own, then score 0. Raises ``ValueError`` where the words differ too (a text that one of
    them cut), or where units are pieces and the method perturbs them as a whole.
    """
    if (
        len(
            {
                (tuple(text.pieces), attribution.unit_tokens)
                for attribution, text in zip(attributions, tokens, strict=True)
            }
        )
        <= 1
    ):
        return tuple(attributions)
    try:
        by_word = [
            in_words(attribution, text)
            for attribution, text in zip(attributions, tokens, strict=True)
        ]
    except ValueError:
        raise ValueError(
            "their tokenizers cut the text into different pieces: choose words as units"
        ) from None
    first = by_word[0]
    places, words = zip(*map(_words, by_word, tokens), strict=True)
    if len(set(words)) > 1:
        raise ValueError("their tokenizers read the text as different words")
    aligned_attributions = []
    for whole, own in zip(by_word, places, strict=True):
        scores = np.zeros(len(first.unit_tokens))
        scores[places[0]] = whole.scores[own]
        aligned_attributions.append(
            replace(
                whole,
                scores=scores,
                unit_tokens=first.unit_tokens,
                interval=None,
                layer_scores=None,
                layers=(),
            )
        )
    return tuple(aligned_attributions)


def _words(attribution: Attribution, tokens: Tokens) -> tuple[list[int], tuple[str, ...]]:
    """Units without special tokens, and each as it stands in the text."""
    places = [i for i, u in enumerate(attribution.unit_tokens) if not tokens.special[list(u)].any()]
    return places, tuple(typed(tokens, attribution.unit_tokens[i]).lower() for i in places)


def typed(tokens: Tokens, unit: Sequence[int]) -> str:
    """The unit as it stands in the text, without the white space that some tokenizers count to a
    word; a piece without characters of its own by its name."""
    first, last = int(unit[0]), int(unit[-1])
    if len(unit) == 1:
        return tokens.labels[first]
    text = tokens.pair if tokens.segment[first] else tokens.text
    return (text or "")[int(tokens.offsets[first][0]) : int(tokens.offsets[last][1])].strip()


@lru_cache(maxsize=256)
def null_band(n: int, level: float = 0.95) -> tuple[float, float]:
    """(-c, c): the narrowest symmetric band that holds `level` of tau of unrelated rankings.

    Exact up to 60 units, from the number of orders of n things with k inversions; above, normal
    with standard deviation sqrt(2 (2n + 5) / (9n (n - 1))) (Kendall 1938). Without ties. For
    fewer than 5 units it is -1 .. 1: no agreement of so few can be told from chance.
    """
    if n < 2:
        return (-1.0, 1.0)
    if n > _EXACT_UP_TO:
        from scipy.stats import norm

        end = float(norm.ppf((1 + level) / 2)) * sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))
        return (-end, end)
    share = _inversions(n)
    distance = np.abs(1 - 2 * np.arange(len(share)) / (len(share) - 1))  # |tau| at k inversions
    order = np.argsort(distance, kind="stable")
    inside = np.cumsum(share[order])
    end = float(distance[order][np.searchsorted(inside, level - 1e-12)])
    # Symmetric values come in pairs, told apart by rounding only.
    return (-end - 1e-12, end + 1e-12)


def _inversions(n: int) -> np.ndarray:
    """(n (n - 1) / 2 + 1,) share of the orders of n things with k inversions."""
    share = np.ones(1)
    for size in range(2, n + 1):
        share = np.convolve(share, np.full(size, 1 / size))
    return share


def _compared(
    attributions: Sequence[Attribution], tokens: Tokens
) -> tuple[np.ndarray, tuple[int, ...]]:
    """(M, U) scores of the units that are no special tokens, and which these are."""
    if len(attributions) < 2:
        raise ValueError("an agreement needs two attributions or more")
    units = attributions[0].unit_tokens
    if any(attribution.unit_tokens != units for attribution in attributions):
        raise ValueError("the attributions are of different units: give all by piece or by word")
    check_cover(units, len(tokens))
    places = tuple(i for i, unit in enumerate(units) if not tokens.special[list(unit)].any())
    if not places:
        raise ValueError("the text has special tokens only: there is nothing to rank")
    return np.stack([a.scores[list(places)] for a in attributions]).astype(np.float64), places


def _names(attributions: Sequence[Attribution], names: Sequence[str] | None) -> tuple[str, ...]:
    known = {key: method.title for key, method in METHODS.items()}
    defaults = (
        tuple(known.get(a.method, a.method) for a in attributions)
        if names is None
        else (tuple(names))
    )
    if len(defaults) != len(attributions):
        raise ValueError(f"{len(defaults)} names for {len(attributions)} attributions")
    return defaults


def _ranks(scores: np.ndarray) -> np.ndarray:
    """(U,) 1 = the largest; equal scores in the order of the text."""
    ranks = np.empty(len(scores), int)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks


def _number(value: float) -> str:
    return "not defined" if np.isnan(value) else f"{value:.2f}"
