"""The nearest sentences of a corpus under each pooling, and why each is near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.corpus.embedding import Embeddings, embed
from analysis.reading.trace import record
from analysis.similarities.split import Similarity, compare
from analysis.text.tokens import clean

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of a corpus under one pooling, nearest first."""

    pooling: str
    layer: int
    rows: np.ndarray  # (k,) int
    cosine: np.ndarray  # (k,)
    why: tuple[Similarity, ...]  # (k,) the split of each cosine, the sentence first

    def __post_init__(self) -> None:
        require_shape("rows", self.rows, len(self.why))
        require_shape("cosine", self.cosine, len(self.why))
        freeze(self)


def nearest(
    encoder: Classifier,
    sentence: str,
    corpus: Sequence[str],
    poolings: Sequence[str] = ("mean", "max", "cls"),
    layer: int = -1,
    count: int = 5,
    centred: bool = False,
    *,
    vectors: Embeddings | None = None,
) -> tuple[Neighbours, ...]:
    """Nearest neighbours of a sentence, one record a pooling; the sentence itself is left out.

    `centred` measures from the corpus mean of each pooling. `vectors` are the corpus's own where
    they exist already (:func:`analysis.corpus.embed` with the same poolings and layer). Ties go to
    the earlier row.

    Raises ``ValueError`` for an empty sentence or corpus, and as :func:`analysis.similarity` does.
    """
    if not sentence.strip():
        raise ValueError("the sentence is empty: type one to look for its neighbours")
    if count < 1:
        raise ValueError(f"count is {count}; at least 1 neighbour is needed")
    if vectors is None:
        vectors = embed(encoder, corpus, pooling=poolings, layers=(layer,))
    of_sentence = embed(encoder, [sentence], pooling=poolings, layers=(layer,))
    own, cleaned = record(encoder, sentence), clean(sentence)[0].strip()
    same = np.array([clean(text)[0].strip() == cleaned for text in corpus])
    result = []
    for pooling, number in of_sentence:
        held = vectors[pooling, number].astype(np.float64)
        centre = held.mean(axis=0) if centred else None
        zero = 0.0 if centre is None else centre
        query, others = of_sentence[pooling, number][0] - zero, held - zero
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(query)
        cosine = np.where(lengths > 0, others @ query / np.where(lengths > 0, lengths, 1), -np.inf)
        cosine[same] = -np.inf
        rows = np.argsort(-cosine, kind="stable")[:count]
        rows = rows[np.isfinite(cosine[rows])]
        why = tuple(
            compare(encoder, own, record(encoder, corpus[row]), pooling, number, centre)
            for row in rows.tolist()
        )
        result.append(Neighbours(pooling, number, rows, cosine[rows], why))
    return tuple(result)
