"""HTML of one checkpoint's card: a row for each pooling, two facing texts, and what JS draws."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from analysis.figures.screen.markup import CSS
from analysis.figures.style.style import number
from analysis.figures.views import similarity as views
from analysis.figures.views.units import strip_of, units_of
from pages.ui.frame.catalogue import Entry
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.places import text
from pages.ui.similarity.engine import Score

PARTNERS = 5  # of a word pointed at, in each pooling
_HERE = Path(__file__).parent
_piece = st.components.v2.component(
    "poollens_similarity",
    html='<div class="similar pl"></div>',
    css=CSS + (_HERE / "component.css").read_text(encoding="utf-8"),
    js=cards.script(_HERE / "component.js"),
)


def piece(html: str, key: str, on_word: Any) -> None:
    """Draw one card. A click on a word calls `on_word` with its (side, start, end)."""

    def clicked() -> None:
        place = st.session_state[key].get("token")
        if place and place[0] >= 0:
            on_word(tuple(int(edge) for edge in place))

    _piece(key=key, data={"html": html}, height="content", on_token_change=clicked)


def limits_of(rows: Sequence[Score], words: bool) -> dict[str, float]:
    """Value of the widest band of each pooling, common to all checkpoints."""
    return views.limits_of(
        [
            (row.pooling, views.bands_of(row.contributions, row.a, row.b, "", words=words))
            for row in rows
            if row.contributions is not None
        ]
    )


def html_of(
    entry: Entry,
    rows: Sequence[Score],
    texts: tuple[str, str],
    struck: Sequence[Span],
    *,
    words: bool,
    count: int,
    limits: Mapping[str, float],
) -> str:
    """The card: name, then a row for each pooling."""
    first = entry.first
    how = f"pooling head {first.head}" if first.head else first.encoder
    if entry.is_group:
        how += f"; seed {first.seed} of {len(entry.members)}"
    body = f'<div class="id">{text(entry.id)}</div><div class="how">{text(how)}</div>'
    for row in rows:
        body += _row(row, texts, struck, words, count, limits.get(row.pooling, 1.0))
    return body


def _row(
    row: Score,
    texts: tuple[str, str],
    struck: Sequence[Span],
    words: bool,
    count: int,
    limit: float,
) -> str:
    title = f'<div class="title">{text(row.title)}</div>'
    if row.problem or row.contributions is None:
        return f'<div class="pair">{title}<div class="none">{text(row.problem)}</div></div>'
    groups = units_of(row.a, words), units_of(row.b, words)
    values = views.by_units(row.contributions, *groups)
    order = np.argsort(-np.abs(values).ravel(), kind="stable")[:count]
    order = order[values.ravel()[order] != 0]
    links = [
        [int(i), int(j), round(float(values[i, j]), 5)]
        for i, j in zip(*np.unravel_index(order, values.shape), strict=True)
    ]
    data = {
        "links": links,
        "partners": [_partners(values), _partners(values.T)],
        "limit": limit,
    }
    sides = "".join(
        _line(tokens, group, side, [s for s in struck if s[0] == side], texts[side])
        for side, (tokens, group) in enumerate(((row.a, groups[0]), (row.b, groups[1])))
    )
    change = ""
    if row.before is not None:
        change = (
            f'<div class="change">{_minus(number(row.score - row.before, "signed"))} from '
            f"{_minus(number(row.before, 'probability'))}</div>"
        )
    notes = "".join(f'<div class="line">{text(note)}</div>' for note in row.notes)
    said = text(_strongest(row, values, groups, count, limit))
    return (
        f'<div class="pair" data-row="{escape(json.dumps(data), quote=True)}">'
        f'<div class="score" title="{text(row.unit)}">{title}<div class="value">'
        f"{_minus(number(row.score, 'probability'))}</div>{change}</div>"
        f'<div class="facing"><div class="scroll"><div class="inner"><svg aria-hidden="true"></svg>'
        f"{sides}</div></div>"
        f'<div class="readout" data-hint="{said}">{said}</div>{notes}</div></div>'
    )


def _partners(values: np.ndarray) -> list[list[list[float]]]:
    """For each unit its strongest partners and their values, largest first."""
    order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :PARTNERS]
    return [
        [[int(j), round(float(row[j]), 5)] for j in best.tolist() if row[j] != 0]
        for row, best in zip(values, order, strict=True)
    ]


def _line(tokens: Any, groups: Any, side: int, struck: Sequence[Span], whole: str) -> str:
    strip = strip_of(tokens, groups, np.zeros(len(groups)), "", "")
    parts: list[tuple[int, str]] = []
    for unit, (label, special, (start, end)) in enumerate(
        zip(strip.labels, strip.special, strip.spans.tolist(), strict=True)
    ):
        gap = " " if strip.spaced[unit] and unit else ""
        kind = "tok special" if special else "tok"
        focus = "" if special else ' tabindex="0" role="button"'
        place = -1 if special and unit == 0 else 10**9 if special else start
        parts.append(
            (
                place,
                f'{gap}<span class="{kind}" data-unit="{unit}" data-segment="{side}" '
                f'data-start="{start}" data-end="{end}"{focus}>{text(label)}</span>',
            )
        )
    for _, start, end in struck:  # they stay in sight, and a click brings them back
        parts.append(
            (
                start,
                f' <span class="tok struck" data-segment="{side}" data-start="{start}" '
                f'data-end="{end}" tabindex="0" role="button" '
                f'aria-label="{text(whole[start:end])}, struck out">{text(whole[start:end])}'
                "</span>",
            )
        )
    parts.sort(key=lambda part: part[0])
    body = "".join(html for _, html in parts)
    return f'<div class="side" data-side="{side}" dir="auto">{body}</div>'


def _strongest(row: Score, values: np.ndarray, groups: Any, count: int, limit: float) -> str:
    """What carries the score, under the two texts."""
    if row.single:
        i, j = np.unravel_index(int(np.abs(values).argmax()), values.shape)
        names = [
            strip_of(tokens, group, np.zeros(len(group)), "", "").labels[place]
            for tokens, group, place in ((row.a, groups[0], i), (row.b, groups[1], j))
        ]
        return f"One pair, {names[0]}–{names[1]}: it cannot say which words."
    size = np.sort(np.abs(values).ravel())[::-1]
    every = np.count_nonzero(values)
    drawn = min(count, every)
    top = 100 * size[:drawn].sum() / max(size.sum(), 1e-30)
    return (
        f"{drawn:,} of {every:,} pairs are drawn, with {top:.0f} % of all that pairs add; widest "
        f"band {number(limit, 'number')}"
    )


def _minus(shown: str) -> str:
    return shown.replace("-", "\N{MINUS SIGN}")
