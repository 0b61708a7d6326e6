"""Places of facing texts and of the bands between them: pure geometry in points.

The paper draws it with matplotlib, HTML as SVG.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from analysis.figures.marks import Bands
from analysis.figures.screen.layout import Box, place
from analysis.figures.style.style import DIVERGING, number, printable

POSITIVE, NEGATIVE = DIVERGING[-2], DIVERGING[1]
WIDEST = 0.8  # of the size of the type
_SIZE = 13.0  # of the SVG's type, in pixels
_WIDTH = 640.0


@dataclass(frozen=True)
class Band:
    """A curve from below a unit of the first text to above a unit of the second."""

    nth: int  # in the mark's order
    start: tuple[float, float]
    end: tuple[float, float]
    width: float
    positive: bool

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """Start, two control points, end: it leaves and arrives upright."""
        middle = (self.start[1] + self.end[1]) / 2
        return self.start, (self.start[0], middle), (self.end[0], middle), self.end


@dataclass(frozen=True)
class Facing:
    """Both texts and the bands; points from the top left."""

    first: list[Box]
    second: list[Box]
    bands: tuple[Band, ...]
    height: float


def face(mark: Bands, width: float, size: float, measure: Callable[[str, float], float]) -> Facing:
    """Lay out two texts and the bands between them; a long text wraps, and bands pass behind it."""
    first, above = place(mark.first, width, size, measure)
    second, below = place(mark.second, width, size, measure)
    gap = 3.4 * size
    second = [
        Box(box.unit, box.text, box.x, box.y + above + gap, box.width, box.size) for box in second
    ]
    bands = []
    for nth, ((left, right), value) in enumerate(
        zip(mark.ends.tolist(), mark.values.tolist(), strict=True)
    ):
        top = [box for box in first if box.unit == left][-1]
        bottom = next(box for box in second if box.unit == right)
        share = min(abs(value) / mark.bound, 1.0)
        bands.append(
            Band(
                nth,
                (top.x + top.width / 2, top.y + 0.34 * size),
                (bottom.x + bottom.width / 2, bottom.y - 0.94 * size),
                max(WIDEST * size * share, 0.06 * size),
                value >= 0,
            )
        )
    return Facing(first, second, tuple(bands), above + gap + below)


def svg(mark: Bands) -> Iterator[str]:
    """The mark as SVG text, at a fixed width that scales down with its place."""

    def measure(text: str, size: float) -> float:
        return 0.56 * size * len(text)  # textLength below makes it true

    facing = face(mark, _WIDTH - 8, _SIZE, measure)
    height = facing.height + 2 * _SIZE
    yield (
        f'<svg class="pl-bands" viewBox="-4 0 {_WIDTH:g} {height:.1f}" role="img" '
        f'style="max-width:{_WIDTH:g}px;width:100%;height:auto" '
        f'aria-label="{escape(printable(mark.score))}">'
    )
    for band in reversed(facing.bands):  # the strongest lies on top
        left, right = mark.ends[band.nth].tolist()
        phrase = (
            f"{mark.first.labels[left]} – {mark.second.labels[right]}: "
            f"{number(float(mark.values[band.nth]), 'signed')}"
        )
        (x, y), near, far, end = band.curve
        dash = "" if band.positive else f' stroke-dasharray="{0.45 * _SIZE:.1f} {0.3 * _SIZE:.1f}"'
        yield (
            f'<path d="M{x:.1f} {y:.1f}C{near[0]:.1f} {near[1]:.1f} {far[0]:.1f} {far[1]:.1f} '
            f'{end[0]:.1f} {end[1]:.1f}" fill="none" stroke-opacity=".7" '
            f'stroke="{POSITIVE if band.positive else NEGATIVE}" '
            f'stroke-width="{band.width:.2f}"{dash}><title>{escape(printable(phrase))}</title></path>'
        )
    for strip, boxes in ((mark.first, facing.first), (mark.second, facing.second)):
        for box in boxes:
            faint = ' fill-opacity=".6"' if strip.special[box.unit] else ""
            yield (
                f'<text x="{box.x:.1f}" y="{box.y:.1f}" font-size="{box.size:.1f}" '
                f'textLength="{max(box.width - 2, 1):.1f}" lengthAdjust="spacingAndGlyphs" '
                f'fill="currentColor"{faint}>{escape(box.text)}</text>'
            )
    yield (
        f'<text x="0" y="{height - 0.5 * _SIZE:.1f}" font-size="{0.85 * _SIZE:.1f}" '
        f'fill="currentColor" fill-opacity=".75">{escape(printable(key_of(mark)))}</text></svg>'
    )


def key_of(mark: Bands) -> str:
    """Meaning of the widths and dashes, in words."""
    more = " or more" if np.any(np.abs(mark.values) > mark.bound * (1 + 1e-9)) else ""
    sentence = (
        f"{mark.score}; widest band {number(mark.bound, 'probability')}{more} {mark.value_label}"
    )
    if np.any(mark.values < 0):
        sentence += "; dashed: negative"
    return sentence
