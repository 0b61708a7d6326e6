"""The closed list of marks that a picture is made of: values, labels, scale and limits.

Nothing is computed in a renderer. Dense arrays stay arrays: the tidy frame is made when somebody
asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from analysis.common.records import freeze, require_shape
from analysis.figures.style.style import NumberFormat

Scale = Literal["diverging", "sequential"]
Columns: TypeAlias = dict[str, Any]


def symmetric_limit(*arrays: np.ndarray) -> float:
    """The largest finite absolute value in the arrays, or 1 where all are zero or missing."""
    finite = [np.abs(a[np.isfinite(a)]) for a in arrays]
    largest = max((float(a.max()) for a in finite if a.size), default=0.0)
    return largest or 1.0


def _no_infinity(name: str, array: np.ndarray | None) -> None:
    if array is not None and np.isinf(array).any():
        raise ValueError(f"{name} holds infinite values: nothing can be drawn to scale")


def _segments(numbers: tuple[int, ...]) -> None:
    if any(abs(number) > 2**31 for number in numbers):
        raise ValueError("a segment is the number of a text: 0, or 1 for the second")


def _something(what: str, values: np.ndarray) -> None:
    if not values.size:
        raise ValueError(f"{what} without values: there is nothing to draw")


def _limits(limits: tuple[float, float] | None) -> None:
    if limits is not None and not (np.isfinite(limits).all() and limits[0] < limits[1]):
        raise ValueError(f"limits {limits} are not a range: give (low, high) with low < high")


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
        _something("a heat map", self.values)
        _no_infinity("values", self.values)
        if self.limits is None:
            if self.scale == "diverging":
                limit = symmetric_limit(self.values)
                limits = (-limit, limit)
            else:
                finite = self.values[np.isfinite(self.values)]
                low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
                limits = (float(low), float(high if high > low else low + 1.0))
            object.__setattr__(self, "limits", limits)
        _limits(self.limits)
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
        _something("a picture of bars", self.values)
        if self.intervals is not None:
            require_shape("intervals", self.intervals, s, n, 2)
        if self.dots is not None:
            require_shape("dots", self.dots, s, n, None)
        for name in ("values", "intervals", "dots"):
            _no_infinity(name, getattr(self, name))
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
        _limits(self.limits)
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
        _something("a picture of lines", self.y)
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
            _no_infinity(name, getattr(self, name))
        _limits(self.limits)
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
        _no_infinity("xy", self.xy)
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
            _no_infinity(name, getattr(self, name))
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
        _segments(self.segment)
        if not np.isfinite(self.values).all():
            raise ValueError("a token's value is not a finite number: nothing can be coloured")
        if self.limit is None:
            object.__setattr__(self, "limit", symmetric_limit(self.values))
        elif not (np.isfinite(self.limit) and self.limit > 0):
            raise ValueError(f"limit {self.limit} cannot end a scale: give a number above 0")
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
        if self.limit is None:
            object.__setattr__(self, "limit", symmetric_limit(self.values))
        elif not (np.isfinite(self.limit) and self.limit > 0):
            raise ValueError(f"limit {self.limit} cannot end a scale: give a number above 0")
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
        _something("a flow", self.values)
        if not np.isfinite(self.values).all():
            raise ValueError("a contribution is not a finite number: it has no band")
        require_shape("spans", self.spans, size, 2)
        if self.attention is not None:
            require_shape("attention", self.attention, size)
            _no_infinity("attention", self.attention)
        for name in ("special", "segment"):
            if len(getattr(self, name)) != size:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {size} units")
        _segments(self.segment)
        if self.limit is None:
            object.__setattr__(self, "limit", float(np.abs(self.values).sum()) or 1.0)
        elif not (np.isfinite(self.limit) and self.limit > 0):
            raise ValueError(f"limit {self.limit} cannot end a scale: give a number above 0")
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


Panel: TypeAlias = HeatMap | Bars | Lines | Points | Strip | Bands | Flow


@dataclass(frozen=True)
class Grid:
    """Panels side by side, filled row by row."""

    panels: tuple[Panel, ...]
    subtitles: tuple[str, ...]
    columns: int = 1

    def __post_init__(self) -> None:
        if not self.panels:
            raise ValueError("a grid needs at least one panel")
        if len(self.subtitles) != len(self.panels):
            raise ValueError(f"{len(self.subtitles)} subtitles for {len(self.panels)} panels")
        if self.columns < 1:
            raise ValueError(f"a grid of {self.columns} columns cannot be drawn: give 1 or more")


Mark: TypeAlias = Panel | Grid
