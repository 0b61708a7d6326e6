"""Below the strips: curves, agreement of the methods, which layer, and random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.attribution import FAVOURED, METHODS
from analysis.common.faults import reason
from analysis.figures.marks import Grid, HeatMap
from analysis.figures.plot import Plot
from analysis.figures.screen.sheet import Sheet, merge
from analysis.figures.views.attribution_results import on_common_units
from analysis.figures.views.evidence import RANDOM
from pages.ui.attributions import measurements as measured
from pages.ui.attributions import words
from pages.ui.attributions.controls import AttributionRequest
from pages.ui.attributions.entry import Explanation, picture_of, shared
from pages.ui.attributions.evidence import EvidenceRequest
from pages.ui.attributions.inside import draw_layers, draw_randomisation
from pages.ui.attributions.markup import pairs, piece
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, shades
from pages.ui.kit.cards import Span
from pages.ui.kit.places import is_marked, span_of
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled

if TYPE_CHECKING:
    from analysis.figures.marks import Panel

_CHART: dict[str, Any] = {"displayModeBar": False}
_LABELS = 34  # names under a map; of more units only some are named, the rest on hover
_ABOUT_CURVES = (
    "The output as units are removed (deletion) or put back (insertion), the best-ranked first, "
    "beside random rankings of the same units. A steep fall says that the checkpoint relies on "
    "these units; texts with units replaced are unlike those it was trained on. Petsiuk et al. "
    "2018."
)
_ABOUT_AGREEMENT = (
    "Kendall's tau between the rankings of every two, over all units but special tokens. "
    + FAVOURED["agreement"]
    + " Agreement is no proof that either is right."
)
_ABOUT_MAP = (
    "Every method's scores as shares of its own largest one, side by side, for the units of one "
    "text. Shares say where a method puts its weight, not how strongly the output depends on it. "
    "A click on a cell marks its token and puts its method in focus."
)


def beside(
    explained: Sequence[Explanation],
    choice: Choice,
    request: AttributionRequest,
    evidence_request: EvidenceRequest,
) -> None:
    """Under the table of evidence: do the rankings agree?"""
    explanation = evidence_request.of or next(iter(shared(explained, request.focus)), None)
    if explanation is not None:
        _agreement(explained, explanation, choice, request, evidence_request)


def draw(
    explained: Sequence[Explanation],
    choice: Choice,
    request: AttributionRequest,
    evidence_request: EvidenceRequest,
    mark: Span | None,
    say: Callable[[str], None],
) -> bool:
    """The panels that answer "how faithful is it?" in more detail than a table.

    Returns whether a part is put off because many people wait.
    """
    explanation = evidence_request.of or next(iter(shared(explained, request.focus)), None)
    if explanation is None:
        return False
    _curves(explanation, choice, request, evidence_request)
    with st.container(key="attributions-grid"):
        with st.container(key="below-left"):
            _map(explanation, choice, request, mark)
            if evidence_request.of is None:
                _compared(explained, choice, request, evidence_request)
        with st.container(key="below-right"):
            draw_randomisation(explanation, choice, request)
    return draw_layers(explained, choice, request, say)


def _curves(
    explanation: Explanation,
    choice: Choice,
    request: AttributionRequest,
    evidence_request: EvidenceRequest,
) -> None:
    records = {
        key: measured.complete(explanation, key, evidence_request.setting)
        for key in request.methods
    }
    known = {key: record for key, record in records.items() if record is not None}
    if not known:
        return
    # Lines of one picture share their units: those of the method in focus.
    units = known.get(request.focus, next(iter(known.values()))).units
    known = {key: record for key, record in known.items() if record.units == units}
    how = {"replace": evidence_request.setting.replace, "measured": evidence_request.setting.output}
    plot = picture_of("deletion_insertion", [explanation], choice, request, list(known), **how)
    assert isinstance(plot.mark, Grid)
    with st.container(border=True, key="panel-curves"):
        with titled(f"{explanation.name}: deletion and insertion", _ABOUT_CURVES, "curves"):
            export_menu({plot.title: plot}, "export-curves")
        with st.container(key="curves"):
            for part, title in zip(plot.mark.panels, plot.mark.subtitles, strict=True):
                name = title.partition(":")[0].lower()
                with st.container(key=f"curve-{name}"):
                    st.caption(f"**{title}**")
                    _curve(part, f"curve-drawing-{name}", name == "insertion")
        st.caption(cards.plain(" ".join(plot.notes)))


def _curve(part: Panel, key: str, second: bool) -> None:
    """Draw one of the two curves, random rankings in grey; the legend stands above the first."""
    from analysis.figures.screen.plotly import sheet

    drawing = sheet(part, height=280)
    merge(drawing.layout, margin={"l": 4, "r": 4, "b": 4}, legend={"font": {"size": 11}})
    grey = {"line": {"color": "#808080", "dash": "dot"}, "marker": {"color": "#808080", "size": 4}}
    for trace in drawing.data:
        if trace.get("name") == RANDOM:
            merge(trace, **grey)
        if "fill" in trace:
            trace["fillcolor"] = "rgba(128,128,128,.3)"
    phrase = "units in place (%)" if second else "units replaced (%)"
    drawing.axis("x", title={"text": f"{phrase}, in rank order"})
    shades.adapt(drawing)
    st.plotly_chart(drawing.figure, key=key, config=_CHART)


def _compared(
    explained: Sequence[Explanation],
    choice: Choice,
    request: AttributionRequest,
    evidence_request: EvidenceRequest,
) -> None:
    """Checkpoints by the method in focus, as standard scores among random rankings."""
    measured_records = [
        (explanation, measured.records(explanation, request.focus, evidence_request.setting))
        for explanation in shared(explained, request.focus)
    ]
    known = [(explanation, records) for explanation, records in measured_records if records]
    if len(known) > 1:
        how = {
            "replace": evidence_request.setting.replace,
            "measured": evidence_request.setting.output,
        }
        some = [explanation for explanation, _ in known]
        plot = picture_of("evidence_scores", some, choice, request, [request.focus], **how)
        with st.container(border=True, key="panel-compared"):
            name = METHODS[request.focus].title
            with titled(f"{name}: better than random?", _ABOUT_CURVES, "compared"):
                export_menu({plot.title: plot}, "export-compared")
            _heat(plot, "compared-drawing", 90 + 34 * (len(known) + 1))
            st.caption(cards.plain(" ".join(plot.notes)))


def _heat(plot: Plot, key: str, height: int) -> None:
    """A map without axis labels: its title and notes say what they are."""
    from analysis.figures.screen.plotly import sheet

    drawing = sheet(plot, height=height)
    _bare(drawing)
    shades.adapt(drawing)
    st.plotly_chart(drawing.figure, key=key, config=_CHART)


def _bare(drawing: Sheet) -> None:
    """Narrow margins, and no names of axes and colours."""
    drawing.layout["margin"] = {"l": 4, "r": 4, "t": 6, "b": 4}
    for cells in drawing.traces("heatmap"):
        merge(cells, colorbar={"title": {"text": None}})
    for name in ("x", "y"):
        drawing.axis(name, title={"text": None})


def _agreement(
    explained: Sequence[Explanation],
    explanation: Explanation,
    choice: Choice,
    request: AttributionRequest,
    evidence_request: EvidenceRequest,
) -> None:
    if evidence_request.of is None:
        some, keys = shared(explained, request.focus), [request.focus]
        title = "Agreement of checkpoints"
        seeds = words.seeds_told([each.results[request.focus] for each in some])
    else:
        some, keys = [explanation], [key for key in request.methods if key in explanation.results]
        title, seeds = "Agreement of methods", ""
    if max(len(some), len(keys)) < 2:
        return
    try:
        plot = picture_of("rank_agreement", some, choice, request, keys)
    except Exception as error:
        why = reason(error)
        st.caption(cards.plain(f"{title}: none, {why}." if evidence_request.of is None else why))
        return
    assert isinstance(plot.mark, HeatMap)
    with st.container(border=True, key="panel-agreement"):
        with titled(title, _ABOUT_AGREEMENT, "agreement"):
            export_menu({plot.title: plot}, "export-agreement")
        null = tuple(plot.provenance["null"])
        piece(pairs(plot.mark.rows, plot.mark.values, null), "agreement-drawing")
        st.caption(cards.plain(" ".join([*plot.notes, seeds])))


def _map(
    explanation: Explanation, choice: Choice, request: AttributionRequest, mark: Span | None
) -> None:
    keys = [key for key in request.methods if key in explanation.results]
    if len(keys) < 2:
        return
    try:
        plot = picture_of("attribution_methods", [explanation], choice, request, keys)
    except Exception as error:
        st.caption(cards.plain(reason(error)))
        return
    with st.container(border=True, key="panel-methods"):
        with titled(f"{explanation.name}: methods side by side", _ABOUT_MAP, "methods"):
            differ = words.methods_differ(
                [explanation.mean(key) for key in keys], explanation.tokens, keys
            )
            pictures = {plot.title: plot}
            if differ is not None:
                first, second = (_of(differ.names[i], keys) for i in (0, 1))
                pictures["The two that differ most"] = picture_of(
                    "attribution_disagreement", [explanation], choice, request, [first, second]
                )
            export_menu(pictures, "export-methods")
        _chart(explanation, plot, keys, mark)
        if differ is not None:
            st.text(words.begin(differ.sentence))
        st.caption(cards.plain(" ".join(["Full colour: a row's largest score.", *plot.notes])))


def _of(name: str, keys: Sequence[str]) -> str:
    """The key of a method by its name in a sentence."""
    return next(k for k in keys if words.in_sentence(METHODS[k].title) == name)


def _chart(explanation: Explanation, plot: Plot, keys: Sequence[str], mark: Span | None) -> None:
    """The map, the marked token framed; a click marks a token and chooses a method."""
    from analysis.figures.screen.plotly import sheet

    assert isinstance(plot.mark, HeatMap)
    units = on_common_units([explanation.mean(key) for key in keys])[0]
    drawing = sheet(plot, selectable=True, height=110 + 34 * len(keys))
    _bare(drawing)
    for row in drawing.traces("heatmap"):
        row["showscale"] = False  # said below: a phone has no width for both
    drawing.layout["dragmode"] = False
    unseen = {"marker": {"opacity": 0}}
    for points in drawing.traces("scatter"):
        points |= {"selected": unseen, "unselected": unseen}
    step = -(-len(units) // _LABELS)
    texts = drawing.axis("x")["ticktext"]
    named = [*range(0, len(units), step)]
    drawing.axis("x", tickvals=named, ticktext=[texts[u] for u in named], tickangle=-90)
    for column, unit in enumerate(units):
        if is_marked(explanation.tokens, unit, mark):
            drawing.box((column - 0.5, column + 0.5), (-0.5, len(keys) - 0.5))

    def clicked() -> None:
        event = st.session_state.get("methods-map")
        for point in event["selection"]["points"] if event else ():
            place = point.get("customdata")
            if place is not None and len(place) == 2:
                row, column = int(place[0]), int(place[1])
                st.session_state["focus"] = keys[row]
                if not explanation.tokens.special[units[column][0]]:
                    cards.toggle_mark(span_of(explanation.tokens, units[column]))

    shades.adapt(drawing)
    st.plotly_chart(
        drawing.figure, key="methods-map", config=_CHART, on_select=clicked, selection_mode="points"
    )
