"""A layout that comes out the same every time, to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

DIGITS = 7  # of a share of the figure: far below anything a printer shows


class Settled(ConstrainedLayoutEngine):
    """Constrained layout, rounded.

    The solver behind it adds in an order that changes from run to run, so that the last bits of a
    position do, too; and with them the bytes of a file that must be the same when it is rebuilt.
    """

    def execute(self, fig: Any) -> None:
        """Lay the figure out."""
        super().execute(fig)
        for part in _parts(fig):
            if part is not fig:
                part._redo_transform_rel_fig(bbox=_rounded(part.bbox_relative))
            for axes in part._localaxes:
                axes._set_position(_rounded(axes.get_position(original=True)))


def lay_out(figure: Any, format: str, dpi: float) -> None:
    """Lay a figure out for a format, once and for all.

    Saving does this by drawing all of it once in vain, about a sixth of the whole work; what it
    measures for the layout is the same without.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    get_registered_canvas_class(format)(figure)  # it becomes the figure's own: texts are its size
    figure.dpi = dpi
    engine.execute(figure)
    figure.set_layout_engine(None)  # by the settings, which have none


def _parts(figure: Any) -> Iterator[Any]:
    yield figure
    for below in figure.subfigs:
        yield from _parts(below)


def _rounded(box: Any) -> Bbox:
    # adding zero makes of -0.0, which is written with its sign, 0.0
    return Bbox.from_extents(*(round(float(end), DIGITS) + 0.0 for end in box.extents))
