"""The encoder's attention in five ways: what one checkpoint shows in each.

Each function takes the same arguments, so that a table can choose among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from analysis import attention
from analysis.figures import views_attention, views_encoder
from analysis.figures.plot import HeatMap, Plot
from pages.ui import attention_engine as heard
from pages.ui import attention_pieces as html
from pages.ui.attention_listen import Listener, Wanted, checkpoint_of, values_of
from pages.ui.cards import Span
from pages.ui.inputs import Choice

HEADS, TOKEN, ROLLOUT, SPREAD, PARTS = (
    "Attention heads", "One token", "Rollout", "Entropy, distance", "Input parts",
)
LARGE = "The chosen one"


@dataclass
class Shown:
    """One checkpoint's piece in the chosen view."""

    name: str
    plots: dict[str, Plot] = field(default_factory=dict)
    tall: float = 0.0  # largest value, for the common scale
    deep: float = 0.0  # the same of the chosen attention head in large
    body: Callable[[float, float], str] | None = None  # HTML, given the ends of these scales
    problem: str = ""


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


def show_heads(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str,
    window: tuple[int, int] | None,
) -> Shown:
    chosen = _chosen(one, wanted)
    words, special = choice.words, wanted.special

    def glance() -> tuple[Plot, np.ndarray, float]:
        trace = _whole(one, choice)
        plot = views_encoder.encoder_heads(trace, words, special)
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
        lambda: views_encoder.encoder_head(
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
            html.large(values_of(big), labels, deep, units, -(-len(inside) // len(labels))), labels,
            f"Queries down, keys across; full colour {100 * deep:.0f} %",
        )
        below = [note for note in big.notes if note not in plot.notes]
        return (
            f'{small}{_lines(plot.notes[1:])}<div class="title">{html.text(big.title)}</div>'
            f"{full}{_lines(below)}"
        )

    found = {HEADS: plot, LARGE: big}
    return Shown(one.entry.id, found, tall, max(float(values_of(big).max()), 1e-9), body)


def _lines(notes: Sequence[str]) -> str:
    return "".join(f'<div class="line">{html.text(note)}</div>' for note in notes)


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


def show_token(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    _, head = _chosen(one, wanted)
    token = html.marked_token(one.traces[0].tokens, mark)
    plot = views_attention.token_attention(
        _whole(one, choice), token, side, head, choice.words, wanted.special
    )
    return _by_layer(one, plot, wanted, mark)


def show_rollout(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair).rollout for m in one.entry.members]
    mean = SimpleNamespace(values=np.mean(found, axis=0)[:, None])
    trace = replace(one.traces[0], checkpoint=checkpoint_of(one))
    plot = views_attention.rollout(trace, mean, choice.words, wanted.special)
    return _by_layer(one, plot, wanted, mark)


def _by_layer(one: Listener, plot: Plot, wanted: Wanted, mark: Span | None) -> Shown:
    """Tokens down, layers across."""
    assert isinstance(plot.mark, HeatMap)
    assert one.axis is not None
    rows, axis = values_of(plot), one.axis

    def body(limit: float, deep: float) -> str:
        columns = [
            html.Column(str(layer), values, "broad heat", limit, "layer", f"layer {layer}",
                        on=layer == wanted.layer)
            for layer, values in enumerate(rows, start=1)
        ]
        title = f'<div class="title">{html.text(plot.title)}</div>'
        return title + html.table(axis, columns, mark) + _lines(plot.notes)

    return Shown(one.entry.id, {plot.title: plot}, float(rows.max()), body=body)


def show_spread(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair) for m in one.entry.members]
    entropy = np.stack([each.entropy.normalised for each in found])
    distance = np.stack([each.distance.tokens for each in found])
    who = checkpoint_of(one)
    tokens, chosen = one.traces[0].tokens, (wanted.layer or 0, wanted.head)
    plots = {
        "Entropy": views_encoder.head_summary(
            replace(found[0].entropy, normalised=entropy.mean(axis=0)), who, tokens),
        "Distance": views_encoder.head_summary(
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


def show_parts(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair).blocks for m in one.entry.members]
    masses = replace(found[0], values=np.mean([each.values for each in found], axis=0))
    layer, head = _chosen(one, wanted)
    if head is not None:
        masses = replace(masses, values=masses.values[:, head : head + 1])
    plot = views_encoder.blocks(
        masses, layer, checkpoint_of(one), one.traces[0].tokens
    )
    assert isinstance(plot.mark, HeatMap)
    values, rows = plot.mark.values, [f"from {name}" for name in plot.mark.rows]
    which = "mean over attention heads" if head is None else f"attention head {head}"
    note = f"Rows sum to 100 %; layer {layer}, {which}."
    own = _own_masses(one, masses.blocks)
    note = "Rows sum to 100 %; mean over attention heads"
    note += ", all layers." if wanted.layer is None else f", layer {wanted.layer}."
    if own is not None:
        values, rows = np.vstack([own, values]), ["from the pooling head", *rows]

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


SHOW = {HEADS: show_heads, TOKEN: show_token, ROLLOUT: show_rollout, SPREAD: show_spread,
        PARTS: show_parts}
