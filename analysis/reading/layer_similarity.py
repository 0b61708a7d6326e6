"""Similarity of two layers over the same sentences: debiased linear CKA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.records import freeze, require_shape

if TYPE_CHECKING:
    pass

# The debiased estimate of independent vectors has a standard error of about sqrt(2) / n, 0.011
# here: 0.05 is then more than four of them, and no pair of layers comes near it by chance.
FEWEST = 128
MOST = 1000  # n x n similarities of every layer are held at once by `layer_cka`


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
    check_fewest(len(x))
    left, right = _centred(x), _centred(y)
    if left is None or right is None:
        raise ValueError("all rows are the same: there is nothing to compare")
    length = float(np.sqrt(_hsic(left, left) * _hsic(right, right)))
    return Similarity(_hsic(left, right) / length, len(x))


def check_fewest(n: int) -> None:
    """Raises ``ValueError`` for fewer rows than CKA can be estimated from."""
    if n < FEWEST:
        raise ValueError(
            f"CKA over {n} sentences says little: for unrelated vectors its standard error is "
            f"about {np.sqrt(2) / max(n, 1):.2f}. Give at least {FEWEST} different sentences."
        )


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
    own, diagonal_y = (x**2).sum(axis=1), (y**2).sum(axis=1)  # the diagonals, which do not count
    rows, columns = x @ x.sum(axis=0) - own, y @ y.sum(axis=0) - diagonal_y
    trace = float(((x.T @ y) ** 2).sum() - own @ diagonal_y)
    return float(
        trace + rows.sum() * columns.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows @ columns)
    )


def unit_similarities(x: np.ndarray) -> np.ndarray | None:
    """(n, n) U-centred similarities of length 1, so that CKA is a sum of products.

    None where all rows are the same. U-centring (Székely and Rizzo 2014) turns the unbiased HSIC
    into an inner product: for many layers against many that is one product each.
    """
    spread = _centred(x)
    if spread is None:
        return None
    n = len(spread)
    similarities = spread @ spread.T
    np.fill_diagonal(similarities, 0.0)
    sums = similarities.sum(axis=1)
    similarities -= (sums[:, None] + sums[None, :]) / (n - 2) - sums.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(similarities, 0.0)
    length = float(np.linalg.norm(similarities))
    return similarities / length if length > 0 else None
