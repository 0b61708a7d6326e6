"""A heat map on paper: cells and colour bar as vectors, negative cells marked for greyscale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection, LineCollection, PathCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from analysis.figures.marks import HeatMap
from analysis.figures.paper import ticks
from analysis.figures.paper.look import Box, Look
from analysis.figures.style.palettes import dense, shade
from analysis.figures.style.style import WEAK, contrast_ratio, number, step_of

LONGEST_ROW = 0.36  # of a panel, by the labels of its rows
MANY = 4_000  # cells; of more those of one colour are one path
_SQUARE = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)])
_DRAWN = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]


def left(m: HeatMap, look: Look, width: float, alone: bool) -> float:
    """Points that labels take on the left of a panel of that width."""
    if not alone:
        return 6.0
    label = 1.5 * look.text if m.row_label else 0.0
    return ticks.beside(look, m.rows, LONGEST_ROW * width) + label + 4.0


def right(look: Look) -> float:
    """Points that a colour bar takes."""
    return 42.0 * look.scale


def below(m: HeatMap, look: Look, inside: float) -> float:
    """Points that labels take below `inside` points of cells."""
    return ticks.depth(look, m.columns, inside) + (1.5 * look.text if m.column_label else 0.0) + 3.0


def least(m: HeatMap, look: Look) -> float:
    """Points of width of the cells below which most of their labels would be lost."""
    return max(56.0 * look.scale, ticks.needed(look, m.columns))


def want(m: HeatMap, look: Look) -> float:
    """Points of width that the cells would take."""
    return min(max(80.0, 11.0 * len(m.columns)), 300.0) * look.scale


def heights(m: HeatMap, look: Look, inside: float) -> tuple[float, float, float]:
    """(lowest, best, highest) points of the cells; those of unnamed rows stay square."""
    rows, most = len(m.rows), look.style.of.tallest * 72 - 110 * look.scale
    line = look.small * 1.14
    named = max(56.0 * look.scale, look.measure(look.label(m.row_label), look.text) + 2.0)
    if sum(map(bool, m.rows)) < rows / 2:
        best = max(min(inside * rows / len(m.columns), most), 56.0 * look.scale)
        return 0.5 * best, best, 1.5 * best
    best = max(min(11.0 * look.scale * rows, 400.0), min(line * rows, most), named)
    return min(max(min(line * rows, most), 34.0 * look.scale), best), best, 1.8 * best


def draw(axes: Axes, m: HeatMap, look: Look, slots: Sequence[int]) -> None:
    """The cells; what depends on their size comes with `fit`."""
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
    axes.tick_params(length=0, pad=2)


def fit(axes: Axes, m: HeatMap, look: Look, alone: bool, box: Box) -> list[Artist]:
    """Labels, dashes and numbers for cells of that size; returns what another size replaces."""
    inside, cells = box.width, box.height
    ticks.across(axes, look, m.columns, inside)
    if alone:
        ticks.down(axes, look, m.rows, cells, LONGEST_ROW * box.cell)
    else:
        axes.set_yticks([])
    if m.written is not None and _widest(m, look) + 2 < inside / m.values.shape[1]:
        return _numbers(axes, m, look)
    if m.scale == "diverging" and not dense(m.values.shape):
        return [_dashes(axes, m, look, inside)]
    return []


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


def same_scale(first: HeatMap, second: HeatMap) -> bool:
    """Whether one colour bar speaks for both."""
    return (first.scale, first.bounds, first.value_label) == (
        second.scale,
        second.bounds,
        second.value_label,
    )


def bar(figure: Figure, m: HeatMap, look: Look) -> Colorbar:
    """The colour bar of a map in axes of its own, to be placed beside it."""
    mesh = ScalarMappable(Normalize(*m.bounds), look.map(m.scale, m.values.shape))
    made: Colorbar = figure.colorbar(mesh, cax=figure.add_axes((0.9, 0.1, 0.02, 0.5)))
    if made.solids is not None:  # many-coloured solids are a picture unless told otherwise
        made.solids.set_rasterized(False)
        made.solids.set_edgecolor("face")
    made.outline.set_linewidth(0.4)
    made.ax.tick_params(labelsize=look.least, length=2, pad=2)
    return made


def fit_bar(made: Colorbar, m: HeatMap, look: Look, height: float) -> None:
    """Ticks and label of a colour bar for so many points of height."""
    made.locator = MaxNLocator(max(2, min(5, int(height // (1.6 * look.small)))))
    made.update_ticks()
    label = look.wrapped(m.value_label, max(height + 12.0, 50.0), look.small)
    made.set_label(label, size=look.small)


def _widest(m: HeatMap, look: Look) -> float:
    """Points of the longest number in a cell."""
    assert m.written is not None
    finite = m.values[np.isfinite(m.values)].tolist()
    return max((look.measure(number(v, m.written), look.least) for v in finite), default=0.0)


def _numbers(axes: Axes, m: HeatMap, look: Look) -> list[Artist]:
    """The number in each cell, black or white, whichever is easier to read there."""
    assert m.written is not None
    mesh = ScalarMappable(Normalize(*m.bounds), look.map(m.scale, m.values.shape))
    made: list[Artist] = []
    for (row, column), value in np.ndenumerate(m.values):
        if np.isfinite(value):
            ground = to_hex(mesh.to_rgba(np.array([value]))[0])
            ink = max(("#000000", "#FFFFFF"), key=lambda ink, g=ground: contrast_ratio(g, ink))  # type: ignore[misc]
            shown = number(float(value), m.written).replace("-", "\N{MINUS SIGN}")
            text = axes.text(
                column,
                row,
                shown,
                ha="center",
                va="center_baseline",
                fontsize=look.least,
                color=ink,
            )
            made.append(text)
    return made


def _dashes(axes: Axes, m: HeatMap, look: Look, inside: float) -> Artist:
    """In greyscale both ends are dark: a dash keeps the sign, a fainter one that of weak cells."""
    high, columns = m.bounds[1], m.values.shape[1]
    where = [(r, c, step_of(float(m.values[r, c]), high)) for r, c in np.argwhere(m.values < 0)]
    where = [(r, c, step) for r, c, step in where if step < 0]  # what is drawn as zero has no sign
    wide = inside / columns  # points of a cell
    half = min(2.0 * look.scale, (0.16 if wide > 8 * look.scale else 0.3) * wide) / wide
    return axes.add_collection(
        LineCollection(
            [[(c - half, r), (c + half, r)] for r, c, _ in where],
            colors=[
                shade(look.colours, step)[1] if step <= -WEAK else "#8A8A8A" for _, _, step in where
            ],
            linewidths=[look.scale * (0.5 if step <= -WEAK else 0.35) for _, _, step in where],
            gid=f"{axes.get_gid()}-negative",
        )
    )
