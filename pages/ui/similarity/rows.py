"""HTML of one checkpoint's card: a row for each pooling, two facing texts, and what JS draws."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import streamlit as st

from analysis.figures.marks import Bands, Grid, Strip
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import CSS, behind_space
from analysis.figures.style.style import number
from analysis.figures.views import similarity as views
from analysis.similarities.pair_edits import Put, Span, as_typed
from analysis.similarities.token_pairs import TokenPairs
from analysis.similarities.unit_pairs import UnitPairs
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.keys import component_key
from pages.ui.kit.places import text
from pages.ui.similarity.engine import Score, Shown

PARTNERS = 5  # of a word pointed at, in each pooling
LONG = 90  # words beyond which a text is shown in parts
NEIGHBOURS = 4  # words on either side of one at which a band ends
_HERE = Path(__file__).parent
_piece = st.components.v2.component(
    "poollens_similarity",
    html='<div class="similar pl"></div>',
    css=CSS + (_HERE / "component.css").read_text(encoding="utf-8"),
    js=cards.script(_HERE / "component.js"),
)


def piece(html: str, key: str, on_word: Callable[[cards.Span, cards.Texts], None]) -> None:
    """Draw one card. A click on a word calls `on_word` with its (side, start, end) and the texts
    that the card showed."""
    key = component_key(key)

    def clicked() -> None:
        place, of = cards.clicked(st.session_state[key].get("token"))
        if place is not None and of is not None and place[0] >= 0:
            on_word(place, of)

    _piece(
        key=key,
        data={"html": html, "of": cards.name_of_texts()},
        height="content",
        on_token_change=clicked,
    )


def html_of(
    similarity: Shown, plot: Plot | None, choice: Choice, struck: Sequence[Span], put: Sequence[Put]
) -> str:
    """The card: name, then a row for each pooling as its picture has it, or why there is none."""
    first = similarity.entry.first
    how = f"pooling head {first.head}" if first.head else first.encoder
    if first.kind == "encoder":
        how = f"{first.encoder}, {first.encoder_kind}"
    if similarity.entry.is_group:
        how += f"; mean of {len(similarity.entry.members)} seeds"
    named = (
        f'<div class="id" title="{text(similarity.entry.id)}">{text(similarity.entry.name)}</div>'
    )
    body = f'{named}<div class="how">{text(how)}</div>'
    marks = {} if plot is None else _marks(similarity, plot)
    edits = Edits((choice.text, choice.pair or ""), tuple(struck), tuple(put))
    for score in similarity.scores:
        body += _row(score, marks.get(score.pooling), edits, choice.words)
    return body


def _marks(similarity: Shown, plot: Plot) -> dict[str, Bands]:
    """The bands of each pooling of a card."""
    parts = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    both = zip(similarity.known, parts, strict=True)
    return {score.pooling: mark for score, mark in both if isinstance(mark, Bands)}


@dataclass(frozen=True)
class Edits:
    """The sentences as typed, with what was done to them."""

    texts: tuple[str, str]
    struck: tuple[Span, ...]
    put: tuple[Put, ...]

    def gone(self, side: int) -> list[tuple[int, int]]:
        """Places of a sentence whose words are not read."""
        put = [(which, start, end) for which, start, end, _ in self.put]
        return [(start, end) for which, start, end in (*self.struck, *put) if which == side]


def _row(score: Score, mark: Bands | None, edits: Edits, words: bool) -> str:
    title = f'<div class="title">{text(score.title)}</div>'
    pairs = score.pairs
    if pairs is None or mark is None:
        return f'<div class="pair">{title}<div class="none">{text(score.problem)}</div></div>'
    units = views.units_of_both(pairs, words)
    data = {
        "links": [
            [i, j, round(value, 5)]
            for (i, j), value in zip(mark.ends.tolist(), mark.values.tolist(), strict=True)
        ],
        "partners": [
            [
                [[unit, round(value, 5)] for unit, value in best]
                for best in units.partners(side, PARTNERS)
            ]
            for side in (0, 1)
        ],
        "limit": mark.bound,
    }
    sides = "".join(
        _line(strip, side, edits, mark.ends[:, side].tolist())
        for side, strip in enumerate((mark.first, mark.second))
    )
    change = ""
    if pairs.before is not None:
        change = (
            f'<div class="change">{_minus(number(pairs.score - pairs.before, "signed"))} from '
            f"{_minus(number(pairs.before, 'probability'))}</div>"
        )
    notes = "".join(f'<div class="line">{text(note)}</div>' for note in pairs.notes)
    strongest = text(_strongest(pairs, mark, units))
    return (
        f'<div class="pair" data-row="{escape(json.dumps(data), quote=True)}">'
        f'<div class="score" title="{text(pairs.unit)}">{title}<div class="value">'
        f"{_minus(number(pairs.score, 'probability'))}</div>{change}</div>"
        f'<div class="facing"><div class="scroll"><div class="inner"><svg aria-hidden="true"></svg>'
        f"{sides}</div></div>"
        f'<div class="readout" data-hint="{strongest}">{strongest}</div>{notes}</div></div>'
    )


def _line(strip: Strip, side: int, edits: Edits, ends: Iterable[int]) -> str:
    """One sentence; of a long one the words at which a band ends, with their neighbours."""
    puts = {(start, end) for which, start, end, _ in edits.put if which == side}
    parts: list[tuple[int, int, str]] = []
    for unit, (label, special, place) in enumerate(
        zip(strip.labels, strip.special, strip.spans.tolist(), strict=True)
    ):
        start, end = as_typed(edits.put, side, (place[0], place[1]))
        spaced = strip.spaced[unit] and unit
        kind = "tok special" if special else "tok put" if (start, end) in puts else "tok"
        focus = "" if special else ' tabindex="0" role="button"'
        shown = (
            f'<span class="{kind}" data-unit="{unit}" data-segment="{side}" '
            f'data-start="{start}" data-end="{end}"{focus}>{text(label)}</span>'
        )
        place_in_line = -1 if special and unit == 0 else 10**9 if special else start
        parts.append((place_in_line, 1, behind_space(shown, special) if spaced else shown))
    for start, end in edits.gone(side):  # they stay in sight, and a click brings them back
        word = text(edits.texts[side][start:end])
        parts.append(
            (
                start,
                0,
                f' <span class="tok struck" data-segment="{side}" data-start="{start}" '
                f'data-end="{end}" tabindex="0" role="button" '
                f'aria-label="{word}, struck out">{word}</span>',
            )
        )
    near = _in_sight(len(strip.labels), ends)
    units = {id(part): unit for unit, part in enumerate(parts[: len(strip.labels)])}
    parts.sort(key=lambda part: part[:2])
    body, left_out = "", ""
    for part in (*parts, None):
        if part is not None and id(part) in units and units[id(part)] not in near:
            left_out += part[2]
            continue
        if left_out:
            count = left_out.count("data-unit")
            body += (
                f' <button class="more" title="{count} words more">…</button>'
                f"<span hidden>{left_out}</span> "
            )
            left_out = ""
        body += part[2] if part is not None else ""
    return f'<div class="side" data-arrows data-side="{side}" dir="auto">{body}</div>'


def _in_sight(count: int, ends: Iterable[int]) -> set[int]:
    """Units of a sentence that are shown at once: all of a short one."""
    if count <= LONG:
        return set(range(count))
    near = {end + step for end in ends for step in range(-NEIGHBOURS, NEIGHBOURS + 1)}
    return near | set(range(NEIGHBOURS)) | {count - 1}


def _strongest(pairs: TokenPairs, mark: Bands, units: UnitPairs) -> str:
    """The pairs that carry the score, under the two texts."""
    if pairs.single:
        ((i, j),) = mark.ends.tolist()
        first, second = mark.first.labels[i], mark.second.labels[j]
        return f"One pair, {first}–{second}: it says nothing about words."
    drawn = len(mark.values)
    share = 100 * units.share(drawn)
    percent = number(share, "percent") if share >= 0.05 else "less than 0.1"
    return (
        f"{drawn:,} of {units.pairs:,} pairs are drawn, with {percent} % of all that pairs add; "
        f"widest band {number(mark.bound, 'number')}"
    )


def _minus(shown: str) -> str:
    return shown.replace("-", "\N{MINUS SIGN}")
