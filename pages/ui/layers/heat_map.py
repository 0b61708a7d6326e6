"""The vector by layer as a heat map, layers x dimensions, for every chosen checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common.faults import reason
from analysis.common.phrases import owned
from analysis.figures.plot import Plot
from analysis.figures.views.layers import full_colour
from analysis.reading import over_depth
from analysis.text.tokens import clean
from pages.ui.engine import models
from pages.ui.engine.replies import common_limit
from pages.ui.engine.results import picture
from pages.ui.frame import address
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, selection
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import title_row, titled
from pages.ui.layers import dimension, heat_map_drawing
from pages.ui.layers.engine import Way, followed

if TYPE_CHECKING:
    import numpy as np


_VALUES = {
    "raw": "raw",
    "standardised": "standardised",
    "difference": "change",
    "reference": "against a text",
}
_ORDERS = {
    "natural": "natural",
    "final": "last layer",
    "weight": "weight for the class",
    "top": "weight × value",
}
_ABOUT = {
    "raw": "The hidden states as they are, dimension by dimension; a few dimensions of a "
    "Transformer are large in every text, and that says nothing about this one.",
    "standardised": "Hidden states in standard deviations from their mean over the checkpoint's "
    "corpus, per layer and dimension: what is unusual about this text, not what matters for it.",
    "difference": "What each layer adds to the vector, dimension by dimension (layer minus the "
    "layer before); it does not say which part of the layer added it.",
    "reference": "The vector of this text minus that of the other text at the same position: what "
    "the change of words changed, not whether the pooling head uses it.",
}
_WEIGHT = (
    " Weight: what one unit of a dimension of the last layer adds to the class's logit "
    "minus the mean of the others; attention taken as it is."
)
MOST = 4


@dataclass(frozen=True)
class Settings:
    """Settings of the heat maps."""

    values: str
    order: str
    top: int
    reference: str


def draw_map(
    ways: Sequence[Way], choice: Choice, layer: int | None
) -> tuple[dict[str, np.ndarray], dict[str, tuple[Any, ...]]]:
    """The heat maps under their controls.

    Returns cosines to the reference text by checkpoint, and its traces.
    """
    with st.container(border=True, key="panel-map"):
        head = title_row("map")
        settings = _controls(choice)
        references, problem = _references(ways, choice, settings)
        plot, sentences = (
            (None, [problem]) if problem else _plot(ways[:MOST], choice, settings, layer)
        )
        if len(ways) > MOST:
            sentences.append(
                f"The first {MOST} checkpoints are drawn; choose fewer to see the others."
            )
        about = _ABOUT[settings.values] + (_WEIGHT if settings.order in ("weight", "top") else "")
        with titled(f"{followed(ways)} by layer", about, "map", head):
            export_menu({plot.title: plot} if plot else {}, "export-map")
        with st.container(key="map-drawing"):
            if plot is not None:
                heat_map_drawing.draw(plot, settings.order, layer, selection.marked_dimension())
        with st.container(key="map-notes"):
            for sentence in sentences:
                st.caption(sentence)
            if plot is not None:
                st.caption(" ".join([*plot.notes, *_spread(ways[:MOST])]))
        dimension.draw(ways[:MOST], choice)
    cosines = {
        way.entry.id: over_depth.cosine_to_reference(way.paths, references[way.entry.id])
        for way in ways
        if references.get(way.entry.id)
    }
    return cosines, references


def _controls(choice: Choice) -> Settings:
    with st.container(key="map-controls"):
        values = st.segmented_control(
            "Values",
            list(_VALUES),
            default="raw",
            required=True,
            **address.kept("layer_values"),
            format_func=_VALUES.__getitem__,
        )
        order = st.selectbox(
            "Order of dimensions",
            list(_ORDERS),
            **address.kept("layer_order"),
            width=205,
            format_func=_ORDERS.__getitem__,
        )
        top = st.number_input(
            "How many",
            20,
            50,
            30,
            10,
            **address.kept("layer_top"),
            width=120,
            disabled=order != "top",
        )
        with st.container(key="map-reference"):
            reference = (
                st.text_input(
                    "Reference text",
                    live="150ms",
                    **address.kept("layer_reference"),
                    placeholder="The same sentence with a word changed",
                )
                if values == "reference"
                else ""
            )
    typed = clean(reference or "")[0]
    return Settings(values or "raw", order or "natural", int(top or 30), typed)


def _references(
    ways: Sequence[Way], choice: Choice, settings: Settings
) -> tuple[dict[str, tuple[Any, ...]], str]:
    """Traces of the reference text by checkpoint, and in one sentence why there are none."""
    if settings.values != "reference":
        return {}, ""
    if not settings.reference.strip():
        return {}, (
            "Type a reference text: what does [CLS] gain from the words in which the two differ?"
        ).replace("[", "\\[")
    try:
        return {
            way.entry.id: tuple(
                models.trace(member, settings.reference, choice.pair)
                for member in way.entry.members
            )
            for way in ways
        }, ""
    except Exception as error:
        return {}, cards.plain(reason(error))


def _plot(
    ways: Sequence[Way], choice: Choice, settings: Settings, layer: int | None
) -> tuple[Plot | None, list[str]]:
    """All heat maps on one scale that holds still while one types; and who has none, and why."""
    drawn, problems = [], []

    def make(drawn: Sequence[Way], limit: float | None) -> Plot:
        return picture(
            "cls_by_layer",
            [way.entry for way in drawn],
            choice,
            token=drawn[0].chosen,
            values=settings.values,
            order=settings.order,
            top=settings.top,
            reference=settings.reference or None,
            chosen=layer,
            limit=limit,
        )

    for way in ways:
        try:
            make([way], None)
            drawn.append(way)
        except Exception as error:
            problems.append(cards.plain(owned(way.entry.id, reason(error))))
    if not drawn:
        return None, problems
    full = full_colour(make(drawn, None))
    limit = common_limit("map_scale", (*choice.key, settings.values), full, st.session_state)
    plot = make(drawn, limit)
    return replace(plot, title=f"{followed(drawn)} by layer"), problems


def _spread(ways: Sequence[Way]) -> list[str]:
    """Spread of a group's seeds, beside the size of what is drawn."""
    sentences = []
    for way in ways:
        if way.entry.is_group:
            apart, size = over_depth.spread_in_last_layer(way.paths)
            sentences.append(f"{apart:.2g} beside {size:.2g} in {cards.plain(way.entry.name)}")
    if not sentences:
        return []
    return [
        "Seed groups show their mean. Spread over the seeds beside the size of a value, "
        f"medians in the last layer: {', '.join(sentences)}."
    ]
