"""Views that set two versions of a text side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.figures.plot import Bars, Grid, Plot, Strip
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
    limit = max(strip.bound for strip in strips)
    first = plots[0]
    sources = [
        {k: plot.provenance[k] for k in ("checkpoint", "sha256", "target") if k in plot.provenance}
        for plot in plots
    ]
    shared = {k: v for k, v in first.provenance.items() if k not in ("checkpoint", "sha256")}
    return replace(
        first,
        mark=Grid(tuple(replace(s, limit=limit) for s in strips), tuple(names), columns=1),
        params={**first.params, "names": list(names)},
        provenance={**shared, "checkpoints": sources},
        notes=tuple(dict.fromkeys(note for plot in plots for note in plot.notes)),
    )
