"""A layout that comes out the same every time, to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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


def _parts(figure: Any) -> Iterator[Any]:
    yield figure
    for below in figure.subfigs:
        yield from _parts(below)


def _rounded(box: Any) -> Bbox:
    # adding zero makes of -0.0, which is written with its sign, 0.0
    return Bbox.from_extents(*(round(float(end), DIGITS) + 0.0 for end in box.extents))
