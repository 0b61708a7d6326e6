"""Numbers as people write them: with a decimal comma, or with a mark between thousands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

# 1,234.5 and 1.234,5 (or 1 234,5); what could be either is neither
_POINT = re.compile(r"[-+]?([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?")
_COMMA = re.compile(r"[-+]?([1-9]\d{0,2}([.\u00a0\u202f ']\d{3})+|\d+)(,\d+)?")


def number_of(value: str) -> float | None:
    """The finite number that a label is, or None."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def numbers_of(values: Iterable[str]) -> dict[str, float | None]:
    """The number that each value of a column is; None where it is none.

    Where not all are numbers as a program writes them, they are read with a comma between
    thousands, or with a decimal comma, if one of the two fits all values and the other does not.
    """
    plain = {value: number_of(value) for value in values}
    if None not in plain.values():
        return plain
    point = all(_POINT.fullmatch(value) for value in plain)
    comma = all(_COMMA.fullmatch(value) for value in plain)
    if point == comma:
        return plain
    if point:
        return {value: number_of(value.replace(",", "")) for value in plain}
    return {value: number_of(_with_point(value)) for value in plain}


def _with_point(value: str) -> str:
    return re.sub(r"[.\u00a0\u202f ']", "", value).replace(",", ".")
