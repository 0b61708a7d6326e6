"""What sentences of all rooms are made with."""

from __future__ import annotations

from collections.abc import Iterable


def capital(sentence: str) -> str:
    """The same with a large first letter."""
    return sentence[:1].upper() + sentence[1:]


def listed(names: Iterable[str]) -> str:
    """ "A", "A and B", "A, B and C"; nothing for no names."""
    *before, last = list(names) or [""]
    return f"{', '.join(before)} and {last}" if before else last
