"""The cosine of two sentences, split over pairs of their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.reading.trace import Trace, record
from analysis.similarities.reading import Reading, read

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

_MOST_ENTRIES = 50_000_000  # of a split by part and layer: 400 MB


@dataclass(frozen=True)
class Similarity:
    """``contributions.sum() == score``, the cosine of two pooled vectors (about a centre).

    =================  ==================  =====================================================
    score              float               cosine of ``a.vector - centre`` and ``b.vector - centre``
    contributions      (Ta, Tb)            sums to the score; a swap of the texts transposes it
    by_part            (Pa, Pb)            the same by blocks of the vector, or attention heads
    by_layer           (Ka, Kb)            the same by source layer, where layers were max-pooled
    =================  ==================  =====================================================

    It is exact given the winners of a maximum, the attention weights and both lengths. Source: the
    split of a dot product over pairs of inputs, as BiLRP has it (Eberle et al. 2020), here of the
    pooling alone: it is no claim about how the encoder made its token vectors.
    """

    score: float
    contributions: np.ndarray  # (Ta, Tb) float64
    by_part: np.ndarray  # (Pa, Pb)
    by_layer: np.ndarray  # (Ka, Kb)
    a: Reading
    b: Reading
    checkpoint: str  # id
    pooling: str
    layer: int  # absolute; of a maximum over layers the last
    centre: np.ndarray | None  # (D,) what both vectors are measured from; None is zero

    def __post_init__(self) -> None:
        require_shape("contributions", self.contributions, len(self.a.tokens), len(self.b.tokens))
        require_shape("by_part", self.by_part, len(self.a.parts), len(self.b.parts))
        require_shape("by_layer", self.by_layer, len(self.a.layers), len(self.b.layers))
        freeze(self)

    @property
    def error(self) -> float:
        """|sum of the contributions - score| over the sum of their absolute values."""
        total = float(np.abs(self.contributions).sum())
        return abs(float(self.contributions.sum()) - self.score) / max(total, 1e-300)

    @property
    def gap(self) -> float:
        """Largest difference between a pooled vector and its sum over tokens."""
        return max(self.a.gap, self.b.gap)

    @property
    def rules(self) -> tuple[str, ...]:
        """Assumptions beyond fixed winners, attention weights and lengths, in words."""
        return tuple(dict.fromkeys((*self.a.rules, *self.b.rules)))

    def strongest(self, count: int = 8) -> tuple[tuple[int, int], ...]:
        """Pairs (position in a, position in b) of the largest absolute contributions, in order.

        Pairs that contribute nothing are left out; ties go to the earlier pair.
        """
        flat = self.contributions.ravel()
        size = min(count, flat.size)
        held = np.argpartition(-np.abs(flat), size - 1)[:size] if size else np.zeros(0, int)
        # argpartition may take any of several equal entries at the edge: take the earliest.
        edge = np.abs(flat[held]).min() if size else 0.0
        above = np.flatnonzero(np.abs(flat) > edge)
        level = np.flatnonzero(np.abs(flat) == edge)[: size - len(above)]
        chosen = np.concatenate([above, level])
        chosen = chosen[np.argsort(-np.abs(flat[chosen]), kind="stable")]
        rows, columns = np.unravel_index(chosen, self.contributions.shape)
        return tuple(
            (row, column)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
            if self.contributions[row, column] != 0
        )

    def split(self) -> np.ndarray:
        """(Pa, Pb, Ta, Tb, Ka, Kb) float64: the whole split; it sums to the score.

        Raises ``ValueError`` where it would have more than 50 million entries.
        """
        shape = (*self.by_part.shape, *self.contributions.shape, *self.by_layer.shape)
        if (size := int(np.prod(shape, dtype=np.int64))) > _MOST_ENTRIES:
            raise ValueError(
                f"the whole split has {size:,} entries; use contributions, by_part and by_layer, "
                "or shorter texts"
            )
        left, right = self.a.parts_and_layers(self.centre), self.b.parts_and_layers(self.centre)
        zero = 0.0 if self.centre is None else self.centre
        scale = np.linalg.norm(self.a.vector - zero) * np.linalg.norm(self.b.vector - zero)
        whole = np.einsum("pktD,qlsD->pqtskl", left, right, optimize=True)
        return np.asarray(whole / scale)


def similarity(
    encoder: Classifier,
    a: str,
    b: str,
    pooling: str = "mean",
    layer: int = -1,
    centre: np.ndarray | None = None,
) -> Similarity:
    """Cosine of two sentences under a pooling, split over pairs of their tokens.

    Parameters
    ----------
    encoder : Classifier
        Any checkpoint that :func:`analysis.load` opens.
    a, b : str
        The sentences; each is run alone, so no padding enters.
    pooling : str
        "mean", "max", "cls", "last_token", "concat", "adaptive_mean", "weighted_mean" where the
        checkpoint has learned one, or "head", the checkpoint's own vector: of its pooling head, of
        a stock classifier what its last linear layer reads, of a sentence-transformers folder what
        its modules declare. Linear modules are exact; an activation is read along a straight line
        (``rules`` names it, ``gap`` is its error).
    layer : int
        Absolute index, 0 for the embeddings; -1 is the last layer. "head" has layers of its own.
    centre : (D,) array, optional
        Measure both vectors from here, such as from the mean over a corpus; None is zero.

    Returns
    -------
    Similarity
        Its contributions (Ta, Tb) sum to the score; ``similarity(encoder, b, a)`` transposes them.

    Raises
    ------
    ValueError
        For a blank sentence (it is said which), a pooling, layer or centre that does not fit, or a
        pooled vector of length zero, which has no direction.
    """
    return compare(encoder, *record_both(encoder, a, b), pooling, layer, centre)


def record_both(encoder: Classifier, a: str, b: str) -> tuple[Trace, Trace]:
    """Both sentences through the encoder, each alone; a blank one is named."""
    return _recorded(encoder, a, "first"), _recorded(encoder, b, "second")


def _recorded(encoder: Classifier, text: str, which: str) -> Trace:
    if not text.strip():
        raise ValueError(f"the {which} sentence is empty: type one to compare")
    return record(encoder, text)


def compare(
    encoder: Classifier,
    a: Trace,
    b: Trace,
    pooling: str = "mean",
    layer: int = -1,
    centre: np.ndarray | None = None,
) -> Similarity:
    """:func:`similarity` of two sentences that are recorded already; `centre` is (D,)."""
    return between(
        read(encoder, a, pooling, layer),
        read(encoder, b, pooling, layer),
        checkpoint=a.checkpoint.id,
        pooling=pooling,
        centre=centre,
    )


def between(
    a: Reading, b: Reading, *, checkpoint: str, pooling: str, centre: np.ndarray | None = None
) -> Similarity:
    """The split of the cosine of two readings of one pooling, about a centre (D,).

    Raises
    ------
    ValueError
        The centre has another length than the vectors.
    """
    if centre is not None:
        centre = np.asarray(centre, dtype=np.float64)
        if centre.shape != a.vector.shape:
            raise ValueError(
                f"centre has shape {centre.shape}; the vectors of {pooling!r} have "
                f"{len(a.vector)} numbers"
            )
    left, right = a.terms(centre), b.terms(centre)
    zero = 0.0 if centre is None else centre
    u, v = (reading.vector.astype(np.float64) - zero for reading in (a, b))
    scale = _length(u, a, "first", centre) * _length(v, b, "second", centre)
    score = float(u @ v) / scale
    by_part = by_layer = np.array([[score]])
    if max(len(a.parts), len(a.layers)) > 1:
        mine, theirs = a.sums(centre), b.sums(centre)  # (P, K, D)
        by_part = mine.sum(axis=1) @ theirs.sum(axis=1).T / scale
        by_layer = mine.sum(axis=0) @ theirs.sum(axis=0).T / scale
    return Similarity(
        score=score,
        contributions=left @ right.T / scale,
        by_part=by_part,
        by_layer=by_layer,
        a=a,
        b=b,
        checkpoint=checkpoint,
        pooling=pooling,
        layer=a.layers[-1],
        centre=centre,
    )


def _length(vector: np.ndarray, reading: Reading, which: str, centre: np.ndarray | None) -> float:
    length = float(np.linalg.norm(vector))
    # What is left of equal float32 vectors is rounding, and has no direction either.
    if length <= 1e-6 * float(np.linalg.norm(reading.vector)) or length == 0:
        at = "zero" if centre is None else "the centre itself"
        raise ValueError(
            f"the vector of the {which} sentence is {at}: it has no direction, and so no cosine. "
            "Choose another pooling or another centre."
        )
    return length
