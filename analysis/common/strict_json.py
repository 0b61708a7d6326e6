"""JSON from a stranger's file: only what JSON is, finite numbers, and text that can be written."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

_LONGEST = 400  # digits of a whole number; a float of more is infinite


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text, as plain lists, dictionaries, texts and numbers.

    Half characters (unpaired surrogates) become U+FFFD: no page and no file could hold them.

    Raises
    ------
    ValueError
        It is no JSON, is nested too deeply, or has a number that is not finite; says which.
    """
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
    except UnicodeDecodeError:
        raise ValueError("it is no JSON (and no text in UTF-8)") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON ({error})") from None
    except RecursionError:
        raise ValueError("it is no JSON that can be read (nested too deeply)") from None
    mark = "\\ud" if isinstance(text, str) else b"\\ud"
    return well_formed(value) if mark in text.lower() else value  # type: ignore[operator]


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} in it is no number that JSON has")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits[:20]} in it is too large")
    return value


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST:
        raise ValueError(f"a whole number in it has {len(digits):,} digits")
    return int(digits)


def well_formed(value: Any) -> Any:
    """The value with U+FFFD for half characters, in texts, lists and dictionaries."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [well_formed(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(name): well_formed(item) for name, item in value.items()}
    return value
