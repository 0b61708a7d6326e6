"""The encoder's attention in five ways: what one checkpoint shows in each.

Each function takes the same arguments, so that a table can choose among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from analysis.figures.marks import HeatMap
from analysis.figures.plot import Plot
from analysis.figures.views import attention, encoder
from pages.ui.attention import engine as heard
from pages.ui.attention import matrices
from pages.ui.attention import tables as html
from pages.ui.attention.reading import Listener, Wanted, checkpoint_of, values_of
from pages.ui.frame.inputs import Choice
from pages.ui.kit.cards import Span
from pages.ui.kit.places import is_marked, marked_token, span_of, text

HEADS, TOKEN, ROLLOUT, SPREAD, PARTS = (
    "Attention heads",
    "One token",
    "Rollout",
    "Entropy, distance",
    "Input parts",
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


def chosen_in(one: Listener, wanted: Wanted) -> tuple[int, int | None]:
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
    one: Listener,
    choice: Choice,
    wanted: Wanted,
    mark: Span | None,
    side: str,
    window: tuple[int, int] | None,
) -> Shown:
    chosen = chosen_in(one, wanted)
    words, special = choice.words, wanted.special

    def glance() -> tuple[Plot, np.ndarray, float]:
        trace = _whole(one, choice)
        plot = encoder.encoder_heads(trace, words, special)
        spread = _with_spread(
            plot,
            one,
            [
                values_of(encoder.encoder_heads(each, words, special))
                for each in _members(one, choice)
            ],
        )
        assert isinstance(spread.mark, HeatMap)
        return spread, _tiles(spread.mark, trace.attentions.shape[:2]), spread.mark.bounds[1]

    members = tuple(heard.key_of(m, choice.text, choice.pair) for m in one.entry.members)
    plot, tiles, tall = heard.once(
        (members, "glance", words, special), glance, lambda found: 3 * int(found[1].nbytes)
    )
    assert one.axis is not None
    if window is not None and window[0] >= len(one.axis.units):
        window = None

    def in_large(trace: Any) -> Plot:
        return encoder.encoder_head(trace, chosen[0], chosen[1], words, special, window)

    big = heard.once(
        (members, "large", words, special, chosen, window),
        lambda: _with_spread(
            in_large(_whole(one, choice)),
            one,
            [values_of(in_large(each)) for each in _members(one, choice)],
        ),
        lambda found: int(values_of(found).nbytes),
    )
    units: list[tuple[Span, bool, bool]] = []
    labels = big.mark.rows
    inside = one.axis.units if window is None else one.axis.units[window[0] : window[1]]
    if len(labels) == len(inside):
        tokens = one.axis.tokens
        units = [
            (
                span_of(tokens, unit),
                bool(tokens.special[unit[0]]),
                is_marked(tokens, unit, mark),
            )
            for unit in inside
        ]

    def body(limit: float, deep: float) -> str:
        small = matrices.picture(
            matrices.mosaic(tiles, limit, chosen),
            _coarse_labels(one, tiles.shape[-1]),
            "Layers down, attention heads across; point at a cell to read it",
        )
        # One attention head at a time may be far paler than the darkest of all.
        per_cell = -(-len(inside) // len(labels))
        full = matrices.picture(
            matrices.large(values_of(big), labels, deep, units, per_cell),
            labels,
            f"Queries down, keys across; full colour {100 * deep:.0f} %",
        )
        below = [note for note in big.notes if note not in plot.notes]
        return (
            f'{small}{lines_of(plot.notes[1:])}<div class="title">{text(big.title)}</div>'
            f"{full}{lines_of(below)}"
        )

    found = {HEADS: plot, LARGE: big}
    return Shown(one.entry.id, found, tall, max(float(values_of(big).max()), 1e-9), body)


def _members(one: Listener, choice: Choice) -> Iterator[Any]:
    """The trace of each seed of a group, with all attentions; none for a single checkpoint."""
    for member in one.entry.members if one.entry.is_group else ():
        yield heard.whole(member, choice.text, choice.pair)


def _with_spread(plot: Plot, one: Listener, each: Sequence[np.ndarray]) -> Plot:
    """A group's mean matrices with a note on how far its seeds lie apart in a cell."""
    if not each:
        return plot
    spread = np.std(each, axis=0, ddof=1)
    note = (
        f"Mean over {len(each)} seeds; standard deviation of a cell: "
        f"{100 * np.nanmean(spread):.2g} points on average, {100 * np.nanmax(spread):.2g} at "
        "most."
    )
    return replace(plot, notes=(*plot.notes, note))


def lines_of(notes: Sequence[str]) -> str:
    """HTML of the notes below a picture."""
    return "".join(f'<div class="line">{text(note)}</div>' for note in notes)


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
    return np.array(
        [
            [mark.values[top : top + side, left : left + side] for left in starts[1]]
            for top in starts[0]
        ]
    )


def _coarse_labels(one: Listener, side: int) -> list[str]:
    assert one.axis is not None
    labels = one.axis.labels
    step = -(-len(labels) // side)
    if step == 1:
        return list(labels)
    return [
        f"{labels[i]} … {labels[min(i + step, len(labels)) - 1]}"
        for i in range(0, len(labels), step)
    ]


def show_token(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    _, head = chosen_in(one, wanted)
    token = marked_token(one.traces[0].tokens, mark)
    plot = attention.token_attention(
        _whole(one, choice), token, side, head, choice.words, wanted.special
    )
    spread = None
    if one.entry.is_group:
        spread = np.std(
            [
                values_of(
                    attention.token_attention(
                        heard.whole(member, choice.text, choice.pair),
                        token,
                        side,
                        head,
                        choice.words,
                        wanted.special,
                    )
                )
                for member in one.entry.members
            ],
            axis=0,
            ddof=1,
        )
    return _by_layer(one, plot, wanted, mark, spread)


def show_rollout(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair).rollout for m in one.entry.members]
    mean = SimpleNamespace(values=np.mean(found, axis=0)[:, None])
    trace = replace(one.traces[0], checkpoint=checkpoint_of(one))
    plot = attention.rollout(trace, mean, choice.words, wanted.special)
    spread = None
    if len(found) > 1:
        assert one.axis is not None
        spread = np.std([one.axis.take(rows) for rows in found], axis=0, ddof=1)
    return _by_layer(one, plot, wanted, mark, spread)


def _by_layer(
    one: Listener, plot: Plot, wanted: Wanted, mark: Span | None, spread: np.ndarray | None
) -> Shown:
    """Tokens down, layers across; `spread` is (L, U), over the seeds of a group."""
    assert isinstance(plot.mark, HeatMap)
    assert one.axis is not None
    rows, axis = values_of(plot), one.axis

    def body(limit: float, deep: float) -> str:
        columns = [
            html.Column(
                str(layer),
                values,
                "broad heat",
                limit,
                "layer",
                f"layer {layer}",
                on=layer == wanted.layer,
                spread=None if spread is None else spread[layer - 1],
            )
            for layer, values in enumerate(rows, start=1)
        ]
        title = f'<div class="title">{text(plot.title)}</div>'
        return title + html.table(axis, columns, mark) + lines_of(plot.notes)

    return Shown(one.entry.id, {plot.title: plot}, float(rows.max()), body=body)
