"""Widths and type sizes of each venue's figures in one table, as the style files give them."""

from __future__ import annotations

import math
from dataclasses import dataclass


class UnknownVenue(ValueError):
    """No such venue, or the venue has no such width."""


@dataclass(frozen=True)
class Venue:
    """Text widths in inches; a one-column venue has no `column`."""

    name: str
    column: float | None
    full: float
    text: float = 8.0  # points of a figure's labels, between a caption's size and its small print
    least: float = 6.0  # points below which a reader of the printed page gives up
    serif: str = "times"  # the face of the running text: "times" or "modern" (Computer Modern)
    tallest: float = 9.0  # inches of the text block
    caption: float = 9.0  # points of a caption; 0: there is none


VENUES = {
    "acl": Venue("ACL", 3.03, 6.30, tallest=9.7, caption=10.0),
    "emnlp": Venue("EMNLP", 3.03, 6.30, tallest=9.7, caption=10.0),
    "neurips": Venue("NeurIPS", None, 5.5),
    "iclr": Venue("ICLR", None, 5.5),
    "icml": Venue("ICML", 3.25, 6.75),
    "aistats": Venue("AISTATS", 3.25, 6.75, tallest=9.25),
    "uai": Venue("UAI", 3.25, 6.75, tallest=9.25),
    "cvpr": Venue("CVPR", 3.25, 6.875, tallest=8.875),
    "aaai": Venue("AAAI", 3.3, 6.975),
    "ieee": Venue("IEEE", 3.5, 7.16, tallest=9.5, caption=8.0),
    "jmlr": Venue("JMLR", None, 6.0, text=9.0, serif="modern", tallest=8.0, caption=10.0),
    "tmlr": Venue("TMLR", None, 6.5, serif="modern"),
    "nature": Venue("Nature", 3.5, 7.2, text=7.0, least=5.0, caption=7.0),
    "thesis": Venue("Thesis (A4)", 2.9, 5.8, text=9.0, serif="modern"),
    "slides": Venue("Slides (16:9)", 5.9, 12.0, text=18.0, least=12.0, tallest=6.0, caption=0.0),
    "custom": Venue("Custom width", None, 5.0),
}
NARROWEST, WIDEST = 1.0, 40.0  # inches


def venue_of(venue: str) -> Venue:
    """The entry of a venue; `UnknownVenue` lists the known."""
    entry = VENUES.get(venue.strip().lower())
    if entry is None:
        known = ", ".join(sorted(VENUES))
        raise UnknownVenue(f"no venue is called {venue!r}; known are {known}")
    return entry


def width_in_inches(venue: str, width: str | float = "column") -> float:
    """Width of a "column" or "full" figure, or a number of inches as it is.

    A one-column venue has one width for both. Raises `UnknownVenue` for a venue that is not in
    the table, or for any other width.
    """
    entry = venue_of(venue)
    if isinstance(width, (int, float)) and not isinstance(width, bool):
        if not (math.isfinite(width) and NARROWEST <= width <= WIDEST):
            raise UnknownVenue(
                f"a width of {width:g} inches cannot be drawn: give {NARROWEST:g} to {WIDEST:g}"
            )
        return float(width)
    if width not in ("column", "full"):
        raise UnknownVenue(f"no width is called {width!r}; known are column, full, or inches")
    return entry.column if width == "column" and entry.column is not None else entry.full
