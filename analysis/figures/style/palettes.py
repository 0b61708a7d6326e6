"""Colours of a figure for a paper: sets that stay apart for colour-blind readers, by name.

Sources: ColorBrewer (Harrower and Brewer, 2003) for the diverging and sequential ones, Okabe and
Ito (2008) and Tol (technical note SRON/EPS/TN/09-002, 2021) for the classes, viridis (van der Walt
and Smith, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from analysis.figures.style.colour import falling
from analysis.figures.style.style import (
    BAR,
    CLASS_COLOURS,
    DIVERGING,
    SEQUENTIAL,
    STEPS,
    along,
    contrast_ratio,
    luminance,
)


class UnknownPalette(ValueError):
    """No palette has this name."""


@dataclass(frozen=True)
class Palette:
    """Stops from negative to positive and from low to high, and colours of classes."""

    label: str
    diverging: tuple[str, ...]
    sequential: tuple[str, ...]
    classes: tuple[str, ...]
    bar: str  # of a series that is alone
    negative: str  # the ends of the diverging scale, in a word each
    positive: str
    grey: bool = False


PALETTES = {
    "default": Palette(
        "Blue and orange", DIVERGING, SEQUENTIAL, CLASS_COLOURS, BAR, "blue", "orange"
    ),
    "blue-red": Palette(
        "Blue and red",
        (
            "#2166AC",
            "#4393C3",
            "#92C5DE",
            "#D1E5F0",
            "#F7F7F7",
            "#FDDBC7",
            "#F4A582",
            "#D6604D",
            "#B2182B",
        ),
        (
            "#FDE725",
            "#AADC32",
            "#5DC863",
            "#27AD81",
            "#21908C",
            "#2C728E",
            "#3B528B",
            "#472D7B",
            "#440154",
        ),
        ("#0077BB", "#EE7733", "#33BBEE", "#CC3311", "#009988", "#EE3377", "#BBBBBB"),
        "#0077BB",
        "blue",
        "red",
    ),
    "purple-green": Palette(
        "Purple and green",
        (
            "#762A83",
            "#9970AB",
            "#C2A5CF",
            "#E7D4E8",
            "#F7F7F7",
            "#D9F0D3",
            "#A6DBA0",
            "#5AAE61",
            "#1B7837",
        ),
        (
            "#FCFBFD",
            "#EFEDF5",
            "#DADAEB",
            "#BCBDDC",
            "#9E9AC8",
            "#807DBA",
            "#6A51A3",
            "#54278F",
            "#3F007D",
        ),
        ("#56B4E9", "#D55E00", "#F0E442", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#000000"),
        "#6A51A3",
        "purple",
        "green",
    ),
    "brown-teal": Palette(
        "Brown and teal",
        (
            "#8C510A",
            "#BF812D",
            "#DFC27D",
            "#F6E8C3",
            "#F5F5F5",
            "#C7EAE5",
            "#80CDC1",
            "#35978F",
            "#01665E",
        ),
        (
            "#FFFFD9",
            "#EDF8B1",
            "#C7E9B4",
            "#7FCDBB",
            "#41B6C4",
            "#1D91C0",
            "#225EA8",
            "#253494",
            "#081D58",
        ),
        ("#4477AA", "#CCBB44", "#AA3377", "#66CCEE", "#228833", "#EE6677", "#BBBBBB"),
        "#35978F",
        "brown",
        "teal",
    ),
}


@lru_cache
def palette(name: str, greyscale: bool = False) -> Palette:
    """The palette of that name, or its shadow in grey; `UnknownPalette` lists the known."""
    if name not in PALETTES:
        raise UnknownPalette(f"no palette is called {name!r}; known are {', '.join(PALETTES)}")
    colours = PALETTES[name]
    if not greyscale:
        return colours
    # Seven greys far apart, in an order that gives neighbours the largest difference.
    greys = ("#5E5E5E", "#BDBDBD", "#000000", "#8E8E8E", "#363636", "#D2D2D2", "#767676")
    return replace(
        colours,
        diverging=tuple(map(grey, colours.diverging)),
        sequential=tuple(map(grey, colours.sequential)),
        classes=greys,
        bar=grey(colours.bar),
        negative="grey",
        positive="grey",
        grey=True,
    )


def grey(colour: str) -> str:
    """The grey of the same relative luminance (WCAG 2.2), as "#RRGGBB"."""
    light = luminance(colour)
    channel = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return "#{0:02X}{0:02X}{0:02X}".format(round(255 * channel))


GROUND = "#FFFFFF"  # the paper
SEEN = 3.0  # contrast of a line or a point with its ground (WCAG 2.2, 1.4.11)


@lru_cache(maxsize=256)
def readable(colour: str, least: float = SEEN) -> str:
    """The colour itself, or darkened in its hue until a line of it is seen on paper."""
    for step in range(100):
        made = along((colour, "#000000"), step / 100)
        if contrast_ratio(made, GROUND) >= least:
            return made
    return "#000000"


def seen_on(colour: str, ground: str, opacity: float, least: float = SEEN) -> str:
    """The colour, moved away from a ground in its hue until a mark of that opacity is seen."""
    away = max(("#000000", "#FFFFFF"), key=lambda end: contrast_ratio(end, ground))
    for step in range(100):
        made = along((colour, away), step / 100)
        if contrast_ratio(along((ground, made), opacity), ground) >= least:
            return made
    return away


# A grey scale with a sign and no other mark: light is negative, dark is positive.
MONOTONE = (
    "#FFFFFF",
    "#E2E2E2",
    "#C4C4C4",
    "#A7A7A7",
    "#8B8B8B",
    "#6C6C6C",
    "#4E4E4E",
    "#2F2F2F",
    "#101010",
)


MARKED_CELLS, MARKED_COLUMNS = 1200, 90  # beyond them a dash in a cell would be dust


def dense(shape: tuple[int, ...]) -> bool:
    """Whether a map has too many cells for a dash in each negative one."""
    return shape[0] * shape[1] > MARKED_CELLS or shape[1] > MARKED_COLUMNS


@lru_cache(maxsize=256)
def stops_of(colours: Palette, scale: str, shape: tuple[int, ...] = (1, 1)) -> tuple[str, ...]:
    """Colours of a map's scale from its low end to its high one.

    The two ends of a diverging scale are alike in greyscale. Where a dash cannot tell them apart,
    the scale falls from light to dark instead, through the same hues, with zero in the middle.
    """
    if scale != "diverging":
        return colours.sequential
    if not dense(shape):
        return colours.diverging
    return MONOTONE if colours.grey else falling(colours.diverging)


@lru_cache(maxsize=4096)
def shade(colours: Palette, step: int, quiet: bool = False) -> tuple[str, str]:
    """(background, text) of a token `step` / STEPS of the way to the limit, on paper.

    The text is black or white, whichever contrasts more: at least 4.58 : 1 on any background.
    A `quiet` token (a special one) is written in grey wherever grey is readable.
    """
    background = along(colours.diverging, (step / STEPS + 1) / 2)
    if quiet and contrast_ratio(background, "#565656") >= 4.5:
        return background, "#565656"
    text = max(("#000000", "#FFFFFF"), key=lambda ink: contrast_ratio(background, ink))
    return background, text
