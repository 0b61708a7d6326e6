"""The nearest sentences of a corpus under each pooling, and why each is near."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.corpus.embedding import Embeddings, Key, embed
from analysis.reading.trace import Trace, record
from analysis.similarities.split import compare
from analysis.similarities.token_pairs import TokenPairs, pairs_of
from analysis.text.tokens import clean

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of a corpus under one pooling, nearest first.

    Of several seeds each cosine and each split is the mean over them.
    """

    pooling: str
    layer: int
    rows: np.ndarray  # (k,) int
    cosine: np.ndarray  # (k,)
    why: tuple[TokenPairs, ...]  # (k,) the split of each cosine, the sentence first

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
    the earlier row. Of a seed group: :func:`analysis.seed_groups.similarities.mean_nearest`.

    Raises ``ValueError`` for an empty sentence or corpus, and as :func:`analysis.similarity` does.
    """
    check(sentence, count)
    seed = BesideCorpus.of(encoder, sentence, corpus, poolings, layer, centred, vectors)
    return ranked([seed], sentence, corpus, count, lambda each: each[0])


def check(sentence: str, count: int) -> None:
    """Raises ``ValueError`` for an empty sentence, or no neighbours to look for."""
    if not sentence.strip():
        raise ValueError("the sentence is empty: type one to look for its neighbours")
    if count < 1:
        raise ValueError(f"count is {count}; at least 1 neighbour is needed")


def ranked(
    seeds: Sequence[BesideCorpus],
    sentence: str,
    corpus: Sequence[str],
    count: int,
    joined: Callable[[list[TokenPairs]], TokenPairs],
) -> tuple[Neighbours, ...]:
    """The nearest rows by the mean cosine over seeds; `joined` makes one split of theirs."""
    cleaned = clean(sentence)[0].strip()
    same = np.array([clean(text)[0].strip() == cleaned for text in corpus])
    result = []
    for key in seeds[0].cosines:
        cosine = np.mean([seed.cosines[key] for seed in seeds], axis=0)
        cosine[same] = -np.inf
        rows = np.argsort(-cosine, kind="stable")[:count]
        rows = rows[np.isfinite(cosine[rows])]
        why = tuple(
            joined([seed.split(corpus[row], key) for seed in seeds]) for row in rows.tolist()
        )
        result.append(Neighbours(*key, rows, cosine[rows], why))
    return tuple(result)


@dataclass(frozen=True)
class BesideCorpus:
    """A sentence beside a corpus, as one checkpoint has them."""

    encoder: Classifier
    trace: Trace  # of the sentence
    cosines: Mapping[Key, np.ndarray]  # (N,) to each row; -inf where a vector has no length
    centres: Mapping[Key, np.ndarray | None]  # (D,)

    @classmethod
    def of(
        cls,
        encoder: Classifier,
        sentence: str,
        corpus: Sequence[str],
        poolings: Sequence[str],
        layer: int,
        centred: bool,
        vectors: Embeddings | None = None,
    ) -> BesideCorpus:
        """Both embedded; of the corpus `vectors` are taken where they exist."""
        if vectors is None:
            vectors = embed(encoder, corpus, pooling=poolings, layers=(layer,))
        of_sentence = embed(encoder, [sentence], pooling=poolings, layers=(layer,))
        cosines, centres = {}, {}
        for key in of_sentence:
            held = vectors[key].astype(np.float64)
            centres[key] = held.mean(axis=0) if centred else None
            zero = held.mean(axis=0) if centred else 0.0
            query, others = of_sentence[key][0] - zero, held - zero
            lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(query)
            near = others @ query / np.where(lengths > 0, lengths, 1)
            cosines[key] = np.where(lengths > 0, near, -np.inf)
        return cls(encoder, record(encoder, sentence), cosines, centres)

    def split(self, text: str, key: Key) -> TokenPairs:
        """Why a row is as near as it is."""
        neighbour = record(self.encoder, text)
        return pairs_of(compare(self.encoder, self.trace, neighbour, *key, self.centres[key]))
