"""What the encoder's attention comes down to: a number for each head, masses between parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from analysis.figures.marks import HeatMap
from analysis.figures.views import encoder
from analysis.reading import attention
from pages.ui.attention import engine as heard
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
from pages.ui.attention.reading import Listener, Wanted, checkpoint_of
from pages.ui.frame.inputs import Choice
from pages.ui.kit.cards import Span
from pages.ui.kit.places import text


def show_spread(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair) for m in one.entry.members]
    entropy = np.stack([each.entropy.normalised for each in found])
    distance = np.stack([each.distance.tokens for each in found])
    who = checkpoint_of(one)
    tokens, chosen = one.traces[0].tokens, (wanted.layer or 0, wanted.head)
    plots = {
        "Entropy": encoder.head_summary(
            replace(found[0].entropy, normalised=entropy.mean(axis=0)), who, tokens
        ),
        "Distance": encoder.head_summary(
            replace(found[0].distance, tokens=distance.mean(axis=0)), who, tokens
        ),
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
                f'<div class="title">{name}</div>{matrices.heads_grid(mean, bound, chosen, told)}'
                f'<div class="line">{text(note)}</div>'
            )
        return "".join(parts)

    return Shown(one.entry.id, plots, body=body)


def show_parts(
    one: Listener, choice: Choice, wanted: Wanted, mark: Span | None, side: str, window: Any
) -> Shown:
    found = [heard.summary(m, choice.text, choice.pair).blocks for m in one.entry.members]
    each = np.stack([blocks.values for blocks in found])  # (M, L, H, B, B)
    layer, head = chosen_in(one, wanted)
    own = _own_masses(one)
    plot = encoder.blocks(
        replace(found[0], values=each.mean(axis=0)),
        layer,
        checkpoint_of(one),
        one.traces[0].tokens,
        head,
        None if own is None else np.concatenate(own),
    )
    assert isinstance(plot.mark, HeatMap)
    spread = None
    if len(found) > 1:
        one_layer = each[:, layer - 1]
        by_seed = one_layer.mean(axis=1) if head is None else one_layer[:, head]
        rows = (
            by_seed
            if own is None
            else np.concatenate(
                [np.stack([masses.mean(axis=0) for masses in own])[:, None], by_seed], axis=1
            )
        )
        spread = 100 * rows.std(axis=0, ddof=1)
    values, blocks = plot.mark.values, plot.mark.columns

    def body(limit: float, deep: float) -> str:
        grid = matrices.masses_grid(
            values,
            [f"from {name}" for name in plot.mark.rows],  # type: ignore[union-attr]
            [f"into {name}" for name in blocks],
            spread,
        )
        return grid + lines_of(plot.notes)

    return Shown(one.entry.id, {PARTS: plot}, body=body)


def _own_masses(one: Listener) -> list[np.ndarray] | None:
    """(P, B) for each member: the pooling head's attention into each part of the input."""
    try:
        return [
            attention.row_masses(attention.pooling_attention(trace), trace.tokens)
            for trace in one.traces
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
