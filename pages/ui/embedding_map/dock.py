"""Beside the map: Compare's card of the point under the cursor, and lists of rows worth a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common.faults import reason
from analysis.common.phrases import name_without_folder
from analysis.maps.atlas import Sheet
from analysis.maps.quality import Quality
from analysis.maps.ranked import Ranked, disagreements, torn
from analysis.maps.structure import Structure
from pages.ui.compare import cards as compare
from pages.ui.embedding_map import component, details, engine
from pages.ui.embedding_map.drawing import MapSource
from pages.ui.embedding_map.engine import Pass
from pages.ui.engine import jobs
from pages.ui.engine.replies import Reply, common_limit, replies
from pages.ui.frame import address
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards

if TYPE_CHECKING:
    from pages.ui.frame.catalogue import Entry

_POINTED, _PINNED_OF = "map_pointed", "map_pinned_of"
_BRIDGE = "map-dock-line"
_STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_SHOWN = 12  # rows of a list
OUTLIERS, TORN, DISAGREE = "outliers", "torn", "disagreements"
_LISTS = {
    OUTLIERS: (
        "Outliers",
        "Local outlier factor of the vectors, not of the map: 2 is half as dense around the row as "
        "around its neighbours (Breunig et al. 2000).",
    ),
    TORN: (
        "Torn",
        "Rows whose nearest neighbours by the vectors lie elsewhere on this map; the share of "
        "neighbours kept. Do not read much into where these points lie.",
    ),
    DISAGREE: (
        "Disagreements",
        "Rows for which the chosen checkpoints predict different classes, by the Jensen-Shannon "
        "divergence of their probabilities, in bits.",
    ),
}


@dataclass(frozen=True)
class Docked:
    """The maps beside the dock, panel by panel."""

    source: MapSource
    choice: Choice
    sheets: Sequence[Sheet]
    qualities: Sequence[Quality | None]
    structures: Sequence[Structure | None]
    colour: str

    @property
    def data_pass(self) -> Pass:
        return self.source.data_pass

    @property
    def panel(self) -> int:
        """Number of the map in front."""
        panel = st.session_state.get("map_panel") or 0
        return panel if panel < len(self.sheets) else 0


def pinned(data_pass: Pass) -> int | None:
    """The row of the sample that was clicked; a link's belongs to the rows it comes with."""
    row = st.session_state.get("point")
    of = st.session_state.setdefault(_PINNED_OF, data_pass.table.digest)
    if row is None or of != data_pass.table.digest or not 0 <= row < len(data_pass.table):
        return None
    return int(row)


def pin(data_pass: Pass, row: int | None) -> None:
    """Keep a row in the dock and marked on the map."""
    st.session_state[_PINNED_OF] = data_pass.table.digest
    st.session_state.pop(_POINTED, None)
    address.choose(point=row)


def _toggle(data_pass: Pass, row: int) -> None:
    pin(data_pass, None if row == pinned(data_pass) else row)


@st.fragment
def draw(docked: Docked) -> None:
    """The dock; it is drawn anew by itself while the pointer wanders over the map."""
    data_pass = docked.data_pass
    state: dict[str, Any] = {"pinned": pinned(data_pass), "panel": docked.panel}
    state["mode"] = "many" if st.session_state.get("map_mode") == "many" else "one"
    state["view"] = st.session_state.get("map_view")
    identity = data_pass.table.digest
    component.dock(
        identity, _BRIDGE, state, len(data_pass.table), lambda *args: _take(data_pass, *args)
    )
    pointed = st.session_state.get(_POINTED)
    row = pointed[1] if pointed and pointed[0] == identity else state["pinned"]
    with st.container(key="dock-card"):
        _card(docked, row)
    with st.container(key="dock-lists"):
        _lists(docked)
    address.write("dock", in_place=True)
    if details.is_going():
        st.rerun()


def _take(data_pass: Pass, what: str, event: Mapping[str, Any]) -> None:
    row = int(event.get("row", -1))
    if what == "pinned" and row >= 0:
        pin(data_pass, row)
    elif what == "pointed":
        st.session_state[_POINTED] = (data_pass.table.digest, row) if row >= 0 else None
    address.choose(
        map_panel=int(event["panel"]) or None,
        map_mode="many" if event["mode"] == "many" else None,
        map_view=tuple(float(number) for number in event["view"]) if event["view"] else None,
    )


def _card(docked: Docked, row: int | None) -> None:
    data_pass, chosen = docked.data_pass, docked.source.chosen
    if row is None:
        st.caption("Point at a dot to read its sentence as on Compare. A click keeps it here.")
        return
    table = data_pass.table
    text, pair = table.text[row], None if table.pair is None else table.pair[row]
    number = chosen.row_name(int(data_pass.rows[row]))
    label = ""
    if table.label is not None:
        value = table.labels[table.label[row]] if table.labels else f"{table.label[row]:g}"
        label = f", label {cards.plain(value)}"
    with st.container(key="dock-row"):
        st.caption(f"Row {number:,}{label}")
        if row == pinned(data_pass):
            st.button(
                "Open on Compare",
                key="dock-open",
                type="primary",
                on_click=details.go,
                args=(data_pass, row),
            )
    st.text(text if pair is None else f"{text}\n{pair}")
    first, others = _entries(docked)
    if first is None:
        return
    choice = replace(docked.choice, text=text, pair=pair, entries=(first, *others), variant=None)
    card_replies = list(replies(choice, text, None))
    limits = {
        name: common_limit(f"dock_{name}_scale", choice.key, value, st.session_state, _STEPS)
        for name, value in compare.largest_reading(card_replies[:1], choice).items()
    }
    compare.draw_card(card_replies[0], choice, None, limits, attributed=False)
    lines = "".join(_line(reply) for reply in card_replies[1:])
    if lines:
        cards.piece(lines, "dock-others")


def _entries(docked: Docked) -> tuple[Entry | None, tuple[Entry, ...]]:
    """The checkpoint of the map in front, and the others that were chosen."""
    key = docked.sheets[docked.panel].key
    weights = key[0] if isinstance(key, tuple) else None
    every = docked.choice.entries
    first = next((entry for entry in every if entry.first.sha256 == weights), None)
    first = first or next(iter(every), None)
    return first, tuple(entry for entry in every if entry is not first)


def _line(reply: Reply) -> str:
    name = cards.text(name_without_folder(reply.entry.id))
    if reply.answer is None:
        return ""
    value = reply.answer.mean[reply.answer.predicted]
    label = cards.text(reply.answer.label)
    return f'<div class="line">{name}: <strong>{label}</strong> {value:.2f}</div>'


def _lists(docked: Docked) -> None:
    data_pass = docked.data_pass
    kinds = [OUTLIERS, TORN]
    if len(docked.choice.entries) > 1 and data_pass.members:
        kinds.append(DISAGREE)
    if st.session_state.get("ranked_by") not in (None, *kinds):
        st.session_state.pop("ranked_by")
    kind = st.segmented_control(
        "Rows worth a look",
        kinds,
        default=OUTLIERS,
        required=True,
        **address.kept("ranked_by"),
        format_func=lambda name: _LISTS[name][0],
        help="\n\n".join(f"**{name}**: {about}" for name, about in _LISTS.values()),
    )
    ranked = _ranked(docked, str(kind))
    if ranked is None:
        return
    if not len(ranked):
        st.caption("None." if kind != DISAGREE else "The checkpoints agree on every row.")
        return
    numbers = {OUTLIERS: "{:.2f}", TORN: "{:.0%}", DISAGREE: "{:.2f} bit"}[str(kind)]
    shown = zip(ranked.rows.tolist(), ranked.values.tolist(), strict=True)
    chosen = pinned(data_pass)
    lines = "".join(
        f'<button class="listed{" marked" if row == chosen else ""}" data-class="{place}" '
        f'tabindex="0" aria-pressed="{str(row == chosen).lower()}">'
        f'<span class="p">{numbers.format(value)}</span> '
        f"{cards.text(data_pass.table.text[row][:140])}</button>"
        for place, (row, value) in enumerate(islice(shown, _SHOWN))
    )
    cards.piece(
        f'<div role="group" aria-label="{_LISTS[str(kind)][0]}" data-arrows>{lines}</div>',
        f"dock-list-{kind}",
        on_class=lambda place: _toggle(data_pass, int(ranked.rows[place])),
    )


def _ranked(docked: Docked, kind: str) -> Ranked | None:
    """The rows of a list, or None: the place says what it waits for."""
    if kind == DISAGREE:
        return _disagreements(docked)
    if kind == OUTLIERS:
        structure = docked.structures[docked.panel]
        if structure is not None:
            return structure.outliers
    elif (quality := docked.qualities[docked.panel]) is not None:
        return torn(quality)
    st.caption("Measuring.")
    return None


def _disagreements(docked: Docked) -> Ranked | None:
    data_pass = docked.data_pass
    members = tuple(entry.first for entry in docked.choice.entries)
    answers = [engine.answers(member, data_pass) for member in members]
    predicting = [member for member in members if member.kind != "encoder"]
    lacking = sum(
        answer is None
        for member, answer in zip(members, answers, strict=True)
        if member.kind != "encoder"
    )
    everyone = replace(data_pass, members=tuple(predicting), poolings=(), layers=())
    if lacking:
        rows = len(data_pass.table) * lacking
        job = jobs.draw(
            everyone.key,
            engine.work(everyone),
            label="Compare the pooling heads",
            place="heads",
            about=f"{rows:,} forwards of {lacking} more checkpoints.",
        )
        for name, problem in job.results if job is not None else ():
            st.error(f"{cards.plain(name)}: {cards.plain(problem)}")
        return None
    try:
        return disagreements([answer for answer in answers if answer is not None])
    except ValueError as error:
        st.caption(cards.plain(reason(error)))
        return None
