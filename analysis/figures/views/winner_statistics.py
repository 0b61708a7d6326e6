"""Views of winners over a data set and over the seeds of a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Bars
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import as_list, provenance_of
from analysis.figures.views.token_axis import layer_labels

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.winner_statistics import GroupDifference, SeedDisagreement, WinnerMeans


@view("winner_means")
def winner_means(
    summaries: WinnerMeans | Sequence[WinnerMeans],
    categories: Sequence[str],
    value_label: str = "share of wins (%)",
    category_label: str = "source layer",
    scale: float = 100.0,
    checkpoints: Sequence[Checkpoint] = (),
) -> Plot:
    """Means over a data set with 95 % intervals: by layer or token type, one series a class.

    `summaries` is a Summary of (N,) means, or a list of them; values are multiplied by `scale`.

    Raises
    ------
    ValueError
        There is no summary.
    """
    rows = as_list(summaries)
    if not rows:
        raise ValueError("no statistics to draw: give at least one summary")
    values = scale * np.array([row.mean for row in rows], float)
    counts = ", ".join(f"{row.of}: {row.sentences}" for row in rows)
    return Plot(
        view="winner_means",
        title=f"Over a data set: {value_label}",
        mark=Bars(
            values=values,
            categories=tuple(str(name) for name in categories),
            series=tuple(row.of for row in rows),
            category_label=category_label,
            value_label=value_label,
            intervals=scale * np.array([row.interval for row in rows], float),
            kind="layer" if category_label == "source layer" else "category",
        ),
        params={"scale": scale},
        provenance=provenance_of(checkpoints, view="winner_means"),
        notes=(f"Whiskers: 95 % interval of the mean (Student's t). Sentences: {counts}.",),
        caption=f"Mean over sentences ({counts}) with 95 % intervals: {value_label}.",
    )


@view("seed_disagreement")
def seed_disagreement(result: SeedDisagreement, checkpoints: Sequence[Checkpoint] = ()) -> Plot:
    """Share of places to which two seeds give another source layer, beside chance."""
    return Plot(
        view="seed_disagreement",
        title="Are the winners stable over seeds?",
        mark=Bars(
            values=100 * np.stack([result.share, result.chance]),
            categories=tuple(f"{first} and {second}" for first, second in result.pairs),
            series=("another source layer", "expected of independent winners"),
            category_label="pair of seeds",
            value_label="share of all places (%)",
            style="percent",
            limits=(0.0, 100.0),
        ),
        provenance=provenance_of(checkpoints, view="seed_disagreement", sentences=result.sentences),
        notes=(f"Over {result.sentences} sentences, every dimension (and token) counted once.",),
        caption="Share of places where two seeds of one recipe have another source layer, and what "
        "independent winners with the same shares would give.",
    )


@view("group_difference")
def group_difference(
    result: GroupDifference, names: tuple[str, str], checkpoints: Sequence[Checkpoint] = ()
) -> Plot:
    """Difference of two seed groups in share of wins, beside the usual difference within them."""
    values = 100 * np.stack([result.difference, result.within])
    intervals = np.full((2, len(result.layers), 2), np.nan)
    intervals[0] = 100 * result.interval
    return Plot(
        view="group_difference",
        title=f"Share of wins: {names[0]} minus {names[1]}",
        mark=Bars(
            values=values,
            categories=layer_labels(result.layers),
            series=("between the groups", "between two seeds of a group (size)"),
            category_label="source layer",
            value_label="difference (percentage points)",
            intervals=intervals,
            style="signed",
            kind="layer",
        ),
        params={"names": list(names)},
        provenance=provenance_of(checkpoints, view="group_difference"),
        notes=(
            f"{result.seeds[0]} and {result.seeds[1]} seeds; whiskers: 95 % interval of the "
            "difference over seeds (Welch).",
        ),
        caption=f"Mean share of wins by source layer, {names[0]} minus {names[1]}, with its 95 % "
        "interval over seeds, beside the mean absolute difference between two seeds of one group.",
    )
