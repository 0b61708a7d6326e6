"""Lines over depth: norm, cosines, and what the pooling head says at each layer; all in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common.phrases import listed, name_without_folder
from analysis.figures.marks import Grid, Lines
from analysis.figures.plot import Plot
from analysis.figures.style.style import CLASS_COLOURS
from analysis.reading.layers import COURSE
from analysis.text.tokens import clean
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, selection, shades
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled
from pages.ui.layers import engine, numbers
from pages.ui.layers.engine import Way, followed

if TYPE_CHECKING:
    import numpy as np


_ABOUT = (
    "The vector of the followed token after each layer (0: embeddings): its length, its cosine to "
    "the layer before and to the last layer, and the answer read out there: the whole pooling "
    "head applied at that layer. A pre-norm encoder's final norm is applied at each layer, as "
    "it would be there. The pooling head was trained at the last layer only, so its answer "
    "elsewhere shows how far the encoder has come, not how a shorter model would do."
)
_TITLES = (
    "Norm",
    "Cosine to the layer before",
    "Cosine to the last layer",
    "Read out at this layer",
)
_SHAPES = ("●", "■", "◆", "▲", "✖", "▼", "★", "⬟", "⬢", "◀", "▶", "✚")
_CHART: dict[str, Any] = {"displayModeBar": False}


def target_of(ways: Sequence[Way], choice: Choice) -> int:
    """The class whose probability is drawn: the one that is explained, where the first has it."""
    for way in ways:
        probabilities = way.probabilities
        if probabilities is not None:
            predicted = int(probabilities[-1].argmax())
            return choice.target_of(way.entry.first.labels, predicted)
    return 0


def predicted_classes(ways: Sequence[Way]) -> list[str]:
    """The class that each checkpoint predicts after its last layer."""
    return [
        way.entry.first.labels[int(way.probabilities[-1].argmax())]
        for way in ways
        if way.probabilities is not None and way.entry.first.labels
    ]


def in_words(ways: Sequence[Way]) -> str:
    """From which layer on the label is stable, and where the vector changes direction most."""
    sentences = []
    settled = {way.entry.name: label for way in ways if (label := _settled(way)) is not None}
    if settled:
        layers, labels = zip(*settled.values(), strict=True)
        same = len(set(labels)) == 1
        if len(settled) > 1 and len(set(layers)) == 1:
            where = f"from layer {layers[0]} in all of them"
        else:
            where = listed(
                [
                    f"from layer {layer} in {name}" + ("" if same else f" ({label})")
                    for name, (layer, label) in settled.items()
                ]
            )
        what = f"the final label {labels[0]}" if same else "the final label"
        sentences.append(f"Reading out earlier layers, {what} is stable {where}.")
    if ways:
        turns = {way.entry.name: way.average.sharpest_turn for way in ways}
        steps = {layer for layer, _ in turns.values()}
        low, high = (pick(cosine for _, cosine in turns.values()) for pick in (min, max))
        if len(steps) == 1:
            value = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
            where = f"at layer {steps.pop()} (cosine to the layer before: {value})"
        else:
            where = listed(
                [
                    f"at layer {layer} of {name} (cosine to the layer before: {cosine:.2f})"
                    for name, (layer, cosine) in turns.items()
                ]
            )
        sentences.append(f"{followed(ways)} changes direction most {where}.")
    return " ".join(sentences)


def _settled(way: Way) -> tuple[int, str] | None:
    """The first layer from which on the label stays as it is at the end, and that label."""
    probabilities, layer = way.probabilities, way.average.settled
    if probabilities is None or layer is None or way.entry.first.regression:
        return None
    return layer, way.entry.first.labels[int(probabilities[-1].argmax())]


def plot_of(ways: Sequence[Way], choice: Choice) -> Plot:
    """The picture of all of them; raises ``ValueError`` where they cannot share one."""
    plot = picture("depth", [way.entry for way in ways], choice, token=ways[0].chosen)
    return replace(plot, title=f"{followed(ways)} over depth")


def draw_depth(ways: Sequence[Way], choice: Choice, layer: int | None) -> Plot | None:
    """The lines side by side, a click on a point marks its layer; and who is missing, and why.

    Below them the numbers at the marked layer (else the last), each with its percentile.
    """
    lead = next((way for way in ways if way.probabilities is not None), ways[0])
    shared = [way for way in ways if way.depth == lead.depth]
    with st.container(border=True, key="panel-depth"):
        plot = plot_of(shared, choice)
        assert isinstance(plot.mark, Grid)
        with titled(plot.title, _ABOUT, "depth"):
            at = numbers.plot_at(shared, choice, layer)
            export_menu({plot.title: plot, at.title: at}, "export-depth")
        st.html(legend([way.entry.id for way in shared]))
        with st.container(key="depth-lines"):
            for index, title in enumerate(_TITLES):
                with st.container(key=f"depth-{index}"):
                    if index < len(plot.mark.panels):
                        panel = plot.mark.panels[index]
                        assert isinstance(panel, Lines)
                        heading = _short(panel.y_label) if title == _TITLES[3] else title
                        chart(panel, heading, f"depth-chart-{index}", layer, _ranks(shared, index))
                    else:
                        st.caption(_no_prediction(shared))
        st.html(numbers.at_layer(shared, choice, layer))
        grouped = any(way.entry.is_group for way in shared)
        notes = [*plot.notes, *_missing(ways, shared)]
        if plot.mark.panels[-1].flags is not None and plot.mark.panels[-1].flags.any():  # type: ignore[union-attr]
            notes.append(
                "Rings: the label differs from the layer below"
                + (", in any seed." if grouped else ".")
            )
        if grouped:
            notes.append("Lines and bands: mean and one standard deviation over the seeds.")
        st.caption(" ".join(notes))
    return plot


def _ranks(ways: Sequence[Way], index: int) -> dict[str, np.ndarray]:
    """(L+1,) percentiles in the corpus by checkpoint, for one of the pictures."""
    if index >= len(COURSE):
        return {}
    standings = {way.entry.id: engine.in_corpus(way) for way in ways}
    return {
        name: getattr(standing, COURSE[index])
        for name, standing in standings.items()
        if standing is not None
    }


def chart(
    panel: Lines,
    title: str,
    key: str,
    layer: int | None,
    ranks: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Small lines without a legend of their own; a click on a point marks its layer.

    `ranks` are percentiles by name of the line, told on hover.
    """
    from analysis.figures.screen.plotly import sheet

    drawing = sheet(panel, height=232)
    drawing.layout |= dict(
        showlegend=False,
        margin={"l": 4, "r": 8, "t": 30, "b": 4},
        hovermode="closest",
        title={
            "text": _safe(title),
            "font": {"size": 13},
            "x": 0.0,
            "xanchor": "left",
            "y": 0.98,
            "yanchor": "top",
        },
    )
    drawing.axis("y", title={"text": None}, nticks=5)
    drawing.axis("x", dtick=1 if len(panel.x) <= 14 else None, title={"standoff": 4})
    for trace in drawing.data:
        # A selected point is shown by the line through its layer, in all pictures at once.
        trace |= {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}
        if "name" not in trace:
            continue  # a band, or rings around points
        rank = ""
        if ranks and trace["name"] in ranks:
            trace["customdata"] = ranks[trace["name"]].round()
            rank = ", percentile %{customdata:.0f}"
        trace["hovertemplate"] = f"layer %{{x}}: %{{y:.3f}}{rank}<extra>%{{fullData.name}}</extra>"
    shades.adapt(drawing)
    if layer is not None:
        drawing.line_at("x", layer, width=1.5)
    st.plotly_chart(
        drawing.figure,
        key=key,
        config=_CHART,
        selection_mode="points",
        on_select=lambda: _picked(key),
    )


def _picked(key: str) -> None:
    event = st.session_state.get(key)
    points = event["selection"]["points"] if event else []
    if points:
        selection.toggle_layer(round(float(points[0]["x"])))


def legend(names: Sequence[str]) -> str:
    """HTML: colour and shape of each line, once for pictures that stand side by side."""
    keys = [
        f'<span><b style="color:{shades.shown(CLASS_COLOURS[i % len(CLASS_COLOURS)])}">'
        f"{_SHAPES[i % len(_SHAPES)]}</b> {escape(name_without_folder(name))}</span>"
        for i, name in enumerate(names)
    ]
    return f'<div class="pl-legend">{"".join(keys)}</div>'


def _short(text: str, longest: int = 34) -> str:
    return text[:1].upper() + text[1:] if len(text) <= longest else text[: longest - 1] + "…"


def _safe(text: str) -> str:
    """Text of people's own in a place where plotly reads tags and dollars."""
    return escape(clean(text)[0], quote=False).replace("$", "&#36;")


def _no_prediction(ways: Sequence[Way]) -> str:
    headed = [way for way in ways if way.probabilities is not None]
    if headed:
        return (
            "The chosen checkpoints have different classes, so no one probability can be "
            "drawn for all of them."
        )
    return "None of these has a pooling head that could be applied to an earlier layer."


def _missing(ways: Sequence[Way], shared: Sequence[Way]) -> list[str]:
    sentences = []
    if len({way.entry.first.labels for way in shared if way.probabilities is not None}) == 1:
        for way in shared:
            if way.probabilities is None:
                what = (
                    "what its classification layers read is not known, so they cannot be applied"
                    if way.entry.first.kind == "classifier"
                    else "it is a bare encoder without a pooling head to apply"
                    if not way.entry.first.head
                    else f"it is a {way.entry.first.encoder_kind} and has no classes to apply"
                )
                sentences.append(
                    f"{cards.plain(way.entry.name)}: {what} at earlier layers, and it has no line "
                    "there."
                )
    for way in ways:
        if way not in shared:
            sentences.append(
                f"{cards.plain(way.entry.name)} has {way.depth} layers and is left out: "
                f"choose it alone to see it."
            )
    return sentences
