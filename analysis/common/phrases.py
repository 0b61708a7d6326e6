"""Helpers for sentences: lists of names, capitals, names without folders."""

from __future__ import annotations

import os
from collections.abc import Iterable


def capital(sentence: str) -> str:
    """The same with a large first letter."""
    return sentence[:1].upper() + sentence[1:]


def listed(names: Iterable[str]) -> str:
    """ "A", "A and B", "A, B and C"; nothing for no names."""
    *before, last = list(names) or [""]
    return f"{', '.join(before)} and {last}" if before else last


def name_without_folder(name: str) -> str:
    """A checkpoint's name as it is told: of a folder, its last part."""
    if os.path.isabs(name) or "\\" in name or name.startswith(("~", ".")):
        return name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name
