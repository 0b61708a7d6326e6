"""Views of the encoder's attention: all attention heads, one in large, numbers of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import HeatMap
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.attention import chosen_heads, named_head
from analysis.figures.views.source import cut_note, provenance_of
from analysis.figures.views.token_axis import TokenAxis, layer_labels, token_axis
from analysis.reading import attention

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.attention import BlockMasses, HeadDistance, HeadEntropy
    from analysis.reading.trace import Trace
    from analysis.text.tokens import Tokens

# Cells of one picture: what a screen can show, and far below the megabytes a browser would get.
MOSAIC_CELLS = 40_000
MATRIX_SIDE = 128
OWN_ROW = "the pooling head"  # first row of the view "blocks", where it has attention


@view("encoder_heads")
def encoder_heads(
    trace: Trace,
    words: bool = False,
    special: bool = True,
    limit: float | None = None,
    chosen: tuple[int, int] | None = None,
) -> Plot:
    """All layers x attention heads of the encoder at a glance: one small matrix each.

    Long texts are coarsened: a cell is summed over its keys and averaged over its queries, as
    from pieces to words. `chosen` is (layer, attention head). `mosaic_place` finds what a cell
    belongs to.
    """
    attentions = attention.encoder_attention(trace)
    layers, heads = attentions.shape[:2]
    axis = token_axis(trace.tokens, words, special)
    small = _reduced(attentions, axis, mosaic_side(trace))
    side = small.shape[-1]
    pitch = side + _gap(side)
    cells = np.full((layers * pitch - _gap(side), heads * pitch - _gap(side)), np.nan)
    for layer in range(layers):
        for head in range(heads):
            top, left = layer * pitch, head * pitch
            cells[top : top + side, left : left + side] = small[layer, head]
    middle = side // 2
    rows, columns = [""] * cells.shape[0], [""] * cells.shape[1]
    for layer in range(layers):
        rows[layer * pitch + middle] = layer_labels([layer + 1], chosen and chosen[0])[0]
    for head in range(heads):
        columns[head * pitch + middle] = layer_labels([head], chosen and chosen[1])[0]
    merged = -(-len(axis.units) // side)
    notes = axis.hidden_mass(attentions, (0, len(axis.units)))
    if merged > 1:
        notes = (f"Each cell stands for {merged} x {merged} {axis.label}s.", *notes)
    return Plot(
        view="encoder_heads",
        title="Attention of the encoder",
        mark=HeatMap(
            values=cells.astype(np.float32),
            rows=tuple(rows),
            columns=tuple(columns),
            row_label="layer",
            column_label="attention head",
            value_label="attention (query down, key across)",
            scale="sequential",
            # one bright diagonal would leave all else dark
            limits=(0.0, limit or max(float(np.nanquantile(cells, 0.99)), 1e-9)),
        ),
        params={"words": words, "special": special, "limit": limit},
        provenance=provenance_of([trace.checkpoint], trace.tokens, view="encoder_heads"),
        notes=(
            "The darkest shade stands for the top 1 % of the cells.",
            *notes,
            *cut_note([trace.tokens]),
        ),
        caption="Attention of the encoder, layers by attention heads; in each matrix queries run "
        "down and keys across.",
    )


def mosaic_side(trace: Trace) -> int:
    """Cells on each side of one matrix in the view "encoder_heads", at most."""
    layers, heads = attention.encoder_attention(trace).shape[:2]
    return max(4, int((MOSAIC_CELLS / (layers * heads)) ** 0.5 / 1.125) - 1)


def mosaic_place(
    trace: Trace, row: int, column: int, words: bool = False, special: bool = True
) -> tuple[int, int]:
    """(layer 1 .. L, attention head) of a cell of the view "encoder_heads" drawn alike."""
    units = len(token_axis(trace.tokens, words, special).units)
    side = -(-units // -(-units // mosaic_side(trace)))
    pitch = side + _gap(side)
    return row // pitch + 1, column // pitch


def _gap(side: int) -> int:
    """Empty cells between two matrices: one would be lost to the eye beside many."""
    return 1 + side // 8


@view("encoder_head")
def encoder_head(
    trace: Trace,
    layer: int,
    head: int | None = None,
    words: bool = False,
    special: bool = True,
    window: tuple[int, int] | None = None,
    limit: float | None = None,
    chosen_token: int | None = None,
) -> Plot:
    """One attention matrix in large: queries down, keys across; one attention head or their mean.

    Beyond 128 units the matrix is coarsened, as in "encoder_heads"; `window` (first, behind the
    last unit) shows a part in full.

    Raises
    ------
    ValueError
        There is no such layer, or the window is empty.
    """
    attentions = attention.encoder_attention(trace)
    if not 1 <= layer <= len(attentions):
        raise ValueError(f"layer {layer} has no attention: choose 1 to {len(attentions)}")
    axis = token_axis(trace.tokens, words, special, chosen_token)
    matrix = chosen_heads(attentions[layer - 1 : layer], head)[0]
    labels = list(axis.labels)
    notes = axis.hidden_mass(matrix, window or (0, len(axis.units)))
    if window is not None:
        labels = labels[window[0] : window[1]]
        if not labels:
            raise ValueError(f"window {window} holds no {axis.label}: there are {len(axis.labels)}")
    count = len(labels)
    coarse = _reduced(matrix, axis, MATRIX_SIDE, window)
    step = -(-count // len(coarse))
    if step > 1:
        labels = [
            f"{labels[i]} … {labels[min(i + step, count) - 1]}" for i in range(0, count, step)
        ]
        notes = (f"Each cell stands for {step} x {step} {axis.label}s.", *notes)
    return Plot(
        view="encoder_head",
        title=f"Layer {layer}, {named_head(head)}",
        mark=HeatMap(
            values=coarse,
            rows=tuple(labels),
            columns=tuple(labels),
            row_label="query",
            column_label="key",
            value_label="attention",
            scale="sequential",
            limits=(0.0, limit or max(float(coarse.max()), 1e-9)),
        ),
        params={
            "layer": layer,
            "head": head,
            "words": words,
            "special": special,
            "window": window,
            "limit": limit,
        },
        provenance=provenance_of([trace.checkpoint], trace.tokens, view="encoder_head"),
        notes=notes + cut_note([trace.tokens]),
        caption=f"Attention of layer {layer}, {named_head(head)}: queries down, keys across.",
    )


@view("head_summary")
def head_summary(
    result: HeadEntropy | HeadDistance,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
) -> Plot:
    """One number for every attention head of the encoder: entropy (share of log T) or distance."""
    if isinstance(result, attention.HeadEntropy):
        values, limits = result.normalised, (0.0, 1.0)
        label = "entropy / log T"
        note = f"Entropy in nats runs from 0 to log {result.length} = {np.log(result.length):.2f}."
    else:
        values, label = result.tokens, "mean distance (tokens)"
        limits = (0.0, max(float(values.max()), result.uniform))
        note = f"Uniform attention gives {result.uniform:.1f}."
    layers, heads = values.shape
    return Plot(
        view="head_summary",
        title=f"Attention heads of the encoder: {label}",
        mark=HeatMap(
            values=values,
            rows=layer_labels(range(1, layers + 1)),
            columns=tuple(str(h) for h in range(heads)),
            row_label="layer",
            column_label="attention head",
            value_label=label,
            scale="sequential",
            limits=limits,
        ),
        params={"measure": "entropy" if hasattr(result, "normalised") else "distance"},
        provenance=provenance_of([checkpoint], tokens, view="head_summary"),
        notes=(note,),
        caption=f"Attention heads of the encoder: {label}. {note}",
    )


@view("blocks")
def blocks(
    masses: BlockMasses,
    layer: int | None = None,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
    head: int | None = None,
    own: np.ndarray | None = None,
) -> Plot:
    """Attention within a text and across a pair: the mass from each block into each.

    `masses` are BlockMasses of (L, H, T, T), or of less where neither `layer` (1 .. L) nor `head`
    is asked for; what is left over is averaged. `own` is (P, B), the mass of each attention head
    of the pooling head into each block: their mean stands in a first row.
    """
    values = np.asarray(masses.values, float)
    if head is not None:
        values = values[..., head, :, :]
    if layer is not None:
        values = values[layer - 1]
    values = values.reshape(-1, *values.shape[-2:]).mean(axis=0)
    where = "all layers" if layer is None else f"layer {layer}"
    rows, first = tuple(masses.blocks), ""
    if own is not None:
        values = np.vstack([np.asarray(own, float).mean(axis=0), values])
        rows, first = (OWN_ROW, *rows), "; first row: the pooling head's own attention"
    return Plot(
        view="blocks",
        title=f"Attention between the parts of the input, {where}",
        mark=HeatMap(
            values=100 * values,
            rows=rows,
            columns=masses.blocks,
            row_label="from",
            column_label="into",
            value_label="mass (%)",
            scale="sequential",
            limits=(0.0, 100.0),
        ),
        params={"layer": layer, "head": head, "own": own is not None},
        provenance=provenance_of([checkpoint], tokens, view="blocks"),
        notes=(f"Rows sum to 100 %; {where}, {named_head(head)}.",),
        caption=f"Attention between the parts of the input, {where}, {named_head(head)}{first}; "
        "rows sum to 100 %.",
    )


def _reduced(
    attentions: np.ndarray, axis: TokenAxis, side: int, window: tuple[int, int] | None = None
) -> np.ndarray:
    """(..., T, T) -> (..., S, S), S <= `side`: summed into units and cells, averaged from them.

    As two products with small matrices: 144 matrices of 512 tokens take a moment, not seconds.
    """
    pieces = np.eye(len(axis.tokens.ids), dtype=attentions.dtype)
    keys, queries = axis.take(pieces), axis.take(pieces, how="mean").T
    if window is not None:
        keys, queries = keys[:, window[0] : window[1]], queries[window[0] : window[1]]
    units = len(queries)
    starts = np.arange(0, units, -(-units // side))
    sizes = np.diff(np.append(starts, units))
    keys = np.add.reduceat(keys, starts, axis=1)
    queries = np.add.reduceat(queries, starts, axis=0) / sizes[:, None].astype(attentions.dtype)
    return np.asarray(queries @ (attentions @ keys))


def tiles(mark: HeatMap, shape: tuple[int, int]) -> np.ndarray:
    """(L, H, S, S) the matrices of the view "encoder_heads", without the gaps between them.

    `shape` is (layers, attention heads).
    """
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
