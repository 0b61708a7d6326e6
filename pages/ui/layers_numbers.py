"""Numbers of the Layers page: those at one layer with their percentiles, and all as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import cards, layers_engine
from pages.ui.inputs import Choice
from pages.ui.layers_engine import Way

QUANTITIES = {"norm": "norm", "cosine_to_previous": "cosine to the layer before",
              "cosine_to_last": "cosine to the last layer"}  # fmt: skip


def at_layer(ways: Sequence[Way], choice: Choice, layer: int | None) -> str:
    """HTML: every number at the marked layer, else the last, with its percentile in the corpus."""
    at = ways[0].depth if layer is None else layer
    heads = [f"layer {at}", *QUANTITIES.values(), "as if it ended here"]
    rows, sentences = [], set()
    for way in ways:
        ranked = layers_engine.in_corpus(way)
        if ranked is not None:
            sentences.add(ranked[1])
        cells = [f"<th>{cards.text(way.entry.id)}</th>"]
        for name in QUANTITIES:
            value = float(way.mean(name)[at])
            rank = np.nan if ranked is None else float(ranked[0][name][at])
            # The last layer's cosine to itself stands nowhere.
            own = name == "cosine_to_last" and at == way.depth
            place = "" if np.isnan(rank) or own else f"<i>{rank:.0f}</i>"
            cells.append(f"<td>{'–' if np.isnan(value) else f'{value:.2f}'} {place}</td>")
        probabilities = way.probabilities
        said = "–"
        if probabilities is not None:
            best = int(probabilities[at].argmax())
            labels = way.entry.first.labels
            said = f"{cards.text(labels[best])} " if labels else ""
            said += f"{float(probabilities[at, best]):.2f}"
        rows.append(f"<tr>{''.join(cells)}<td>{said}</td></tr>")
    top = "".join(f"<th>{cards.text(head)}</th>" for head in heads)
    note = ""
    if sentences:
        counts = " or ".join(f"{count}" for count in sorted(sentences))
        note = ('<div class="pl-note">Small: the percentile, percent of the checkpoint\'s corpus '
                f"({counts} sentences) with a smaller number.</div>")  # fmt: skip
    return f'<div class="pl-numbers"><table><tr>{top}</tr>{"".join(rows)}</table></div>{note}'


def draw_table(
    ways: Sequence[Way], places: dict[str, dict[str, np.ndarray]], cosines: dict[str, np.ndarray]
) -> None:
    """Every number of the lines, with its percentiles: in the corpus, and among sentences given."""
    import pandas as pd

    rows = []
    kept = {way.entry.id: layers_engine.in_corpus(way) for way in ways}
    for way in ways:
        probabilities, labels = way.probabilities, way.entry.first.labels
        standing, ranked = places.get(way.entry.id), kept[way.entry.id]
        for layer in range(way.depth + 1):
            row: dict[str, Any] = {"checkpoint": way.entry.id, "layer": layer}
            for name, title in QUANTITIES.items():
                row[title] = float(way.mean(name)[layer])
                if any(kept.values()):
                    row[f"{title} (percentile)"] = (
                        None if ranked is None else float(ranked[0][name][layer])
                    )
                if places:
                    row[f"{title} (percentile among the sentences)"] = (
                        None if standing is None else float(standing[name][layer])
                    )
            if cosines:
                held = cosines.get(way.entry.id)
                row["cosine to the reference text"] = None if held is None else float(held[layer])
            if probabilities is not None:
                best = int(probabilities[layer].argmax())
                row["label if it ended here"] = labels[best] if labels else None
                row["value"] = float(probabilities[layer, best])
            rows.append(row)
    with st.expander("All numbers as a table"):
        numbers = pd.DataFrame(rows)
        shape = {
            name: st.column_config.NumberColumn(
                format="%.0f" if "(percentile" in name else "%.3f")
            for name in numbers.columns if name not in ("checkpoint", "layer")
            and not name.startswith("label")
        }  # fmt: skip
        st.dataframe(numbers, hide_index=True, column_config=shape)
