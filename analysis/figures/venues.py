"""How wide a figure is in each venue: one table, in inches as the style files give them."""

from __future__ import annotations

from dataclasses import dataclass


class UnknownVenue(ValueError):
    """No such venue, or the venue has no such width."""


@dataclass(frozen=True)
class Venue:
    """Text widths in inches; a one-column venue has no `column`."""

    name: str
    column: float | None
    full: float


VENUES = {
    "acl": Venue("ACL", 3.03, 6.30),
    "emnlp": Venue("EMNLP", 3.03, 6.30),
    "neurips": Venue("NeurIPS", None, 5.5),
    "iclr": Venue("ICLR", None, 5.5),
    "icml": Venue("ICML", 3.25, 6.75),
    "aistats": Venue("AISTATS", 3.25, 6.75),
    "uai": Venue("UAI", 3.25, 6.75),
    "cvpr": Venue("CVPR", 3.25, 6.875),
    "aaai": Venue("AAAI", 3.3, 6.975),
    "ieee": Venue("IEEE", 3.5, 7.16),
    "jmlr": Venue("JMLR", None, 6.0),
    "tmlr": Venue("TMLR", None, 6.5),
    "nature": Venue("Nature", 3.5, 7.2),
}


def width_in_inches(venue: str, width: str = "column") -> float:
    """Width of a "column" or "full" figure; a one-column venue has one width for both.

    Raises `UnknownVenue` for a venue that is not in the table, or for any other width.
    """
    entry = VENUES.get(venue.strip().lower())
    if entry is None:
        known = ", ".join(sorted(VENUES))
        raise UnknownVenue(f"no venue is called {venue!r}; known are {known}")
    if width not in ("column", "full"):
        raise UnknownVenue(f"no width is called {width!r}; known are column, full")
    return entry.column if width == "column" and entry.column is not None else entry.full
