"""Names of panels: (a), (b), ..., (z), (aa), ..."""

from __future__ import annotations


def letter(index: int) -> str:
    """The letter of panel `index`, counted from 0."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(97 + rest) + name
    return f"({name})"
