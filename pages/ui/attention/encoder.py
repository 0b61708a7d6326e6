"""Below on the Attention page: the encoder's own attention, one way of looking at a time.

Only the view that is looked at is computed and sent.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.common.faults import reason
from analysis.common.phrases import name_without_folder
from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import alike, scaled, side_by_side
from analysis.figures.views import encoder
from pages.ui.attention import tables as html
from pages.ui.attention.encoder_sums import SHOW
from pages.ui.attention.encoder_views import HEADS, LARGE, PARTS, ROLLOUT, SPREAD, TOKEN, Shown
from pages.ui.attention.reading import AttentionReading, Settings
from pages.ui.engine.replies import common_limit
from pages.ui.frame import address
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.places import text
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import title_row, titled

MEAN = "mean"
_ABOUT = {
    HEADS: "Every attention head of every layer as a small matrix (queries down, keys across, "
    "rows sum to 1), and the chosen one in large. They show where the encoder looks, not what "
    "it takes from there.",
    TOKEN: "Attention of the marked token (without one: of [CLS], or of a decoder's last token) "
    "to the other tokens in each layer, or of the others to it. Click a token to follow it; the "
    "attention is that of the chosen attention head, else the mean over all.",
    ROLLOUT: "What [CLS] (of a decoder the last token) of each layer draws from each input token "
    "when attention is followed down through the layers, heads averaged and the residual stream "
    "counted as half (Abnar and Zuidema 2020). It leaves out the values and the feed-forward "
    "layers.",
    SPREAD: "How widely each attention head looks (entropy as a share of its largest, log of the "
    "number of tokens) and how far (mean distance in tokens), as means over its queries. Neither "
    "says whether the attention head matters.",
    PARTS: "The share of attention that goes from each part of the input into each part, as a "
    "mean over attention heads; rows sum to 100 %. The first row is the pooling head's own.",
}


def draw(
    listeners: Sequence[AttentionReading], choice: Choice, settings: Settings, mark: Span | None
) -> None:
    """Title, controls, and one card for each checkpoint."""
    row = title_row("encoder")
    with st.container(key="encoder-controls"):
        view, side, window = _controls(listeners, choice, settings)
    with titled("Inside the encoder", _ABOUT[view], "encoder", row):
        export = st.container(width="content")
    status = st.container(key="encoder-status").empty()
    shown: list[Shown] = []
    for listener in listeners:
        if listener.problem:
            shown.append(Shown(listener.entry.id, problem=listener.problem))
            continue
        status.caption(f"Attention of {cards.plain(listener.entry.name)}")
        try:
            shown.append(SHOW[view](listener, choice, settings, mark, side, window))
        except Exception as error:
            shown.append(Shown(listener.entry.id, problem=reason(error)))
    longest = max(
        (len(listener.traces[0].tokens) for listener in listeners if listener.traces), default=1
    )
    key = (*choice.key, view, str(longest.bit_length()), str(settings.special))
    tall = 100 * max((card.tall for card in shown), default=0.0)
    limit = common_limit("encoder_scale", key, tall, st.session_state) / 100
    deep = max((card.deep for card in shown), default=0.0)
    with st.container(key="encoders"):
        for card in shown:
            with st.container(border=True, key=f"encoder-card-{card.name}"):
                short = text(name_without_folder(card.name))
                head = f'<div class="id" title="{text(card.name)}">{short}</div>'
                body = f'<div class="none">{text(card.problem)}</div>'
                if card.body is not None:
                    body = card.body(limit, deep)
                html.piece(head + body, f"encoder-{card.name}", _choose_head)
    status.caption(_legend(view, limit, listeners))
    with export:
        export_menu(_plots(shown, limit, view), "export-encoder")


def _legend(view: str, limit: float, listeners: Sequence[AttentionReading]) -> str:
    if view in (SPREAD, PARTS):
        sentence = "Darker (in a dark theme: brighter) is more."
    else:
        sentence = f"Full colour: {100 * limit:g} % of a query's attention."
    if view == TOKEN:
        sentence += " Click a word to follow it, here or above."
    if any(listener.entry.is_group for listener in listeners):
        sentence += " Seed groups: the mean over their seeds."
    return sentence


def _controls(
    listeners: Sequence[AttentionReading], choice: Choice, settings: Settings
) -> tuple[str, str, tuple[int, int] | None]:
    view = (
        st.segmented_control(
            "View",
            (HEADS, TOKEN, ROLLOUT, SPREAD, PARTS),
            default=HEADS,
            required=True,
            **address.kept("encoder_view"),
        )
        or HEADS
    )
    sizes = [
        listener.traces[0].attentions.shape[:2]
        for listener in listeners
        if listener.traces and listener.traces[0].attentions is not None
    ]
    layers, heads = (max((size[i] for size in sizes), default=1) for i in (0, 1))
    # What was chosen by a click, on this page or another, shows in the boxes.
    st.session_state["attention-layer"] = (
        settings.layer if settings.layer in range(1, layers + 1) else layers
    )
    names = [MEAN, *map(str, range(heads))]
    name = MEAN if settings.head is None else str(settings.head)
    st.session_state["attention-head"] = name if name in names else MEAN
    st.selectbox("Layer", range(1, layers + 1), key="attention-layer", on_change=_take_layer)
    st.selectbox("Attention head", names, key="attention-head", on_change=_take_head)
    side = "query"
    if view == TOKEN:
        side = (
            st.segmented_control(
                "The token",
                ("query", "key"),
                default="query",
                required=True,
                **address.kept("side"),
                help="As query: the tokens that it attends to. As key: those that attend to it.",
            )
            or "query"
        )
    return view, side, _window(listeners, view)


def _window(listeners: Sequence[AttentionReading], view: str) -> tuple[int, int] | None:
    """Part of a long text that the large matrix shows; None: all of it, coarsened."""
    units = max(
        (len(listener.axis.units) for listener in listeners if listener.axis is not None), default=0
    )
    if view != HEADS or units <= encoder.MATRIX_SIDE:
        return None
    starts = [None, *range(0, units, 64)]
    if st.session_state.get("window") not in starts:
        st.session_state["window"] = None
    start = st.selectbox(
        "Part of the text",
        starts,
        key="window",
        format_func=lambda at: (
            "all, coarsened" if at is None else f"{at + 1} to {min(at + 64, units)}, in full"
        ),
    )
    return None if start is None else (start, start + 64)


def _take_layer() -> None:
    st.session_state["marked_layer"] = st.session_state["attention-layer"]


def _take_head() -> None:
    name = st.session_state["attention-head"]
    st.session_state["marked_head"] = None if name == MEAN else int(name)


def _choose_head(place: list[int]) -> None:
    layer, head = place
    same = (st.session_state.get("marked_layer"), st.session_state.get("marked_head")) == (
        layer,
        head,
    )
    st.session_state["marked_layer"] = None if same else layer
    st.session_state["marked_head"] = None if same else head


def _plots(shown: Sequence[Shown], limit: float, view: str) -> dict[str, Plot]:
    plots_by_kind: dict[str, Plot] = {}
    kinds = dict.fromkeys(kind for view in shown for kind in view.plots)
    for kind in kinds:
        plots = [(view.name, view.plots[kind]) for view in shown if kind in view.plots]
        if view in (HEADS, TOKEN, ROLLOUT) and kind != LARGE:
            plots = [(name, scaled(plot, limit)) for name, plot in plots]
        if len(plots) > 1 and alike([plot for _, plot in plots]):
            plots_by_kind[f"{kind}: all"] = side_by_side([plot for _, plot in plots])
        plots_by_kind |= {f"{kind}: {name}": plot for name, plot in plots}
    return plots_by_kind
