"""Views of the evidence over a data set: means by method and checkpoint, words by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.results import OUTPUT_NAMES
from analysis.common.phrases import name_without_folder
from analysis.figures.marks import Bars, Grid
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.attribution_results import title_of, title_of_method
from analysis.figures.views.source import as_list, distinct, provenance_of

if TYPE_CHECKING:
    from analysis.attribution.texts.records import EvidenceSummary, WordMeans
    from analysis.checkpoints.checkpoint import Checkpoint


@view("evidence_means")
def evidence_means(
    summaries: EvidenceSummary | Sequence[EvidenceSummary],
    column: str = "comprehensiveness_normalised",
    checkpoints: Sequence[Checkpoint] = (),
) -> Plot:
    """A measure over a data set: mean by method and checkpoint with its 95 % interval.

    Raises
    ------
    ValueError
        There is no summary.
    """
    rows = as_list(summaries)
    if not rows:
        raise ValueError("no evidence over texts to draw: give at least one summary")
    label = _column(column)
    methods = list(dict.fromkeys(row.method for row in rows))
    owners = list(dict.fromkeys(row.checkpoint for row in rows))
    values = np.full((len(owners), len(methods)), np.nan)
    intervals = np.full((*values.shape, 2), np.nan)
    for row in rows:
        place = owners.index(row.checkpoint), methods.index(row.method)
        mean, low, high = row.value(column)
        values[place], intervals[place] = mean, (low, high)
    texts = sorted({int(row.texts) for row in rows})
    counted = str(texts[0]) if len(texts) == 1 else f"{texts[0]} to {texts[-1]}"
    return Plot(
        view="evidence_means",
        title=f"Over a data set: {label.partition(' (')[0]}",
        mark=Bars(
            values=values,
            categories=tuple(title_of_method(method) for method in methods),
            series=tuple(distinct([name_without_folder(owner) for owner in owners])),
            category_label="",
            value_label=label,
            intervals=intervals,
            as_points=True,
            reference=0.0 if column.endswith("_normalised") else None,
        ),
        params={"column": column},
        provenance=provenance_of(checkpoints, view="evidence_means", texts=texts),
        notes=(
            f"Mean over {counted} texts with its 95 % interval (Student's t)."
            + _seeds(owners, checkpoints),
        ),
        caption=f"{label}: mean over {counted} texts by method and checkpoint, with 95 % intervals "
        "over texts.",
    )


def _seeds(owners: Sequence[str], checkpoints: Sequence[Checkpoint]) -> str:
    """Note on the seeds behind a difference between points of a colour each."""
    if len(owners) < 2:
        return ""
    groups = [dict(getattr(checkpoint, "facts", {})).get("group") for checkpoint in checkpoints]
    if len([group for group in groups if group]) > len({group for group in groups if group}):
        return " Each colour is one seed; the seeds of a group differ in nothing else."
    return " One seed each."


@view("largest_words")
def largest_words(
    results: WordMeans | Sequence[WordMeans], checkpoint: Checkpoint | None = None, top: int = 12
) -> Plot:
    """The words that speak most for each class over a data set, with 95 % intervals.

    `results` are WordMeans of one checkpoint and method, one a class. Raises ``ValueError`` where
    no word occurs in enough texts.
    """
    rows = [row for row in as_list(results) if row.words]
    if not rows:
        raise ValueError("no word occurs in enough texts to have a mean: take more texts")
    ends = np.concatenate([row.interval[:top].ravel() for row in rows])
    means = np.concatenate([row.mean[:top] for row in rows])
    every = np.concatenate([ends[np.isfinite(ends)], means, np.zeros(1)])
    limits = float(every.min()), float(every.max())
    panels = tuple(
        Bars(
            values=row.mean[None, :top],
            categories=tuple(
                f"{word} ({n})"
                for word, n in zip(row.words[:top], row.texts[:top].tolist(), strict=True)
            ),
            series=(row.explained,),
            category_label="word (texts that hold it)",
            value_label=f"mean attribution ({OUTPUT_NAMES.get(row.output, row.output)})",
            intervals=row.interval[None, :top],
            limits=limits if limits[1] > limits[0] else None,
            style="signed",
        )
        for row in rows
    )
    first = rows[0]
    titles = tuple(f"towards {row.explained}" for row in rows)
    return Plot(
        view="largest_words",
        title="Words with the largest mean attribution",
        mark=panels[0] if len(panels) == 1 else Grid(panels, titles, min(len(panels), 2)),
        params={"top": top},
        provenance=provenance_of([checkpoint], view="largest_words", method=first.method),
        notes=(
            "Means over the texts where the class is explained; a word counts once in each text. "
            "Whiskers: 95 % intervals over texts.",
        ),
        caption=f"Words with the largest mean attribution to each class by {title_of(first)}, "
        "with 95 % intervals over texts.",
    )


def _column(column: str) -> str:
    """A column of the evidence over texts, in words."""
    key = column.removesuffix("_normalised")
    names = {
        "comprehensiveness": "comprehensiveness (AOPC)",
        "sufficiency": "sufficiency (AOPC)",
        "deletion": "area under deletion",
        "insertion": "area under insertion",
        "completeness_gap": "integration error",
        "sensitivity": "sensitivity (largest relative change)",
    }
    if key not in names:
        raise ValueError(f"column is {column!r}; known: {', '.join(names)}, and _normalised")
    if key == column:
        return names[key]
    return f"{names[key].removesuffix(' (AOPC)')}, better than random (standard deviations)"
