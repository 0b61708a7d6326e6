"""Lines and points on paper: told apart by dash and shape as well as by colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from analysis.figures.marks import Lines, Points
from analysis.figures.paper import ticks
from analysis.figures.paper.look import Box, Look
from analysis.figures.style.palettes import readable
from analysis.figures.style.style import CLASS_SHAPES, RASTERISED_FROM
from analysis.maps.labels import free_places, leader, outer_places

DASHES = ("-", "--", "-.", ":")
_INSET = 3.0  # points between a name and the axes
_MARGINS = (0.05, 0.1, 0.16, 0.24)  # of a map in its axes that are tried for names to have room
_FLATTEST = 0.45  # height of a map in its width, however flat its points lie
REFERENCE = "#707070"  # the line that others are held against
RASTER_DPI = 600  # of that picture in a vector file, as IEEE asks for line art


def left(m: Lines | Points, look: Look, width: float, alone: bool) -> float:
    """Points that labels take on the left of a panel of that width."""
    label = look.wrapped(m.y_label, 0.5 * width)
    return 1.25 * look.text * (label.count("\n") + 1) + 2.4 * look.small + 4.0


def below(m: Lines | Points, look: Look, inside: float) -> float:
    """Points that labels take below the axis."""
    named = isinstance(m, Lines) and m.places
    depth = ticks.depth(look, m.places, inside) if named else 1.3 * look.small  # type: ignore[union-attr]
    lines = look.wrapped(m.x_label, inside + 20.0).count("\n") + 1
    return depth + 1.3 * look.text * lines + 5.0


def least(m: Lines | Points, look: Look) -> float:
    """Points of width of the axes below which lines and points run into one another."""
    if isinstance(m, Points):
        return 62.0 * look.scale
    return max(56.0 * look.scale, ticks.needed(look, m.places) if m.places else 0.0)


def want(m: Lines | Points, look: Look) -> float:
    """Points of width that the axes would take."""
    return 120.0 * look.scale


def heights(m: Lines | Points, look: Look, inside: float) -> tuple[float, float, float]:
    """(lowest, best, highest) points of the axes; a map of equal scales is shaped as its points."""
    scale = look.scale
    if isinstance(m, Points) and m.equal_axes:
        across, along = np.ptp(np.concatenate([m.xy, m.contours]), axis=0)
        shape = min(max(along / across, _FLATTEST), 1.0) if across else 1.0
        best = min(inside * shape, 250.0 * scale)
        return 0.55 * best, best, max(1.2 * best, 80.0 * scale)
    best = min(inside * 0.62, 150.0 * scale)
    return min(best, 44.0 * scale), best, max(1.5 * best, 90.0 * scale)


def draw_lines(axes: Axes, m: Lines, look: Look, slots: Sequence[int]) -> None:
    """Lines with bands and ringed places."""
    scale = look.scale
    for index, name in enumerate(m.series):
        held, slot = index == m.reference, slots[index]
        colour = REFERENCE if held else look.ink_of_class(slot)
        axes.plot(
            m.x,
            m.y[index],
            color=colour,
            label=look.label(name),
            markersize=3.2 * scale,
            marker=CLASS_SHAPES[slot % len(CLASS_SHAPES)][1] if m.markers and not held else None,
            linestyle=":" if held else DASHES[slot % len(DASHES)],
            linewidth=1.1 * scale,
            gid=f"{axes.get_gid()}-values-{index}",
        )
        if m.bands is not None:
            axes.fill_between(
                m.x,
                *m.bands[index].T,
                color=colour,
                alpha=0.18,
                linewidth=0,
                gid=f"{axes.get_gid()}-band-{index}",
            )
        if m.flags is not None and m.flags[index].any():  # no ring has no place in the layout
            on = m.flags[index].astype(bool)
            axes.plot(
                m.x[on],
                m.y[index][on],
                "o",
                markersize=7.5 * scale,
                clip_on=False,
                markerfacecolor="none",
                markeredgecolor="black",
                markeredgewidth=0.8 * scale,
                gid=f"{axes.get_gid()}-flags-{index}",
            )
    if m.limits is not None:
        axes.set_ylim(m.limits)


def fit_lines(axes: Axes, m: Lines, look: Look, alone: bool, box: Box) -> list[Artist]:
    """Ticks for axes of that size."""
    if m.places:
        ticks.across(axes, look, m.places, box.width)
    elif np.isfinite(m.x).all() and np.array_equal(m.x, np.round(m.x)):
        ticks.whole(axes, look, m.x, box.width)
    else:
        axes.xaxis.set_major_locator(_round(_room(look, box.width)))
    axes.yaxis.set_major_locator(_round(max(3, _room(look, 1.6 * box.height))))
    return []


def fit_points(axes: Axes, m: Points, look: Look, alone: bool, box: Box) -> list[Artist]:
    """Ticks for axes of that size."""
    axes.xaxis.set_major_locator(_round(_room(look, box.width)))
    axes.yaxis.set_major_locator(_round(max(3, _room(look, 1.6 * box.height))))
    if m.regions:
        _region_names(axes, m, look, (box.width, box.height))
    return []


def _round(most: int) -> MaxNLocator:
    """Ticks at numbers that people count in."""
    return MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])


def _room(look: Look, points: float) -> int:
    """Number of ticks that fit on so many points of an axis."""
    return max(2, min(5, int(points / (4.0 * look.small))))


def draw_points(axes: Axes, m: Points, look: Look, slots: Sequence[int]) -> None:
    """Points by group; where they are thousands, a raster of them inside vector axes."""
    scale, many = look.scale, len(m.xy)
    for line in np.unique(m.contour_of):
        axes.plot(
            *m.contours[m.contour_of == line].T,
            color="#909090",
            linewidth=0.5 * scale,
            zorder=0,
            gid=f"{axes.get_gid()}-contour-{line}",
        )
    size = 3.0 if many <= 300 else 2.2 if many <= RASTERISED_FROM else 1.4
    for index, name in enumerate(m.groups):
        on, slot = m.group == index, slots[index]
        axes.plot(
            m.xy[on, 0],
            m.xy[on, 1],
            linestyle="none",
            label=look.label(name),
            markersize=size * scale,
            marker=CLASS_SHAPES[slot % len(CLASS_SHAPES)][1],
            markeredgewidth=0.3 * scale if many <= RASTERISED_FROM else 0,
            markerfacecolor=look.of_class(slot),
            markeredgecolor=readable(look.of_class(slot), 6.0),
            rasterized=many > RASTERISED_FROM,
            gid=f"{axes.get_gid()}-values-{index}",
        )
    for index in m.rings:
        axes.plot(
            *m.xy[index],
            "o",
            markersize=8 * scale,
            markerfacecolor="none",
            markeredgecolor="black",
            markeredgewidth=0.9 * scale,
            gid=f"{axes.get_gid()}-ring-{index}",
        )
        if m.labels:
            _ring_label(axes, m, look, index)
    if m.equal_axes:
        axes.set_aspect("equal", adjustable="datalim")


def _region_names(axes: Axes, m: Points, look: Look, frame: tuple[float, float]) -> None:
    """Names beside their regions, over no point; where there is no room, further outside."""
    named = f"{axes.get_gid()}-region", f"{axes.get_gid()}-leader"
    for old in [artist for artist in (*axes.texts, *axes.lines) if artist.get_gid() in named]:
        old.remove()  # they stood in axes of another size
    every = np.concatenate([m.xy, m.contours])
    low, top = every.min(axis=0), every.max(axis=0)
    sizes = [
        (look.measure(look.label(name), look.least) + 2, 1.15 * look.least) for name in m.regions
    ]
    radius, inner = 2.2 * look.scale, (frame[0] - 2 * _INSET, frame[1] - 2 * _INSET)
    for margin in _MARGINS:  # a map with names on it is as large as leaves each of them a place
        # Points of paper for a unit of the map; the axes leave a margin free on every side.
        room = (1 + 2 * margin) * np.maximum(top - low, 1e-9)
        unit = float((np.array(frame) / room).min())
        corner_of_frame = (low + top) / 2 - (np.array(frame) / 2 - _INSET) / unit
        places = (m.xy - corner_of_frame) * unit
        abouts = (m.region_at - corner_of_frame) * unit
        near = free_places(places, abouts, sizes, inner, radius, 40 * look.scale)
        far = outer_places(places, abouts, sizes, inner, near, radius)
        if all(beside or outside for beside, outside in zip(near, far, strict=True)):
            break
    axes.margins(margin)
    for index, (name, size) in enumerate(zip(m.regions, sizes, strict=True)):
        corner = near[index] or far[index]
        if corner is None:
            continue
        start = corner_of_frame + np.array([corner[0] + 1, corner[1] + 0.2 * look.least]) / unit
        axes.text(
            start[0],
            start[1],
            look.label(name),
            fontsize=look.least,
            ha="left",
            va="baseline",
            gid=named[0],
        )
        if near[index] is not None:
            line = leader(places, abouts[index], corner, size, radius)
            if line is not None:
                _leader(axes, corner_of_frame + line / unit, 0.4, "#606060", named[1])
        else:  # over the crowd, with an edge in the colour of the paper
            line = np.stack([np.clip(abouts[index], corner, np.add(corner, size)), abouts[index]])
            edge = [withStroke(linewidth=2.0 * look.scale, foreground="white")]
            ends = corner_of_frame + line / unit
            _leader(axes, ends, 0.6, "#202020", named[1], path_effects=edge, zorder=4,
                    marker="o", markevery=[1], markersize=2.4 * look.scale)  # fmt: skip


def _leader(axes: Axes, ends: np.ndarray, width: float, colour: str, gid: str, **look: Any) -> None:
    """A line that leaves the limits of the axes as they are."""
    axes.plot(*ends.T, linewidth=width, color=colour, scalex=False, scaley=False, gid=gid, **look)


def _ring_label(axes: Axes, m: Points, look: Look, index: int) -> None:
    """Beside the ring, on the side where there is more room."""
    low, high = np.nanmin(m.xy[:, 0]), np.nanmax(m.xy[:, 0])
    right = m.xy[index, 0] > (low + high) / 2
    axes.annotate(
        look.label(m.labels[index]),
        m.xy[index],
        (-5 if right else 5, 5),
        fontsize=look.least,
        textcoords="offset points",
        ha="right" if right else "left",
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.6},
    )
