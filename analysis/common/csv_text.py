"""Tables as CSV that a spreadsheet opens as text and numbers, never as formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(frame: pd.DataFrame) -> str:
    """The table without its index, lines ending in ``\\n``.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, as a person
    types it there; numbers stay numbers, and a lone sign is no formula.
    Source: OWASP, CSV injection.
    """
    table = frame.copy()
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        if column.dtype.kind not in "biufcMm":
            table.isetitem(place, column.map(_harmless).to_numpy())
    table.columns = [_harmless(name) for name in table.columns]
    text: str = table.to_csv(index=False, lineterminator="\n")
    return text


def _harmless(value: object) -> object:
    if not isinstance(value, str):
        return value
    formula = len(value) > 1 and value.startswith(_FORMULA)
    # A carriage return alone would not be quoted, and end the row in many programs.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if formula else text
