"""Views that set versions of a text, checkpoints or seeds side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.marks import Bars, Grid, HeatMap, Panel, Strip
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import provenance_of

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.reading.comparison import Answer


@view("variant")
def variant(
    before: Sequence[Answer],
    after: Sequence[Answer],
    targets: Sequence[int],
    texts: tuple[str, str] = ("", ""),
    checkpoints: Sequence[Checkpoint] = (),
) -> Plot:
    """Probability of each checkpoint's explained class, for a sentence and for its variant.

    `before` and `after` are Answers in the same order, `targets` class indices, and
    `checkpoints` those that answered (a seed group as `averages.mean_checkpoint` describes it).

    Raises
    ------
    ValueError
        A checkpoint lacks one of its two answers.
    """
    if not before or len(before) != len(after) or len(before) != len(targets):
        raise ValueError("give one answer before and one after the change for every checkpoint")
    labels = [member.labels[target] for member, target in zip(before, targets, strict=True)]
    same = len(set(labels)) == 1
    regression = before[0].regression
    values = np.array(
        [
            [answer.mean[target] for answer, target in zip(answers, targets, strict=True)]
            for answers in (before, after)
        ]
    )
    value_label = (
        "predicted value"
        if regression
        else (f"probability of {labels[0]}" if same else "probability of the explained class")
    )
    return Plot(
        view="variant",
        title="Sentence and variant",
        mark=Bars(
            values=values,
            categories=tuple(
                member.name if same else f"{member.name}: {label}"
                for member, label in zip(before, labels, strict=True)
            ),
            series=("sentence", "variant"),
            category_label="checkpoint",
            value_label=value_label,
            style="number" if regression else "probability",
            limits=None if regression else (0.0, 1.0),
        ),
        params={"target": list(targets), "names": [member.name for member in before]},
        provenance={
            "view": "variant",
            "text": texts[0],
            "variant": texts[1],
            "target": list(dict.fromkeys(labels)),
            "checkpoints": [
                {**provenance_of([owner]), "target": label}
                for owner, label in zip(checkpoints, labels, strict=True)
            ]
            if checkpoints
            else [{"checkpoint": m} for member in before for m in member.members],
        },
        caption=f"{value_label[0].upper()}{value_label[1:]} for the sentence and for its variant.",
    )


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
    targets = [plot.params["target"] for plot in plots if "target" in plot.params]
    own_class = {"target": targets} if len(targets) == len(plots) else {}
    return replace(
        plots[0],
        mark=Grid(tuple(scaled), tuple(names), columns),
        params={**plots[0].params, **own_class, "names": list(names)},
        provenance=_shared([plot.provenance for plot in plots]),
        notes=tuple(dict.fromkeys(note for plot in plots for note in plot.notes)),
    )


_OWN = ("checkpoint", "sha256", "members", "pooling_head", "pooling_options", "target")
_FACTS = ("target", "method", "output", "baseline", "reference", "seed")


def _shared(sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Joint provenance of several pictures: a checkpoint each, and every fact that one has."""
    owners = [{k: source[k] for k in _OWN if k in source} for source in sources]
    shared = {k: v for k, v in sources[0].items() if k not in _OWN}
    for fact in _FACTS:
        values: list[Any] = []
        for source in sources:
            value = source.get(fact)
            values += [
                entry
                for entry in (value if isinstance(value, list) else [value])
                if entry is not None and entry not in values
            ]
        if values:
            shared[fact] = values[0] if len(values) == 1 else values
    return {**shared, "checkpoints": owners}


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
    note = (
        f"Mean over {len(marks)} seeds; the largest standard deviation in a cell is {spread:.2g}."
    )
    return replace(
        plots[0], mark=replace(marks[0], values=cells.mean(axis=0)), notes=(note, *plots[0].notes)
    )


def with_spread(plot: Plot, seeds: Sequence[Plot]) -> Plot:
    """A heat map of shares with a note on how far those of the seeds lie apart, in points."""
    cells = [seed.mark.values for seed in seeds if isinstance(seed.mark, HeatMap)]
    spread = np.std(cells, axis=0, ddof=1)
    note = (
        f"Mean over {len(cells)} seeds; standard deviation of a cell: "
        f"{100 * np.nanmean(spread):.2g} points on average, {100 * np.nanmax(spread):.2g} at most."
    )
    return replace(plot, notes=(*plot.notes, note))


@view("strips")
def strips(parts: Sequence[Plot], names: Sequence[str], columns: int = 1) -> Plot:
    """The text under several measures, such as input attribution and reading: strips, one each.

    `parts` are pictures of single strips; those of one measure share one scale.

    Raises
    ------
    ValueError
        A part is no picture of a strip, or has no name.
    """
    marks = [plot.mark for plot in parts if isinstance(plot.mark, Strip)]
    if not parts or len(marks) != len(parts) or len(names) != len(parts):
        raise ValueError("give pictures of single strips, and a name for each")
    bounds: dict[str, float] = {}
    for mark in marks:
        bounds[mark.value_label] = max(bounds.get(mark.value_label, 0.0), mark.bound)
    attribution = next((plot for plot in parts if plot.view == "input_attribution"), None)
    source = _shared([plot.provenance for plot in parts])
    owners = source["checkpoints"]
    first = {} if attribution is None else {"method": attribution.provenance.get("method")}
    return Plot(
        view="strips",
        title="Input attribution and reading",
        mark=Grid(
            tuple(replace(mark, limit=bounds[mark.value_label]) for mark in marks),
            tuple(names),
            columns,
        ),
        params={"parts": list(names), "words": parts[0].params.get("words"), **first},
        provenance={
            **source,
            "view": "strips",
            "checkpoints": [owner for i, owner in enumerate(owners) if owner not in owners[:i]],
        },
        notes=tuple(dict.fromkeys(note for plot in parts for note in plot.notes)),
        caption=" ".join(dict.fromkeys(plot.caption for plot in parts)),
    )
