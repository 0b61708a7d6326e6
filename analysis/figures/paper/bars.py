"""Bars on paper: intervals, one dot a seed, hatches, numbers; or points on a free axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import MaxNLocator

from analysis.figures.marks import Bars
from analysis.figures.paper import ticks
from analysis.figures.paper.look import Box, Look
from analysis.figures.style.palettes import readable
from analysis.figures.style.style import CLASS_HATCHES, contrast_ratio, number

LONGEST_NAME = 0.42  # of a panel, by the names of its categories
MANY = 150  # bars: more are drawn as one shape
MOST_NUMBERED = 4  # series; with more the numbers would stand on each other


def left(m: Bars, look: Look, width: float, alone: bool) -> float:
    """Points that labels take on the left of a panel of that width."""
    if not m.horizontal:
        return 1.25 * look.text + 2.6 * look.small + 4.0
    if not alone:
        return 6.0 * look.scale
    label = 0.0 if m.category_label in ("", "class") else 1.4 * look.text
    return ticks.beside(look, m.categories, LONGEST_NAME * width) + label + 6.0


def below(m: Bars, look: Look, inside: float) -> float:
    """Points that labels take below the axis."""
    if not m.horizontal:
        label = 0.0 if m.category_label in ("", "class") else 1.5 * look.text
        return ticks.depth(look, m.categories, inside) + label + 4.0
    lines = look.wrapped(m.value_label, inside + 20.0).count("\n") + 1
    return 1.3 * look.small + 1.3 * look.text * lines + 5.0


def least(m: Bars, look: Look) -> float:
    """Points of width of the axes below which bars and their names are not told apart."""
    if m.horizontal:
        return 58.0 * look.scale
    bars = 3.0 * look.scale * len(m.categories) * len(m.series)
    return max(64.0 * look.scale, min(bars, 300.0), ticks.needed(look, m.categories))


def want(m: Bars, look: Look) -> float:
    """Points of width that the axes would take."""
    if m.horizontal:
        return 110.0 * look.scale
    bars = len(m.categories) * (7.0 * len(m.series) + 4.0)
    return min(max(100.0, bars), 300.0) * look.scale


def heights(m: Bars, look: Look, inside: float) -> tuple[float, float, float]:
    """(lowest, best, highest) points of the axes; never more than a page has."""
    scale, most = look.scale, look.style.of.tallest * 72 - 60 * look.scale
    if not m.horizontal:
        best = min(inside * 0.62, 150.0 * scale)
        return min(best, 44.0 * scale), best, max(1.6 * best, 90.0 * scale)
    count, series = len(m.categories), len(m.series)
    if m.as_points:
        best = 17.0 * scale * count * series
    else:
        best = scale * count * ((11.0 if series == 1 else 7.5) * series + 4.0)
    named = m.category_label not in ("", "class")
    label = look.measure(look.label(m.category_label), look.text) + 2.0 if named else 0.0
    best = min(max(best, label, 20.0 * scale), most)
    return max(0.66 * best, min(label, best)), best, max(2.2 * best, 70.0 * scale)


def draw(axes: Axes, m: Bars, look: Look, slots: Sequence[int]) -> None:
    """Bars (or points) of every series, in the colours of their places in the legend."""
    count = len(m.series)
    size = 0.78 / count
    places = np.arange(len(m.categories), dtype=float)
    for index in range(count):
        where = places + (index - (count - 1) / 2) * size
        if m.as_points:
            _points(axes, m, look, index, slots[index], where, 0.7 * size)
        else:
            _series(axes, m, look, index, slots[index], where, size)
    if m.reference is not None:
        line = axes.axvline if m.horizontal else axes.axhline
        line(m.reference, color="#808080", linewidth=0.6, linestyle=":", zorder=0)
    if m.as_points:
        _point_limits(axes, m)
    (axes.yaxis if m.horizontal else axes.xaxis).set_tick_params(length=0)
    if not m.as_points and m.bounds[0] < 0:
        axes.spines["left" if m.horizontal else "bottom"].set_visible(False)
        (axes.axvline if m.horizontal else axes.axhline)(0, color="black", linewidth=0.6)


def fit(axes: Axes, m: Bars, look: Look, alone: bool, box: Box) -> list[Artist]:
    """Labels and numbers for axes of that size; returns what another size replaces."""
    if m.horizontal:
        axes.set_ylim(len(m.categories) - 0.5, -0.5)
    if not alone:
        (axes.set_yticks if m.horizontal else axes.set_xticks)([])
    elif m.horizontal:
        ticks.down(axes, look, m.categories, box.height, LONGEST_NAME * box.cell)
    else:
        ticks.across(axes, look, m.categories, box.width)
    if alone and len(m.series) == 1 and m.predicted and m.predicted[0] is not None:
        axis = axes.yaxis if m.horizontal else axes.xaxis
        shown = dict(zip(axis.get_ticklocs().tolist(), axis.get_ticklabels(), strict=False))
        if (label := shown.get(m.predicted[0])) is not None:
            label.set_fontweight("bold")
    _values(axes, m, look, box)
    if not numbered(m, look, box):
        return []
    return [text for index in range(len(m.series)) for text in _numbers(axes, m, look, index)]


def numbered(m: Bars, look: Look, box: Box) -> bool:
    """Whether each bar is thick enough for its number to stand behind it."""
    count = len(m.series)
    apart = box.height / len(m.categories) * (0.78 / count if count > 1 else 1.0)
    return m.horizontal and not m.as_points and count <= MOST_NUMBERED and apart >= look.least


def _series(
    axes: Axes, m: Bars, look: Look, index: int, slot: int, where: np.ndarray, size: float
) -> None:
    values, count = m.values[index], len(m.series)
    colours: str | list[str] = look.colours.bar if count == 1 else look.of_class(slot)
    if m.colours == "sign":
        weak, strong = look.colours.diverging[1], look.colours.diverging[-2]
        colours = [strong if v > 0 else weak for v in values]
    if count * len(where) > MANY:
        _together(axes, m, look, index, slot, where, size)
        return
    bars = axes.barh if m.horizontal else axes.bar
    hatch: dict[str, Any] = {}
    if count > 1:  # lines that show on the bar's own colour, dark or light
        dark = contrast_ratio(colours, "#FFFFFF") > 4.5 if isinstance(colours, str) else False
        hatch = {
            "hatch": CLASS_HATCHES[slot % len(CLASS_HATCHES)] or None,
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
    if m.intervals is not None:
        _whiskers(axes, m, index, where, ecolor="black", elinewidth=0.7, capsize=1.5)
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


def _together(
    axes: Axes, m: Bars, look: Look, index: int, slot: int, where: np.ndarray, size: float
) -> None:
    """Hundreds of bars as one shape, without outlines, which would be all that is seen of them."""
    known = np.isfinite(m.values[index])
    low, high = where[known] - 0.47 * size, where[known] + 0.47 * size
    ends, zero = m.values[index][known], np.zeros(int(known.sum()))
    corners = [(zero, low), (ends, low), (ends, high), (zero, high)]
    boxes = np.stack([np.stack(c if m.horizontal else c[::-1], axis=1) for c in corners], axis=1)
    colours: str | list[str] = look.colours.bar if len(m.series) == 1 else look.ink_of_class(slot)
    if m.colours == "sign":
        weak, strong = readable(look.colours.diverging[1]), readable(look.colours.diverging[-2])
        colours = [strong if value > 0 else weak for value in ends.tolist()]
    axes.add_collection(
        PolyCollection(
            list(boxes),
            facecolors=colours,
            linewidths=0.0,
            label=look.label(m.series[index]),
            gid=f"{axes.get_gid()}-bars-{index}",
        )
    )
    axes.autoscale_view()
    if m.intervals is not None:
        _whiskers(axes, m, index, where, ecolor="black", elinewidth=0.4, capsize=0.0)


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


def _reach(m: Bars, index: int) -> tuple[np.ndarray, np.ndarray]:
    """(start, end) of each bar of a series with its whisker and its dots, (N,) each."""
    starts, ends = m.values[index].copy(), m.values[index].copy()
    if m.intervals is not None:
        starts = np.fmin(starts, m.intervals[index][:, 0])
        ends = np.fmax(ends, m.intervals[index][:, 1])
    if m.dots is not None and np.isfinite(m.dots[index]).sum(axis=1).max(initial=0) > 1:
        known = np.isfinite(m.dots[index])
        ends = np.fmax(ends, np.where(known, m.dots[index], -np.inf).max(axis=1))
        starts = np.fmin(starts, np.where(known, m.dots[index], np.inf).min(axis=1))
    return starts, ends


def _numbers(axes: Axes, m: Bars, look: Look, index: int) -> list[Artist]:
    """Each value behind its bar, its whisker and its dots."""
    away = 2.5 if m.dots is None else 2.5 + 1.2 * look.scale
    starts, ends = _reach(m, index)
    count = len(m.series)
    where = np.arange(len(m.categories)) + (index - (count - 1) / 2) * 0.78 / count
    rows = zip(
        m.values[index].tolist(), starts.tolist(), ends.tolist(), where.tolist(), strict=True
    )
    made: list[Artist] = []
    for value, start, end, spot in rows:
        if math.isfinite(value):
            below = value < 0
            shown = number(value, m.style).replace("-", "\N{MINUS SIGN}")
            text = axes.annotate(
                shown,
                (start if below else end, spot),
                (-away if below else away, 0),
                textcoords="offset points",
                va="center_baseline",
                ha="right" if below else "left",
                fontsize=look.least,
            )
            made.append(text)
    return made


def _points(
    axes: Axes, m: Bars, look: Look, index: int, slot: int, where: np.ndarray, room: float
) -> None:
    """Values as diamonds on their intervals, the dots side by side in the order of the seeds."""
    values = m.values[index]
    colour = look.colours.bar if len(m.series) == 1 else look.ink_of_class(slot)
    if m.dots is not None:
        count = m.dots.shape[2]
        aside = room * ((np.arange(count) + 0.5) / count - 0.5)
        flat, spots = m.dots[index].ravel(), (where[:, None] + aside).ravel()
        axes.plot(
            *((flat, spots) if m.horizontal else (spots, flat)),
            "o",
            markersize=2.2 * look.scale,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=0.5 * look.scale,
            zorder=2,
            gid=f"{axes.get_gid()}-dots-{index}",
        )
    if m.intervals is not None:
        _whiskers(axes, m, index, where, ecolor=colour, elinewidth=1.0, capsize=2.0, zorder=3)
    at = (values, where) if m.horizontal else (where, values)
    axes.plot(
        *at,
        linestyle="none",
        marker=("D", "s", "o", "^", "v", "P")[slot % 6],
        markersize=4.2 * look.scale,
        color=colour,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=4,
        label=look.label(m.series[index]),
        gid=f"{axes.get_gid()}-values-{index}",
    )


def _values(axes: Axes, m: Bars, look: Look, box: Box) -> None:
    """Ticks and limits of the value axis, with room for the number behind the longest bar."""
    low, high = m.bounds
    value_axis = axes.xaxis if m.horizontal else axes.yaxis
    whole = m.style in ("probability", "percent") and low == 0 and not m.as_points
    room = box.width / (3.4 * look.small) if m.horizontal else box.height / (2.2 * look.small)
    if whole:
        at = np.linspace(low, high, 5 if room > 6 else 3)
        value_axis.set_ticks(at, [number(float(tick), m.style) for tick in at])
    else:
        value_axis.set_major_locator(MaxNLocator(max(2, min(4, int(room)))))
    if m.as_points:
        return
    beyond = 0.02 * (high - low)
    ends_at = [low - beyond if low < 0 else low, high + beyond]
    if numbered(m, look, box):
        wide = [look.measure(number(v, m.style), look.least) for v in m.values.ravel().tolist()]
        needed = max(wide, default=0.0) + 9
        a_point = (high - low) / max(box.width - 2 * needed, 0.3 * box.width)
        for index in range(len(m.series)):
            starts, ends = _reach(m, index)
            shown = np.array(wide).reshape(m.values.shape)[index] + 9
            below = m.values[index] < 0
            ends_at[0] = float(np.nanmin([ends_at[0], *(starts - shown * a_point)[below]]))
            ends_at[1] = float(np.nanmax([ends_at[1], *(ends + shown * a_point)[~below]]))
    if m.horizontal:
        axes.set_xlim(*ends_at)
    else:
        axes.set_ylim(*ends_at)
    if whole:
        axes.spines["bottom" if m.horizontal else "left"].set_bounds(low, high)


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
