"""One dimension that was chosen in the heat map: its value by layer, and what it weighs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.figures.marks import Lines
from analysis.reading import over_depth
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, selection
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled
from pages.ui.layers.depth import chart, legend, target_of
from pages.ui.layers.engine import Way

_ABOUT = (
    "The value of one dimension after each layer, for the token that is followed. A large value is "
    "not yet one that matters: its weight says what one unit of it in the last layer adds to the "
    "class's logit minus the mean of the others, attention taken as it is."
)


def draw(ways: Sequence[Way], choice: Choice) -> None:
    """The chosen dimension by layer, one line a checkpoint; nothing where none is chosen."""
    index = selection.marked_dimension()
    if index is None:
        st.caption("Click a cell to choose its layer and dimension.")
        return
    lead = ways[0]
    shared = [
        way
        for way in ways
        if way.traces[0].hidden.shape[::2] == lead.traces[0].hidden.shape[::2]
        and way.token == lead.token
    ]
    if index >= lead.traces[0].hidden.shape[2]:
        st.caption(f"Dimension {index} does not exist here.")
        return
    entries = [way.entry for way in shared]
    plot = picture("dimension", entries, choice, index=index, token=lead.token)
    assert isinstance(plot.mark, Lines)
    with st.container(key="dimension"):
        with (
            titled(plot.title, _ABOUT, "dimension"),
            st.container(horizontal=True, width="content"),
        ):
            export_menu({plot.title: plot}, "export-dimension")
            st.button(
                "Close",
                key="dimension-close",
                type="tertiary",
                on_click=lambda: selection.toggle_cell(None, index),
            )
        with st.container(key="dimension-body"):
            with st.container(key="dimension-lines"):
                chart(plot.mark, "Value", "dimension-chart", selection.marked_layer(lead.depth))
            st.html(legend([way.entry.id for way in shared]) + _weights(shared, choice, index))


def _weights(ways: Sequence[Way], choice: Choice, index: int) -> str:
    """HTML: what the dimension weighs for the class in each checkpoint, and adds there."""
    target = target_of(ways, choice)
    rows = []
    for way in ways:
        labels = way.entry.first.labels
        weights = over_depth.mean_dimension_weights(way.traces, target, way.token)
        if weights is None:
            words = "no split, so no weight"
        else:
            label = labels[target] if target < len(labels) else "the output"
            value = over_depth.mean_value(way.traces, way.token, index)
            words = f"value {value:+.3f} in the last layer; weight {weights[index]:+.3f}"
            words += f" for {label}"
        rows.append(f"<div>{cards.text(way.entry.name)}: {cards.text(words)}</div>")
    return f'<div class="pl-weights">{"".join(rows)}</div>'
