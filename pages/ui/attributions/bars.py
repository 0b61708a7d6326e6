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
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.show import export_menu


def draw(
    explained: Sequence[Explanation], choice: Choice, request: AttributionRequest, mark: Span | None
) -> None:
    """The panel; a seed group is its mean with its spread, and a dot for each seed."""
    method = METHODS[request.focus]
    with_result = shared(explained, request.focus)
    with st.container(border=True, key="bars-panel"):
        with st.container(key="bars-title"):
            st.markdown("**Unit by unit**", help=f"{method.note} {method.citation}.")
            plots = _plots(with_result, choice, request)
            export_menu(plots, "export-bars")
        with st.container(key="bars-tools"):
            choose_focus(request.methods, request.focus)
            largest = st.toggle("Largest first", **address.kept("largest"))
        if not with_result:
            piece('<div class="none">There is nothing to draw yet.</div>', "bars-drawing")
            return
        limit = _limit(with_result, choice, request)
        html = "".join(
            _table(some, request, limit, mark, bool(largest)) for some in _alike(with_result)
        )
        piece(html, "bars-drawing")
        notes = next(iter(plots.values())).notes
        sentences = [note for note in notes if note.startswith(("Bars:", "Lines:"))]
        unit = unit_of(with_result[0].mean(request.focus))
        st.caption(cards.plain(f"Full bars: ±{limit:g} {unit}. " + " ".join(sentences)))


def _table(
    some: Sequence[Explanation],
    request: AttributionRequest,
    limit: float,
    mark: Span | None,
    largest: bool,
) -> str:
    columns = []
    for explanation in some:
        units, mean, interval, dots = spread_of(explanation.results[request.focus])
        columns.append(Bar(explanation.name, mean, limit, interval, dots))
    order = list(range(len(units)))
    if largest:
        order = arrays.order_by_size([column.values for column in columns])
    return bars(some[0].tokens, units, columns, mark, order)


def _alike(explained: Sequence[Explanation]) -> list[list[Explanation]]:
    """Groups of explanations whose tokenizers read the same pieces: they share a table."""
    parts: dict[tuple[str, ...], list[Explanation]] = {}
    for explanation in explained:
        parts.setdefault(tuple(explanation.tokens.pieces), []).append(explanation)
    return list(parts.values())


def _limit(explained: Sequence[Explanation], choice: Choice, request: AttributionRequest) -> float:
    ends = [0.0]
    for explanation in explained:
        _, mean, interval, dots = spread_of(explanation.results[request.focus])
        ends.append(arrays.largest(mean, interval, dots))
    state = (*choice.key, request.output, request.against, request.baseline)
    name = f"attribution_bars_{request.focus}"
    return common_limit(name, state, 1000 * max(ends), st.session_state) / 1000


def _plots(
    explained: Sequence[Explanation], choice: Choice, request: AttributionRequest
) -> dict[str, Plot]:
    if not explained:
        return {}

    def bars_of(some: Sequence[Explanation]) -> Plot:
        return picture_of("attribution_bars", some, choice, request, [request.focus])

    plots = {explanation.name: bars_of([explanation]) for explanation in explained}
    return {"All checkpoints": bars_of(explained), **plots} if len(explained) > 1 else plots
