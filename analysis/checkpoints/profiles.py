"""Profile of a checkpoint's pooling head over a corpus, stored beside the checkpoint.

The mean value is the reference from which the exact split is measured by default; the shares of
wins say what is usual for this encoder, so that a sentence's own share can be judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.common.whole import write_whole

FILE = "profile.safetensors"
MOMENTS = ("cls_mean", "cls_deviation", "token_mean", "token_deviation")
COURSES = ("cls_norm", "cls_cosine_to_previous", "cls_cosine_to_last")
_OPTIONAL = (*MOMENTS, *COURSES)  # files written before they were kept are still read


@dataclass(frozen=True)
class Profile:
    """Over N sentences, with K competing layers (K = 0 where no layers compete)."""

    value_mean: np.ndarray  # (d,) mean of the values that the pooling head reads with any weight
    share_of_wins: np.ndarray  # (N, K) share of wins by layer, one row a sentence
    layers: tuple[int, ...]  # (K,) absolute indices of the competing layers
    sentences: int
    corpus: str  # which texts, in words
    # Per layer and dimension, over the corpus.
    cls_mean: np.ndarray | None = None  # (L+1, d) of [CLS] over the N sentences
    cls_deviation: np.ndarray | None = None  # (L+1, d) standard deviation, divided by N
    token_mean: np.ndarray | None = None  # (L+1, d) of all tokens of all sentences
    token_deviation: np.ndarray | None = None  # (L+1, d)
    # Of [CLS], one row a sentence: what a sentence's own numbers stand among.
    cls_norm: np.ndarray | None = None  # (N, L+1)
    cls_cosine_to_previous: np.ndarray | None = None  # (N, L+1) NaN at 0
    cls_cosine_to_last: np.ndarray | None = None  # (N, L+1)

    def __post_init__(self) -> None:
        require_shape("value_mean", self.value_mean, None)
        require_shape("share_of_wins", self.share_of_wins, None, len(self.layers))
        for name in MOMENTS:
            if getattr(self, name) is not None:
                require_shape(name, getattr(self, name), None, len(self.value_mean))
        for name in COURSES:
            if getattr(self, name) is not None:
                require_shape(name, getattr(self, name), self.sentences, None)
        freeze(self)

    def percentile(self, share: np.ndarray) -> np.ndarray:
        """(K,) percent of the corpus' sentences whose share is below this one's.

        Equal ones count half, so that a constant stands at 50.
        """
        # In the file's own precision, or equal shares would count as smaller ones.
        return percentile(self.share_of_wins, share.astype(self.share_of_wins.dtype))

    def save(self, folder: Path) -> None:
        """Write the profile into a checkpoint's folder ((16 d + 12 N) (L+1) bytes and a few kB)."""
        from safetensors.numpy import save

        content = save(
            {
                "value_mean": self.value_mean.astype(np.float32),
                "share_of_wins": self.share_of_wins.astype(np.float32),
                "layers": np.array(self.layers, dtype=np.int64),
                **{
                    name: value.astype(np.float32)
                    for name in _OPTIONAL
                    if (value := getattr(self, name)) is not None
                },
            },
            metadata={"sentences": str(self.sentences), "corpus": self.corpus},
        )
        write_whole(folder / FILE, content)


def percentile(rows: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(N, K), (K,) -> (K,) percent of the rows below one's own; equal ones count half. NaN: NaN."""
    below = (rows < own).mean(axis=0) + 0.5 * (rows == own).mean(axis=0)
    return np.asarray(np.where(np.isnan(own), np.nan, 100 * below))


def read(folder: Path) -> Profile | None:
    """The profile kept in a checkpoint's folder, or None where there is none."""
    path = folder / FILE
    if not path.is_file():
        return None
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _read(path: Path, modified: int, size: int) -> Profile:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        facts = file.metadata() or {}
        return Profile(
            value_mean=file.get_tensor("value_mean"),
            share_of_wins=file.get_tensor("share_of_wins"),
            layers=tuple(file.get_tensor("layers").tolist()),
            sentences=int(facts.get("sentences", 0)),
            corpus=facts.get("corpus", ""),
            **{name: file.get_tensor(name) for name in _OPTIONAL if name in file.keys()},  # noqa: SIM118
        )


class Moments:
    """Mean and standard deviation of (n, L+1, d) vectors that come a few at a time.

    Sums around the first vector: around zero, a large mean would eat the digits of the deviation.
    """

    def __init__(self) -> None:
        self.count = 0

    def add(self, vectors: np.ndarray) -> None:
        """Take in (n, L+1, d) vectors."""
        if not self.count:
            self.shift = vectors[0].astype(np.float64)
            self.total = np.zeros_like(self.shift)
            self.squares = np.zeros_like(self.shift)
        apart = vectors - self.shift
        self.total += apart.sum(axis=0)
        self.squares += (apart**2).sum(axis=0)
        self.count += len(vectors)

    def mean(self) -> np.ndarray:
        """(L+1, d)."""
        return np.asarray(self.shift + self.total / self.count)

    def deviation(self) -> np.ndarray:
        """(L+1, d), divided by n."""
        variance = self.squares / self.count - (self.total / self.count) ** 2
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))
