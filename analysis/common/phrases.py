"""Helpers for sentences: lists of names, amounts, capitals, names without folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable


def capital(sentence: str) -> str:
    """The text with a large first letter."""
    return sentence[:1].upper() + sentence[1:]


def listed(names: Iterable[str]) -> str:
    """ "A", "A and B", "A, B and C"; nothing for no names."""
    *before, last = list(names) or [""]
    return f"{', '.join(before)} and {last}" if before else last


def amount(number: int, thing: str) -> str:
    """ "1 run", "2 runs", "1,000 runs"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def in_letters(number: int) -> str:
    """ "two" to "ten" as words, other numbers in digits."""
    names = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return names[number - 2] if 2 <= number <= 10 else str(number)


def name_without_folder(name: str) -> str:
    """A checkpoint's name as it is told: of a folder, its last part."""
    if os.path.isabs(name) or "\\" in name or name.startswith(("~", ".")):
        return name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name


def short_owner(reason: str) -> str:
    """A reason that begins with whose it is and a colon: of a path its last part."""
    owner, colon, rest = reason.partition(": ")
    short = name_without_folder(owner) if colon else ""
    return f"{short}: {rest}" if short else reason


def owned(owner: str, reason: str) -> str:
    """ "owner: reason", the owner named once; of a folder its last part."""
    short = name_without_folder(owner)
    return f"{short}: {reason.removeprefix(f'{owner}: ').removeprefix(f'{short}: ')}"


_LONG_WORD, _LONG = 300, 1_500
_WORD = re.compile(rf"\S{{{_LONG_WORD},}}")


def readable(sentence: str) -> str:
    """A reason as a page can show it: half characters replaced, endless names and texts cut."""
    whole = sentence.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    short = _WORD.sub(lambda word: f"{word[0][:100]}…", whole)
    return short if len(short) <= _LONG else f"{short[:_LONG]}…"
