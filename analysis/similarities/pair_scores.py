"""A data set of pairs under every pooling and layer: which cosine agrees with people?

Each sentence goes through the encoder once, however many poolings and layers are asked for; the
vectors are written as they come, so a run that is stopped goes on where it was. Scores are made of
one pooling and layer at a time: memory does not grow with their number.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis import corpus
from analysis.common.records import freeze, require_shape
from analysis.corpus import embedding
from analysis.corpus.costs import ENCODER, Watch, seconds_of
from analysis.corpus.embedding import Key, readers_of
from analysis.datasets import Table
from analysis.statistics.intervals import correlation
from analysis.text.tokens import clean

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.corpus import Report


class NoPairs(ValueError):
    """A table without a second sentence in any row."""


@dataclass(frozen=True)
class PairScores:
    """K (pooling, layer) on N pairs.

    ==========  ==========  ===================================================================
    cosine      (K, N)      float32; NaN where a vector has no length
    centred     (K, N)      about the mean over all sentences of the table
    anisotropy  (K, 2)      mean cosine of two different sentences, as they are and centred
    spearman    (K, 2, 3)   value, low and high (95 %), as they are and centred; NaN without gold
    pearson     (K, 2, 3)   the same; intervals by Fisher's z, each by itself (not corrected)
    own         (K,)        seconds that each takes beside the encoder's pass: to pool all
                            sentences and to compare all pairs
    ==========  ==========  ===================================================================

    Anisotropy: Ethayarajh 2019; an isotropic set of vectors has 0.
    """

    checkpoint: str
    keys: tuple[Key, ...]  # (pooling, absolute layer)
    rows: np.ndarray  # (N,) rows of the table; a pair with an empty side is left out
    gold: np.ndarray | None  # (N,) float64
    cosine: np.ndarray
    centred: np.ndarray
    anisotropy: np.ndarray
    spearman: np.ndarray
    pearson: np.ndarray
    own: np.ndarray
    encoder: float  # seconds of the encoder's pass, which all share; NaN where it was not measured
    sentences: int  # different ones
    left_out: int  # rows with an empty side
    seconds: float  # of the encoder's pass and the scores; what lay on disk costs nothing
    means: tuple[np.ndarray, ...] = ()  # (K) of (D,) float32: the centre of each
    note: str = ""  # what the numbers are, where they are of several seeds

    def __post_init__(self) -> None:
        size = (len(self.keys), len(self.rows))
        require_shape("cosine", self.cosine, *size)
        require_shape("centred", self.centred, *size)
        require_shape("own", self.own, len(self.keys))
        freeze(self)
        for mean in self.means:
            mean.setflags(write=False)

    def at(self, pooling: str, layer: int) -> int:
        """Index of a pooling and absolute layer; raises ``ValueError`` naming what is there."""
        if (pooling, layer) not in self.keys:
            there = ", ".join(f"{name} at layer {number}" for name, number in self.keys)
            raise ValueError(f"no scores of {pooling} at layer {layer}; there are {there}")
        return self.keys.index((pooling, layer))

    @property
    def last_keys(self) -> tuple[Key, ...]:
        """The poolings of the last layer that was asked for."""
        last = max(layer for _, layer in self.keys)
        return tuple(key for key in self.keys if key[1] == last)

    @cached_property
    def ranks(self) -> np.ndarray:
        """(K, N) place of each pair among all, from 0 (least similar) to 1; ties share theirs."""
        from scipy.stats import rankdata

        places = rankdata(self.cosine, axis=1, nan_policy="omit") - 1
        return np.asarray(places / max(len(self.rows) - 1, 1))

    def disputed(self, keys: Sequence[Key], count: int = 10) -> tuple[tuple[int, float], ...]:
        """Pairs on which poolings disagree most: (index, largest minus smallest place), in order.

        Places are compared and not cosines, since each pooling has its own scale.
        """
        places = self.ranks[[self.at(*key) for key in keys]]
        spread = np.nan_to_num(places.max(axis=0) - places.min(axis=0), nan=-1.0)
        order = np.argsort(-spread, kind="stable")[:count]
        return tuple((int(row), float(spread[row])) for row in order)

    def frame(self) -> pd.DataFrame:
        """One row for each pooling and layer."""
        columns: dict[str, object] = {
            "pooling": [pooling for pooling, _ in self.keys],
            "layer": [layer for _, layer in self.keys],
        }
        for name in ("spearman", "pearson"):
            held = getattr(self, name)
            for number, kind in enumerate(("", " centred")):
                columns[f"{name}{kind}"] = held[:, number, 0]
                columns[f"{name}{kind} low"] = held[:, number, 1]
                columns[f"{name}{kind} high"] = held[:, number, 2]
        columns["anisotropy"] = self.anisotropy[:, 0]
        columns["anisotropy centred"] = self.anisotropy[:, 1]
        columns["seconds"] = self.own
        return pd.DataFrame(columns)

    def best(self, metric: str = "spearman", centred: bool = False) -> tuple[int, ...]:
        """Index of each pooling's best layer: of the highest correlation, the last without gold."""
        values = getattr(self, metric)[:, int(centred), 0]
        places: dict[str, int] = {}
        for place, (pooling, layer) in enumerate(self.keys):
            held = places.setdefault(pooling, place)
            ahead = (np.nan_to_num(values[place], nan=-2.0), layer)
            if ahead > (np.nan_to_num(values[held], nan=-2.0), self.keys[held][1]):
                places[pooling] = place
        return tuple(places.values())


def over_pairs(
    encoder: Classifier,
    table: Table,
    poolings: Sequence[str] = ("mean", "max", "cls"),
    layers: Sequence[int] | str = "all",
    folder: str | Path | None = None,
    *,
    progress: Report | None = None,
    cancel: Event | None = None,
) -> PairScores | None:
    """Cosines of all pairs of a table under every pooling and layer asked for.

    Parameters
    ----------
    encoder : Classifier
        :func:`analysis.corpus.open_for_data` opens one with fused attention.
    table : Table
        Rows with a text and a pair; labels that are numbers are the gold scores.
    poolings, layers
        As for :func:`analysis.corpus.embed`.
    folder : path, optional
        Where vectors are kept; calling again with it does only what is missing.
    progress, cancel
        As for :func:`analysis.corpus.run`.

    Returns
    -------
    PairScores or None
        None where it was stopped before all sentences were done.

    Raises
    ------
    NoPairs
        Where no row has two sentences.
    ValueError
        For a pooling or layer that is not there.
    """
    readers = readers_of(encoder, poolings, layers)
    both, sentences = pairs_of(table)
    started = time.perf_counter()
    if folder is None:
        with tempfile.TemporaryDirectory() as place:
            return _scores(encoder, table, both, sentences, readers, place, started, progress,
                           cancel)  # fmt: skip
    return _scores(encoder, table, both, sentences, readers, folder, started, progress, cancel)


@dataclass(frozen=True)
class _Both:
    rows: np.ndarray  # (N,)
    places: np.ndarray  # (N, 2) index of each side among the different sentences


def pairs_of(table: Table) -> tuple[_Both, Table]:
    """Rows with two sentences, and a table of all different sentences.

    Raises
    ------
    NoPairs
        No row of the table has two sentences.
    """
    if table.pair is None:
        raise NoPairs(
            f"{table.task}: its rows have one text each. Name the column of the second sentence, "
            "or choose a data set of pairs such as STS-B."
        )
    numbers: dict[str, int] = {}
    rows, places = [], []
    for row, sides in enumerate(zip(table.text, table.pair, strict=True)):
        cleaned = [clean(side or "")[0] for side in sides]
        if all(side.strip() for side in cleaned):
            rows.append(row)
            places.append([numbers.setdefault(side, len(numbers)) for side in cleaned])
    if not rows:
        raise NoPairs(f"{table.task}: no row has two sentences, so there is nothing to compare.")
    sentences = Table(f"{table.task}-sentences", table.split, tuple(numbers), None, None, ())
    return _Both(np.array(rows), np.array(places)), sentences


def _scores(
    encoder: Classifier,
    table: Table,
    both: _Both,
    sentences: Table,
    readers: Sequence[embedding.PoolingReader],
    folder: str | Path,
    started: float,
    progress: Report | None,
    cancel: Event | None,
) -> PairScores | None:
    watch = Watch(readers)
    place = corpus.compute(
        encoder, sentences, folder, watch.readers, progress=progress, cancel=cancel
    )
    watch.keep(place)
    if cancel is not None and cancel.is_set():
        return None
    keys = tuple((reader.pooling, reader.layer) for reader in readers)
    gold = None
    if table.regression and table.label is not None and table.label.ndim == 1:
        gold = np.asarray(table.label, dtype=np.float64)[both.rows]
    import scipy.stats  # noqa: F401 (here, so that no pooling's seconds have its import)

    cosines, anisotropy, spearman, pearson, means, own = [], [], [], [], [], []
    for key, reader in zip(keys, readers, strict=True):
        began = time.perf_counter()
        rows, vectors = embedding.stored(
            folder, encoder.checkpoint, sentences, key, corpus.precision_of(encoder)
        )
        if len(rows) < len(sentences):
            return None
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        means.append(mean)
        # What is left of equal vectors about their mean is rounding, and has no direction.
        least = 1e-6 * float(np.linalg.norm(mean))
        kinds = [
            _compared(vectors, both.places, 0.0),
            _compared(vectors - mean, both.places, least),
        ]
        cosines.append([cosine for cosine, _ in kinds])
        anisotropy.append([share for _, share in kinds])
        spearman.append([correlated(gold, cosine, rank=True) for cosine, _ in kinds])
        pearson.append([correlated(gold, cosine, rank=False) for cosine, _ in kinds])
        pooled = seconds_of(place, reader.name, len(sentences))
        own.append(pooled + time.perf_counter() - began)
    held = np.array(cosines, dtype=np.float32)
    return PairScores(
        checkpoint=encoder.checkpoint.id,
        keys=keys,
        rows=both.rows,
        gold=gold,
        cosine=held[:, 0],
        centred=held[:, 1],
        anisotropy=np.array(anisotropy),
        spearman=np.array(spearman),
        pearson=np.array(pearson),
        own=np.array(own),
        encoder=seconds_of(place, ENCODER, len(sentences)),
        sentences=len(sentences),
        left_out=len(table) - len(both.rows),
        seconds=time.perf_counter() - started,
        means=tuple(means),
    )


def stored_vectors(
    encoder: Classifier, sentences: Table, poolings: Sequence[str], folder: str | Path
) -> embedding.Embeddings | None:
    """Vectors of the last layer that :func:`over_pairs` left in `folder`; None where any lack."""
    held = {}
    for key in embedding.keys_of(encoder, poolings, (-1,)):
        rows, vectors = embedding.stored(
            folder, encoder.checkpoint, sentences, key, corpus.precision_of(encoder)
        )
        if len(rows) < len(sentences):
            return None
        held[key] = vectors
    return embedding.Embeddings(held, encoder.checkpoint, embedding.layer_count(encoder))


def _compared(vectors: np.ndarray, places: np.ndarray, least: float) -> tuple[np.ndarray, float]:
    """Cosines (N,) of the pairs, and the mean cosine over all pairs of different rows.

    A vector no longer than `least` has no cosine: NaN.
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length <= least, np.nan, length)
    cosine = np.einsum("nd,nd->n", unit[places[:, 0]], unit[places[:, 1]])
    whole = np.nan_to_num(unit)
    total = whole.sum(axis=0, dtype=np.float64)
    count = int((length > least).sum())
    # The square of a sum holds every pair twice, and each row with itself once.
    pairs = count * (count - 1)
    return cosine, float((total @ total - count) / pairs) if pairs else float("nan")


def correlated(
    gold: np.ndarray | None, scores: np.ndarray, *, rank: bool
) -> tuple[float, float, float]:
    """Correlation of scores (N,) with gold (N,), and its 95 % interval; NaN without gold or without
    spread.

    Spearman's where `rank`, else Pearson's; scores that are NaN are left out.
    """
    nothing = (float("nan"),) * 3
    if gold is None:
        return nothing
    both = np.isfinite(scores) & np.isfinite(gold)
    x, y = gold[both], scores[both].astype(np.float64)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return nothing
    if rank:
        from scipy.stats import spearmanr

        value = float(spearmanr(x, y).statistic)
        return (value, *correlation(value, len(x), 1 + value**2 / 2))
    value = float(np.corrcoef(x, y)[0, 1])
    return (value, *correlation(value, len(x)))
