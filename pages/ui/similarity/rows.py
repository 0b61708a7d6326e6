"""HTML of one checkpoint's card: a row for each pooling, two facing texts, and what JS draws."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from analysis.figures.screen.markup import CSS
from analysis.figures.style.style import number
from analysis.figures.views import similarity as views
from analysis.figures.views.units import labels_of, units_of
from analysis.similarities.token_pairs import TokenPairs
from analysis.similarities.unit_pairs import UnitPairs, unit_pairs
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
            (row.pooling, views.bands_of(pairs.contributions, pairs.a, pairs.b, "", words=words))
            for row in rows
            if (pairs := row.pairs) is not None
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
    pairs = row.pairs
    if pairs is None:
        return f'<div class="pair">{title}<div class="none">{text(row.problem)}</div></div>'
    units = unit_pairs(pairs.contributions, units_of(pairs.a, words), units_of(pairs.b, words))
    groups = units.groups
    data = {
        "links": [[i, j, round(value, 5)] for i, j, value in units.strongest(count)],
        "partners": [
            [
                [[unit, round(value, 5)] for unit, value in best]
                for best in units.partners(side, PARTNERS)
            ]
            for side in (0, 1)
        ],
        "limit": limit,
    }
    sides = "".join(
        _line(tokens, group, side, [s for s in struck if s[0] == side], texts[side])
        for side, (tokens, group) in enumerate(((pairs.a, groups[0]), (pairs.b, groups[1])))
    )
    change = ""
    if pairs.before is not None:
        change = (
            f'<div class="change">{_minus(number(pairs.score - pairs.before, "signed"))} from '
            f"{_minus(number(pairs.before, 'probability'))}</div>"
        )
    notes = "".join(f'<div class="line">{text(note)}</div>' for note in pairs.notes)
    said = text(_strongest(pairs, units, count, limit))
    return (
        f'<div class="pair" data-row="{escape(json.dumps(data), quote=True)}">'
        f'<div class="score" title="{text(pairs.unit)}">{title}<div class="value">'
        f"{_minus(number(pairs.score, 'probability'))}</div>{change}</div>"
        f'<div class="facing"><div class="scroll"><div class="inner"><svg aria-hidden="true"></svg>'
        f"{sides}</div></div>"
        f'<div class="readout" data-hint="{said}">{said}</div>{notes}</div></div>'
    )


def _line(tokens: Any, groups: Any, side: int, struck: Sequence[Span], whole: str) -> str:
    strip = labels_of(tokens, groups)
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


def _strongest(pairs: TokenPairs, units: UnitPairs, count: int, limit: float) -> str:
    """The pairs that carry the score, under the two texts."""
    if pairs.single:
        ((i, j, _),) = units.strongest(1)
        first, second = (
            labels_of(tokens, groups).labels[unit]
            for tokens, groups, unit in zip((pairs.a, pairs.b), units.groups, (i, j), strict=True)
        )
        return f"One pair, {first}–{second}: it cannot say which words."
    drawn = min(count, units.pairs)
    return (
        f"{drawn:,} of {units.pairs:,} pairs are drawn, with {100 * units.share(drawn):.0f} % of "
        f"all that pairs add; widest band {number(limit, 'number')}"
    )


def _minus(shown: str) -> str:
    return shown.replace("-", "\N{MINUS SIGN}")
