"""View of one token's dimensions that carry the most, down to the number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.figures.marks import Bars, Grid, HeatMap
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.style.style import NumberFormat
from analysis.figures.views.source import provenance_of, target_label
from analysis.figures.views.token_axis import layer_labels

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.dimensions import Dimensions
    from analysis.text.tokens import Tokens


@view("dimensions")
def dimensions(
    table: Dimensions,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
    count: int = 10,
) -> Plot:
    """One token's dimensions that carry the most: contribution, weight, values by layer, margin.

    `table` is a Dimensions. Where tokens compete only those that the token holds are drawn, and
    the value is the maximum. Raises ``ValueError`` where it holds none.
    """
    best = [
        int(j)
        for j in table.largest(len(table.value))
        if table.held_by is None or table.held_by[j] == table.token
    ][:count]
    if not best:
        raise ValueError("this token holds no dimension: there is nothing to draw")
    names = tuple(str(j) for j in best)

    def bars(
        what: str,
        values: np.ndarray,
        colours: Literal["series", "sign"] = "series",
        style: NumberFormat = "signed",
    ) -> Bars:
        return Bars(
            values=values[best][None].astype(float),
            categories=names,
            series=(what,),
            category_label="dimension",
            value_label=what,
            style=style,
            colours=colours,
        )

    panels: list[Bars | HeatMap] = [
        bars("contribution (logit)", table.contribution, "sign"),
        bars("weight (logit per unit)", table.weight, "sign"),
    ]
    if table.held_by is None:
        panels.append(
            HeatMap(
                values=table.by_layer[:, best].T.astype(float),
                rows=names,
                columns=layer_labels(table.layers),
                row_label="dimension",
                column_label="layer",
                value_label="value",
            )
        )
    else:
        panels.append(bars("maximum", table.value))
    margin = np.where(np.isfinite(table.margin), table.margin, np.nan)
    panels.append(bars("win margin", margin, style="number"))
    # The axes of bars say what they show: four more titles would not fit a page's height.
    titles = ("", "", "value by layer" if table.held_by is None else "", "")
    token = f"token {table.token}" if tokens is None else str(tokens.labels[table.token])
    label = target_label(checkpoint, table.target)
    return Plot(
        view="dimensions",
        title=f"Dimensions of “{token}” with the largest contributions",
        mark=Grid(tuple(panels), titles, 4),
        params={"token": table.token, "target": table.target, "count": count},
        provenance=provenance_of(
            [checkpoint], tokens, view="dimensions", target=label, reference=table.reference
        ),
        caption=f"The {len(best)} dimensions of “{token}” that contribute most to {label} minus "
        f"the mean of the other classes (reference: {table.reference}): contribution = weight × "
        "(value − reference).",
    )
