"""A token over depth in several seeds: means of trajectories and percentiles, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.checkpoints import profiles
from analysis.common.records import freeze, require_shape
from analysis.reading.layers import (
    COURSE,
    Standing,
    Trajectory,
    cosine_between,
    dimension_weights,
    standing_in_corpus,
)

if TYPE_CHECKING:
    from analysis.checkpoints.profiles import Profile
    from analysis.reading.trace import Trace


@dataclass(frozen=True)
class MeanTrajectory:
    """The mean over the trajectories of one token in every seed (or in a single checkpoint)."""

    norm: np.ndarray  # (L+1,) Euclidean length
    cosine_to_previous: np.ndarray  # (L+1,) NaN at 0
    cosine_to_last: np.ndarray  # (L+1,) 1 at L
    probabilities: np.ndarray | None  # (L+1, C); of a regression its values; None: no pooling head

    def __post_init__(self) -> None:
        for name in COURSE:
            require_shape(name, getattr(self, name), len(self.norm))
        if self.probabilities is not None:
            require_shape("probabilities", self.probabilities, len(self.norm), None)
        freeze(self)

    @property
    def sharpest_turn(self) -> tuple[int, float]:
        """(layer, cosine): where the vector is least like that of the layer before."""
        layer = int(np.nanargmin(self.cosine_to_previous))
        return layer, float(self.cosine_to_previous[layer])

    @property
    def settled(self) -> int | None:
        """The first layer from which on the class is the last layer's; None: no pooling head."""
        if self.probabilities is None:
            return None
        classes = self.probabilities.argmax(axis=1)
        before = np.flatnonzero(classes != classes[-1])
        return int(before[-1]) + 1 if len(before) else 0


def mean_trajectory(paths: Sequence[Trajectory]) -> MeanTrajectory:
    """The mean over seeds; probabilities are averaged, not logits.

    Raises ``ValueError`` for no trajectory, or where numbers of layers differ.
    """
    if not paths or len({len(path.norm) for path in paths}) > 1:
        raise ValueError("give trajectories through the same number of layers")
    answers = [path.probabilities for path in paths]
    known = [answer for answer in answers if answer is not None]
    return MeanTrajectory(
        **{name: np.mean([getattr(path, name) for path in paths], axis=0) for name in COURSE},
        probabilities=np.mean(known, axis=0) if len(known) == len(answers) else None,
    )


def mean_standing(standings: Sequence[Standing]) -> Standing:
    """The mean of percentiles over seeds; of predictions where every seed has them."""
    predictions = [standing.prediction for standing in standings if standing.prediction is not None]
    return Standing(
        **{
            name: np.mean([getattr(standing, name) for standing in standings], axis=0)
            for name in COURSE
        },
        sentences=standings[0].sentences,
        prediction=np.mean(predictions, axis=0) if len(predictions) == len(standings) else None,
    )


def mean_standing_in_corpus(
    paths: Sequence[Trajectory], corpora: Sequence[Profile | None]
) -> Standing | None:
    """Percentiles of [CLS] in the corpus of each seed's profile, averaged.

    None for another token than [CLS], or where a profile does not hold numbers by depth.
    """
    try:
        standings = [
            standing_in_corpus(path, corpus) for path, corpus in zip(paths, corpora, strict=True)
        ]
    except ValueError:
        return None
    return mean_standing(standings)


def standing_of_reference(
    vectors: np.ndarray, reference: np.ndarray, others: Sequence[np.ndarray]
) -> np.ndarray:
    """(L+1,) percent of other sentences whose vector is less like the reference than this one.

    Parameters
    ----------
    vectors, reference
        (L+1, d) of the sentence and of the reference text.
    others
        (L+1, d) float32 of each other sentence.
    """
    among = np.stack([cosine_between(rival, reference) for rival in others])
    # In the same precision, or a sentence equal to this one would count as another.
    return profiles.percentile(among, cosine_between(vectors.astype(np.float32), reference))


def cosine_to_reference(paths: Sequence[Trajectory], references: Sequence[Trace]) -> np.ndarray:
    """(L+1,) cosine to the same position of a reference text, mean over the seeds.

    NaN where the reference text has no such position.
    """
    rows = []
    for path, reference in zip(paths, references, strict=True):
        if path.token >= reference.hidden.shape[1]:
            return np.full(len(path.norm), np.nan)
        rows.append(cosine_between(path.vectors, reference.hidden[:, path.token]))
    return np.asarray(np.mean(rows, axis=0))


def mean_dimension_weights(
    traces: Sequence[Trace], target: int, token: int = 0
) -> np.ndarray | None:
    """(d,) mean over seeds of `dimension_weights`; None where a seed has no exact split."""
    weights = [
        dimension_weights(trace, target, token) if trace.logits is not None else None
        for trace in traces
    ]
    known = [each for each in weights if each is not None]
    return np.asarray(np.mean(known, axis=0)) if len(known) == len(weights) else None


def mean_value(traces: Sequence[Trace], token: int, dimension: int) -> float:
    """The value of one dimension of a token in the last layer, mean over seeds."""
    return float(np.mean([trace.hidden[-1, token, dimension] for trace in traces]))


def spread_in_last_layer(paths: Sequence[Trajectory]) -> tuple[float, float]:
    """(standard deviation over seeds, size of a value): medians over dimensions, last layer."""
    last = np.stack([path.vectors[-1] for path in paths])
    return float(np.median(last.std(axis=0, ddof=1))), float(np.median(np.abs(last)))


def turns(hidden: np.ndarray, layer: int | None) -> np.ndarray:
    """Change of direction of each token in a layer.

    Parameters
    ----------
    hidden
        (L+1, T, d); index 0 is the embedding output.
    layer
        1 to L: against the layer before it. None: the last layer against the embeddings.

    Returns
    -------
    (T,) 1 - cosine, from 0 (same direction) to 2; 0 for layer 0, before which nothing lies.
    """
    last = len(hidden) - 1 if layer is None else layer
    before = 0 if layer is None else max(layer - 1, 0)
    first, second = hidden[before].astype(np.float64), hidden[last].astype(np.float64)
    length = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosine = (first * second).sum(axis=1) / np.where(length > 0, length, 1)
    return np.asarray(np.maximum(1 - cosine, 0.0))
