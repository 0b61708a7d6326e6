"""Marks with axes: maps of cells, bars, lines, and points of a plane.

Dense arrays stay arrays: the tidy frame is made when somebody asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.figures.marks.checks import check_limits, no_infinity, not_empty, symmetric_limit
from analysis.figures.style.style import NumberFormat

Scale = Literal["diverging", "sequential"]
Columns: TypeAlias = dict[str, np.ndarray]


@dataclass(frozen=True)
class HeatMap:
    """R x C cells; NaN is an empty cell."""

    values: np.ndarray  # (R, C)
    rows: tuple[str, ...]  # (R,) from top to bottom
    columns: tuple[str, ...]  # (C,)
    row_label: str
    column_label: str
    value_label: str  # with its unit
    scale: Scale = "diverging"
    limits: tuple[float, float] | None = None  # None: from the values; diverging: symmetric
    written: NumberFormat | None = None  # the number stands in each cell, in this form

    def __post_init__(self) -> None:
        require_shape("values", self.values, len(self.rows), len(self.columns))
        not_empty("a heat map", self.values)
        no_infinity("values", self.values)
        if self.limits is None:
            if self.scale == "diverging":
                limit = symmetric_limit(self.values)
                limits = (-limit, limit)
            else:
                finite = self.values[np.isfinite(self.values)]
                low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
                limits = (float(low), float(high if high > low else low + 1.0))
            object.__setattr__(self, "limits", limits)
        check_limits(self.limits)
        if self.scale == "diverging" and self.bounds[0] != -self.bounds[1]:
            raise ValueError(f"limits {self.limits}: a diverging scale has zero in its middle")
        freeze(self)

    @property
    def bounds(self) -> tuple[float, float]:
        """(low, high) ends of the colour scale."""
        assert self.limits is not None
        return self.limits

    def table(self) -> Columns:
        r, c = self.values.shape
        return {
            self.row_label: np.repeat(np.array(self.rows, object), c),
            self.column_label: np.tile(np.array(self.columns, object), r),
            "row": np.repeat(np.arange(r), c),
            "column": np.tile(np.arange(c), r),
            self.value_label: self.values.ravel(),
        }


@dataclass(frozen=True)
class Bars:
    """S series of bars over N categories; NaN is a bar that does not exist."""

    values: np.ndarray  # (S, N)
    categories: tuple[str, ...]  # (N,)
    series: tuple[str, ...]  # (S,)
    category_label: str
    value_label: str  # with its unit
    intervals: np.ndarray | None = None  # (S, N, 2) low and high, NaN where there is none
    dots: np.ndarray | None = None  # (S, N, M) one value a seed, NaN where there are fewer
    horizontal: bool = True
    colours: Literal["series", "sign"] = "series"
    style: NumberFormat = "number"
    limits: tuple[float, float] | None = None  # of the value axis; None: from the values
    kind: Literal["class", "layer", "word", "category"] = "category"
    predicted: tuple[int | None, ...] = ()  # (S,) the predicted category of each series
    chosen: int | None = None  # the category that is being explained
    as_points: bool = False  # a point at each value, on an axis that need not begin at zero
    reference: float | None = None  # a thin line at the value that others are compared with

    def __post_init__(self) -> None:
        s, n = len(self.series), len(self.categories)
        require_shape("values", self.values, s, n)
        not_empty("a picture of bars", self.values)
        if self.intervals is not None:
            require_shape("intervals", self.intervals, s, n, 2)
        if self.dots is not None:
            require_shape("dots", self.dots, s, n, None)
        for name in ("values", "intervals", "dots"):
            no_infinity(name, getattr(self, name))
        if len(self.predicted) not in (0, s):
            raise ValueError(f"predicted has {len(self.predicted)} entries for {s} series")
        named = (*self.predicted, self.chosen)
        if any(place is not None and not 0 <= place < n for place in named):
            raise ValueError(f"a predicted or chosen category is none of {n}")
        if self.limits is None:
            drawn = [a.ravel() for a in (self.values, self.intervals, self.dots) if a is not None]
            # A bar begins at zero, a point does not.
            ends = [] if self.as_points else [0.0]
            ends += [] if self.reference is None else [self.reference]
            every = np.concatenate([*drawn, np.array(ends)])
            every = every[np.isfinite(every)]
            low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
            if self.colours == "sign":
                low, high = -symmetric_limit(every), symmetric_limit(every)
            object.__setattr__(self, "limits", (low, high if high > low else low + 1.0))
        check_limits(self.limits)
        freeze(self)

    @property
    def bounds(self) -> tuple[float, float]:
        """(low, high) ends of the value axis."""
        assert self.limits is not None
        return self.limits

    def table(self) -> Columns:
        s, n = self.values.shape
        columns: Columns = {
            "series": np.repeat(np.array(self.series, object), n),
            self.category_label: np.tile(np.array(self.categories, object), s),
            self.value_label: self.values.ravel(),
        }
        if self.intervals is not None:
            columns["low"], columns["high"] = self.intervals.reshape(-1, 2).T
        if self.dots is not None:
            for m in range(self.dots.shape[2]):
                columns[f"dot {m}"] = self.dots[:, :, m].ravel()
        return columns


@dataclass(frozen=True)
class Lines:
    """S lines over N places on one x axis."""

    x: np.ndarray  # (N,)
    y: np.ndarray  # (S, N)
    series: tuple[str, ...]  # (S,)
    x_label: str
    y_label: str
    bands: np.ndarray | None = None  # (S, N, 2) low and high
    markers: bool = True
    flags: np.ndarray | None = None  # (S, N) bool: ringed places, such as a flipped prediction
    flag_label: str = ""
    limits: tuple[float, float] | None = None  # of the y axis; None: the renderer's own
    places: tuple[str, ...] = ()  # (N,) names of the places 0 .. N - 1, in place of numbers
    reference: int | None = None  # the line that others are held against: grey, without markers

    def __post_init__(self) -> None:
        s, n = len(self.series), len(self.x)
        require_shape("x", self.x, None)
        not_empty("a picture of lines", self.y)
        if len(self.places) not in (0, n):
            raise ValueError(f"places has {len(self.places)} entries for {n} places")
        if self.places and not np.array_equal(self.x, np.arange(n)):
            raise ValueError("places have names where x counts them from 0, and only there")
        if self.reference is not None and not 0 <= self.reference < s:
            raise ValueError(f"reference {self.reference} is none of {s} lines")
        require_shape("y", self.y, s, n)
        if self.bands is not None:
            require_shape("bands", self.bands, s, n, 2)
        if self.flags is not None:
            require_shape("flags", self.flags, s, n)
        for name in ("x", "y", "bands"):
            no_infinity(name, getattr(self, name))
        check_limits(self.limits)
        freeze(self)

    def table(self) -> Columns:
        s, n = self.y.shape
        columns: Columns = {
            "series": np.repeat(np.array(self.series, object), n),
            self.x_label: np.tile(np.array(self.places, object) if self.places else self.x, s),
            self.y_label: self.y.ravel(),
        }
        if self.bands is not None:
            columns["low"], columns["high"] = self.bands.reshape(-1, 2).T
        if self.flags is not None:
            columns[self.flag_label or "flag"] = self.flags.ravel()
        return columns


@dataclass(frozen=True)
class Points:
    """N points of a plane, coloured and shaped by group."""

    xy: np.ndarray  # (N, 2)
    group: np.ndarray  # (N,) int index into `groups`
    groups: tuple[str, ...]
    x_label: str
    y_label: str
    labels: tuple[str, ...] = ()  # (N,) what a point stands for, or none
    rings: tuple[int, ...] = ()  # points that carry a ring and their label
    equal_axes: bool = True  # distances of a map are only readable at equal scales
    contours: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))  # (V, 2) of all lines
    contour_of: np.ndarray = field(default_factory=lambda: np.zeros(0, int))  # (V,) the line
    regions: tuple[str, ...] = ()  # (K,) names of regions of the plane
    region_at: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))  # (K, 2)

    def __post_init__(self) -> None:
        require_shape("xy", self.xy, len(self.group), 2)
        require_shape("group", self.group, None)
        no_infinity("xy", self.xy)
        if len(self.labels) not in (0, len(self.group)):
            raise ValueError(f"labels has {len(self.labels)} entries for {len(self.group)} points")
        if self.group.size and not 0 <= self.group.min() <= self.group.max() < len(self.groups):
            raise ValueError(f"group indices leave 0..{len(self.groups) - 1}")
        if self.group.dtype.kind not in "iu":
            raise ValueError("group holds indices: whole numbers")
        if any(not 0 <= point < len(self.group) for point in self.rings):
            raise ValueError(f"a ring is around none of {len(self.group)} points")
        require_shape("contours", self.contours, len(self.contour_of), 2)
        require_shape("region_at", self.region_at, len(self.regions), 2)
        for name in ("contours", "region_at"):
            no_infinity(name, getattr(self, name))
        freeze(self)

    def table(self) -> Columns:
        columns: Columns = {
            self.x_label: self.xy[:, 0],
            self.y_label: self.xy[:, 1],
            "group": np.array(self.groups, object)[self.group],
        }
        if self.labels:
            columns["label"] = np.array(self.labels, object)
        return columns
