"""Colours, shapes and number formats that both renderers share; no drawing library in here."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import Literal

Theme = Literal["light", "dark"]
NumberFormat = Literal["probability", "signed", "percent", "number"]

# Zero in the middle; orange is positive (towards the target), blue is negative.
DIVERGING = (
    "#2166AC",
    "#4393C3",
    "#92C5DE",
    "#D1E5F0",
    "#F7F7F7",
    "#FEE0B6",
    "#FDB863",
    "#E08214",
    "#B35806",
)
# On a dark page the strongest values are the brightest, so that zero recedes there as well.
DIVERGING_DARK = (
    "#9CCBEA",
    "#5AA5DA",
    "#2F73AB",
    "#294862",
    "#262A33",
    "#573A18",
    "#9A5C17",
    "#E08A24",
    "#FFC477",
)
SEQUENTIAL = (
    "#F7FBFF",
    "#DEEBF7",
    "#C6DBEF",
    "#9ECAE1",
    "#6BAED6",
    "#4292C6",
    "#2171B5",
    "#08519C",
    "#08306B",
)
# Neighbours differ in lightness as well as in hue, so that greyscale keeps them apart.
CLASS_COLOURS = (
    "#6699CC",
    "#882255",
    "#CC6677",
    "#117733",
    "#DDCC77",
    "#332288",
    "#44AA99",
    "#AA4499",
    "#88CCEE",
    "#661100",
    "#999933",
    "#888888",
)
# (plotly, matplotlib) names of the same twelve shapes
CLASS_SHAPES = (
    ("circle", "o"),
    ("square", "s"),
    ("diamond", "D"),
    ("triangle-up", "^"),
    ("x", "X"),
    ("triangle-down", "v"),
    ("star", "*"),
    ("pentagon", "p"),
    ("hexagon", "h"),
    ("triangle-left", "<"),
    ("triangle-right", ">"),
    ("cross", "P"),
)
CLASS_HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "----", "||||", "oooo")
BAR = "#4575B4"
# Before the label of what was clicked on screen: seen in greyscale, and in every view alike. On
# paper nobody has clicked, and it is left out.
CHOSEN = "▸ "

STEPS = 100  # shades on each side of zero: finer than the eye tells apart on a word
RASTERISED_FROM = 3000  # points: above it they are a picture inside vector axes
WEAK = 10  # below this step a negative value keeps its underline, but a fainter one


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB", 0 = black, 1 = white (WCAG 2.2)."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _rgb(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_ratio(ink: str, paper: str) -> float:
    """WCAG contrast of two colours: 1 = equal, 21 = black on white."""
    dark, light = sorted((luminance(ink), luminance(paper)))
    return (light + 0.05) / (dark + 0.05)


def along(stops: tuple[str, ...], position: float) -> str:
    """The colour at `position` in 0..1 along evenly spaced stops."""
    place = min(max(position, 0.0), 1.0) * (len(stops) - 1)
    left = min(int(place), len(stops) - 2)
    part = place - left
    mixed = (
        round(a + (b - a) * part)
        for a, b in zip(_rgb(stops[left]), _rgb(stops[left + 1]), strict=True)
    )
    return "#{:02X}{:02X}{:02X}".format(*mixed)


@lru_cache(maxsize=1024)
def shade(step: int, theme: Theme = "light", quiet: bool = False) -> tuple[str, str]:
    """(background, text) of a token `step` / STEPS of the way to the limit.

    The text is black or white, whichever contrasts more: at least 4.58 : 1 on any background.
    A `quiet` token (a special one) is written in grey wherever grey is readable.
    """
    stops = DIVERGING if theme == "light" else DIVERGING_DARK
    background = along(stops, (step / STEPS + 1) / 2)
    if quiet:
        grey = "#565656" if theme == "light" else "#B4B7BD"
        if contrast_ratio(background, grey) >= 4.5:
            return background, grey
    text = max(("#000000", "#FFFFFF"), key=lambda ink: contrast_ratio(background, ink))
    return background, text


def step_of(value: float, limit: float) -> int:
    """Shade of a value on a scale of +-limit: -STEPS..STEPS, and never 0 for a value above half
    a step."""
    if limit <= 0 or not math.isfinite(value):
        return 0
    return round(min(max(value / limit, -1.0), 1.0) * STEPS)


def number(value: float, style: NumberFormat) -> str:
    """A number as the pages write it: two decimals, percent without (unless under 1).

    A signed value too small for two decimals has three, and one too small for these is written in
    scientific form, so that its sign is not lost in "-0.00".
    """
    if not math.isfinite(value):
        return "\N{EN DASH}"
    if style == "percent":
        return f"{value:.1f}" if 0 < abs(value) < 1 else f"{value:.0f}"
    if style == "signed":
        if value == 0:
            return "0.00"
        if abs(value) >= 0.005:
            return f"{value:+.2f}"
        return f"{value:+.3f}" if abs(value) >= 0.0005 else f"{value:+.0e}"
    return f"{value:.2f}" if style == "probability" else f"{value:.3g}"


def _unprintable(character: str) -> bool:
    """Controls, lone surrogates, and the two non-characters of each plane that XML refuses."""
    return unicodedata.category(character) in ("Cc", "Cs") or ord(character) & 0xFFFE == 0xFFFE


def printable(text: str, longest: int | None = None) -> str:
    """`text` on one line with controls and lone surrogates replaced, so that any renderer takes
    it; with `longest`, its middle is cut out (the frame keeps it whole)."""
    if not text.isascii() or not text.isprintable():
        text = "".join(
            " "
            if c in "\t\n\r\v\f\x85\u2028\u2029"
            else "\N{REPLACEMENT CHARACTER}"
            if _unprintable(c)
            else c
            for c in text
        )
    if longest is not None and len(text) > longest:
        tail = longest // 4
        text = text[: longest - 1 - tail] + "…" + text[len(text) - tail :]
    return text
