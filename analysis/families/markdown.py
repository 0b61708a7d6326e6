"""The table of families as Markdown: a row for each, and a list of reasons."""

from __future__ import annotations

import re

from analysis.families.checks import COLUMNS

_LENGTHS = re.compile(r" \(of \d+ tokens: [\d×, ]+\)")


def table(rows: list[tuple[str, dict[str, str]]]) -> str:
    """The Markdown of families, each with the cells of :func:`checks.check`."""
    lines = [f"| architecture | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [line(name, cells) for name, cells in rows]
    notes = [note for name, cells in rows for note in reasons(name, cells)]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def line(name: str, cells: dict[str, str]) -> str:
    """One row of the table."""
    shown = " | ".join("yes" if cell == "" else "-" for cell in cells.values())
    return f"| `{name}` | {shown} |"


def reasons(name: str, cells: dict[str, str]) -> list[str]:
    """An item of a list for each reason of a refusal, with the columns that it stands for.

    Lengths of the text that it was tried on are left out.
    """
    columns: dict[str, list[str]] = {}
    for column, cell in cells.items():
        if cell:
            columns.setdefault(_LENGTHS.sub("", cell), []).append(column)
    return [f"- `{name}`, {', '.join(where)}: {cell}" for cell, where in columns.items()]
