"""Bars by unit for the method in focus, with their intervals; all checkpoints on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.attribution import METHODS
from analysis.common import arrays
from analysis.figures.plot import Plot
from analysis.figures.views.attribution_results import spread_of, unit_of
from pages.ui.attributions.controls import AttributionRequest, choose_focus
from pages.ui.attributions.entry import Explanation, picture_of, shared
from pages.ui.attributions.markup import Bar, bars, piece
from pages.ui.engine.replies import common_limit
from pages.ui.frame import address
from pages.ui.frame.inputs import Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.show import export_menu


def draw(
    explained: Sequence[Explanation], choice: Choice, wanted: AttributionRequest, mark: Span | None
) -> None:
    """The panel; a seed group is its mean with its spread, and a dot for each seed."""
    method = METHODS[wanted.focus]
    found = shared(explained, wanted.focus)
    with st.container(border=True, key="bars-panel"):
        with st.container(key="bars-title"):
            st.markdown("**Unit by unit**", help=f"{method.note} {method.citation}.")
            plots = _plots(found, choice, wanted)
            export_menu(plots, "export-bars")
        with st.container(key="bars-tools"):
            choose_focus(wanted.methods, wanted.focus)
            largest = st.toggle("Largest first", **address.kept("largest"))
        if not found:
            piece('<div class="none">There is nothing to draw yet.</div>', "bars-drawing")
            return
        limit = _limit(found, choice, wanted)
        html = "".join(_table(some, wanted, limit, mark, bool(largest)) for some in _alike(found))
        piece(html, "bars-drawing")
        notes = next(iter(plots.values())).notes
        sentences = [note for note in notes if note.startswith(("Bars:", "Lines:"))]
        unit = unit_of(found[0].mean(wanted.focus))
        st.caption(cards.plain(f"Full bars: ±{limit:g} {unit}. " + " ".join(sentences)))


def _table(
    some: Sequence[Explanation],
    wanted: AttributionRequest,
    limit: float,
    mark: Span | None,
    largest: bool,
) -> str:
    columns = []
    for one in some:
        units, mean, interval, dots = spread_of(one.found[wanted.focus])
        columns.append(Bar(one.name, mean, limit, interval, dots))
    order = list(range(len(units)))
    if largest:
        order = arrays.order_by_size([column.values for column in columns])
    return bars(some[0].tokens, units, columns, mark, order)


def _alike(found: Sequence[Explanation]) -> list[list[Explanation]]:
    """Those whose tokenizers read the same pieces share a table."""
    parts: dict[tuple[str, ...], list[Explanation]] = {}
    for one in found:
        parts.setdefault(tuple(one.tokens.pieces), []).append(one)
    return list(parts.values())


def _limit(found: Sequence[Explanation], choice: Choice, wanted: AttributionRequest) -> float:
    ends = [0.0]
    for one in found:
        _, mean, interval, dots = spread_of(one.found[wanted.focus])
        ends.append(arrays.largest(mean, interval, dots))
    state = (*choice.key, wanted.output, wanted.against, wanted.baseline)
    name = f"attribution_bars_{wanted.focus}"
    return common_limit(name, state, 1000 * max(ends), st.session_state) / 1000


def _plots(
    found: Sequence[Explanation], choice: Choice, wanted: AttributionRequest
) -> dict[str, Plot]:
    if not found:
        return {}

    def bars_of(some: Sequence[Explanation]) -> Plot:
        return picture_of("attribution_bars", some, choice, wanted, [wanted.focus])

    plots = {one.name: bars_of([one]) for one in found}
    return {"All checkpoints": bars_of(found), **plots} if len(found) > 1 else plots
