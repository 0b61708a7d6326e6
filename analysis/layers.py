"""What becomes of a token on its way up: norms, cosines, predictions by depth; CKA of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.checkpoints import Checkpoint
from analysis.decomposition import contrast_of
from analysis.records import freeze, require_shape
from analysis.tokens import Tokens

if TYPE_CHECKING:
    from analysis.loading import Classifier
    from analysis.trace import Trace

# The debiased estimate of independent vectors has a standard error of about sqrt(2) / n: with
# fewer sentences than these, two of them are more than 0.05 and nothing could be read off it.
FEWEST = 60
MOST = 1000  # n x n similarities of every layer are held at once


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

    def __post_init__(self) -> None:
        size = len(self.vectors)
        require_shape("vectors", self.vectors, None, None)
        for name in ("norm", "cosine_to_previous", "cosine_to_last"):
            require_shape(name, getattr(self, name), size)
        if self.logits is not None:
            require_shape("logits", self.logits, size, None)
        freeze(self)

    @property
    def probabilities(self) -> np.ndarray | None:
        """(L+1, C) softmax of the logits; for a regression the values themselves."""
        if self.logits is None or self.checkpoint.regression:
            return self.logits
        shifted = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))

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

    def __post_init__(self) -> None:
        freeze(self)


@dataclass(frozen=True)
class LayerCka:
    """Debiased linear CKA between the layers of two checkpoints over the same sentences."""

    checkpoints: tuple[Checkpoint, Checkpoint]  # rows, columns
    values: np.ndarray  # (La+1, Lb+1); NaN where a layer says the same of every sentence
    sentences: int
    of: str  # "cls" or "mean": which vector of each layer

    def __post_init__(self) -> None:
        require_shape("values", self.values, None, None)
        freeze(self)


def trajectory(
    classifier: Classifier, text: str, pair: str | None = None, token: int = 0
) -> Trajectory:
    """Norm, cosines and prediction by depth for one token of a text.

    Raises ``ValueError`` for a blank text or a position that does not exist.
    """
    from analysis.trace import record

    return follow(classifier, record(classifier, text, pair), token)


def follow(classifier: Classifier, trace: Trace, token: int = 0) -> Trajectory:
    """The trajectory of one token of a text that was recorded already; see :func:`trajectory`."""
    from analysis.interventions import depth_logits

    if not 0 <= token < len(trace.tokens):
        raise ValueError(
            f"token {token} does not exist: the text has positions 0 to {len(trace.tokens) - 1}"
        )
    vectors = trace.hidden[:, token].astype(np.float64)
    norm = np.linalg.norm(vectors, axis=1)
    previous = np.concatenate([[np.nan], _cosine(vectors[1:], vectors[:-1])])
    headed = classifier.checkpoint.kind == "pooling"
    return Trajectory(
        checkpoint=trace.checkpoint,
        tokens=trace.tokens,
        token=token,
        vectors=vectors,
        norm=norm,
        cosine_to_previous=previous,
        cosine_to_last=_cosine(vectors, vectors[-1:]),
        logits=depth_logits(classifier, trace).astype(np.float64) if headed else None,
    )


def dimension_weights(trace: Trace, target: int, token: int = 0) -> np.ndarray | None:
    """(d,) what one unit of each dimension at a token adds to the contrast of a class, in logits.

    Attention weights are taken as they are. None where there is no exact split.
    """
    head = trace.head
    if head.readout is None or head.weights is None:
        return None
    readout = contrast_of(head.readout.astype(np.float64), target)  # (P, d)
    weights = head.weights[:, token].astype(np.float64)  # (P,) or (P, d)
    return np.asarray((weights.reshape(len(weights), -1) * readout).sum(axis=0))


def standing(one: Trajectory, others: Sequence[Trajectory]) -> Standing:
    """Percentile of each number of a trajectory among those of other sentences.

    Raises ``ValueError`` without other sentences, or where they have another number of layers.
    """
    if not others:
        raise ValueError("a percentile needs other sentences to stand among")
    ranks = {}
    for name in ("norm", "cosine_to_previous", "cosine_to_last"):
        own = getattr(one, name)
        rows = np.stack([getattr(other, name) for other in others])
        require_shape(f"{name} of the other sentences", rows, None, len(own))
        # half of the equal ones count as below, so that a constant stands at 50
        below = (rows < own).mean(axis=0) + 0.5 * (rows == own).mean(axis=0)
        ranks[name] = np.where(np.isnan(own), np.nan, 100 * below)
    return Standing(**ranks, sentences=len(others))


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Debiased linear centred kernel alignment of (n, d) and (n, e): about 0 if independent.

    1 for a rotation, a shift or another scale of the same vectors; slightly negative values are
    those of an unbiased estimate around 0. Source: Kornblith et al. 2019 with the unbiased HSIC of
    Song et al. 2012; the plain estimate reads 0.88 for independent vectors at n = 50, d = 384.

    Raises ``ValueError`` below 60 rows or above 1000, for a different number of rows, values that
    are not finite, and vectors that are all the same.
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}: give the same sentences to both")
    _check_count(len(x))
    one, other = _similarity(x), _similarity(y)
    if one is None or other is None:
        raise ValueError("all rows are the same: there is nothing to compare")
    return float((one * other).sum())


def layer_cka(
    first: Classifier,
    second: Classifier,
    texts: Sequence[str],
    pairs: Sequence[str | None] | None = None,
    of: str = "cls",
    progress: Callable[[float], None] | None = None,
) -> LayerCka:
    """CKA between every layer of one checkpoint and every layer of another.

    `of` is "cls" (the first token) or "mean" (over all tokens of a text). [CLS] is the same in
    every text before the first layer, so its row and column 0 hold NaN.

    Raises ``ValueError`` as :func:`cka` does; equal texts count once.
    """
    if of not in ("cls", "mean"):
        raise ValueError(f"of is {of!r}; known: 'cls', 'mean'")
    seconds = [None] * len(texts) if pairs is None else list(pairs)
    rows = list(dict.fromkeys(zip(texts, seconds, strict=True)))
    _check_count(len(rows))
    own = _similarities(first, rows, of, progress, (0.0, 0.5))
    other = own if first is second else _similarities(second, rows, of, progress, (0.5, 1.0))
    values = np.array([
        [np.nan if a is None or b is None else float((a * b).sum()) for b in other] for a in own
    ])
    return LayerCka((first.checkpoint, second.checkpoint), values, len(rows), of)


def _check_count(n: int) -> None:
    if n < FEWEST:
        raise ValueError(
            f"CKA over {n} sentences says little: for unrelated vectors its standard error is "
            f"about {np.sqrt(2) / max(n, 1):.2f}. Give at least {FEWEST} different sentences."
        )
    if n > MOST:
        raise ValueError(f"CKA over {n} sentences would hold {n} x {n} similarities of every "
                         f"layer: give at most {MOST}")  # fmt: skip


def _similarities(
    classifier: Classifier,
    rows: Sequence[tuple[str, str | None]],
    of: str,
    progress: Callable[[float], None] | None,
    span: tuple[float, float],
) -> list[np.ndarray | None]:
    from analysis.trace import record

    vectors = []
    for index, (text, pair) in enumerate(rows):
        hidden = record(classifier, text, pair).hidden
        vectors.append(hidden[:, 0] if of == "cls" else hidden.mean(axis=1))
        if progress is not None:
            progress(span[0] + (span[1] - span[0]) * (index + 1) / len(rows))
    by_layer = np.stack(vectors, axis=1)
    return [_similarity(layer) for layer in by_layer]


def _similarity(x: np.ndarray) -> np.ndarray | None:
    """(n, n) U-centred similarities of length 1, so that CKA is a sum of products.

    None where all rows are the same. U-centring (Székely and Rizzo 2014) turns the unbiased HSIC
    into an inner product.
    """
    x = np.asarray(x, dtype=np.float64)
    require_shape("vectors", x, None, None)
    if not np.isfinite(x).all():
        raise ValueError("the vectors hold NaN or infinite values: nothing can be compared")
    n = len(x)
    # A shift changes nothing and loses digits: without it a large mean hides what differs.
    spread = x - x.mean(axis=0)
    if np.abs(spread).max() <= 1e-6 * max(np.abs(x).max(), np.finfo(np.float64).tiny):
        return None
    gram = spread @ spread.T
    np.fill_diagonal(gram, 0.0)
    sums = gram.sum(axis=1)
    gram -= (sums[:, None] + sums[None, :]) / (n - 2) - sums.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(gram, 0.0)
    length = float(np.linalg.norm(gram))
    return gram / length if length > 0 else None


def _cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((one * other).sum(axis=1) / length)
