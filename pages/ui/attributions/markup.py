"""HTML of the Attributions page: strips by method, bars by unit, the table of evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.marks import Strip
from analysis.figures.screen.markup import CSS, html
from analysis.figures.style.style import number
from analysis.figures.views.token_axis import label_of
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.keys import component_key
from pages.ui.kit.places import is_marked, span_of, text

if TYPE_CHECKING:
    import numpy as np

    from analysis.text.tokens import Tokens


_HERE = Path(__file__).parent
_piece = st.components.v2.component(
    "poollens_attributions",
    html='<div class="card pl"></div>',
    css=CSS + cards.STYLE + (_HERE / "component.css").read_text(encoding="utf-8"),
    js=cards.script(cards.SCRIPT),
)


def piece(html: str, key: str, on_choose: Callable[[int], None] | None = None) -> None:
    """Draw one piece. A click on a token marks it everywhere (again: unmarks it)."""
    key = component_key(key)

    def clicked_token() -> None:
        cards.toggle_mark(*cards.clicked(st.session_state[key].get("token")))

    def clicked_row() -> None:
        index = st.session_state[key].get("chosen")
        if index is not None and on_choose is not None:
            on_choose(int(index))

    _piece(
        key=key,
        data={"html": html, "of": cards.name_of_texts()},
        height="content",
        on_token_change=clicked_token,
        on_chosen_change=clicked_row,
    )


@dataclass(frozen=True)
class Line:
    """One strip of the panel: whose it is, the strip or why there is none, what ends it."""

    name: str
    strip: Strip | None = None
    error: str = ""
    time: str = ""
    hint: str = ""  # on hover over the numbers
    instead: str = ""


def strips(
    blocks: Sequence[tuple[str, str, Sequence[Line]]],
    focus: int | None,
    mark: Span | None,
    several: bool,
) -> str:
    """Blocks of strips, each (title, note, lines); a click on a title puts its method in focus.

    The same text in the same type stands above itself, so that tokens compare down the page.
    """
    sentences = []
    known: set[tuple[str, str]] = set()  # reasons that stand in a block above
    for index, (title, note, lines) in enumerate(blocks):
        shown = [
            replace(line, instead="As above.") if (line.name, line.instead) in known else line
            for line in lines
        ]
        known |= {(line.name, line.instead) for line in lines if line.instead}
        on = " on" if focus == index else ""
        click = "" if focus is None else f' data-class="{index}" tabindex=0 role="button"'
        heads = "" if index else '<span class="end">integration error</span><span>time</span>'
        sentences.append(
            f'<div class="block{on}"><div class="method"><span class="choose"{click}>'
            f'<span class="what">{text(title)}</span><span class="note">{text(note)}</span></span>'
            f'<span class="ends">{heads}</span></div>'
            f"{''.join(_line(line, mark, several) for line in shown)}</div>"
        )
    longest = max((len(line.name) for *_, lines in blocks for line in lines), default=0)
    width = min(0.5 + 0.4 * longest, 7.0)
    return (
        f'<div class="strips{" several" if several else ""}" style="--name:{width:.1f}rem">'
        f"{''.join(sentences)}</div>"
    )


def _line(line: Line, mark: Span | None, several: bool) -> str:
    name = f'<span class="name" title="{text(line.name)}">{text(line.name)}</span>'
    if line.strip is None:
        body, ends = f'<div class="none">{text(line.instead)}</div>', ""
    else:
        body = f'<div class="text">{html(line.strip, span=mark, css=False)}</div>'
        ends = f"<span>{text(line.error)}</span><span>{text(line.time)}</span>"
    return (
        f'<div class="one">{name if several else ""}{body}'
        f'<span class="ends" title="{text(line.hint)}">{ends}</span></div>'
    )


@dataclass(frozen=True)
class Bar:
    """A column of bars: one checkpoint or seed group over U units."""

    name: str
    values: np.ndarray  # (U,)
    limit: float  # symmetric end of the scale
    interval: np.ndarray | None = None  # (U, 2)
    dots: np.ndarray | None = None  # (U, M)


def bars(
    tokens: Tokens,
    units: Sequence[Sequence[int]],
    columns: Sequence[Bar],
    mark: Span | None,
    order: Sequence[int],
) -> str:
    """Units down (in `order`), a column of bars for each checkpoint; all on one scale."""
    layout = f"minmax(3.4rem, 9rem) repeat({len(columns)}, minmax(4.2rem, 1fr))"
    heads = "".join(
        f'<span title="{text(column.name)}">{text(column.name)}</span>' for column in columns
    )
    top = f'<div class="heads row"><span></span>{heads}</div>' if len(columns) > 1 else ""
    rows = []
    for at in order:
        unit = units[at]
        segment, start, end = span_of(tokens, unit)
        special = bool(tokens.special[unit[0]])
        classes = "row tok" + " special" * special + " marked" * is_marked(tokens, unit, mark)
        label = text(label_of(tokens, unit))
        hints = "&#10;".join(f"{text(column.name)}: {_hint(column, at)}" for column in columns)
        focus = "" if special else ' tabindex=0 role="button"'
        rows.append(
            f'<div class="{classes}" data-unit="{at}" data-segment="{segment}" data-start="{start}"'
            f' data-end="{end}"{focus} title="{label}&#10;{hints}">'
            f'<span class="name" dir="auto">{label}</span>'
            f"{''.join(_cell(column, at) for column in columns)}</div>"
        )
    return f'<div class="units" data-arrows style="--columns:{layout}">{top}{"".join(rows)}</div>'


def error_text(gap: float | None) -> str:
    """An integration error in its column; a dash where the method promises no sum."""
    if gap is None or not isfinite(gap):
        return "–"
    if gap < 1e-6:
        return "0"
    head, _, power = f"{gap:.0e}".partition("e")
    return f"{gap:.2f}" if gap >= 0.01 else f"{head}e{int(power)}"


def short(value: float, limit: float) -> str:
    """A number in a column: as many decimals as its scale is worth."""
    if not isfinite(value):
        return "–"
    return f"{value:+.{2 if limit >= 0.5 else 3 if limit >= 0.05 else 4}f}"


def _hint(bar: Bar, at: int) -> str:
    shown = number(float(bar.values[at]), "signed")
    if bar.interval is not None and all(map(isfinite, bar.interval[at])):
        low, high = bar.interval[at].tolist()
        shown += f" ({number(low, 'signed')} to {number(high, 'signed')})"
    return shown


def _cell(bar: Bar, at: int) -> str:
    def place(value: float) -> float:
        return 50 + 50 * min(max(value / bar.limit, -1.0), 1.0)

    value = float(bar.values[at])
    inside = []
    if isfinite(value):
        low, high = sorted((place(value), 50.0))
        side = "to" if value > 0 else "off"
        inside.append(f'<b class="{side}" style="left:{low:.2f}%;width:{high - low:.2f}%"></b>')
    if bar.interval is not None and all(map(isfinite, bar.interval[at])):
        low, high = (place(float(end)) for end in bar.interval[at])
        inside.append(f'<u style="left:{low:.2f}%;width:{high - low:.2f}%"></u>')
    if bar.dots is not None:
        inside += [f'<s style="left:{place(float(dot)):.2f}%"></s>' for dot in bar.dots[at]]
    return (
        f'<span class="cell"><span class="swing">{"".join(inside)}</span>'
        f'<span class="num">{short(value, bar.limit)}</span></span>'
    )


@dataclass(frozen=True)
class Row:
    """A line of the table of evidence: its cells are (number, what stands small below it)."""

    name: str
    cells: tuple[tuple[str, str], ...]
    chosen: bool = False
    random: bool = False
    hint: str = ""


def evidence(rows: Sequence[Row], heads: Sequence[tuple[str, str]]) -> str:
    """The table; `heads` are (name, what is said on hover). A click on a method chooses it.

    A name has a line of its own, so that a narrow column keeps its numbers readable.
    """
    top = "".join(
        f'<span role="columnheader" title="{text(about)}">{text(name)}</span>'
        for name, about in heads
    )
    lines = []
    for index, row in enumerate(rows):
        classes = " ".join(["line", *["on"] * row.chosen, *["random"] * row.random])
        click = (
            "" if row.random else f' data-class="{index}" tabindex=0 aria-label="{text(row.name)}"'
        )
        cells = "".join(
            f'<span role="cell">{text(value)}'
            f"{''.join(f'<small>{text(line)}</small>' for line in small.splitlines())}</span>"
            for value, small in row.cells
        )
        lines.append(
            f'<div class="{classes}" role="row"{click} title="{text(row.hint)}">'
            f'<span class="who" role="rowheader">{text(row.name)}</span>{cells}</div>'
        )
    reasons = "".join(
        f'<div class="none">{text(hint)}</div>'
        for hint in dict.fromkeys(row.hint for row in rows if row.hint and not row.random)
    )
    return (
        f'<div class="evidence" role="table"><div class="line heads" '
        f'role="row">{top}</div>{"".join(lines)}</div>{reasons}'
    )


def pairs(names: Sequence[str], tau: np.ndarray, null: tuple[float, float]) -> str:
    """Every two names with their rank agreement, -1 to 1, on the band that chance gives."""
    low, high = (50 + 50 * end for end in null)
    band = f'<em style="left:{low:.1f}%;width:{high - low:.1f}%"></em>'
    lines = []
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            value = float(tau[first, second])
            known = isfinite(value)
            dot = f'<s style="left:{50 + 50 * value:.1f}%"></s>' if known else ""
            shown = f"{value:+.2f}" if known else "none"
            phrase = f"{names[first]} and {names[second]}: {shown}; chance ±{null[1]:.2f}"
            lines.append(
                f'<div class="pair" title="{text(phrase)}"><span class="who">'
                f"{text(names[first])} · {text(names[second])}</span>"
                f'<span class="swing">{band}{dot}</span>'
                f'<span class="num">{shown}</span></div>'
            )
    return f'<div class="pairs">{"".join(lines)}</div>'
