"""A heat map on paper: cells and colour bar as vectors, negative cells marked for greyscale."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection, LineCollection, PathCollection
from matplotlib.colors import Normalize, to_hex
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from analysis.figures.marks import HeatMap
from analysis.figures.paper import ticks
from analysis.figures.paper.look import Look
from analysis.figures.style.palettes import dense, shade
from analysis.figures.style.style import WEAK, contrast_ratio, number, step_of

MANY = 4_000  # cells; of more those of one colour are one path
_SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)])
_DRAWN = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]


def height(m: HeatMap, look: Look, width: float) -> float:
    """Points, labels included: rows as high as a line of text, lower where they are many."""
    inside = _inside(m, look, width)
    return _cells(m, look, inside) + ticks.depth(look, m.columns, inside) + 21.0 * look.scale


def left(m: HeatMap, look: Look, width: float, alone: bool) -> float:
    """Points that labels take on the left."""
    if not alone:
        return 6.0
    return ticks.beside(look, m.rows, 0.36 * width) + 14.0 * look.scale


def _inside(m: HeatMap, look: Look, width: float) -> float:
    """Points of width that are left for the cells."""
    return max(width - left(m, look, width, True) - 48.0 * look.scale, 30.0)


def _cells(m: HeatMap, look: Look, inside: float) -> float:
    """Points of height of the cells; a mosaic of unnamed rows keeps its cells square."""
    rows, most = len(m.rows), look.style.of.tallest * 72 - 110 * look.scale
    least = max(56.0 * look.scale, look.measure(look.label(m.row_label), look.text) + 2.0)
    if sum(map(bool, m.rows)) < rows / 2:
        return max(min(inside * rows / len(m.columns), most), least)
    line = look.small * 1.14
    return max(min(11.0 * look.scale * rows, 400.0), min(line * rows, most), least)


def draw(
    host: Any,
    axes: Axes,
    m: HeatMap,
    look: Look,
    alone: bool,
    width: float,
    with_bar: bool = True,
) -> None:
    """Cells, labels and a colour bar; `alone`: the labels of the rows stand here."""
    low, high = m.bounds
    rows, columns = m.values.shape
    norm, colours = Normalize(low, high), look.map(m.scale, m.values.shape)
    mesh = ScalarMappable(norm, colours)
    if m.values.size > MANY:
        cells_drawn: Collection = _by_colour(axes, m, mesh)
    else:
        cells_drawn = axes.pcolormesh(
            np.arange(columns + 1) - 0.5,
            np.arange(rows + 1) - 0.5,
            np.ma.masked_invalid(m.values),
            cmap=colours,
            norm=norm,
            edgecolors="face",
            linewidth=0.1,
            rasterized=False,
        )
    cells_drawn.set_gid(f"{axes.get_gid()}-cells")
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    if not np.isfinite(m.values).all():
        axes.set_facecolor("white")
    inside = _inside(m, look, width)
    if m.written is not None and _widest(m, look) + 2 < inside / columns:
        _numbers(axes, m, look, mesh)
    elif m.scale == "diverging" and not dense(m.values.shape):
        _dashes(axes, m, look, inside)
    cells = _cells(m, look, inside)
    ticks.across(axes, look, m.columns, inside)
    if alone:
        ticks.down(axes, look, m.rows, cells, 0.36 * width)
        axes.set_ylabel(look.wrapped(m.row_label, cells))
    else:
        axes.set_yticks([])
    axes.tick_params(length=0, pad=2)
    axes.set_xlabel(look.wrapped(m.column_label, inside + 20))
    if with_bar:
        _bar(host, axes, m, look, mesh, cells)


def _by_colour(axes: Axes, m: HeatMap, mesh: ScalarMappable) -> PathCollection:
    """All cells of one colour as one path: a file of many thousand paths takes seconds."""
    known = np.isfinite(m.values)
    colours, which = np.unique(mesh.to_rgba(m.values[known]), axis=0, return_inverse=True)
    places = np.argwhere(known)[:, ::-1]
    paths = []
    for index in range(len(colours)):
        here = places[which.ravel() == index]
        squares = (here[:, None] + _SQUARE).reshape(-1, 2)
        paths.append(Path(squares, np.tile(_DRAWN, len(here))))
    drawn = PathCollection(paths, facecolors=colours, edgecolors="face", linewidths=0.1)
    axes.add_collection(drawn, autolim=False)
    rows, columns = m.values.shape
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5))
    return drawn


def same_scale(one: HeatMap, other: HeatMap) -> bool:
    """Whether one colour bar speaks for both."""
    return (one.scale, one.bounds, one.value_label) == (
        other.scale,
        other.bounds,
        other.value_label,
    )


def _bar(host: Any, axes: Axes, m: HeatMap, look: Look, mesh: Any, cells: float) -> None:
    bar = host.colorbar(
        mesh, ax=axes, pad=0.02, fraction=0.06, aspect=max(cells / (6.0 * look.scale), 5.0)
    )
    if bar.solids is not None:  # many-coloured solids are a picture unless told otherwise
        bar.solids.set_rasterized(False)
        bar.solids.set_edgecolor("face")
    bar.outline.set_linewidth(0.4)
    bar.locator = MaxNLocator(max(2, min(5, int(cells // (1.6 * look.small)))))
    bar.update_ticks()
    bar.set_label(look.wrapped(m.value_label, max(cells, 50.0), look.small), size=look.small)
    bar.ax.tick_params(labelsize=look.least, length=2)


def _widest(m: HeatMap, look: Look) -> float:
    """Points of the longest number in a cell."""
    assert m.written is not None
    finite = m.values[np.isfinite(m.values)].tolist()
    return max((look.measure(number(v, m.written), look.least) for v in finite), default=0.0)


def _numbers(axes: Axes, m: HeatMap, look: Look, mesh: Any) -> None:
    """The number in each cell, black or white, whichever is easier to read there."""
    assert m.written is not None
    for (row, column), value in np.ndenumerate(m.values):
        if np.isfinite(value):
            ground = to_hex(mesh.to_rgba(np.array([value]))[0])
            ink = max(("#000000", "#FFFFFF"), key=lambda ink, g=ground: contrast_ratio(g, ink))  # type: ignore[misc]
            shown = number(float(value), m.written).replace("-", "\N{MINUS SIGN}")
            axes.text(
                column,
                row,
                shown,
                ha="center",
                va="center_baseline",
                fontsize=look.least,
                color=ink,
            )


def _dashes(axes: Axes, m: HeatMap, look: Look, inside: float) -> None:
    """In greyscale both ends are dark: a dash keeps the sign, a fainter one that of weak cells."""
    high, columns = m.bounds[1], m.values.shape[1]
    where = [(r, c, step_of(float(m.values[r, c]), high)) for r, c in np.argwhere(m.values < 0)]
    where = [(r, c, step) for r, c, step in where if step < 0]  # what is drawn as zero has no sign
    wide = inside / columns  # points of a cell
    half = min(2.0 * look.scale, (0.16 if wide > 8 * look.scale else 0.3) * wide) / wide
    axes.add_collection(
        LineCollection(
            [[(c - half, r), (c + half, r)] for r, c, _ in where],
            colors=[
                shade(look.colours, step)[1] if step <= -WEAK else "#8A8A8A" for _, _, step in where
            ],
            linewidths=[look.scale * (0.5 if step <= -WEAK else 0.35) for _, _, step in where],
            gid=f"{axes.get_gid()}-negative",
        )
    )
