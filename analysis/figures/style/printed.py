"""A page in numbers: sizes, contrasts and overlaps of what is printed on it.

The numbers are measured on the page as it is drawn (`analysis.figures.paper.measured`); what is
asked of them is here, without any drawing library.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.figures.style.palettes import SEEN
from analysis.figures.style.settings import Style
from analysis.figures.style.verdict import Check

Box = tuple[float, float, float, float]  # left, bottom, right, top; points from bottom left
TOUCHING = 1.0  # points that two boxes may share: glyphs do not fill theirs
LEAST_SHOWN = 50.0  # % of the labels of an axis: of fewer a reader cannot tell what is between
LEAST_WIDTH, LEAST_HEIGHT = 5.0, 2.2  # of the type's size, by the axes of a panel
EMPTY_AREA = "Empty area"  # the name of its check
MOST_EMPTY = 20.0  # % of the page
AROUND = 6.0  # points of air around a panel that belong to it
READ = 4.5  # contrast of text with its ground (WCAG 2.2, 1.4.3)
LETTER = 0.46  # widths of a caption's letter, of its size: the mean of English in Times
CAPTION_LINE, CAPTION_GAP = 1.2, 10.0  # of its size; points above it


@dataclass(frozen=True)
class Words:
    """A text on the page, its box, and its contrast with what is behind it."""

    text: str
    box: Box
    contrast: float = 21.0
    panel: int = -1  # whose axes it belongs to; -1: none


@dataclass(frozen=True)
class Printed:
    """A page as drawn: everything in points from its lower left corner."""

    width: float
    height: float
    texts: tuple[Words, ...] = ()
    panels: tuple[Box, ...] = ()  # the axes alone
    filled: tuple[Box, ...] = ()  # what is on the page, labels included
    labels: tuple[tuple[int, int], ...] = ()  # (shown, named) of each axis of names
    marks: tuple[float, ...] = ()  # contrast of each line, point and bar with the paper

    @property
    def empty(self) -> float:
        """Share of the page, in percent, on which nothing stands."""
        columns, rows = max(1, round(self.width)), max(1, round(self.height))
        taken = np.zeros((rows, columns), bool)
        for left, bottom, right, top in self.filled:
            x = slice(max(0, math.floor(left - AROUND)), max(0, math.ceil(right + AROUND)))
            y = slice(max(0, math.floor(bottom - AROUND)), max(0, math.ceil(top + AROUND)))
            taken[y, x] = True
        return 100.0 * float(1 - taken.mean())

    @property
    def covered(self) -> list[tuple[str, str]]:
        """Pairs of texts that stand on each other, and texts that stand in another panel."""
        boxes = np.array([words.box for words in self.texts], float).reshape(-1, 4)
        pairs = [
            (self.texts[i].text, self.texts[j].text)
            for i, j in np.argwhere(_shared(boxes, boxes))
            if i < j
        ]
        panels = np.array(self.panels, float).reshape(-1, 4)
        return pairs + [
            (self.texts[i].text, f"panel {j + 1}")
            for i, j in np.argwhere(_shared(boxes, panels))
            if self.texts[i].panel not in (j, -1)
        ]

    @property
    def cut(self) -> list[str]:
        """Texts that the edge of the page cuts."""
        return [
            words.text
            for words in self.texts
            if words.box[0] < -0.5
            or words.box[1] < -0.5
            or words.box[2] > self.width + 0.5
            or words.box[3] > self.height + 0.5
        ]


def _shared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, 4), (M, 4) -> (N, M): whether two boxes share more than they may."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray((high - low > TOUCHING).all(axis=2))


def caption_height(caption: str, style: Style) -> float:
    """Points that a caption takes under a figure of that style; 0 without one."""
    size = style.of.caption
    if not caption or not size:
        return 0.0
    letters = max(1, int(style.inches * 72 / (LETTER * size)))
    lines = math.ceil((len(caption) + len("Figure 10: ")) / letters)
    return CAPTION_GAP + lines * CAPTION_LINE * size


def page_checks(page: Printed, style: Style, caption: str = "") -> Iterator[Check]:
    """Checks of the printed page: sizes, contrasts, overlaps."""
    covered, cut = page.covered, page.cut
    yield Check(
        "Overlapping texts",
        len(covered),
        "pairs",
        not covered,
        f"“{covered[0][0]}” overlaps “{covered[0][1]}”: take fewer columns, the full width, or "
        "more height."
        if covered
        else "",
    )
    yield Check(
        "Texts cut off",
        len(cut),
        "texts",
        not cut,
        f"“{cut[0]}” is cut off by the edge of the page: take fewer columns, the full width, "
        "or more height."
        if cut
        else "",
    )
    if page.labels:
        shown = min(100 * seen / named for seen, named in page.labels)
        yield Check(
            "Labels shown",
            math.floor(shown),
            "% of the names of an axis",
            shown >= LEAST_SHOWN,
            ""
            if shown >= LEAST_SHOWN
            else "Take the full width, words for pieces, or a part of the text.",
        )
    if page.panels:
        yield _smallest(page, style)
    empty = page.empty
    yield Check(
        EMPTY_AREA,
        math.ceil(empty),
        f"% of the page, at most {MOST_EMPTY:.0f}",
        empty <= MOST_EMPTY,
        "" if empty <= MOST_EMPTY else "Take another number of columns, or another order.",
    )
    yield _height(page, style, caption)
    if page.marks:
        faintest = min(page.marks)
        yield Check(
            "Contrast of lines and points",
            math.floor(10 * faintest) / 10,
            f": 1 in contrast, at least {SEEN:g}",
            faintest >= SEEN - 0.05,
            "" if faintest >= SEEN - 0.05 else "Choose another palette, or draw fewer series.",
        )
    if page.texts:
        faintest = min(words.contrast for words in page.texts)
        yield Check(
            "Contrast of text",
            math.floor(10 * faintest) / 10,
            f": 1 in contrast, at least {READ:g}",
            faintest >= READ - 0.05,
            "" if faintest >= READ - 0.05 else "Choose another palette.",
        )


def _smallest(page: Printed, style: Style) -> Check:
    least = LEAST_WIDTH * style.points, LEAST_HEIGHT * style.points
    sizes = [(right - left, top - bottom) for left, bottom, right, top in page.panels]
    width, height = min(sizes, key=lambda size: min(size[0] / least[0], size[1] / least[1]))
    passed = width >= least[0] - 0.5 and height >= least[1] - 0.5
    return Check(
        "Smallest panel",
        round(width / 72, 2),
        f"× {height / 72:.2f} inches, at least {least[0] / 72:.2f} × {least[1] / 72:.2f}",
        passed,
        "" if passed else "Take fewer columns, the full width, or more height.",
    )


def _height(page: Printed, style: Style, caption: str) -> Check:
    """The figure with its caption against the text block."""
    whole = (page.height + caption_height(caption, style)) / 72
    fits = whole <= style.of.tallest + 0.005
    return Check(
        "Height with caption",
        round(whole, 2),
        f"inches, at most {style.of.tallest:g}",
        fits,
        ""
        if fits
        else "The figure and its caption are higher than the text block: take the full width, "
        "fewer panels or tokens, a smaller height, or a shorter caption.",
    )
