"""How alike two layers arrange the same sentences: debiased linear CKA."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from analysis.checkpoints.folder import Checkpoint
from analysis.common.records import freeze, require_shape

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

# The debiased estimate of independent vectors has a standard error of about sqrt(2) / n, 0.011
# here: 0.05 is then more than four of them, and no pair of layers comes near it by chance.
FEWEST = 128
MOST = 1000  # n x n similarities of every layer are held at once by `layer_cka`
_WINDOW = 64  # sentences between two reports of progress


class Similarity(float):
    """Debiased linear CKA of two sets of vectors: a number that knows how many rows it is of.

    It compares and calculates as the float that it is, and cannot be changed.
    """

    __slots__ = ("_rows",)
    _rows: int

    def __new__(cls, value: float, rows: int) -> Similarity:
        number = super().__new__(cls, value)
        object.__setattr__(number, "_rows", rows)
        return number

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Similarity cannot be changed ({name})")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Similarity cannot be changed ({name})")

    def __reduce__(self) -> tuple[type[Similarity], tuple[float, int]]:
        return Similarity, (float(self), self._rows)

    @property
    def rows(self) -> int:
        """Over how many rows (sentences) it was estimated."""
        return self._rows

    @property
    def standard_error(self) -> float:
        """About that of unrelated vectors, sqrt(2) / rows."""
        return float(np.sqrt(2) / self._rows)


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


def cka(x: np.ndarray, y: np.ndarray) -> Similarity:
    """Debiased linear centred kernel alignment of (n, d) and (n, e): about 0 if independent.

    1 for a rotation, a shift or another scale of the same vectors; slightly negative values are
    those of an unbiased estimate around 0. Source: Kornblith et al. 2019 with the unbiased HSIC of
    Song et al. 2012; the plain estimate reads 0.88 for independent vectors at n = 50, d = 384.

    Takes memory for (n, d) and (d, e) numbers, so n may be large.

    Raises ``ValueError`` below 128 rows, for a different number of rows, values that are not
    finite, and vectors that are all the same.
    """
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}: give the same sentences to both")
    _check_fewest(len(x))
    one, other = _centred(x), _centred(y)
    if one is None or other is None:
        raise ValueError("all rows are the same: there is nothing to compare")
    length = float(np.sqrt(_hsic(one, one) * _hsic(other, other)))
    return Similarity(_hsic(one, other) / length, len(x))


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

    Raises ``ValueError`` as :func:`cka` does, and above 1000 sentences, for it holds n x n
    similarities of every layer; equal texts count once.
    """
    if of not in ("cls", "mean"):
        raise ValueError(f"of is {of!r}; known: 'cls', 'mean'")
    seconds = [None] * len(texts) if pairs is None else list(pairs)
    rows = list(dict.fromkeys(zip(texts, seconds, strict=True)))
    _check_fewest(len(rows))
    if len(rows) > MOST:
        raise ValueError(
            f"{len(rows)} sentences would hold {len(rows)} x {len(rows)} similarities "
            f"of every layer: give at most {MOST}"
        )
    own = _similarities(first, rows, of, progress, (0.0, 0.5))
    other = own if first is second else _similarities(second, rows, of, progress, (0.5, 1.0))
    values = np.array(
        [[np.nan if a is None or b is None else float((a * b).sum()) for b in other] for a in own]
    )
    return LayerCka((first.checkpoint, second.checkpoint), values, len(rows), of)


def _check_fewest(n: int) -> None:
    if n < FEWEST:
        raise ValueError(
            f"CKA over {n} sentences says little: for unrelated vectors its standard error is "
            f"about {np.sqrt(2) / max(n, 1):.2f}. Give at least {FEWEST} different sentences."
        )


def _similarities(
    classifier: Classifier,
    rows: Sequence[tuple[str, str | None]],
    of: str,
    progress: Callable[[float], None] | None,
    span: tuple[float, float],
) -> list[np.ndarray | None]:
    from analysis.corpus.embedding import embed

    layers: dict[int, list[np.ndarray]] = {}
    for start in range(0, len(rows), _WINDOW):
        some = rows[start : start + _WINDOW]
        pairs = [pair for _, pair in some]
        found = embed(
            classifier,
            [text for text, _ in some],
            pairs if any(pairs) else None,
            pooling=(of,),
            layers="all",
            dtype="loaded",
        )
        for (_, layer), vectors in found.items():
            layers.setdefault(layer, []).append(vectors)
        if progress is not None:
            done = (start + len(some)) / len(rows)
            progress(span[0] + (span[1] - span[0]) * done)
    by_layer = [np.concatenate(layers[layer]) for layer in sorted(layers)]
    return [_similarity(layer) for layer in by_layer]


def _centred(x: np.ndarray) -> np.ndarray | None:
    """(n, d) minus the mean row; None where all rows are the same."""
    x = np.asarray(x, dtype=np.float64)
    require_shape("vectors", x, None, None)
    if not np.isfinite(x).all():
        raise ValueError("the vectors hold NaN or infinite values: nothing can be compared")
    # A shift changes nothing and loses digits: without it a large mean hides what differs.
    spread = x - x.mean(axis=0)
    if np.abs(spread).max() <= 1e-6 * max(np.abs(x).max(), np.finfo(np.float64).tiny):
        return None
    return np.asarray(spread)


def _hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased HSIC of (n, d) and (n, e) with linear kernels, times n (n - 3).

    Song et al. 2012, equation 5, with every product of n x n kernels written in features.
    """
    n = len(x)
    own, other = (x**2).sum(axis=1), (y**2).sum(axis=1)  # the diagonals, which do not count
    rows, columns = x @ x.sum(axis=0) - own, y @ y.sum(axis=0) - other
    trace = float(((x.T @ y) ** 2).sum() - own @ other)
    return float(
        trace + rows.sum() * columns.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows @ columns)
    )


def _similarity(x: np.ndarray) -> np.ndarray | None:
    """(n, n) U-centred similarities of length 1, so that CKA is a sum of products.

    None where all rows are the same. U-centring (Székely and Rizzo 2014) turns the unbiased HSIC
    into an inner product: for many layers against many that is one product each.
    """
    spread = _centred(x)
    if spread is None:
        return None
    n = len(spread)
    gram = spread @ spread.T
    np.fill_diagonal(gram, 0.0)
    sums = gram.sum(axis=1)
    gram -= (sums[:, None] + sums[None, :]) / (n - 2) - sums.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(gram, 0.0)
    length = float(np.linalg.norm(gram))
    return gram / length if length > 0 else None
