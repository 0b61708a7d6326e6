"""Views that set versions of a text, checkpoints or seeds side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.figures.plot import Bars, Grid, HeatMap, Panel, Plot, Strip
from analysis.figures.registry import view


@view("variant")
def variant(
    before: Sequence[Any],
    after: Sequence[Any],
    targets: Sequence[int],
    texts: tuple[str, str] = ("", ""),
) -> Plot:
    """Probability of each checkpoint's explained class, for a sentence and for its variant.

    `before` and `after` are Answers in the same order, `targets` class indices.
    """
    if not before or len(before) != len(after) or len(before) != len(targets):
        raise ValueError("give one answer before and one after the change for every checkpoint")
    labels = [one.labels[target] for one, target in zip(before, targets, strict=True)]
    same = len(set(labels)) == 1
    regression = before[0].regression
    values = np.array(
        [[one.mean[target] for one, target in zip(answers, targets, strict=True)]
         for answers in (before, after)]
    )
    value_label = "predicted value" if regression else (
        f"probability of {labels[0]}" if same else "probability of the explained class"
    )
    return Plot(
        view="variant",
        title="Sentence and variant",
        mark=Bars(
            values=values,
            categories=tuple(
                one.name if same else f"{one.name}: {label}"
                for one, label in zip(before, labels, strict=True)
            ),
            series=("sentence", "variant"),
            category_label="checkpoint",
            value_label=value_label,
            style="number" if regression else "probability",
            limits=None if regression else (0.0, 1.0),
        ),
        params={"targets": list(targets)},
        provenance={
            "view": "variant", "text": texts[0], "variant": texts[1],
            "checkpoints": [{"checkpoint": m} for one in before for m in one.members],
        },
        caption=f"{value_label[0].upper()}{value_label[1:]} for the sentence and for its variant.",
    )


def side_by_side(plots: Sequence[Plot], names: Sequence[str]) -> Plot:
    """Strips of several checkpoints, one below the other, in one figure on one common scale.

    Raises ``ValueError`` where a plot is no single strip.
    """
    strips = [plot.mark for plot in plots if isinstance(plot.mark, Strip)]
    if not plots or len(strips) != len(plots):
        raise ValueError("only strips can be set side by side")
    return together(plots, names)


def together(plots: Sequence[Plot], names: Sequence[str], columns: int = 1) -> Plot:
    """One figure of several pictures of one view, on the widest of their scales.

    Raises ``ValueError`` where a picture is a grid already.
    """
    marks = [plot.mark for plot in plots if not isinstance(plot.mark, Grid)]
    if not plots or len(marks) != len(plots):
        raise ValueError("only single pictures can be set side by side")
    scaled: list[Panel] = []
    for mark in marks:
        if isinstance(mark, Strip):
            bound = max(m.bound for m in marks if isinstance(m, Strip))
            scaled.append(replace(mark, limit=bound))
        elif isinstance(mark, HeatMap | Bars):
            ends = [m.bounds for m in marks if isinstance(m, HeatMap | Bars)]
            limits = (min(low for low, _ in ends), max(high for _, high in ends))
            scaled.append(replace(mark, limits=limits))
        else:
            scaled.append(mark)
    own = ("checkpoint", "sha256", "members", "pooling_head", "pooling_options")
    shared = {k: v for k, v in plots[0].provenance.items() if k not in own}
    sources = [{k: plot.provenance[k] for k in (*own, "target") if k in plot.provenance}
               for plot in plots]  # fmt: skip
    return replace(
        plots[0],
        mark=Grid(tuple(scaled), tuple(names), columns),
        params={**plots[0].params, "names": list(names)},
        provenance={**shared, "checkpoints": sources},
        notes=tuple(dict.fromkeys(note for plot in plots for note in plot.notes)),
    )


def mean_over_seeds(plots: Sequence[Plot]) -> Plot:
    """The mean of one heat map for each seed of a recipe; title and source are the first one's.

    Raises ``ValueError`` where the maps have not the same rows and columns.
    """
    marks = [plot.mark for plot in plots if isinstance(plot.mark, HeatMap)]
    if len(marks) != len(plots) or len({(m.rows, m.columns) for m in marks}) > 1:
        raise ValueError("these seeds are no heat maps of the same rows and columns")
    if len(marks) == 1:
        return plots[0]
    cells = np.stack([mark.values for mark in marks])
    spread = float(np.nanmax(cells.std(axis=0, ddof=1)))
    note = (f"Mean over {len(marks)} seeds; the largest standard deviation in a cell is "
            f"{spread:.2g}.")  # fmt: skip
    return replace(
        plots[0], mark=replace(marks[0], values=cells.mean(axis=0)), notes=(note, *plots[0].notes)
    )


@view("strips")
def strips(
    parts: Sequence[Plot], names: Sequence[str], columns: int = 1
) -> Plot:
    """The text under several measures, such as input attribution and reading: strips, one each.

    `parts` are pictures of single strips; those of one measure share one scale.
    """
    marks = [plot.mark for plot in parts if isinstance(plot.mark, Strip)]
    if not parts or len(marks) != len(parts) or len(names) != len(parts):
        raise ValueError("give pictures of single strips, and a name for each")
    bounds: dict[str, float] = {}
    for mark in marks:
        bounds[mark.value_label] = max(bounds.get(mark.value_label, 0.0), mark.bound)
    sources = {plot.provenance.get("checkpoint"): plot.provenance for plot in parts}
    own = ("checkpoint", "sha256", "members", "pooling_head", "pooling_options", "target")
    shared = {k: parts[0].provenance[k] for k in ("text", "pair") if k in parts[0].provenance}
    return Plot(
        view="strips",
        title="What the text does to the answer",
        mark=Grid(
            tuple(replace(mark, limit=bounds[mark.value_label]) for mark in marks), tuple(names),
            columns,
        ),
        params={"names": list(names)},
        provenance={
            "view": "strips", **shared,
            "checkpoints": [{k: one[k] for k in own if k in one} for one in sources.values()],
        },
        notes=tuple(dict.fromkeys(note for plot in parts for note in plot.notes)),
        caption=" ".join(dict.fromkeys(plot.caption for plot in parts)),
    )
