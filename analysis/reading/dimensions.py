"""One token, dimension by dimension: values, who holds the maximum, win margin, contribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.reading.decomposition import NoExactSplit, contrast_of, reference_vector, slopes
from analysis.reading.trace import Trace


@dataclass(frozen=True)
class Dimensions:
    """Contribution of each of the d dimensions of one token to the contrast of a class.

    ``contribution = weight * (value - reference)``, and its sum over the dimensions is what the
    split gives for the token. Where tokens compete, a dimension that another token holds
    weighs nothing here (but for other parts of the pooling head, such as a mean beside it).
    """

    token: int
    target: int
    layers: tuple[int, ...]  # (K,) the competing layers
    by_layer: np.ndarray  # (K, d) the value that each layer offered
    value: np.ndarray  # (d,) the value that was read
    source: np.ndarray  # (d,) int absolute index of the source layer
    margin: np.ndarray  # (d,) win margin
    weight: np.ndarray  # (d,) what one unit of the value adds to the contrast, in logits
    contribution: np.ndarray  # (d,) in logits
    reference: str
    held_by: np.ndarray | None = None  # (d,) int: the token with the maximum, where tokens compete

    def __post_init__(self) -> None:
        size = len(self.value)
        if self.held_by is not None:
            require_shape("held_by", self.held_by, size)
        require_shape("by_layer", self.by_layer, len(self.layers), size)
        for name in ("source", "margin", "weight", "contribution"):
            require_shape(name, getattr(self, name), size)
        freeze(self)

    @property
    def won(self) -> int:
        """Number of dimensions this token holds; all of them where layers compete."""
        return len(self.value) if self.held_by is None else int((self.held_by == self.token).sum())

    def largest(self, count: int = 10) -> np.ndarray:
        """(n,) the `count` dimensions with the largest absolute contribution, largest first."""
        return np.asarray(np.argsort(-np.abs(self.contribution), kind="stable")[:count])


def dimensions(
    trace: Trace,
    token: int,
    target: int | None = None,
    reference: str | np.ndarray | None = None,
    part: int | None = None,
) -> Dimensions:
    """The dimensions of the token at position `token`, for the contrast of `target`.

    `reference` as of the split, or a vector (d,). All parts of the pooling head together, or one
    of them, such as :func:`analysis.reading.winners.part_of_maximum`.

    Source: method, "The exact split of a logit", before its sum over dimensions.

    Raises :class:`NoExactSplit` where there is none, ``ValueError`` for a position out of range
    or a pooling head that takes no maximum.
    """
    head, won = trace.head, trace.head.winners
    if trace.logits is None or not head.splits or head.weights is None or head.values is None:
        raise NoExactSplit(f"{trace.checkpoint.name}: there is no split to look into")
    if won is None:
        raise ValueError(
            f"{trace.checkpoint.name}: its pooling head does not max-pool, so no layer wins a "
            "dimension"
        )
    if not 0 <= token < len(trace.tokens):
        raise ValueError(f"token is {token}; the text has {len(trace.tokens)} tokens")
    mu, named = reference_vector(trace, reference)
    index = trace.predicted if target is None else target
    readout = contrast_of(slopes(trace, reference), index)  # (P, d)
    weights = head.weights[:, token].astype(np.float64)  # (P,) or (P, d)
    weight = (weights[:, None] if weights.ndim == 1 else weights) * readout
    weight = weight.sum(axis=0) if part is None else weight[part]
    value = head.values[token].astype(np.float64)
    single = won.layer.ndim == 1  # only [CLS] is pooled, or one winner holds each dimension
    return Dimensions(
        token=token,
        target=index,
        layers=won.layers,
        by_layer=trace.states[list(won.layers), token],
        value=value,
        source=won.layer if single else won.layer[token],
        margin=won.margin if single else won.margin[token],
        weight=weight,
        contribution=weight * (value - mu),
        reference=named,
        held_by=won.token,
    )
