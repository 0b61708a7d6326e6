"""Bars on paper: intervals, one dot a seed, hatches, numbers; or points on a free axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.figures.marks import Bars
from analysis.figures.paper import ticks
from analysis.figures.paper.look import Look
from analysis.figures.style.style import CLASS_HATCHES, contrast_ratio, number

MOST_NUMBERED = 4  # series; with more the numbers would stand on each other


def height(m: Bars, look: Look, width: float) -> float:
    """Points, labels included."""
    scale = look.scale
    if not m.horizontal:
        below = ticks.depth(look, m.categories, width - 40 * scale) - 10 * scale
        return min(width * 0.62, 230.0 * scale) + max(below, 0.0)
    lines = look.wrapped(m.value_label, width - 40 * scale).count("\n")
    if m.as_points:
        return scale * (17.0 * len(m.categories) * len(m.series) + 32.0 + 10.0 * lines)
    bar = 11.0 if len(m.series) == 1 else 7.5
    bars = scale * len(m.categories) * (bar * len(m.series) + 4.0)
    named = (
        0.0
        if m.category_label == "class"
        else look.measure(look.label(m.category_label), look.text)
    )
    return max(bars, named + 2.0) + scale * (26.0 + 10.0 * lines)


def left(m: Bars, look: Look, width: float, alone: bool) -> float:
    """Points that labels take on the left."""
    if not m.horizontal:
        return 1.25 * look.text + 2.6 * look.small + 4.0
    if not alone:
        return 8.0 * look.scale
    label = 0.0 if m.category_label in ("", "class") else 1.4 * look.text
    return ticks.beside(look, m.categories, 0.42 * width) + label + 6.0


def draw(host: Any, axes: Axes, m: Bars, look: Look, alone: bool, width: float) -> None:
    """Bars (or points) of every series; `alone`: the category labels stand here."""
    count = len(m.series)
    size = 0.78 / count
    places = np.arange(len(m.categories), dtype=float)
    for index in range(count):
        where = places + (index - (count - 1) / 2) * size
        if m.as_points:
            _points(axes, m, look, index, where, 0.7 * size)
        else:
            _series(axes, m, look, index, where, size)
    if m.reference is not None:
        line = axes.axvline if m.horizontal else axes.axhline
        line(m.reference, color="#808080", linewidth=0.6, linestyle=":", zorder=0)
    _categories(axes, m, look, alone, width)
    _values(axes, m, look, width)


def _series(axes: Axes, m: Bars, look: Look, index: int, where: np.ndarray, size: float) -> None:
    values, count = m.values[index], len(m.series)
    colours: Any = look.colours.bar if count == 1 else look.of_class(index)
    if m.colours == "sign":
        weak, strong = look.colours.diverging[1], look.colours.diverging[-2]
        colours = [strong if v > 0 else weak for v in values]
    bars = axes.barh if m.horizontal else axes.bar
    hatch: dict[str, Any] = {}
    if count > 1:  # lines that show on the bar's own colour, dark or light
        dark = contrast_ratio(colours, "#FFFFFF") > 4.5 if isinstance(colours, str) else False
        hatch = {
            "hatch": CLASS_HATCHES[index % len(CLASS_HATCHES)] or None,
            "hatchcolor": "#FFFFFF" if dark else "#333333",
        }
    drawn = bars(
        where,
        values,
        size * 0.94,
        color=colours,
        label=look.label(m.series[index]),
        linewidth=0.4,
        edgecolor="#333333",
        **hatch,
    )
    for place, bar in enumerate(drawn):
        bar.set_gid(f"{axes.get_gid()}-bar-{index}-{place}")
    starts, ends = values.copy(), values.copy()
    if m.intervals is not None:
        on = np.isfinite(m.intervals[index]).all(axis=1)
        _whiskers(axes, m, index, where, ecolor="black", elinewidth=0.7, capsize=1.5)
        ends[on] = np.maximum(ends[on], m.intervals[index][on, 1])
        starts[on] = np.minimum(starts[on], m.intervals[index][on, 0])
    if m.dots is not None and np.isfinite(m.dots[index]).sum(axis=1).max(initial=0) > 1:
        flat, spots = m.dots[index].ravel(), np.repeat(where, m.dots.shape[2])
        at = (flat, spots) if m.horizontal else (spots, flat)
        axes.plot(
            *at,
            "o",
            markersize=2.4 * look.scale,
            markerfacecolor="white",
            markeredgewidth=0.6,
            markeredgecolor="black",
            clip_on=False,
            zorder=4,
            gid=f"{axes.get_gid()}-dots-{index}",
        )
        known = np.isfinite(m.dots[index])
        ends = np.fmax(ends, np.where(known, m.dots[index], -np.inf).max(axis=1))
        starts = np.fmin(starts, np.where(known, m.dots[index], np.inf).min(axis=1))
    if m.horizontal and count <= MOST_NUMBERED:
        _numbers(axes, m, look, index, where, starts, ends)


def _whiskers(axes: Axes, m: Bars, index: int, where: np.ndarray, **line: Any) -> None:
    assert m.intervals is not None
    values, intervals = m.values[index], m.intervals[index]
    on = np.isfinite(intervals).all(axis=1)
    spread = np.abs(intervals[on] - values[on, None]).T
    at = (values[on], where[on]) if m.horizontal else (where[on], values[on])
    line["xerr" if m.horizontal else "yerr"] = spread
    drawn = axes.errorbar(*at, fmt="none", **line)
    for bars in drawn.lines[2]:
        bars.set_gid(f"{axes.get_gid()}-whiskers-{index}")


def _numbers(
    axes: Axes,
    m: Bars,
    look: Look,
    index: int,
    where: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
) -> None:
    """Each value behind its bar, its whisker and its dots."""
    away = 2.5 if m.dots is None else 2.5 + 1.2 * look.scale
    rows = zip(
        m.values[index].tolist(), starts.tolist(), ends.tolist(), where.tolist(), strict=True
    )
    for value, start, end, spot in rows:
        if math.isfinite(value):
            below = value < 0
            shown = number(value, m.style).replace("-", "\N{MINUS SIGN}")
            axes.annotate(
                shown,
                (start if below else end, spot),
                (-away if below else away, 0),
                textcoords="offset points",
                va="center_baseline",
                ha="right" if below else "left",
                fontsize=look.least,
            )


def _points(axes: Axes, m: Bars, look: Look, index: int, where: np.ndarray, room: float) -> None:
    """Values as diamonds on their intervals, the dots side by side in the order of the seeds."""
    values = m.values[index]
    colour = look.colours.bar if len(m.series) == 1 else look.of_class(index)
    if m.dots is not None:
        count = m.dots.shape[2]
        aside = room * ((np.arange(count) + 0.5) / count - 0.5)
        flat, spots = m.dots[index].ravel(), (where[:, None] + aside).ravel()
        axes.plot(
            *((flat, spots) if m.horizontal else (spots, flat)),
            "o",
            markersize=2.2 * look.scale,
            color=colour,
            alpha=0.6,
            markeredgewidth=0,
            zorder=2,
            gid=f"{axes.get_gid()}-dots-{index}",
        )
    if m.intervals is not None:
        _whiskers(axes, m, index, where, ecolor=colour, elinewidth=1.0, capsize=2.0, zorder=3)
    at = (values, where) if m.horizontal else (where, values)
    axes.plot(
        *at,
        linestyle="none",
        marker=("D", "s", "o", "^", "v", "P")[index % 6],
        markersize=4.2 * look.scale,
        color=colour,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=4,
        label=look.label(m.series[index]),
        gid=f"{axes.get_gid()}-values-{index}",
    )


def _categories(axes: Axes, m: Bars, look: Look, alone: bool, width: float) -> None:
    axis = axes.yaxis if m.horizontal else axes.xaxis
    places = np.arange(len(m.categories))
    if not alone:
        axis.set_ticks(places, [])
    elif m.horizontal:
        labels = [look.shortened(c, 0.42 * width, look.small) for c in m.categories]
        axis.set_ticks(places, labels)
    else:
        ticks.across(axes, look, m.categories, width - 40 * look.scale)
    axis.set_tick_params(length=0)
    if len(m.series) == 1 and m.predicted and m.predicted[0] is not None and alone:
        axis.get_ticklabels()[m.predicted[0]].set_fontweight("bold")
    if alone and m.category_label != "class":  # names of classes need no word above them
        axis.set_label_text(look.label(m.category_label))


def _values(axes: Axes, m: Bars, look: Look, width: float) -> None:
    low, high = m.bounds
    other = axes.xaxis if m.horizontal else axes.yaxis
    other.set_label_text(look.wrapped(m.value_label, width - 40 * look.scale))
    whole = m.style in ("probability", "percent") and low == 0 and not m.as_points
    across = width - left(m, look, width, True) if m.horizontal else 200.0
    if whole:
        at = np.linspace(low, high, 5 if width > 150 * look.scale else 3)
        other.set_ticks(at, [number(float(tick), m.style) for tick in at])
    else:
        other.set_major_locator(MaxNLocator(max(2, min(4, int(across / (3.4 * look.small))))))
    if m.as_points:
        _point_limits(axes, m)
        return
    # room for the number behind the longest bar, of each sign
    longest = max(
        (look.measure(number(v, m.style), look.least) for v in m.values.ravel().tolist()),
        default=0.0,
    )
    room, sides = 0.0, 2 if low < 0 else 1
    if m.horizontal:
        needed = longest + 9
        room = needed / max(across - sides * needed, 0.3 * across) * (high - low)
    ends_at = (low - room if low < 0 else low, high + room)
    if m.horizontal:
        axes.set_xlim(ends_at)
        axes.invert_yaxis()
    else:
        axes.set_ylim(ends_at)
    if whole:
        axes.spines["bottom" if m.horizontal else "left"].set_bounds(low, high)
    if low < 0:
        axes.spines["left" if m.horizontal else "bottom"].set_visible(False)
        (axes.axvline if m.horizontal else axes.axhline)(0, color="black", linewidth=0.6)


def _point_limits(axes: Axes, m: Bars) -> None:
    """A little air on both ends of the values, all categories in view."""
    low, high = m.bounds
    room, edge = 0.06 * (high - low), len(m.categories) - 0.5
    if m.horizontal:
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(edge, -0.5)
    else:
        axes.set_ylim(low - room, high + room)
        axes.set_xlim(-0.5, edge)
