"""Views of what becomes of a token on its way up the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Grid, HeatMap
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.depth import lines_of
from analysis.figures.views.source import (
    cut_note,
    groups_of,
    name_of,
    names_of,
    provenance_of,
)
from analysis.figures.views.source import target_label as label_of_class
from analysis.figures.views.token_axis import layer_labels

if TYPE_CHECKING:
    from analysis.checkpoints.profiles import Profile
    from analysis.reading.layer_similarity import LayerCka
    from analysis.reading.trace import Trace

VALUES = {
    "raw": "value",
    "standardised": "standard deviations from the corpus mean",
    "difference": "change from the layer before",
    "reference": "difference to the reference text",
}
ORDERS = ("natural", "final", "weight", "top")


@view("cls_by_layer")
def cls_by_layer(
    trace: Trace,
    token: int = 0,
    values: str = "raw",
    order: str = "natural",
    weights: np.ndarray | None = None,
    profile: Profile | None = None,
    reference: Trace | None = None,
    top: int = 30,
    limit: float | None = None,
    chosen: int | None = None,
    target: int | None = None,
) -> Plot:
    """The vector of [CLS] (or of another token) by layer: layers x dimensions.

    `values` is "raw", "standardised" (needs a `profile` with moments), "difference" (to the
    layer before) or "reference" (minus the same token's vector in the trace `reference`).
    `order` of the dimensions is "natural", "final" (by the value in the last layer), "weight"
    (by `weights` (d,), see `analysis.layers.dimension_weights`) or "top" (the `top` with the
    largest weight times value in the last layer); `target` is the class that the weights are of.
    `chosen` is a layer to mark.

    Raises
    ------
    ValueError
        There are no such values or order, or the dimensions have no weight for a class.
    """
    if values not in VALUES:
        raise ValueError(f"values is {values!r}; known: {', '.join(VALUES)}")
    if order not in ORDERS:
        raise ValueError(f"order is {order!r}; known: {', '.join(ORDERS)}")
    if order in ("weight", "top") and weights is None:
        raise ValueError(
            "dimensions have no weight for a class here (no split): order them by 'natural' "
            "or 'final'"
        )
    hidden = np.asarray(trace.hidden[:, token], float)
    shown = _shown(hidden, values, token, profile, reference)
    dimensions = _ordered(hidden[-1], order, weights, top)
    cells = shown[:, dimensions]
    bound = None if limit is None else (-limit, limit)
    name = trace.tokens.labels[token]
    return Plot(
        view="cls_by_layer",
        title=f"{name} by layer",
        mark=HeatMap(
            values=cells,
            rows=layer_labels(range(len(hidden)), chosen),
            columns=tuple(str(d) for d in dimensions.tolist()),
            row_label="layer",
            column_label="dimension",
            value_label=VALUES[values],
            limits=bound,
        ),
        params={
            "token": token,
            "values": values,
            "order": order,
            "top": top,
            "limit": limit,
            "target": target,
        },
        provenance=provenance_of(
            [trace.checkpoint],
            trace.tokens,
            view="cls_by_layer",
            reference=getattr(getattr(reference, "tokens", None), "text", None),
            target=None if target is None else label_of_class(trace.checkpoint, target),
        ),
        notes=cut_note([trace.tokens]),
        caption=f"{name} by layer (0: embeddings), {len(dimensions)} of {hidden.shape[1]} "
        f"dimensions: {VALUES[values]}.",
    )


def maps_of(plot: Plot) -> list[HeatMap]:
    """The heat maps of a picture."""
    panels = plot.mark.panels if isinstance(plot.mark, Grid) else (plot.mark,)
    return [panel for panel in panels if isinstance(panel, HeatMap)]


def full_colour(plot: Plot) -> float:
    """The size that 99 % of the cells of all its heat maps stay below; 1 without any cell.

    A handful of dimensions is ten times larger than the rest: scaled to them, all others would be
    white.
    """
    finite = np.concatenate([np.abs(m.values[np.isfinite(m.values)]) for m in maps_of(plot)])
    return float(np.quantile(finite, 0.99)) if finite.size else 1.0


def scale_notes(plot: Plot, values: str, order: str, limit: float | None) -> tuple[str, ...]:
    """Notes on the colours: their limits, the number of cells beyond, and empty cells."""
    maps = maps_of(plot)
    finite = np.concatenate([np.abs(m.values[np.isfinite(m.values)]) for m in maps])
    notes = []
    if limit is not None:
        beyond = float((finite > limit).mean()) if finite.size else 0.0
        notes.append(
            f"{VALUES[values].capitalize()}; full colour at ±{limit:g}"
            + (
                f", which {100 * beyond:.1f} % of the cells exceed (largest {finite.max():.3g})."
                if beyond
                else "."
            )
        )
    if any(np.isnan(m.values).any() for m in maps):
        notes.append(
            "Empty cells: nothing lies before layer 0."
            if values == "difference"
            else "Empty cells are the same in every text."
        )
    if order != "natural" and len(maps) > 1:
        notes.append("Each checkpoint has its own order of dimensions.")
    return tuple(notes)


def _shown(
    hidden: np.ndarray, values: str, token: int, profile: Profile | None, reference: Trace | None
) -> np.ndarray:
    if values == "difference":
        return np.concatenate([np.full((1, hidden.shape[1]), np.nan), np.diff(hidden, axis=0)])
    if values == "standardised":
        kind = "cls" if token == 0 else "token"
        mean = getattr(profile, f"{kind}_mean", None)
        if mean is None:
            raise ValueError(
                "this checkpoint's profile holds no mean and deviation by layer: measure it again, "
                "or show raw values"
            )
        deviation = getattr(profile, f"{kind}_deviation")
        # A dimension that never moves ([CLS] before the first layer) has no scale of its own.
        still = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
        return np.asarray(np.where(still, np.nan, (hidden - mean) / np.where(still, 1, deviation)))
    if values == "reference":
        if reference is None or token >= reference.hidden.shape[1]:
            raise ValueError("give a reference text that has a token at this position")
        if reference.hidden.shape[0] != len(hidden):
            raise ValueError("the reference text was read by another encoder")
        return np.asarray(hidden - reference.hidden[:, token])
    return hidden


def _ordered(final: np.ndarray, order: str, weights: np.ndarray | None, top: int) -> np.ndarray:
    if order == "final":
        return np.argsort(-final, kind="stable")
    if weights is None or order == "natural":
        return np.arange(len(final))
    if order == "weight":
        return np.argsort(-weights, kind="stable")
    return np.argsort(-np.abs(weights * final), kind="stable")[: max(1, top)]


@view("dimension")
def dimension(
    traces: Trace | Sequence[Trace | Sequence[Trace]],
    index: int,
    token: int = 0,
    names: Sequence[str] | None = None,
) -> Plot:
    """One dimension of [CLS] (or of another token) by layer.

    `traces` is a Trace, or a list whose entries are Traces or lists of them (a seed group: mean,
    and a band of one standard deviation).

    Raises
    ------
    ValueError
        There is no trace or dimension, or the encoders differ in their size.
    """
    entries = groups_of(traces)
    if not entries or not all(entries):
        raise ValueError("no dimension to draw: give at least one trace")
    sizes = {trace.hidden.shape[::2] for entry in entries for trace in entry}
    if len(sizes) > 1:
        raise ValueError("these encoders differ in layers or dimensions: draw them one by one")
    ((_, size),) = sizes
    if not 0 <= index < size:
        raise ValueError(f"dimension {index} does not exist: there are 0 to {size - 1}")
    owners = [entry[0].checkpoint for entry in entries]
    names = list(names or names_of(owners))
    tokens = entries[0][0].tokens
    name = tokens.labels[token]
    rows = [[trace.hidden[:, token, index] for trace in entry] for entry in entries]
    return Plot(
        view="dimension",
        title=f"Dimension {index} of {name} by layer",
        mark=lines_of(rows, names, f"value of dimension {index}"),
        params={"index": index, "token": token, "names": names},
        provenance=provenance_of(
            [trace.checkpoint for entry in entries for trace in entry],
            tokens,
            view="dimension",
            token=token,
            dimension=index,
        ),
        notes=cut_note([tokens]),
        caption=f"Dimension {index} of {name} by layer (0: embeddings).",
    )


@view("cka")
def cka(result: LayerCka) -> Plot:
    """Debiased linear CKA between the layers of two checkpoints: 0 unrelated, 1 the same."""
    first, second = result.checkpoints
    rows, columns = result.values.shape
    row_name, column_name = name_of(first, 0), name_of(second, 1)
    vector = "[CLS]" if result.of == "cls" else "the mean over tokens"
    return Plot(
        view="cka",
        title="Similarity of layers",
        mark=HeatMap(
            values=result.values,
            rows=layer_labels(range(rows)),
            columns=layer_labels(range(columns)),
            row_label=f"layer of {row_name}",
            column_label=f"layer of {column_name}",
            value_label="debiased linear CKA",
            scale="sequential",
            limits=(0.0, 1.0),
        ),
        params={"of": result.of},
        provenance=provenance_of([first, second], view="cka", sentences=result.sentences),
        notes=(f"Over {result.sentences} sentences. Empty: {vector} is the same in all of them.",)
        if np.isnan(result.values).any()
        else (f"Over {result.sentences} sentences.",),
        caption=f"Debiased linear CKA of {vector} between the layers of {row_name} and "
        f"{column_name}, over {result.sentences} sentences.",
    )
