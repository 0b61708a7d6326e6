"""Type checks of values from outside, such as a file or the command line."""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    type(None): "null",
    np.ndarray: "an array of numbers",
}
_MANY = {int: "whole numbers", float: "numbers", bool: "true or false", str: "texts"}


@cache
def hints_of(owner: Any) -> Mapping[str, Any]:
    """Types of a function's parameters or of a record's fields."""
    return get_type_hints(owner)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; a whole number is a number, too, but true is none."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return isinstance(value, str) and value in parts
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(fits(item, parts[0]) for item in value)
        return len(value) == len(parts) and all(map(fits, value, parts))
    if origin is list:
        return isinstance(value, list) and all(fits(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(name, parts[0]) and fits(item, parts[1]) for name, item in value.items()
        )
    if hint in (int, float):
        return isinstance(value, int if hint is int else (int, float)) and not isinstance(
            value, bool
        )
    return isinstance(value, hint)


def words(hint: Any) -> str:
    """The expected type in words, for an error message."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(parts)
    if origin in (Union, types.UnionType):
        return " or ".join(words(part) for part in parts if part is not type(None))
    if origin in (tuple, list):
        return f"a list of {_MANY.get(parts[0], words(parts[0]))}"
    if origin is dict:
        return f"names with {_MANY.get(parts[1], words(parts[1]))}"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def require(owner: Any, values: Mapping[str, Any], what: str = "") -> None:
    """Raises ``ValueError`` for the first of the values that is not of the owner's type for it."""
    hints = hints_of(owner)
    if not isinstance(values, Mapping):
        raise ValueError(f"{what}expected names with values, not {values!r:.60}")
    for name, value in values.items():
        if name not in hints:
            raise ValueError(f"{what}nothing here is called {name!r:.60}")
        if not fits(value, hints[name]):
            shown = repr(value)
            raise ValueError(
                f"{what}{name} is {shown if len(shown) <= 60 else shown[:57] + '...'}: "
                f"expected {words(hints[name])}"
            )
