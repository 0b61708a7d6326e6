"""MaxSim: each token of a query keeps its best match in a document (ColBERT)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.similarities.token_vectors import TokenVectors, declared, token_vectors
from analysis.text.tokens import Tokens

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


@dataclass(frozen=True)
class MaxSim:
    """``score == sum over query tokens of similarities[t, winner[t]]``.

    ============  =========  ==================================================================
    similarities  (Tq, Td)   dot products of token vectors; of length 1 where normalised
    winner        (Tq,)      int, position in the document; ties go to the earliest; -1: the query
                             token does not count
    margin        (Tq,)      best match minus runner-up; 0 = tie, inf = unopposed, NaN = no count
    ============  =========  ==================================================================

    Tokens that do not count (what a checkpoint skips) win nothing and add nothing. Source: ColBERT
    (Khattab and Zaharia 2020).
    """

    score: float
    similarities: np.ndarray
    winner: np.ndarray
    margin: np.ndarray
    query: Tokens
    document: Tokens
    query_counts: np.ndarray  # (Tq,) bool
    document_counts: np.ndarray  # (Td,) bool
    checkpoint: str
    compared: str  # in words: the projection, or that there is none
    mean: bool  # whether the checkpoint declares the mean over the query's tokens instead

    def __post_init__(self) -> None:
        require_shape("similarities", self.similarities, len(self.query), len(self.document))
        require_shape("winner", self.winner, len(self.query))
        require_shape("margin", self.margin, len(self.query))
        freeze(self)

    @property
    def ties(self) -> int:
        """Number of query tokens with two equally good matches."""
        return int((self.margin == 0).sum())

    @property
    def contributions(self) -> np.ndarray:
        """(Tq, Td): what each pair adds to the score; one entry in each row at most."""
        held = np.zeros_like(self.similarities)
        rows = np.flatnonzero(self.winner >= 0)
        held[rows, self.winner[rows]] = self.similarities[rows, self.winner[rows]]
        return held


def maxsim(encoder: Classifier, query: str, document: str) -> MaxSim:
    """Late interaction of two texts, with the winner of each query token and its margin.

    A folder of a multi-vector model (sentence-transformers, PyLate) is read as it declares: its
    projection, prefixes, query expansion and skipped tokens. Any other checkpoint is compared by
    the token vectors of its last layer scaled to length 1; ``compared`` says which it was.

    Raises ``ValueError`` for a blank text (it is said which), or a document of which no token
    counts; :class:`CheckpointError` for files that cannot be read.
    """
    how = declared(encoder)
    return match(
        token_vectors(encoder, query, "query"),
        token_vectors(encoder, document, "document"),
        checkpoint=encoder.checkpoint.id,
        compared=how.words,
        mean=how.mean,
    )


def match(
    query: TokenVectors,
    document: TokenVectors,
    *,
    checkpoint: str,
    compared: str = "",
    mean: bool = False,
) -> MaxSim:
    """The best match of each query token; (Tq, D) against (Td, D).

    Raises
    ------
    ValueError
        No token of the document counts.
    """
    if not document.counts.any():
        raise ValueError(
            "no token of the document counts: this checkpoint skips punctuation, and there is "
            "nothing else. Type a document with a word in it."
        )
    similarities = query.vectors.astype(np.float64) @ document.vectors.astype(np.float64).T
    offered = np.where(document.counts, similarities, -np.inf)
    winner = offered.argmax(axis=1)  # the first of several maxima
    rows = np.arange(len(offered))
    best = offered[rows, winner]
    offered[rows, winner] = -np.inf
    margin = np.where(query.counts, best - offered.max(axis=1), np.nan)
    return MaxSim(
        score=float(best[query.counts].sum()),
        similarities=similarities,
        winner=np.where(query.counts, winner, -1),
        margin=margin,
        query=query.tokens,
        document=document.tokens,
        query_counts=query.counts,
        document_counts=document.counts,
        checkpoint=checkpoint,
        compared=compared,
        mean=mean,
    )
