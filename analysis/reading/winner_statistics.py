"""Winners over a data set: who wins usually, what that contributes, and is it stable over seeds?

One pass over the texts keeps a small row a sentence; means, intervals and comparisons are made
from these rows. Intervals by Student's t: over sentences for one checkpoint, over seeds for a
group. A difference between groups is held against the disagreement within them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.records import freeze, require_shape
from analysis.reading.winners import Winners, wins_by_token
from analysis.statistics.basics import mean_interval
from analysis.text.token_types import TYPES, token_types

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.reading.trace import Trace

Progress = Callable[[float], None]


@dataclass(frozen=True)
class WinnerSample:
    """One checkpoint over N sentences, with K competing layers and the Y token types of TYPES."""

    checkpoint: Checkpoint
    layers: tuple[int, ...]  # (K,) absolute indices; one layer where tokens compete
    wins: np.ndarray  # (N, Y, K) share of the sentence's wins at tokens of a type; sums to 1
    contributions: np.ndarray  # (N, Y, K) to the contrast of the predicted class; NaN: no split
    tokens: np.ndarray  # (N, Y) int: how many tokens of each type
    predicted: np.ndarray  # (N,) int
    reference: str  # what contributions are measured from: "zero" or "corpus"

    def __post_init__(self) -> None:
        size = len(self.predicted)
        require_shape("wins", self.wins, size, len(TYPES), len(self.layers))
        require_shape("contributions", self.contributions, *self.wins.shape)
        require_shape("tokens", self.tokens, size, len(TYPES))
        freeze(self)

    def wins_by_layer(self) -> np.ndarray:
        """(N, K) share of wins; rows sum to 1."""
        return np.asarray(self.wins.sum(axis=1))

    def wins_by_type(self) -> np.ndarray:
        """(N, Y) share of wins at tokens of a type; rows sum to 1.

        All on [CLS] for `max_cls` and the share of the tokens for `max_seq_mha`, in both by
        construction; a finding only where tokens compete (`max`).
        """
        return np.asarray(self.wins.sum(axis=2))

    def wins_within_type(self) -> np.ndarray:
        """(N, Y, K) share of each layer among the wins at tokens of a type; NaN: no such token."""
        total = self.wins.sum(axis=2, keepdims=True)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(total > 0, self.wins / total, np.nan))

    def contribution_by_layer(self) -> np.ndarray:
        """(N, K) in logits."""
        return np.asarray(self.contributions.sum(axis=1))

    def contribution_by_type(self) -> np.ndarray:
        """(N, Y) in logits; 0 where a sentence has no such token."""
        return np.asarray(self.contributions.sum(axis=2))


@dataclass(frozen=True)
class WinnerMeans:
    """Mean over sentences, with its 95 % interval; NaN entries were left out."""

    mean: np.ndarray  # the shape of one sentence's row
    interval: np.ndarray  # (..., 2)
    sentences: int
    of: str  # "all sentences", or the class

    def __post_init__(self) -> None:
        require_shape("interval", self.interval, *self.mean.shape, 2)
        freeze(self)


@dataclass(frozen=True)
class SeedDisagreement:
    """Share of places to which two seeds of one recipe give another source layer."""

    pairs: tuple[tuple[str, str], ...]  # of the M members, M (M - 1) / 2
    share: np.ndarray  # (pairs,) of all places (dimension, and token) with another winner
    chance: np.ndarray  # (pairs,) the same if winners kept their shares and were independent
    sentences: int

    def __post_init__(self) -> None:
        require_shape("share", self.share, len(self.pairs))
        require_shape("chance", self.chance, len(self.pairs))
        freeze(self)


@dataclass(frozen=True)
class GroupDifference:
    """Mean share of wins by layer: between two seed groups, beside the spread within them."""

    layers: tuple[int, ...]  # (K,)
    difference: np.ndarray  # (K,) first group minus second, in shares
    interval: np.ndarray  # (K, 2) 95 %, over seeds, unequal spreads allowed for (Welch)
    within: np.ndarray  # (K,) mean absolute difference between two seeds of one group
    seeds: tuple[int, int]

    def __post_init__(self) -> None:
        require_shape("difference", self.difference, len(self.layers))
        require_shape("interval", self.interval, len(self.layers), 2)
        require_shape("within", self.within, len(self.layers))
        freeze(self)


def collect(
    classifier: Classifier,
    texts: Sequence[str],
    pairs: Sequence[str | None] | None = None,
    reference: str | None = None,
    progress: Progress | None = None,
) -> WinnerSample:
    """One row a sentence: wins and contributions by token type and layer.

    `reference` as in :func:`analysis.reading.decomposition.decompose`.

    Raises ``ValueError`` without texts, or for a pooling head without maximum.
    """
    from analysis.reading.trace import record

    rows, reference_used = [], ""
    layers: tuple[int, ...] = ()
    for index, (text, pair) in enumerate(_rows(texts, pairs)):
        trace = record(classifier, text, pair)
        layers = _winners(trace).layers
        wins, contributions, counts, reference_used = _row(trace, reference)
        rows.append((wins, contributions, counts, trace.predicted))
        if progress is not None:
            progress((index + 1) / len(texts))
    wins_of, contributions_of, counts_of, predicted = zip(*rows, strict=True)
    return WinnerSample(
        checkpoint=classifier.checkpoint,
        layers=layers,
        wins=np.stack(wins_of),
        contributions=np.stack(contributions_of),
        tokens=np.stack(counts_of),
        predicted=np.array(predicted),
        reference=reference_used,
    )


def summarise(rows: np.ndarray, of: str = "all sentences") -> WinnerMeans:
    """Mean and interval of (N, ...) rows over sentences, such as ``sample.wins_by_layer()``.

    Raises
    ------
    ValueError
        There are no rows.
    """
    if not len(rows):
        raise ValueError(f"{of}: there are no sentences to summarise")
    mean, interval = mean_interval(rows)
    return WinnerMeans(mean, interval, len(rows), of)


def summarise_by_class(
    sample: WinnerSample, rows: np.ndarray, classes: np.ndarray | None = None
) -> tuple[WinnerMeans, ...]:
    """One summary a class that occurs, by predicted class or by the (N,) class indices given."""
    codes = sample.predicted if classes is None else np.asarray(classes)
    require_shape("classes", codes, len(sample.predicted))
    names = sample.checkpoint.labels
    return tuple(
        summarise(rows[codes == index], names[index] if index < len(names) else f"class {index}")
        for index in np.unique(codes).tolist()
    )


def seed_disagreement(
    members: Sequence[Classifier],
    texts: Sequence[str],
    pairs: Sequence[str | None] | None = None,
    progress: Progress | None = None,
) -> SeedDisagreement:
    """Are the winners stable, or noise? Every pair of seeds, place by place, on the same texts.

    Raises ``ValueError`` for fewer than two members, or members whose maxima cannot be compared.
    """
    from analysis.reading.trace import record

    if len(members) < 2:
        raise ValueError("seeds can only disagree where there are at least two of them")
    couples = list(combinations(range(len(members)), 2))
    differ = np.zeros(len(couples))
    chance = np.zeros(len(couples))
    places = 0
    for index, (text, pair) in enumerate(_rows(texts, pairs)):
        won = [_winners(record(member, text, pair)) for member in members]
        first = won[0]
        if any((w.layers, w.layer.shape) != (first.layers, first.layer.shape) for w in won):
            raise ValueError("the members' maxima do not run over the same layers and places")
        holders = [w.layer if w.token is None else w.token for w in won]
        shares = [np.bincount(holder.ravel()) / holder.size for holder in holders]
        for couple, (a, b) in enumerate(couples):
            differ[couple] += (holders[a] != holders[b]).sum()
            shared = min(len(shares[a]), len(shares[b]))
            met = float(shares[a][:shared] @ shares[b][:shared])
            chance[couple] += (1 - met) * holders[a].size
        places += first.layer.size
        if progress is not None:
            progress((index + 1) / len(texts))
    ids = [member.checkpoint.id for member in members]
    return SeedDisagreement(
        pairs=tuple((ids[a], ids[b]) for a, b in couples),
        share=differ / places,
        chance=chance / places,
        sentences=len(texts),
    )


def over_seeds(samples: Sequence[WinnerSample], of: str) -> WinnerMeans:
    """Mean share of wins by layer over seeds, (K,), with an interval over the seeds.

    Raises ``ValueError`` where the seeds saw other numbers of sentences or other layers.
    """
    _check_alike(samples)
    rows = np.stack([sample.wins_by_layer().mean(axis=0) for sample in samples])
    mean, interval = mean_interval(rows)
    return WinnerMeans(mean, interval, len(samples[0].predicted), of)


def between_groups(
    first: Sequence[WinnerSample], second: Sequence[WinnerSample]
) -> GroupDifference:
    """Difference of two groups' mean shares by layer, beside that between seeds of one group.

    Raises ``ValueError`` where a group has a single seed (there is no yardstick then), or where
    the groups saw other numbers of sentences or other layers.
    """
    from scipy.special import stdtrit

    if min(len(first), len(second)) < 2:
        raise ValueError(
            "a difference between groups needs at least two seeds in each: the disagreement "
            "within a group is its yardstick"
        )
    _check_alike([*first, *second])
    shares = [
        np.stack([sample.wins_by_layer().mean(axis=0) for sample in group])
        for group in (first, second)
    ]
    difference = shares[0].mean(axis=0) - shares[1].mean(axis=0)
    errors = [rows.var(axis=0, ddof=1) / len(rows) for rows in shares]
    total = errors[0] + errors[1]
    parts = sum(e**2 / (len(rows) - 1) for e, rows in zip(errors, shares, strict=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        degrees = np.where(total > 0, total**2 / parts, 1.0)
    # Whole degrees, rounded down: the interval is then a little too wide, never too narrow.
    half = stdtrit(np.maximum(1, np.floor(degrees)), 0.975) * np.sqrt(total)
    within = [
        np.abs(rows[a] - rows[b]) for rows in shares for a, b in combinations(range(len(rows)), 2)
    ]
    return GroupDifference(
        layers=first[0].layers,
        difference=difference,
        interval=np.stack([difference - half, difference + half], axis=-1),
        within=np.mean(within, axis=0),
        seeds=(len(first), len(second)),
    )


def _check_alike(samples: Sequence[WinnerSample]) -> None:
    if not samples:
        raise ValueError("there are no samples to compare")
    first = samples[0]
    if any((s.layers, len(s.predicted)) != (first.layers, len(first.predicted)) for s in samples):
        raise ValueError(
            "the samples differ in their sentences or in the layers that compete: collect all of "
            "them over the same texts"
        )


def _rows(texts: Sequence[str], pairs: Sequence[str | None] | None) -> list[tuple[str, str | None]]:
    if not texts:
        raise ValueError("statistics of winners need at least one text")
    if pairs is not None and len(pairs) != len(texts):
        raise ValueError(f"{len(texts)} texts and {len(pairs)} second texts do not match")
    return list(zip(texts, [None] * len(texts) if pairs is None else pairs, strict=True))


def _winners(trace: Trace) -> Winners:
    if trace.head.winners is None:
        raise ValueError(
            f"{trace.checkpoint.name}: its pooling head takes no maximum, so it has no winners"
        )
    return trace.head.winners


def _row(trace: Trace, reference: str | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """(Y, K) wins, (Y, K) contributions, (Y,) tokens, and the reference they are measured from."""
    from analysis.reading.decomposition import NoExactSplit, decompose

    kinds = token_types(trace.tokens)
    inside = (kinds[None] == np.arange(len(TYPES))[:, None]).astype(np.float64)  # (Y, T)
    wins = wins_by_token(_winners(trace), len(trace.tokens)).astype(np.float64)
    try:
        split = decompose(trace, reference)
        contributions, named = split.contrast(trace.predicted).sum(axis=0), split.reference
    except NoExactSplit:
        contributions, named = np.full(wins.shape, np.nan), "none"
    return inside @ wins / wins.sum(), inside @ contributions, inside.sum(axis=1).astype(int), named
