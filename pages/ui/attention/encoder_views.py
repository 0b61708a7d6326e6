"""The encoder's attention in five ways: what one checkpoint shows in each.

Each function takes the same arguments, so that a table can choose among them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from analysis.figures.marks import HeatMap
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.views import encoder
from analysis.reading import over_attention
from pages.ui.attention import matrices
from pages.ui.attention import tables as html
from pages.ui.attention.reading import AttentionReading, Settings, values_of
from pages.ui.engine.results import key_of, once, picture
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.kit.cards import Span
from pages.ui.kit.places import is_marked, marked_token, span_of, text

if TYPE_CHECKING:
    import numpy as np


T = TypeVar("T")
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


def chosen_in(reading: AttentionReading, settings: Settings) -> tuple[int, int | None]:
    """(layer, attention head or None) that this encoder shows.

    Raises ``ValueError`` where it has no such layer or attention head.
    """
    attentions = reading.traces[0].attentions
    assert attentions is not None
    layers, heads = attentions.shape[:2]
    if settings.layer is not None and not 1 <= settings.layer <= layers:
        raise ValueError(
            f"{reading.entry.name} has no layer {settings.layer}: choose 1 to {layers}."
        )
    if settings.head is not None and not 0 <= settings.head < heads:
        raise ValueError(
            f"{reading.entry.name} has no attention head {settings.head}: choose 0 to {heads - 1}."
        )
    return settings.layer or layers, settings.head


def show_heads(
    reading: AttentionReading,
    choice: Choice,
    settings: Settings,
    mark: Span | None,
    side: str,
    window: tuple[int, int] | None,
) -> Shown:
    chosen = chosen_in(reading, settings)
    shown: dict[str, Any] = {"words": choice.words, "special": settings.special}

    def glance() -> tuple[Plot, np.ndarray, float]:
        plot = picture("encoder_heads", [reading.entry], choice, **shown)
        assert isinstance(plot.mark, HeatMap)
        assert reading.traces[0].attentions is not None
        tiles = encoder.tiles(plot.mark, reading.traces[0].attentions.shape[:2])
        return plot, tiles, plot.mark.bounds[1]

    plot, tiles, tall = kept(reading, "glance", tuple(shown.items()), glance)
    assert reading.axis is not None
    if window is not None and window[0] >= len(reading.axis.units):
        window = None
    part = None if window is None else list(window)

    def in_large() -> Plot:
        place: dict[str, Any] = {
            "layer": settings.layer or None,
            "head": settings.head,
            "window": part,
        }
        return picture("encoder_head", [reading.entry], choice, **place, **shown)

    big = kept(reading, "large", (*shown.items(), chosen, window), in_large)
    assert isinstance(big.mark, HeatMap)
    units: list[tuple[Span, bool, bool]] = []
    labels = big.mark.rows
    inside = reading.axis.units if window is None else reading.axis.units[window[0] : window[1]]
    if len(labels) == len(inside):
        tokens = reading.axis.tokens
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
            _coarse_labels(reading, tiles.shape[-1]),
            "Rows: layers. Columns: attention heads. Point to read.",
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

    plots = {HEADS: plot, LARGE: big}
    return Shown(reading.entry.id, plots, tall, max(float(values_of(big).max()), 1e-9), body)


def kept(reading: AttentionReading, what: str, settings: Hashable, make: Callable[[], T]) -> T:
    """A value that a page derives of an entry's attentions, made once for all runs."""
    keys = tuple(key_of(member, make, ()) for member in reading.subject.members)
    return once((what, keys, settings), make)


def lines_of(notes: Sequence[str]) -> str:
    """HTML of the notes below a picture."""
    return "".join(f'<div class="line">{text(note)}</div>' for note in notes)


def _coarse_labels(reading: AttentionReading, side: int) -> list[str]:
    assert reading.axis is not None
    labels = reading.axis.labels
    step = -(-len(labels) // side)
    if step == 1:
        return list(labels)
    return [
        f"{labels[i]} … {labels[min(i + step, len(labels)) - 1]}"
        for i in range(0, len(labels), step)
    ]


def show_token(
    reading: AttentionReading,
    choice: Choice,
    settings: Settings,
    mark: Span | None,
    side: str,
    window: tuple[int, int] | None,
) -> Shown:
    _, head = chosen_in(reading, settings)
    trace = reading.traces[0]
    token = marked_token(trace.tokens, mark, trace.read_token)
    shown: dict[str, Any] = {"token": token, "side": side, "head": head}
    shown |= {"words": choice.words, "special": settings.special}
    plot = kept(
        reading,
        "token",
        tuple(shown.items()),
        lambda: picture("token_attention", [reading.entry], choice, **shown),
    )
    spread = None
    if reading.entry.is_group:
        each = [
            values_of(picture("token_attention", [Entry(member.id, (member,))], choice, **shown))
            for member in reading.entry.members
        ]
        spread = over_attention.spread(each)
    return _by_layer(reading, plot, settings, mark, spread)


def show_rollout(
    reading: AttentionReading,
    choice: Choice,
    settings: Settings,
    mark: Span | None,
    side: str,
    window: tuple[int, int] | None,
) -> Shown:
    plot = picture("rollout", [reading.entry], choice, words=choice.words, special=settings.special)
    assert reading.axis is not None
    rows = reading.subject.each(results.cls_rollout)
    spread = over_attention.spread([reading.axis.take(row) for row in rows])
    return _by_layer(reading, plot, settings, mark, spread)


def _by_layer(
    reading: AttentionReading,
    plot: Plot,
    settings: Settings,
    mark: Span | None,
    spread: np.ndarray | None,
) -> Shown:
    """Tokens down, layers across; `spread` is (L, U), over the seeds of a group."""
    assert isinstance(plot.mark, HeatMap)
    assert reading.axis is not None
    rows, axis = values_of(plot), reading.axis

    def body(limit: float, deep: float) -> str:
        columns = [
            html.Column(
                str(layer),
                values,
                "broad heat",
                limit,
                "layer",
                f"layer {layer}",
                on=layer == settings.layer,
                spread=None if spread is None else spread[layer - 1],
            )
            for layer, values in enumerate(rows, start=1)
        ]
        title = f'<div class="title">{text(plot.title)}</div>'
        return title + html.table(axis, columns, mark) + lines_of(plot.notes)

    return Shown(reading.entry.id, {plot.title: plot}, float(rows.max()), body=body)
