"""HTML of matrices on the Attention page: small ones, a large one, grids of attention heads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

from analysis.figures.screen import packed
from analysis.figures.style.style import number, printable
from pages.ui.attention.tables import place_of
from pages.ui.kit.cards import Span
from pages.ui.kit.places import text

if TYPE_CHECKING:
    import numpy as np


_LABELS = 36  # labels on one side of a matrix: more would stand on each other


def canvas(values: np.ndarray, limit: float, name: str = "") -> str:
    """A matrix as a picture; 16 bits a cell are below what anybody reads off it."""
    cells, top = packed.cells(values)
    height, width = values.shape
    return (
        f'<canvas width="{width}" height="{height}" data-top="{top:.6g}" data-limit="{limit:.6g}"'
        f' data-name="{text(name)}" data-cells="{cells}"></canvas>'
    )


def picture(body: str, labels: Sequence[str], hint: str) -> str:
    """Matrices that share their labels, with a line that reads out the cell under the pointer."""
    names = escape(json.dumps([printable(label) for label in labels]), quote=True)
    shown_hint = text(hint)
    return (
        f'<div class="picture" data-labels="{names}">{body}'
        f'<div class="readout" data-hint="{shown_hint}" dir="auto">{shown_hint}</div></div>'
    )


def mosaic(tiles: np.ndarray, limit: float, chosen: tuple[int, int | None]) -> str:
    """(L, H, S, S) -> one small matrix for every attention head; a click chooses it."""
    layers, heads = tiles.shape[:2]
    parts = ["<span></span>"]
    parts += [f"<span{_on(head == chosen[1])}>{head}</span>" for head in range(heads)]
    for layer in range(1, layers + 1):
        parts.append(f"<span{_on(layer == chosen[0])}>{layer}</span>")
        for head in range(heads):
            name = f"layer {layer}, attention head {head}"
            on = " on" if (layer, head) == chosen else ""
            # The boxes for layer and attention head serve the keyboard: 144 stops would not.
            parts.append(
                f'<div class="tile{on}" data-head="{layer} {head}" title="{name}">'
                f"{canvas(tiles[layer - 1, head], limit, name + ': ')}</div>"
            )
    return f'<div class="mosaic" style="--heads:{heads}">{"".join(parts)}</div>'


def _on(chosen: bool) -> str:
    return ' class="on"' if chosen else ""


def large(
    values: np.ndarray,
    labels: Sequence[str],
    limit: float,
    units: Sequence[tuple[Span, bool, bool]] = (),
    per_cell: int = 1,
) -> str:
    """One matrix with its labels; `units` are (span, special, marked), or () where coarsened.

    A coarse cell of `per_cell` units is labelled by the place of its first one.
    """
    count = len(labels)
    step = -(-count // _LABELS)
    ticks = []
    for index, label in enumerate(labels):
        if index % step:
            continue
        classes, data = ["tick"], ""
        if units:
            span, special, marked = units[index]
            classes += ["tok"] + ["special"] * special + ["marked"] * marked
            data = place_of(span)
        ticks.append(
            f'<span class="{" ".join(classes)}"{data} title="{text(label)}">'
            f"{text(label) if units else index * per_cell + 1}</span>"
        )
    bands = ""
    for index, (_, _, marked) in enumerate(units):
        if marked:
            at, size = 100 * index / count, 100 / count
            bands += f'<div class="band" style="left:0;right:0;top:{at:.3f}%;height:{size:.3f}%">'
            bands += "</div>"
            bands += f'<div class="band" style="top:0;bottom:0;left:{at:.3f}%;width:{size:.3f}%">'
            bands += "</div>"
    small = "" if count <= 24 else ' style="--tick:.6rem"'
    return (
        f'<div class="large"{small}><span></span><div class="top" dir="ltr">{"".join(ticks)}</div>'
        f'<div class="left" dir="ltr">{"".join(ticks)}</div>'
        f'<div class="field">{canvas(values, limit)}{bands}</div></div>'
    )


def heads_grid(
    values: np.ndarray,
    limit: float,
    chosen: tuple[int, int | None],
    hint: Callable[[int, int], str],
) -> str:
    """(L, H) one cell for every attention head; a click chooses it, hover shows `hint`."""
    layers, heads = values.shape
    parts = ["<span></span>"]
    parts += [f"<span>{head}</span>" for head in range(heads)]
    for layer in range(1, layers + 1):
        parts.append(f"<span>{layer}</span>")
        for head in range(heads):
            on = " on" if (layer, head) == chosen else ""
            share = min(max(float(values[layer - 1, head]) / limit, 0.0), 1.0)
            parts.append(
                f'<i class="heat{on}" data-head="{layer} {head}" style="--v:{100 * share:.0f}"'
                f' title="layer {layer}, attention head {head}: {text(hint(layer, head))}"></i>'
            )
    layout = f"1.5em repeat({heads}, minmax(0, 1fr))"
    return f'<div class="cells" style="--columns:{layout}">{"".join(parts)}</div>'


def masses_grid(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    spread: np.ndarray | None = None,
) -> str:
    """(R, C) percent with the numbers written in: from each part of the input into each.

    `spread` is (R, C), the standard deviation over seeds, told on hover.
    """
    parts = ["<span></span>", *(f"<span>{text(name)}</span>" for name in columns)]
    for at, (name, row) in enumerate(zip(rows, values, strict=True)):
        parts.append(f'<span class="from">{text(name)}</span>')
        for column, value in enumerate(row.tolist()):
            dark = " dark" if value > 55 else ""
            phrase = number(value, "percent") + " %"
            phrase += "" if spread is None else f" ± {spread[at, column]:.1f}"
            parts.append(
                f'<i class="heat wide{dark}" style="--v:{value:.0f}" title="{phrase}">'
                f"{number(value, 'percent')}</i>"
            )
    layout = f"minmax(6em, max-content) repeat({len(columns)}, minmax(0, 1fr))"
    return f'<div class="cells" style="--columns:{layout}">{"".join(parts)}</div>'
