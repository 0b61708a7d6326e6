"""The vector by layer as a heat map, layers x dimensions, for every chosen checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import streamlit as st

from analysis.checkpoints import profiles
from analysis.common.faults import reason
from analysis.figures import view as draw
from analysis.figures.marks import Grid, HeatMap
from analysis.figures.plot import Plot
from analysis.figures.views.layers import VALUES
from analysis.reading import groups
from analysis.text.tokens import clean
from pages.ui.engine import models
from pages.ui.engine.replies import common_limit
from pages.ui.frame import address
from pages.ui.frame.inputs import Choice
from pages.ui.kit import cards, selection
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import title_row, titled
from pages.ui.layers import dimension, heat_map_drawing
from pages.ui.layers.engine import Way

_VALUES = {
    "raw": "raw",
    "standardised": "standardised",
    "difference": "change",
    "reference": "against a text",
}
_ORDERS = {
    "natural": "natural",
    "final": "last layer",
    "weight": "weight for the class",
    "top": "what matters most",
}
_ABOUT = {
    "raw": "The hidden states as they are, dimension by dimension; a few dimensions of a "
    "Transformer are large in every text, and that says nothing about this one.",
    "standardised": "Hidden states in standard deviations from their mean over the checkpoint's "
    "corpus, per layer and dimension: what is unusual about this text, not what matters for it.",
    "difference": "What each layer adds to the vector, dimension by dimension (layer minus the "
    "layer before); it does not say which part of the layer added it.",
    "reference": "The vector of this text minus that of the other text at the same position: what "
    "the change of words changed, not whether the pooling head uses it.",
}
_WEIGHT = (
    " Weight: what one unit of a dimension of the last layer adds to the class's logit "
    "minus the mean of the others; attention taken as it is."
)
MOST = 4


@dataclass(frozen=True)
class Wanted:
    """How the heat maps are drawn."""

    values: str
    order: str
    top: int
    reference: str


def draw_map(
    ways: Sequence[Way], choice: Choice, layer: int | None
) -> tuple[dict[str, np.ndarray], dict[str, tuple[Any, ...]]]:
    """The heat maps under their controls.

    Returns cosines to the reference text by checkpoint, and its traces.
    """
    with st.container(border=True, key="panel-map"):
        head = title_row("map")
        wanted = _controls(choice)
        references, problem = _references(ways, choice, wanted)
        plots, said = [], [problem] if problem else []
        for way in ways[:MOST] if not problem else ():
            try:
                plots.append(_plot(way, choice, wanted, references.get(way.entry.id, ()), layer))
            except Exception as error:
                said.append(
                    f"{cards.plain(way.entry.id)}: {cards.plain(reason(error, way.entry.id))}"
                )
        if len(ways) > MOST:
            said.append(f"The first {MOST} checkpoints are drawn; choose fewer to see the others.")
        plot = _together(plots, choice, wanted) if plots else None
        about = _ABOUT[wanted.values] + (_WEIGHT if wanted.order in ("weight", "top") else "")
        with titled(f"{ways[0].name} by layer", about, "map", head):
            export_menu({plot.title: plot} if plot else {}, "export-map")
        with st.container(key="map-drawing"):
            if plot is not None:
                heat_map_drawing.draw(plot, wanted.order, layer, selection.marked_dimension())
        with st.container(key="map-notes"):
            for one in said:
                st.caption(one)
            if plot is not None:
                st.caption(" ".join([*plot.notes, *_spread(ways[:MOST])]))
        dimension.draw(ways[:MOST], choice)
    cosines = {
        way.entry.id: _cosines(way, references[way.entry.id])
        for way in ways
        if references.get(way.entry.id)
    }
    return cosines, references


def _controls(choice: Choice) -> Wanted:
    with st.container(key="map-controls"):
        values = st.segmented_control(
            "Values",
            list(_VALUES),
            default="raw",
            required=True,
            **address.kept("layer_values"),
            format_func=_VALUES.__getitem__,
        )
        order = st.selectbox(
            "Order of dimensions",
            list(_ORDERS),
            **address.kept("layer_order"),
            width=205,
            format_func=_ORDERS.__getitem__,
        )
        top = st.number_input(
            "How many",
            20,
            50,
            30,
            10,
            **address.kept("layer_top"),
            width=120,
            disabled=order != "top",
        )
        with st.container(key="map-reference"):
            reference = (
                st.text_input(
                    "Reference text",
                    live="150ms",
                    **address.kept("layer_reference"),
                    placeholder="The same sentence with a word changed",
                )
                if values == "reference"
                else ""
            )
    typed = clean(reference or "")[0]
    return Wanted(values or "raw", order or "natural", int(top or 30), typed)


def _references(
    ways: Sequence[Way], choice: Choice, wanted: Wanted
) -> tuple[dict[str, tuple[Any, ...]], str]:
    """Traces of the reference text by checkpoint, and in one sentence why there are none."""
    if wanted.values != "reference":
        return {}, ""
    if not wanted.reference.strip():
        return {}, (
            "Type a reference text: what does [CLS] gain from the words in which the two differ?"
        ).replace("[", "\\[")
    try:
        return {
            way.entry.id: tuple(
                models.trace(one, wanted.reference, choice.pair) for one in way.entry.members
            )
            for way in ways
        }, ""
    except Exception as error:
        return {}, cards.plain(reason(error))


def _plot(
    way: Way, choice: Choice, wanted: Wanted, references: Sequence[Any], layer: int | None
) -> Plot:
    """One checkpoint's heat map; that of a seed group shows the mean over its members."""
    first = way.traces[0]
    trace = (
        SimpleNamespace(
            hidden=np.mean([one.hidden for one in way.traces], axis=0),
            tokens=first.tokens,
            checkpoint=groups.mean_checkpoint(way.entry.members, way.entry.id),
        )
        if len(way.traces) > 1
        else first
    )
    reference = (
        SimpleNamespace(hidden=np.mean([one.hidden for one in references], axis=0))
        if references
        else None
    )
    target, weights = _weights(way, choice) if wanted.order in ("weight", "top") else (None, None)
    return draw(
        "cls_by_layer",
        trace,
        token=way.token,
        values=wanted.values,
        order=wanted.order,
        weights=weights,
        reference=reference,
        top=wanted.top,
        chosen=layer,
        profile=_profile(way) if wanted.values == "standardised" else None,
        target=target,
    )


def _weights(way: Way, choice: Choice) -> tuple[int, np.ndarray | None]:
    """(class, weight of each dimension for it)."""
    from analysis.reading.layers import dimension_weights

    probabilities = way.probabilities
    if probabilities is None:
        raise ValueError(
            "no pooling head, so no dimension has a weight for a class; order the dimensions "
            "naturally or by the last layer"
        )
    target = choice.target_of(way.entry.first.labels, int(probabilities[-1].argmax()))
    found = [dimension_weights(trace, target, way.token) for trace in way.traces]
    known = [weights for weights in found if weights is not None]
    return target, np.mean(known, axis=0) if len(known) == len(found) else None


def _profile(way: Way) -> Any:
    """Mean and deviation over the corpus; for a seed group those of its members, averaged."""
    found = [profiles.read(member.folder) for member in way.entry.members]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        raise ValueError(
            "it has no profile over a corpus, so there is no mean to standardise by; show raw "
            "values"
        )
    if any(getattr(one, name) is None for one in known for name in profiles.MOMENTS):
        return SimpleNamespace()
    return SimpleNamespace(
        **{
            name: np.mean([getattr(one, name) for one in known], axis=0)
            for name in profiles.MOMENTS
        }
    )


def _together(plots: Sequence[Plot], choice: Choice, wanted: Wanted) -> Plot:
    """All heat maps on one scale that holds still while one types."""
    maps = [plot.mark for plot in plots if isinstance(plot.mark, HeatMap)]
    finite = np.concatenate([np.abs(one.values[np.isfinite(one.values)]) for one in maps])
    # A handful of dimensions is ten times larger than the rest: they would leave all others white.
    full = float(np.quantile(finite, 0.99)) if finite.size else 1.0
    limit = common_limit("map_scale", (*choice.key, wanted.values), full, st.session_state)
    beyond = float((finite > limit).mean()) if finite.size else 0.0
    notes = [note for plot in plots[:1] for note in plot.notes]
    notes.append(
        f"{VALUES[wanted.values].capitalize()}; full colour at ±{limit:g}"
        + (
            f", which {100 * beyond:.1f} % of the cells exceed (largest {finite.max():.3g})."
            if beyond
            else "."
        )
    )
    if any(np.isnan(one.values).any() for one in maps):
        notes.append(
            "Empty cells: nothing lies before layer 0."
            if wanted.values == "difference"
            else "Empty cells are the same in every text."
        )
    if wanted.order != "natural" and len(maps) > 1:
        notes.append("Each checkpoint has its own order of dimensions.")
    scaled = tuple(replace(one, limits=(-limit, limit)) for one in maps)
    names = tuple(str(plot.provenance.get("checkpoint", "")) for plot in plots)
    return replace(
        plots[0],
        mark=scaled[0] if len(scaled) == 1 else Grid(scaled, names, 1),
        params={**plots[0].params, "limit": limit},
        provenance=plots[0].provenance if len(plots) == 1 else _provenance(plots),
        notes=tuple(notes),
    )


def _provenance(plots: Sequence[Plot]) -> dict[str, Any]:
    shared = {k: v for k, v in plots[0].provenance.items() if k not in ("checkpoint", "sha256")}
    owners = [
        {k: plot.provenance[k] for k in ("checkpoint", "sha256") if k in plot.provenance}
        for plot in plots
    ]
    return {"checkpoints": owners, **shared}


def _spread(ways: Sequence[Way]) -> list[str]:
    """How far the seeds of a group lie apart, beside the size of what is drawn."""
    said = []
    for way in ways:
        if way.entry.is_group:
            last = np.stack([path.vectors[-1] for path in way.paths])
            apart, size = np.median(last.std(axis=0, ddof=1)), np.median(np.abs(last))
            said.append(f"{apart:.2g} beside {size:.2g} in {cards.plain(way.entry.id)}")
    if not said:
        return []
    return [
        "Seed groups show their mean. Spread over the seeds beside the size of a value, "
        f"medians in the last layer: {', '.join(said)}."
    ]


def _cosines(way: Way, references: Sequence[Any]) -> np.ndarray:
    """(L+1,) cosine to the same position of the reference text, mean over the members."""
    rows = []
    for path, other in zip(way.paths, references, strict=True):
        if way.token >= other.hidden.shape[1]:
            return np.full(len(path.norm), np.nan)
        theirs = other.hidden[:, way.token].astype(np.float64)
        length = path.norm * np.linalg.norm(theirs, axis=1)
        rows.append((path.vectors * theirs).sum(axis=1) / np.where(length > 0, length, np.nan))
    return np.asarray(np.mean(rows, axis=0))
