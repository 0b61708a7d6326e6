"""A token through the layers: norms, cosines, predictions by depth; CKA of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.profiles import Profile, percentile
from analysis.common import outputs
from analysis.common.records import freeze, require_shape
from analysis.reading.course import COURSE, cosines, course
from analysis.reading.decomposition import contrast_of, slopes
from analysis.reading.layer_similarity import FEWEST, MOST, LayerCka, Similarity, cka
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.reading.trace import Trace

__all__ = [
    "COURSE",
    "FEWEST",
    "MOST",
    "LayerCka",
    "Similarity",
    "Standing",
    "Trajectory",
    "cka",
    "cosine_between",
    "course",
    "dimension_weights",
    "follow",
    "standing",
    "standing_in_corpus",
    "trajectory",
]


@dataclass(frozen=True)
class Trajectory:
    """One token through the layers, and what the whole pooling head says at each depth.

    The pooling head was trained at the last layer only; its answer at another depth shows how
    far the encoder has come by then, and is no prediction of a shorter model.
    """

    checkpoint: Checkpoint
    tokens: Tokens
    token: int  # the position followed; 0 is [CLS]
    vectors: np.ndarray  # (L+1, d); index 0 is the embedding output
    norm: np.ndarray  # (L+1,) Euclidean length
    cosine_to_previous: np.ndarray  # (L+1,) NaN at 0
    cosine_to_last: np.ndarray  # (L+1,) 1 at L
    logits: np.ndarray | None  # (L+1, C) as if the encoder ended there; None: no pooling head
    final_norm: bool = False  # the encoder's own was applied at each depth (pre-norm)

    def __post_init__(self) -> None:
        size = len(self.vectors)
        require_shape("vectors", self.vectors, None, None)
        for name in COURSE:
            require_shape(name, getattr(self, name), size)
        if self.logits is not None:
            require_shape("logits", self.logits, size, None)
        freeze(self)

    @property
    def probabilities(self) -> np.ndarray | None:
        """(L+1, C) what the logits mean, by the checkpoint's kind of output."""
        if self.logits is None:
            return None
        return outputs.probabilities(self.checkpoint.output, self.logits)

    @property
    def predicted(self) -> np.ndarray | None:
        """(L+1,) class at each depth."""
        return None if self.logits is None else np.asarray(self.logits.argmax(axis=1))

    @property
    def flips(self) -> np.ndarray | None:
        """(L+1,) bool: the label differs from that one layer below; never at 0."""
        if self.predicted is None:
            return None
        return np.concatenate([[False], self.predicted[1:] != self.predicted[:-1]])


@dataclass(frozen=True)
class Standing:
    """Where a sentence stands among others: percent of them that lie below, layer by layer."""

    norm: np.ndarray  # (L+1,)
    cosine_to_previous: np.ndarray  # (L+1,) NaN at 0
    cosine_to_last: np.ndarray  # (L+1,)
    sentences: int
    prediction: np.ndarray | None = None  # (L+1,) of a class's probability as if it ended there

    def __post_init__(self) -> None:
        freeze(self)


def trajectory(
    classifier: Classifier, text: str, pair: str | None = None, token: int = 0
) -> Trajectory:
    """Norm, cosines and prediction by depth for one token of a text.

    Raises ``ValueError`` for a blank text or a position that does not exist.
    """
    from analysis.reading.trace import record

    return follow(classifier, record(classifier, text, pair), token)


def follow(classifier: Classifier, trace: Trace, token: int = 0) -> Trajectory:
    """The trajectory of one token of a text that was recorded already; see :func:`trajectory`.

    Raises
    ------
    ValueError
        The text has no such position.
    """
    from analysis.reading.reread import depth_logits

    if isinstance(token, bool) or not isinstance(token, int | np.integer):
        raise ValueError(f"token is {token!r}: give a position, 0 to {len(trace.tokens) - 1}")
    if not 0 <= token < len(trace.tokens):
        raise ValueError(
            f"token {token} does not exist: the text has positions 0 to {len(trace.tokens) - 1}"
        )
    vectors = trace.hidden[:, token].astype(np.float64)
    norm, previous, last = course(vectors)
    headed = classifier.head is not None and classifier.output_layer is not None
    return Trajectory(
        checkpoint=trace.checkpoint,
        tokens=trace.tokens,
        token=token,
        vectors=vectors,
        norm=norm,
        cosine_to_previous=previous,
        cosine_to_last=last,
        logits=depth_logits(classifier, trace).astype(np.float64) if headed else None,
        final_norm=classifier.final_norm is not None,
    )


def dimension_weights(trace: Trace, target: int, token: int = 0) -> np.ndarray | None:
    """(d,) what one unit of each dimension at a token adds to the contrast of a class, in logits.

    Attention weights are taken as they are; where layers are added up, the unit is one in each.
    None where there is no split, or the head weights other vectors than hidden states.
    """
    head = trace.head
    if not head.splits or head.weights is None or head.values is None:
        return None
    by_layer = head.values.ndim == 3
    if head.winners is None and not by_layer and not np.array_equal(head.values, trace.hidden[-1]):
        return None
    readout = contrast_of(slopes(trace), target)  # (P, d)
    weights = head.weights.astype(np.float64)
    at_token = weights[:, :, token].sum(axis=1) if by_layer else weights[:, token]  # (P,) or (P, d)
    return np.asarray((at_token.reshape(len(weights), -1) * readout).sum(axis=0))


def standing(
    trajectory: Trajectory, others: Sequence[Trajectory], target: int | None = None
) -> Standing:
    """Percentile of each number of a trajectory among those of other sentences.

    With `target`, also that of the class's probability (or value) at each depth, where there are
    predictions.

    Raises ``ValueError`` without other sentences, or where they have another number of layers.
    """
    if not others:
        raise ValueError("a percentile needs other sentences to stand among")
    ranks = {}
    for name in COURSE:
        own = getattr(trajectory, name)
        rows = np.stack([getattr(rival, name) for rival in others])
        require_shape(f"{name} of the other sentences", rows, None, len(own))
        ranks[name] = percentile(rows, own)
    prediction = None
    own_values = trajectory.probabilities
    if target is not None and own_values is not None:
        theirs = [rival.probabilities for rival in others]
        known = [values[:, target] for values in theirs if values is not None]
        prediction = percentile(np.stack(known), own_values[:, target]) if known else None
    return Standing(**ranks, sentences=len(others), prediction=prediction)


def cosine_between(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(L+1, d), (L+1, d) -> (L+1,) cosine at each depth; NaN where a vector has no length."""
    return cosines(np.asarray(vectors, dtype=np.float64), np.asarray(others, dtype=np.float64))


def standing_in_corpus(trajectory: Trajectory, profile: Profile | None) -> Standing:
    """Percentile of each number of a trajectory of [CLS] in the corpus of the checkpoint's profile.

    Raises ``ValueError`` for another token, and where the profile holds no numbers by depth.
    """
    if trajectory.token:
        raise ValueError("percentiles are those of [CLS]: other tokens have no counterpart")
    rows = [getattr(profile, f"cls_{name}", None) for name in COURSE]
    known = [kept for kept in rows if kept is not None]
    if profile is None or len(known) < len(rows):
        raise ValueError(
            f"{trajectory.checkpoint.name}: its profile over a corpus holds no numbers by depth; "
            "measure it again (analysis.reading.trace.measure_profile)"
        )
    ranks = {}
    for name, kept in zip(COURSE, known, strict=True):
        own = getattr(trajectory, name)
        require_shape(f"{name} in the profile", kept, None, len(own))
        ranks[name] = percentile(kept, own.astype(kept.dtype))
    return Standing(**ranks, sentences=profile.sentences)
