"""Below on the Attention page: the encoder's own attention, one way of looking at a time.

Only the view that is looked at is computed and sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import streamlit as st

from analysis import attention
from analysis.figures import views_attention
from analysis.figures.plot import HeatMap, Plot
from pages.ui import attention_cards, cards
from pages.ui import attention_engine as heard
from pages.ui import attention_pieces as html
from pages.ui.attention_cards import Listener, Wanted, values_of
from pages.ui.attention_figures import on_scale, together
from pages.ui.cards import Span
from pages.ui.inputs import KEPT, Choice
from pages.ui.replies import common_limit
from pages.ui.show import export_menu

HEADS, TOKEN, ROLLOUT, SPREAD, PARTS = (
    "Attention heads", "One token", "Rollout", "Entropy, distance", "Input parts",
)
MEAN, LARGE = "mean", "The chosen one"
_ABOUT = {
    HEADS: "Every attention head of every layer as a small matrix (queries down, keys across, "
    "rows sum to 1), and the chosen one in large. They show where the encoder looks, not what "
    "it takes from there.",
    TOKEN: "Whom the marked token (else [CLS]) listens to in each layer, or who listens to it. "
    "Click a token to follow it; the attention is that of the chosen attention head, else the "
    "mean over all.",
    ROLLOUT: "What [CLS] of each layer draws from each input token when attention is followed "
    "down through the layers, heads averaged and the residual stream counted as half (Abnar and "
    "Zuidema 2020). It knows nothing of values or of the feed-forward layers.",
    SPREAD: "How widely each attention head looks (entropy as a share of its largest, log of the "
    "number of tokens) and how far (mean distance in tokens), as means over its queries. Neither "
    "says whether the attention head matters.",
    PARTS: "The share of attention that goes from each part of the input into each part, as a "
    "mean over attention heads; rows sum to 100 %. The first row is the pooling head's own.",
}


@dataclass
class Shown:
    """One checkpoint's piece in the chosen view."""

    name: str
    plots: dict[str, Plot] = field(default_factory=dict)
    tall: float = 0.0  # largest value, for the common scale
    deep: float = 0.0  # the same of the chosen attention head in large
    body: Callable[[float, float], str] | None = None  # HTML, given the ends of these scales
    problem: str = ""


def draw(
    listeners: Sequence[Listener], choice: Choice, wanted: Wanted, mark: Span | None
) -> None:
    """Title, controls, and one card for each checkpoint."""
    with st.container(key="encoder-title"):
        title = st.container()
        export = st.container(key="encoder-export")
    with st.container(key="encoder-controls"):
        view, side, window = _controls(listeners, choice, wanted)
    with title:
        st.markdown("**Inside the encoder**", help=_ABOUT[view])
    status = st.container(key="encoder-status").empty()
    make = {HEADS: _heads, TOKEN: _token, ROLLOUT: _rollout, SPREAD: _spread, PARTS: _parts}[view]
    shown = []
    for one in listeners:
        if one.problem:
            shown.append(Shown(one.entry.id, problem=one.problem))
            continue
        status.caption(f"Attention of {cards.plain(one.entry.id)}")
        try:
            shown.append(make(one, choice, wanted, mark, side, window))
        except ValueError as error:
            shown.append(Shown(one.entry.id, problem=str(error)))
    longest = max((len(one.traces[0].tokens) for one in listeners if one.traces), default=1)
    key = (*choice.key, view, str(longest.bit_length()), str(wanted.special))
    tall = 100 * max((one.tall for one in shown), default=0.0)
    limit = common_limit("encoder_scale", key, tall, st.session_state) / 100
    deep = max((one.deep for one in shown), default=0.0)
    with st.container(key="encoders"):
        for one in shown:
            with st.container(border=True, key=f"encoder-card-{one.name}"):
                head = f'<div class="id">{html.text(one.name)}</div>'
                body = f'<div class="none">{html.text(one.problem)}</div>'
                if one.body is not None:
                    body = one.body(limit, deep)
                html.piece(head + body, f"encoder-{one.name}", _choose_head)
    status.caption(_legend(view, limit, listeners))
    with export:
        export_menu(_plots(shown, limit, view), "export-encoder")


def _legend(view: str, limit: float, listeners: Sequence[Listener]) -> str:
    if view in (SPREAD, PARTS):
        said = "Darker (in a dark theme: brighter) is more."
    else:
        said = f"Full colour: {100 * limit:g} % of a query's attention."
    if any(one.entry.is_group for one in listeners):
        said += " Seed groups: the mean over their seeds."
    return said


def _controls(
    listeners: Sequence[Listener], choice: Choice, wanted: Wanted
) -> tuple[str, str, tuple[int, int] | None]:
    view = st.segmented_control(
        "View", (HEADS, TOKEN, ROLLOUT, SPREAD, PARTS), default=HEADS, required=True,
        key="encoder_view", **KEPT,
    ) or HEADS
    sizes = [one.traces[0].attentions.shape[:2] for one in listeners
             if one.traces and one.traces[0].attentions is not None]
    layers, heads = (max((size[i] for size in sizes), default=1) for i in (0, 1))
    # What was chosen by a click, on this page or another, shows in the boxes.
    st.session_state["attention-layer"] = wanted.layer if wanted.layer in range(1, layers + 1) \
        else layers
    names = [MEAN, *map(str, range(heads))]
    name = MEAN if wanted.head is None else str(wanted.head)
    st.session_state["attention-head"] = name if name in names else MEAN
    st.selectbox("Layer", range(1, layers + 1), key="attention-layer", on_change=_take_layer)
    st.selectbox("Attention head", names, key="attention-head", on_change=_take_head)
    side = "query"
    if view == TOKEN:
        side = st.segmented_control(
            "The token", ("query", "key"), default="query", required=True, key="side", **KEPT,
            help="As query: whom it listens to. As key: who listens to it.",
        ) or "query"
    return view, side, _window(listeners, view)


def _window(listeners: Sequence[Listener], view: str) -> tuple[int, int] | None:
    """Which part of a long text the large matrix shows; None: all of it, coarsened."""
    units = max((len(one.axis.units) for one in listeners if one.axis is not None), default=0)
    if view != HEADS or units <= views_attention.MATRIX_SIDE:
        return None
    starts = [None, *range(0, units, 64)]
    if st.session_state.get("window") not in starts:
        st.session_state["window"] = None
    start = st.selectbox(
        "Part of the text", starts, key="window",
        format_func=lambda at: "all, coarsened" if at is None
        else f"{at + 1} to {min(at + 64, units)}, in full",
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
        layer, head)
    st.session_state["marked_layer"] = None if same else layer
    st.session_state["marked_head"] = None if same else head


def _chosen(one: Listener, wanted: Wanted) -> tuple[int, int | None]:
    """(layer, attention head or None) that this encoder shows.

    Raises ``ValueError`` where it has no such layer or attention head.
    """
    attentions = one.traces[0].attentions
    assert attentions is not None
    layers, heads = attentions.shape[:2]
    if wanted.layer is not None and not 1 <= wanted.layer <= layers:
        raise ValueError(f"{one.entry.id} has no layer {wanted.layer}: choose 1 to {layers}.")
    if wanted.head is not None and not 0 <= wanted.head < heads:
        raise ValueError(
            f"{one.entry.id} has no attention head {wanted.head}: choose 0 to {heads - 1}."
        )
    return wanted.layer or layers, wanted.head


def _whole(one: Listener, choice: Choice) -> Any:
    return heard.whole_of(one.entry, choice.text, choice.pair)


def _heads(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str,
    window: tuple[int, int] | None,
) -> Shown:
    chosen = _chosen(one, wanted)
    words, special = choice.words, wanted.special

    def glance() -> tuple[Plot, np.ndarray, float]:
        trace = _whole(one, choice)
        plot = views_attention.encoder_heads(trace, words, special)
        assert isinstance(plot.mark, HeatMap)
        return plot, _tiles(plot.mark, trace.attentions.shape[:2]), plot.mark.bounds[1]

    members = tuple(heard.key_of(m, choice.text, choice.pair) for m in one.entry.members)
    plot, tiles, tall = heard.once(
        (members, "glance", words, special), glance, lambda found: 3 * int(found[1].nbytes)
    )
    assert one.axis is not None
    if window is not None and window[0] >= len(one.axis.units):
        window = None
    big = heard.once(
        (members, "large", words, special, chosen, window),
        lambda: views_attention.encoder_head(
            _whole(one, choice), chosen[0], chosen[1], words, special, window
        ),
        lambda found: int(values_of(found).nbytes),
    )
    units: list[tuple[Span, bool, bool]] = []
    labels = big.mark.rows
    inside = one.axis.units if window is None else one.axis.units[window[0] : window[1]]
    if len(labels) == len(inside):
        tokens = one.axis.tokens
        units = [(html.span_of(tokens, unit), bool(tokens.special[unit[0]]),
                  html.is_marked(tokens, unit, mark)) for unit in inside]

    def body(limit: float, deep: float) -> str:
        small = html.picture(
            html.mosaic(tiles, limit, chosen), _coarse_labels(one, tiles.shape[-1]),
            "Layers down, attention heads across; point at a cell to read it",
        )
        # One attention head at a time may be far paler than the darkest of all.
        full = html.picture(
            html.large(values_of(big), labels, deep, units), labels,
            f"Queries down, keys across; full colour {100 * deep:.0f} %",
        )
        notes = dict.fromkeys((*plot.notes[1:], *big.notes))
        said = "".join(f'<div class="line">{html.text(note)}</div>' for note in notes)
        return f'{small}<div class="title">{html.text(big.title)}</div>{full}{said}'

    found = {HEADS: plot, LARGE: big}
    return Shown(one.entry.id, found, tall, max(float(values_of(big).max()), 1e-9), body)


def _tiles(mark: HeatMap, shape: tuple[int, int]) -> np.ndarray:
    """(L, H, S, S) the matrices of the view "encoder_heads", without the gaps between them."""
    pitches = []  # each matrix carries one label, in its middle
    for labels, count in zip((mark.rows, mark.columns), shape, strict=True):
        places = [place for place, label in enumerate(labels) if label]
        pitches.append(places[1] - places[0] if count > 1 else 0)
    pitch = max(pitches)
    gap = pitch * max(shape) - max(mark.values.shape) if pitch else 0
    side = pitch - gap if pitch else mark.values.shape[0]
    starts = [[index * pitch for index in range(count)] for count in shape]
    return np.array([[mark.values[top : top + side, left : left + side] for left in starts[1]]
                     for top in starts[0]])


def _coarse_labels(one: Listener, side: int) -> list[str]:
    assert one.axis is not None
    labels = one.axis.labels
    step = -(-len(labels) // side)
    if step == 1:
        return list(labels)
    return [f"{labels[i]} … {labels[min(i + step, len(labels)) - 1]}"
            for i in range(0, len(labels), step)]


def _token(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    _, head = _chosen(one, wanted)
    token = html.marked_token(one.traces[0].tokens, mark)
    plot = views_attention.token_attention(
        _whole(one, choice), token, side, head, choice.words, wanted.special
    )
    return _by_layer(one, plot, wanted, mark)


def _rollout(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair).rollout for m in one.entry.members]
    mean = replace(found[0], values=np.mean([each.values for each in found], axis=0))
    trace = replace(one.traces[0], checkpoint=attention_cards._checkpoint(one))
    plot = views_attention.rollout(trace, mean, choice.words, wanted.special)
    return _by_layer(one, plot, wanted, mark)


def _by_layer(one: Listener, plot: Plot, wanted: Wanted, mark: Span | None) -> Shown:
    """Tokens down, layers across."""
    assert isinstance(plot.mark, HeatMap)
    assert one.axis is not None
    rows, axis = values_of(plot), one.axis

    def body(limit: float, deep: float) -> str:
        columns = [
            html.Column(str(layer), values, "heat", limit, "layer", f"layer {layer}",
                        on=layer == wanted.layer)
            for layer, values in enumerate(rows, start=1)
        ]
        notes = "".join(f'<div class="line">{html.text(note)}</div>' for note in plot.notes)
        title = f'<div class="title">{html.text(plot.title)}</div>'
        return title + html.table(axis, columns, mark) + notes

    return Shown(one.entry.id, {plot.title: plot}, float(rows.max()), body=body)


def _spread(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair) for m in one.entry.members]
    entropy = np.stack([each.entropy.normalised for each in found])
    distance = np.stack([each.distance.tokens for each in found])
    who = attention_cards._checkpoint(one)
    tokens, chosen = one.traces[0].tokens, (wanted.layer or 0, wanted.head)
    plots = {
        "Entropy": views_attention.head_summary(
            replace(found[0].entropy, normalised=entropy.mean(axis=0)), who, tokens),
        "Distance": views_attention.head_summary(
            replace(found[0].distance, tokens=distance.mean(axis=0)), who, tokens),
    }

    def body(limit: float, deep: float) -> str:
        parts = []
        every = (("Entropy", entropy, "of log T"), ("Distance", distance, "tokens"))
        farthest = max(float(distance.mean(axis=0).max()), found[0].distance.uniform)
        for name, values, unit in every:
            mean = values.mean(axis=0)
            bound = 1.0 if name == "Entropy" else farthest

            def told(layer: int, head: int, values: Any = values, unit: str = unit) -> str:
                own = values[:, layer - 1, head]
                spread = f" ± {own.std(ddof=1):.2f}" if len(own) > 1 else ""
                return f"{own.mean():.2f}{spread} {unit}"

            note = plots[name].notes[0]
            parts.append(
                f'<div class="title">{name}</div>{html.heads_grid(mean, bound, chosen, told)}'
                f'<div class="line">{html.text(note)}</div>'
            )
        return "".join(parts)

    return Shown(one.entry.id, plots, body=body)


def _parts(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair).blocks for m in one.entry.members]
    masses = replace(found[0], values=np.mean([each.values for each in found], axis=0))
    plot = views_attention.blocks(
        masses, wanted.layer, attention_cards._checkpoint(one), one.traces[0].tokens
    )
    assert isinstance(plot.mark, HeatMap)
    values, rows = plot.mark.values, [f"from {name}" for name in plot.mark.rows]
    own = _own_masses(one, masses.blocks)
    note = "Rows sum to 100 %; mean over attention heads"
    note += ", all layers." if wanted.layer is None else f", layer {wanted.layer}."
    if own is not None:
        values, rows = np.vstack([own, values]), ["the pooling head", *rows]

    def body(limit: float, deep: float) -> str:
        grid = html.masses_grid(values, rows, [f"into {name}" for name in masses.blocks])
        return f'{grid}<div class="line">{html.text(note)}</div>'

    return Shown(one.entry.id, {PARTS: plot}, body=body)


def _own_masses(one: Listener, blocks: Sequence[str]) -> np.ndarray | None:
    """(B,) percent of the pooling head's attention into each part of the input."""
    tokens = one.traces[0].tokens
    inside = {
        "special tokens": tokens.special,
        "text": ~tokens.special & (tokens.segment == 0),
        "pair": ~tokens.special & (tokens.segment == 1),
    }
    try:
        rows = np.concatenate([attention.pooling_attention(trace) for trace in one.traces])
    except ValueError:
        return None
    return np.array([100 * rows[:, inside[name]].sum(axis=1).mean() for name in blocks])


def _plots(shown: Sequence[Shown], limit: float, view: str) -> dict[str, Plot]:
    found: dict[str, Plot] = {}
    kinds = dict.fromkeys(kind for one in shown for kind in one.plots)
    for kind in kinds:
        plots = [(one.name, one.plots[kind]) for one in shown if kind in one.plots]
        if view in (HEADS, TOKEN, ROLLOUT) and kind != LARGE:
            plots = [(name, on_scale(plot, limit)) for name, plot in plots]
        if len(plots) > 1:
            found[f"{kind}: all"] = together([p for _, p in plots], [name for name, _ in plots])
        found |= {f"{kind}: {name}": plot for name, plot in plots}
    return found
