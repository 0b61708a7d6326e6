"""Sums of the encoder's attention: a number for each head, masses between parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.common import arrays
from analysis.figures.marks import HeatMap
from analysis.figures.recipes import results
from analysis.reading import attention, over_attention
from pages.ui.attention import matrices
from pages.ui.attention.encoder_views import (
    HEADS,
    PARTS,
    ROLLOUT,
    SPREAD,
    TOKEN,
    Shown,
    chosen_in,
    lines_of,
    show_heads,
    show_rollout,
    show_token,
)
from pages.ui.attention.reading import AttentionReading, Settings
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit.cards import Span
from pages.ui.kit.places import text

if TYPE_CHECKING:
    import numpy as np


def show_spread(
    reading: AttentionReading,
    choice: Choice,
    settings: Settings,
    mark: Span | None,
    side: str,
    window: tuple[int, int] | None,
) -> Shown:
    entropies, distances = (
        reading.subject.each(results.head_entropy),
        reading.subject.each(results.head_distance),
    )
    entropy = arrays.stacked([each.normalised for each in entropies])
    distance = arrays.stacked([each.tokens for each in distances])
    chosen = (settings.layer or 0, settings.head)
    plots = {
        "Entropy": picture("head_summary", [reading.entry], choice, measure="entropy"),
        "Distance": picture("head_summary", [reading.entry], choice, measure="distance"),
    }

    def body(limit: float, deep: float) -> str:
        parts = []
        every = (("Entropy", entropy, "of log T"), ("Distance", distance, "tokens"))
        farthest = max(arrays.largest(arrays.row_or_mean(distance, None)), distances[0].uniform)
        for name, values, unit in every:
            mean = arrays.row_or_mean(values, None)
            bound = 1.0 if name == "Entropy" else farthest

            def hint(layer: int, head: int, values: np.ndarray = values, unit: str = unit) -> str:
                return f"{over_attention.spread_in_words(values, layer, head)} {unit}"

            note = plots[name].notes[0]
            parts.append(
                f'<div class="title">{name}</div>{matrices.heads_grid(mean, bound, chosen, hint)}'
                f'<div class="line">{text(note)}</div>'
            )
        return "".join(parts)

    return Shown(reading.entry.id, plots, body=body)


def show_parts(
    reading: AttentionReading,
    choice: Choice,
    settings: Settings,
    mark: Span | None,
    side: str,
    window: tuple[int, int] | None,
) -> Shown:
    masses = reading.subject.each(results.block_masses)
    layer, head = chosen_in(reading, settings)
    own = _own_masses(reading)
    plot = picture(
        "blocks",
        [reading.entry],
        choice,
        layer=settings.layer or -1,
        head=head,
        own=own is not None,
    )
    assert isinstance(plot.mark, HeatMap)
    spread = None
    if reading.entry.is_group:
        spread = 100 * over_attention.spread_of_masses(masses, layer, head, own)
    values, blocks = plot.mark.values, plot.mark.columns

    def body(limit: float, deep: float) -> str:
        grid = matrices.masses_grid(
            values,
            [f"from {name}" for name in plot.mark.rows],  # type: ignore[union-attr]
            [f"into {name}" for name in blocks],
            spread,
        )
        return grid + lines_of(plot.notes)

    return Shown(reading.entry.id, {PARTS: plot}, body=body)


def _own_masses(reading: AttentionReading) -> list[np.ndarray] | None:
    """(P, B) for each member: the pooling head's attention into each part of the input."""
    try:
        return [
            attention.row_masses(attention.pooling_attention(trace), trace.tokens)
            for trace in reading.traces
        ]
    except ValueError:
        return None


SHOW = {
    HEADS: show_heads,
    TOKEN: show_token,
    ROLLOUT: show_rollout,
    SPREAD: show_spread,
    PARTS: show_parts,
}
