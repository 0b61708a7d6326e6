"""HTML of the Attention page: tables of tokens. Matrices are in `matrices`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.screen.markup import CSS
from analysis.figures.style.style import number
from analysis.figures.views.token_axis import TokenAxis
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.keys import component_key
from pages.ui.kit.places import is_marked, span_of, text

if TYPE_CHECKING:
    import numpy as np


_HERE = Path(__file__).parent
_piece = st.components.v2.component(
    "poollens_attention",
    html='<div class="heard pl"></div>',
    css=CSS + (_HERE / "component.css").read_text(encoding="utf-8"),
    js=cards.script(_HERE / "component.js"),
)


def piece(html: str, key: str, on_head: Callable[[list[int]], None] | None = None) -> None:
    """Draw one piece. A click on a token marks it on every page (again: unmarks it)."""
    key = component_key(key)

    def clicked_token() -> None:
        cards.toggle_mark(*cards.clicked(st.session_state[key].get("token")))

    def clicked_head() -> None:
        place = st.session_state[key].get("head")
        if place is not None and on_head is not None:
            on_head([int(index) for index in place])

    _piece(
        key=key,
        data={"html": html, "of": cards.name_of_texts()},
        height="content",
        on_token_change=clicked_token,
        on_head_change=clicked_head,
    )


@dataclass(frozen=True)
class Column:
    """One quantity of a table: a value for each of U units."""

    name: str  # above the column
    values: np.ndarray  # (U,) NaN = none
    kind: str  # a key of _WIDTHS
    limit: float = 1.0  # end of the scale
    group: str = ""  # above neighbouring columns that share it
    about: str = ""  # on hover
    head: int | None = None  # index of the attention head that a click chooses
    on: bool = False  # whether it is chosen
    spread: np.ndarray | None = None  # (U,) standard deviation over seeds


_WIDTHS = {
    "heat": "minmax(9px, 1.35rem)",
    "wide heat": "minmax(2.6rem, 3rem)",
    "broad heat": "minmax(9px, 2.4rem)",
    "percent": "1.9rem",
    "swing": "minmax(2.2rem, 4.6rem)",
}


def table(
    axis: TokenAxis,
    columns: Sequence[Column],
    mark: Span | None,
    order: Sequence[int] | None = None,
) -> str:
    """Tokens down (in `order`, else as in the text), quantities across.

    Each row tells its values on hover.
    """
    layout = "minmax(3.6rem, 1fr) " + " ".join(_WIDTHS[column.kind] for column in columns)
    places = range(len(axis.units)) if order is None else order
    rows = [_row(axis, axis.units[at], at, columns, mark, order is None) for at in places]
    return (
        f'<div class="rows" data-arrows style="--columns:{layout}">'
        f'<div class="heads" data-arrows>{_heads(columns)}</div>'
        f"{''.join(rows)}</div>"
    )


def _heads(columns: Sequence[Column]) -> str:
    over, names, at = ["<span></span>"], ["<span></span>"], 0
    while at < len(columns):
        group = columns[at].group
        end = at + 1
        while group and end < len(columns) and columns[end].group == group:
            end += 1
        line = "over" if group else ""
        span = f"grid-column:span {end - at}"
        over.append(f'<span class="{line}" style="{span}">{text(group)}</span>')
        at = end
    for column in columns:
        click = ""
        if column.head is not None:
            click = f' data-head="{column.head}" tabindex=0 role="button"'
        state = ' class="on"' if column.on else ""
        names.append(f'<span{state}{click} title="{text(column.about)}">{text(column.name)}</span>')
    top = f'<div class="row">{"".join(over)}</div>' if any(c.group for c in columns) else ""
    return f'{top}<div class="row">{"".join(names)}</div>'


def _row(
    axis: TokenAxis,
    unit: Sequence[int],
    index: int,
    columns: Sequence[Column],
    mark: Span | None,
    in_text: bool,
) -> str:
    tokens, first = axis.tokens, unit[0]
    classes, place = ["row", "tok"], span_of(tokens, unit)
    if tokens.special[first]:
        classes.append("special")
    if in_text and index and tokens.segment[first] != tokens.segment[axis.units[index - 1][0]]:
        classes.append("second")
    if is_marked(tokens, unit, mark):
        classes.append("marked")
    label, lines, cells = text(axis.labels[index]), [], []
    for column in columns:
        value = float(column.values[index])
        lines.append(f"{text(column.about or column.name)}: {_number(column, index)}")
        cells.append(_cell(column, value))
    return (
        f'<div class="{" ".join(classes)}" data-unit="{index}"{place_of(place)} tabindex=0'
        f' role="button" title="{label}&#10;{"&#10;".join(lines)}">'
        f'<span class="name" dir="auto">{label}</span>{"".join(cells)}</div>'
    )


def _number(column: Column, index: int) -> str:
    value = float(column.values[index])
    if column.kind == "swing":
        shown = number(value, "signed")
    else:
        shown = number(100 * value, "percent") + " %"
    if column.spread is not None and isfinite(value):
        spread = float(column.spread[index])
        shown += f" ± {spread:.2f}" if column.kind == "swing" else f" ± {100 * spread:.1f}"
    return shown


def _cell(column: Column, value: float) -> str:
    if column.kind == "percent":
        return f'<i class="num">{number(100 * value, "percent")}</i>'
    size = 0.0 if not isfinite(value) else min(abs(value) / column.limit, 1.0)
    on = " on" if column.on else ""
    if column.kind.endswith("heat"):
        return f'<i class="heat{on}" style="--v:{100 * size:.0f}"></i>'
    if not size:
        return '<i class="swing"></i>'
    side = "to" if value > 0 else "off"
    return f'<i class="swing"><b class="{side}" style="--v:{100 * size:.1f}"></b></i>'


def place_of(span: Span) -> str:
    """Place that a click there reports."""
    if span[0] < 0:
        return f' data-special="{span[1]}"'
    return f' data-segment="{span[0]}" data-start="{span[1]}" data-end="{span[2]}"'
