"""The style of a figure as one record, which the app, the library and a saved figure share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from analysis.common.typed import require
from analysis.figures.style.palettes import palette
from analysis.figures.style.venues import Venue, venue_of, width_in_inches

FONTS = ("sans", "serif")
COARSEST, FINEST = 36, 2400  # dots an inch of a PNG


@dataclass(frozen=True)
class Style:
    """Size, type and colours of a figure on paper; `None` is what the venue has.

    Raises `UnknownVenue`, `UnknownPalette` (both are `ValueError`) or `ValueError` for a field
    that nothing can be drawn with.
    """

    venue: str = "acl"
    width: str | float = "column"  # "column", "full", or inches
    height: float | None = None  # inches; a token strip takes what its text needs
    font: str = "sans"  # "serif": the nearest installed one to the venue's
    font_size: float | None = None  # points at final width
    palette: str = "default"
    greyscale: bool = False
    title: bool = False
    letters: bool = False  # (a), (b), ... on the panels of a grid

    def __post_init__(self) -> None:
        object.__setattr__(self, "venue", str(self.venue).strip().lower())
        if isinstance(self.width, (int, float)):
            object.__setattr__(self, "width", float(self.width))
        for name in ("height", "font_size"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, float(value))
        width_in_inches(self.venue, self.width)
        palette(self.palette)
        if self.font not in FONTS:
            raise ValueError(f"no font is called {self.font!r}; known are {', '.join(FONTS)}")
        _between("height", self.height, 0.3, 60.0, "inches")
        _between("font size", self.font_size, 4.0, 60.0, "points")

    @property
    def of(self) -> Venue:
        """The venue's entry in the table."""
        return venue_of(self.venue)

    @property
    def inches(self) -> float:
        """Width of the figure."""
        return width_in_inches(self.venue, self.width)

    @property
    def points(self) -> float:
        """Size of the text; small print is 7/8 of it, the smallest 3/4."""
        return self.of.text if self.font_size is None else self.font_size

    def as_dict(self) -> dict[str, Any]:
        """Every field, as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Style:
        """The style of a saved figure; a field it does not name keeps its default."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(
                f"a style has no {', '.join(map(repr, unknown))}; it has {', '.join(sorted(known))}"
            )
        require(cls, values, "its style is broken: ")
        return cls(**values)


def require_dpi(dpi: int) -> None:
    """Raises ``ValueError`` for dots an inch that no PNG is drawn with."""
    if not COARSEST <= dpi <= FINEST:
        raise ValueError(f"{dpi} dots an inch cannot be drawn: give {COARSEST} to {FINEST}")


def _between(name: str, value: float | None, low: float, high: float, unit: str) -> None:
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"a {name} of {value:g} {unit} cannot be drawn: give {low:g} to {high:g}")
