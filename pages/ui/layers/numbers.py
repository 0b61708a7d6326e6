"""Numbers of the Layers page: those at one layer with their percentiles, and all as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.figures.plot import Plot
from analysis.figures.views.depth import QUANTITIES
from analysis.figures.views.standing import PLACED, PREDICTION, REFERENCE
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, tables
from pages.ui.layers import engine
from pages.ui.layers.engine import Way

if TYPE_CHECKING:
    import numpy as np


def at_layer(ways: Sequence[Way], choice: Choice, layer: int | None) -> str:
    """HTML: every number at the marked layer, else the last, with its percentile in the corpus."""
    at = ways[0].depth if layer is None else layer
    heads = [f"layer {at}", *QUANTITIES.values(), "prediction read out"]
    rows, sentences = [], set()
    ranked_by = {}
    for way in ways:
        ranked = ranked_by[way.entry.id] = engine.in_corpus(way)
        if ranked is not None:
            sentences.add(ranked.sentences)
        cells = [f"<th>{cards.text(way.entry.name)}</th>"]
        for name in QUANTITIES:
            value = float(getattr(way.average, name)[at])
            rank = nan if ranked is None else float(getattr(ranked, name)[at])
            # The last layer's cosine to itself is always 1 and has no percentile.
            own = name == "cosine_to_last" and at == way.depth
            place = "" if isnan(rank) or own else f"<i>{rank:.0f}</i>"
            cells.append(f"<td>{'–' if isnan(value) else f'{value:.2f}'} {place}</td>")
        probabilities = way.probabilities
        sentence = "–"
        if probabilities is not None:
            best = int(probabilities[at].argmax())
            labels = way.entry.first.labels
            sentence = f"{cards.text(labels[best])} " if labels else ""
            sentence += f"{float(probabilities[at, best]):.2f}"
        rows.append(f"<tr>{''.join(cells)}<td>{sentence}</td></tr>")
    top = "".join(f"<th>{cards.text(head)}</th>" for head in heads)
    note = ""
    if sentences:
        counts = " or ".join(f"{count}" for count in sorted(sentences))
        note = (
            f"Small numbers: percentiles among the {counts} sentences of the checkpoint's corpus. "
        )
    note = f'<div class="pl-note">{cards.text(note + _without(ways, ranked_by))}</div>'
    return f'<div class="pl-numbers"><table><tr>{top}</tr>{"".join(rows)}</table></div>{note}'


def plot_at(ways: Sequence[Way], choice: Choice, layer: int | None) -> Plot:
    """The numbers for a paper: a panel a quantity, percentiles in panels of their own."""
    entries = [way.entry for way in ways]
    return picture("at_layer", entries, choice, layer=layer, token=ways[0].chosen)


def _without(ways: Sequence[Way], ranked: Mapping[str, object]) -> str:
    """Numbers without a percentile, and why."""
    if any(way.token for way in ways):
        return (
            "Percentiles are those of [CLS]: other tokens have no counterpart in other sentences."
        )
    silent = [way.entry.name for way in ways if ranked[way.entry.id] is None]
    sentences = []
    if silent:
        verb = "has" if len(silent) == 1 else "have"
        sentences.append(
            f"No percentiles in a corpus: {', '.join(silent)} {verb} no profile that holds "
            "these numbers."
        )
    sentences.append(
        "“Over many sentences” below adds percentiles of the prediction and of the cosine to a "
        "reference text."
    )
    return " ".join(sentences)


def draw_table(
    ways: Sequence[Way], places: dict[str, dict[str, np.ndarray]], cosines: dict[str, np.ndarray]
) -> None:
    """Every number of the lines, with its percentiles: in the corpus, and among sentences given."""
    import pandas as pd

    rows = []
    kept = {way.entry.id: engine.in_corpus(way) for way in ways}
    for way in ways:
        probabilities, labels = way.probabilities, way.entry.first.labels
        standing, ranked = places.get(way.entry.id), kept[way.entry.id]
        for layer in range(way.depth + 1):
            row: dict[str, Any] = {"checkpoint": way.entry.name, "layer": layer}
            for name, title in QUANTITIES.items():
                row[title] = float(getattr(way.average, name)[layer])
                if any(kept.values()):
                    row[f"{title} (percentile)"] = (
                        None if ranked is None else float(getattr(ranked, name)[layer])
                    )
                if places:
                    row[f"{title} (percentile among the sentences)"] = (
                        None if standing is None else float(standing[name][layer])
                    )
            if cosines:
                held = cosines.get(way.entry.id)
                row["cosine to the reference text"] = None if held is None else float(held[layer])
            for name in (REFERENCE, PREDICTION):
                if any(name in cells for cells in places.values()):
                    row[f"{PLACED[name]} (percentile among the sentences)"] = (
                        None
                        if standing is None or name not in standing
                        else float(standing[name][layer])
                    )
            if probabilities is not None:
                best = int(probabilities[layer].argmax())
                row["label read out at this layer"] = labels[best] if labels else None
                row["value"] = float(probabilities[layer, best])
            rows.append(row)
    with st.expander("All numbers as a table"):
        numbers = pd.DataFrame(rows)
        shape = {
            name: st.column_config.NumberColumn(format="%.0f" if "(percentile" in name else "%.3f")
            for name in numbers.columns
            if name not in ("checkpoint", "layer") and not name.startswith("label")
        }
        tables.table(numbers, shape, names=2)
