"""Lines and points on paper: told apart by dash and shape as well as by colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.figures.marks import Lines, Points
from analysis.figures.paper import ticks
from analysis.figures.paper.look import Look
from analysis.figures.style.style import CLASS_SHAPES, RASTERISED_FROM

DASHES = ("-", "--", "-.", ":")
REFERENCE = "#707070"  # the line that others are held against
RASTER_DPI = 600  # of that picture in a vector file, as IEEE asks for line art


def height(m: Lines | Points, look: Look, width: float) -> float:
    """Points of the panel, labels included; a map of equal scales is square."""
    if isinstance(m, Points) and m.equal_axes:
        return min(width, 320.0 * look.scale)
    plot = min(width * 0.62, 230.0 * look.scale)
    if isinstance(m, Lines) and m.places:
        # Upright names take more than the numbers that the height counts with.
        plot += max(0.0, ticks.depth(look, m.places, 0.85 * width) - look.small)
    return min(plot, look.style.of.tallest * 72 - 40 * look.scale)


def left(m: Lines | Points, look: Look, width: float, alone: bool) -> float:
    """Points that labels take on the left."""
    label = look.wrapped(m.y_label, height(m, look, width) - 24 * look.scale)
    return 1.25 * look.text * (label.count("\n") + 1) + 2.6 * look.small + 4.0


def draw_lines(host: Any, axes: Axes, m: Lines, look: Look, alone: bool, width: float) -> None:
    """Lines with bands and ringed places."""
    scale = look.scale
    for index, name in enumerate(m.series):
        held = index == m.reference
        colour = REFERENCE if held else look.of_class(index)
        axes.plot(
            m.x,
            m.y[index],
            color=colour,
            label=look.label(name),
            markersize=3.2 * scale,
            marker=CLASS_SHAPES[index % len(CLASS_SHAPES)][1] if m.markers and not held else None,
            linestyle=":" if held else DASHES[index % len(DASHES)],
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
    axes.set_xlabel(look.wrapped(m.x_label, width - 40 * scale))
    axes.set_ylabel(look.wrapped(m.y_label, height(m, look, width) - 24 * scale))
    if m.places:
        ticks.across(axes, look, m.places, width - left(m, look, width, alone))
    elif np.allclose(m.x, np.round(m.x)):
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if m.limits is not None:
        axes.set_ylim(m.limits)


def draw_points(host: Any, axes: Axes, m: Points, look: Look, alone: bool, width: float) -> None:
    """Points by group; where they are thousands, a raster of them inside vector axes."""
    scale, many = look.scale, len(m.xy)
    size = 3.0 if many <= 300 else 2.2 if many <= RASTERISED_FROM else 1.4
    for index, name in enumerate(m.groups):
        on = m.group == index
        axes.plot(
            m.xy[on, 0],
            m.xy[on, 1],
            linestyle="none",
            label=look.label(name),
            markersize=size * scale,
            marker=CLASS_SHAPES[index % len(CLASS_SHAPES)][1],
            markeredgewidth=0.25 * scale if many <= RASTERISED_FROM else 0,
            markerfacecolor=look.of_class(index),
            markeredgecolor="white",
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
    axes.set_xlabel(look.wrapped(m.x_label, width - 40 * scale))
    axes.set_ylabel(look.wrapped(m.y_label, height(m, look, width) - 24 * scale))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if m.equal_axes:
        axes.set_aspect("equal", adjustable="datalim")


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
