"""The result of a check of a figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One question to a figure: its number with a unit, whether it passed, what to change."""

    name: str
    number: float
    unit: str
    passed: bool
    advice: str = ""  # empty where it passed
    note: str = ""  # why it passed in spite of its number

    @property
    def value(self) -> str:
        """The number with its unit."""
        shown = f"{self.number:.0f}" if self.number == round(self.number) else f"{self.number:.3g}"
        return f"{shown} {self.unit}".strip()
