"""The page as matplotlib draws it, in numbers: boxes of texts and panels, contrasts, labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from matplotlib.typing import ColorType

from analysis.figures.style.palettes import GROUND
from analysis.figures.style.printed import Box, Printed, Words
from analysis.figures.style.style import contrast_ratio

Named = tuple[Axes, str, int]  # axes, "x" or "y", how many places of that axis have a name


def measure(figure: Figure, named: Iterable[Named] = ()) -> Printed:
    """Measure a figure that was drawn: only then a legend knows where its texts are.

    `named` says which axes hold names.
    """
    renderer: RendererBase = figure._get_renderer()  # type: ignore[attr-defined]
    to_points = 72 / figure.dpi

    def box(extent: Bbox) -> Box:
        ends = (extent.x0, extent.y0, extent.x1, extent.y1)
        return tuple(round(float(end) * to_points, 3) for end in ends)  # type: ignore[return-value]

    panels = [axes for axes in figure.axes if axes.axison and not hasattr(axes, "_colorbar")]
    texts = []
    for axes in figure.axes:
        number = panels.index(axes) if axes in panels else -1
        shapes = [patch.get_window_extent(renderer).extents for patch in axes.patches]
        extents = np.array(shapes, float).reshape(-1, 4)
        for text in _texts(axes):
            whole = text.get_window_extent(renderer)
            contrast = _contrast(text, axes, whole, extents)
            texts.append(Words(text.get_text(), box(whole), contrast, number))
    alone = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for text in alone:
        if text.get_text().strip():
            extent = box(text.get_window_extent(renderer))
            texts.append(Words(text.get_text(), extent, _on_paper(text.get_color())))
    # A page of text alone is as full as text is; beside panels the end of its lines counts.
    alone_there = not panels
    around = [axes.bbox if alone_there else axes.get_tightbbox(renderer) for axes in figure.axes]
    filled = [box(extent) for extent in around if extent is not None]
    filled += [box(legend.get_window_extent(renderer)) for legend in figure.legends]
    filled += [box(text.get_window_extent(renderer)) for text in figure.texts]
    width, height = figure.get_size_inches() * 72
    return Printed(
        width=float(width),
        height=float(height),
        texts=tuple(texts),
        panels=tuple(box(axes.bbox) for axes in panels),
        filled=tuple(filled),
        labels=tuple(_shown(*labelled) for labelled in named),
        marks=tuple(contrast for axes in panels for contrast in _marks(axes)),
    )


def _texts(axes: Axes) -> Iterator[Text]:
    """Every text of axes that is drawn, however it came there."""
    if axes.axison:
        for axis in (axes.xaxis, axes.yaxis):
            for tick in axis._update_ticks():  # type: ignore[union-attr]
                yield from (
                    label
                    for label in (tick.label1, tick.label2)
                    if label.get_visible() and label.get_text().strip()
                )
            yield from (
                text
                for text in (axis.label, axis.offsetText)
                if text.get_visible() and text.get_text().strip()
            )
    titles = (axes.title, axes._left_title, axes._right_title)  # type: ignore[attr-defined]
    for text in (*titles, *axes.texts):
        if text.get_visible() and text.get_text().strip():
            yield text


def _shown(axes: Axes, which: str, named: int) -> tuple[int, int]:
    axis = axes.xaxis if which == "x" else axes.yaxis
    return sum(bool(label.get_text().strip()) for label in axis.get_ticklabels()), named


# --- contrasts --------------------------------------------------------------------------------


def _on_paper(colour: ColorType, ground: str = GROUND) -> float:
    """Contrast of a colour, as it is seen through its alpha, with a ground."""
    return contrast_ratio(_seen(colour, ground), ground)


def _seen(colour: ColorType, ground: str) -> str:
    red, green, blue, alpha = to_rgba(colour)
    under = np.array(to_rgba(ground)[:3])
    mixed = alpha * np.array([red, green, blue]) + (1 - alpha) * under
    return str(to_hex(tuple(mixed.tolist())))


def _contrast(text: Text, axes: Axes, whole: Bbox, extents: np.ndarray) -> float:
    """Contrast of a text with what is drawn behind its middle; `extents` are the patches'."""
    ground = GROUND
    if text in axes.texts:
        middle = ((whole.x0 + whole.x1) / 2, (whole.y0 + whole.y1) / 2)
        for collection in axes.collections:
            if isinstance(collection, QuadMesh):
                ground = _cell(collection, axes, middle) or ground
        behind = (extents[:, :2] <= middle).all(axis=1) & (extents[:, 2:] >= middle).all(axis=1)
        for place in np.flatnonzero(behind):
            patch = axes.patches[int(place)]
            if isinstance(patch, Rectangle):  # a curve's box is mostly empty
                ground = _seen(patch.get_facecolor(), ground)
    return _on_paper(text.get_color(), ground)


def _cell(mesh: QuadMesh, axes: Axes, at: tuple[float, float]) -> str | None:
    x, y = axes.transData.inverted().transform(at)
    values: np.ma.MaskedArray = np.ma.asarray(mesh.get_array())  # (R, C), as it was given
    row, column = round(float(y)), round(float(x))
    if not (0 <= row < values.shape[0] and 0 <= column < values.shape[1]):
        return None
    return str(to_hex(mesh.to_rgba(values[row : row + 1, column : column + 1])[0, 0]))


def _marks(axes: Axes) -> Iterator[float]:
    """Contrast with the paper of each line, point and bar: of its fill or of its outline."""
    for line in axes.lines:
        colours = [line.get_color()] if line.get_linestyle() not in ("None", "none", "") else []
        if line.get_marker() not in (None, "None", "none", ""):
            colours.append(line.get_markerfacecolor())
            if line.get_markeredgewidth() > 0:
                colours.append(line.get_markeredgecolor())
        drawn = [c for c in colours if not (isinstance(c, str) and c.lower() == "none")]
        if drawn and np.size(line.get_xdata()):
            alpha = line.get_alpha()
            alpha = 1.0 if alpha is None else float(alpha)
            yield max(_on_paper((*to_rgba(c)[:3], alpha * to_rgba(c)[3])) for c in drawn)
    for shapes in axes.collections:
        # a band of deviations is no line
        if isinstance(shapes, PolyCollection) and shapes.get_alpha() is None:
            yield from map(_on_paper, np.unique(shapes.get_facecolor(), axis=0))
    for patch in axes.patches:
        edge = patch.get_edgecolor() if patch.get_linewidth() > 0 else patch.get_facecolor()
        yield max(_on_paper(patch.get_facecolor()), _on_paper(edge))
