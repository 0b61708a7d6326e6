"""Marks of a text: its units in reading order, bands between two texts, the flow to a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.figures.marks.charts import Columns
from analysis.figures.marks.checks import (
    check_segments,
    no_infinity,
    not_empty,
    scale_end,
    symmetric_limit,
)


@dataclass(frozen=True)
class Strip:
    """U units of a text (words or pieces), each with a value, in reading order."""

    labels: tuple[str, ...]  # (U,)
    values: np.ndarray  # (U,)
    spaced: tuple[bool, ...]  # (U,) white space stands before the unit
    special: tuple[bool, ...]  # (U,)
    segment: tuple[int, ...]  # (U,) 0 = text, 1 = pair
    positions: tuple[tuple[int, ...], ...]  # (U,) the token positions of the unit
    spans: np.ndarray  # (U, 2) int: characters of the segment's text
    value_label: str
    unit: str = "logit"
    limit: float | None = None  # symmetric end of the colour scale; None: from the values

    def __post_init__(self) -> None:
        size = len(self.labels)
        require_shape("values", self.values, size)
        require_shape("spans", self.spans, size, 2)
        for name in ("spaced", "special", "segment", "positions"):
            if len(getattr(self, name)) != size:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {size} units")
        check_segments(self.segment)
        if not np.isfinite(self.values).all():
            raise ValueError("a token's value is not a finite number: nothing can be coloured")
        object.__setattr__(self, "limit", scale_end(self.limit, symmetric_limit(self.values)))
        freeze(self)

    @property
    def bound(self) -> float:
        """The symmetric end of the colour scale."""
        assert self.limit is not None
        return self.limit

    def table(self) -> Columns:
        return {
            "position": np.array([" ".join(map(str, p)) for p in self.positions], object),
            "label": np.array(self.labels, object),
            f"{self.value_label} ({self.unit})": self.values,
            "special": np.array(self.special, bool),
            "segment": np.array(self.segment, int),
            "start": self.spans[:, 0],
            "end": self.spans[:, 1],
        }


@dataclass(frozen=True)
class Bands:
    """Two texts on facing lines, and bands between their units: width is size, a dash is a sign."""

    first: Strip  # above; its values are the sums over the second text
    second: Strip  # below
    ends: np.ndarray  # (N, 2) int: unit of the first text, unit of the second; strongest first
    values: np.ndarray  # (N,)
    value_label: str  # with its unit
    score: str  # what all pairs come to, in a few words: "mean .62"
    limit: float | None = None  # value of the widest band; None: from the values

    def __post_init__(self) -> None:
        require_shape("ends", self.ends, len(self.values), 2)
        require_shape("values", self.values, None)
        if not np.isfinite(self.values).all():
            raise ValueError("a band's value is not a finite number: it has no width")
        sizes = (len(self.first.labels), len(self.second.labels))
        if not min(sizes):
            raise ValueError("a text without units: there is nothing to draw")
        if self.ends.size and not ((self.ends >= 0) & (self.ends < sizes)).all():
            raise ValueError(f"a band ends outside of texts of {sizes[0]} and {sizes[1]} units")
        object.__setattr__(self, "limit", scale_end(self.limit, symmetric_limit(self.values)))
        freeze(self)

    @property
    def bound(self) -> float:
        """The value of the widest band."""
        assert self.limit is not None
        return self.limit

    def table(self) -> Columns:
        first, second = self.ends.T
        return {
            "first": np.array(self.first.labels, object)[first],
            "second": np.array(self.second.labels, object)[second],
            "first unit": first,
            "second unit": second,
            self.value_label: self.values,
        }


@dataclass(frozen=True)
class Flow:
    """Flow of a pooling head: from U units of a text over K source layers to a class.

    The bands of a unit are what the head reads from it in each layer; those of a layer lead to the
    class where they are positive and to the other classes where they are negative. Nothing is
    added or lost on the way.
    """

    labels: tuple[str, ...]  # (U,) in reading order
    values: np.ndarray  # (U, K) contributions to the contrast of the class
    layers: tuple[str, ...]  # (K,) names of the source layers
    classes: tuple[str, str]  # the class, and what it is compared with
    special: tuple[bool, ...]  # (U,)
    segment: tuple[int, ...]  # (U,) 0 = text, 1 = pair
    spans: np.ndarray  # (U, 2) int: characters of the segment's text
    value_label: str
    attention: np.ndarray | None = None  # (U,) of the pooling head, mean over its attention heads
    unit: str = "logit"
    limit: float | None = None  # sum of |values| whose bands fill the height; None: of this flow

    def __post_init__(self) -> None:
        size = len(self.labels)
        require_shape("values", self.values, size, len(self.layers))
        not_empty("a flow", self.values)
        if not np.isfinite(self.values).all():
            raise ValueError("a contribution is not a finite number: it has no band")
        require_shape("spans", self.spans, size, 2)
        if self.attention is not None:
            require_shape("attention", self.attention, size)
            no_infinity("attention", self.attention)
        for name in ("special", "segment"):
            if len(getattr(self, name)) != size:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {size} units")
        check_segments(self.segment)
        object.__setattr__(
            self, "limit", scale_end(self.limit, float(np.abs(self.values).sum()) or 1.0)
        )
        freeze(self)

    @property
    def bound(self) -> float:
        """The sum of |values| whose bands fill the height."""
        assert self.limit is not None
        return self.limit

    @property
    def ends(self) -> tuple[float, float]:
        """Sums that arrive at the class, and at the others (at most 0)."""
        return float(self.values.clip(min=0).sum()), float(self.values.clip(max=0).sum())

    def table(self) -> Columns:
        size, count = self.values.shape
        columns: Columns = {
            "position": np.repeat(np.arange(size), count),
            "label": np.repeat(np.array(self.labels, object), count),
            "source layer": np.tile(np.array(self.layers, object), size),
            f"{self.value_label} ({self.unit})": self.values.ravel(),
        }
        if self.attention is not None:
            columns["attention of the pooling head"] = np.repeat(self.attention, count)
        return columns
