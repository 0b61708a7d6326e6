"""Views of the evidence for attributions: what the numbers of a method are beside chance.

Random rankings of the same units stand in every picture. Numbers of different checkpoints are
compared as standard scores among them, never as they are: a checkpoint that is surer of itself
has more to lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.results import OUTPUT_NAMES
from analysis.figures.marks import Bars, Grid, HeatMap, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.attribution_results import title_of
from analysis.figures.views.source import as_list, groups_of, provenance_of, target_label

if TYPE_CHECKING:
    from analysis.attribution.evidence.agreement import RankAgreement
    from analysis.attribution.evidence.faithfulness import Faithfulness
    from analysis.attribution.evidence.randomisation import Randomisation
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.text.tokens import Tokens

RANDOM = "random rankings"
_HEADS = {
    "comprehensiveness": "comprehensiveness",
    "sufficiency": "sufficiency",
    "deletion": "deletion",
    "insertion": "insertion",
}
_BETTER = {
    "comprehensiveness": "larger",
    "sufficiency": "smaller",
    "deletion": "smaller",
    "insertion": "larger",
}


@view("evidence_scores")
def evidence_scores(
    results: Faithfulness | Sequence[Faithfulness | Sequence[Faithfulness]],
    names: Sequence[str] | None = None,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
    limit: float | None = None,
    row_label: str = "method",
    checkpoints: Sequence[Checkpoint] | None = None,
) -> Plot:
    """Standard scores of each ranking among random ones, by four measures.

    `results` are Faithfulness, one a row: methods of one checkpoint, or checkpoints by one method.
    A row may be a list of them, a seed group: the mean of its seeds' scores. An empty cell: all
    random rankings give the same. `checkpoints` has one a row where rows are checkpoints.
    """
    groups = groups_of(results)
    rows, labels = _named([group[0] for group in groups], names)
    keys = tuple(_HEADS)
    every = [
        np.array([[evidence.measure(key).normalised for key in keys] for evidence in group])
        for group in groups
    ]
    values = np.array([scores.mean(axis=0) for scores in every])
    return Plot(
        view="evidence_scores",
        title="Better than random rankings?",
        mark=HeatMap(
            values=np.vstack([values, np.zeros(len(keys))]),
            rows=(*labels, RANDOM),
            columns=tuple(_HEADS[key] for key in keys),
            row_label=row_label,
            column_label="measure",
            value_label="better than random (standard deviations)",
            limits=None if limit is None else (-limit, limit),
            written="signed",
        ),
        params={"names": list(labels), "limit": limit, "row_label": row_label},
        provenance=_source("evidence_scores", rows, checkpoints or [checkpoint], tokens),
        notes=(
            _control(rows[0]),
            "The sign of each column is set so that larger is better.",
            *_seeds(every, labels, row_label),
        ),
        caption=f"Standard scores among {rows[0].control.repeats} random rankings of the same "
        "units: comprehensiveness and sufficiency (AOPC), areas under deletion and insertion; "
        "larger is better.",
    )


def _seeds(every: Sequence[np.ndarray], labels: Sequence[str], row_label: str) -> tuple[str, ...]:
    """Number of seeds of each row, and the spread over them."""
    several = [
        (name, scores) for name, scores in zip(labels, every, strict=True) if len(scores) > 1
    ]
    if not several:
        return ("One seed each.",) if row_label == "checkpoint" and len(labels) > 1 else ()
    spreads = "; ".join(
        f"{name} {' / '.join(f'{sd:.1f}' for sd in scores.std(axis=0, ddof=1))} "
        f"({len(scores)} seeds)"
        for name, scores in several
    )
    return (f"Means over seeds; standard deviations, column by column: {spreads}.",)


@view("evidence_bars")
def evidence_bars(
    results: Faithfulness | Sequence[Faithfulness],
    measure: str = "comprehensiveness",
    names: Sequence[str] | None = None,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
) -> Plot:
    """One measure of each method as it is, and the middle 95 % of random rankings.

    Raises
    ------
    ValueError
        There is no such measure.
    """
    rows, labels = _named(results, names)
    if measure not in _HEADS:
        raise ValueError(f"measure is {measure!r}; known: {', '.join(_HEADS)}")
    measures = [row.measure(measure) for row in rows]
    intervals = np.full((1, len(rows) + 1, 2), np.nan)
    intervals[0, -1] = measures[0].band
    what = {
        "comprehensiveness": "comprehensiveness (AOPC)",
        "sufficiency": "sufficiency (AOPC)",
        "deletion": "area under deletion",
        "insertion": "area under insertion",
    }[measure]
    return Plot(
        view="evidence_bars",
        title=f"{what[0].upper()}{what[1:]} by method",
        mark=Bars(
            values=np.array([[*(measured.value for measured in measures), measures[0].random]]),
            categories=(*labels, RANDOM),
            series=(measure,),
            category_label="",
            value_label=f"{what}, {_output(rows[0], checkpoint)}",
            intervals=intervals,
            style="signed",
        ),
        params={"measure": measure, "names": list(labels)},
        provenance=_source("evidence_bars", rows, [checkpoint], tokens, measure=measure),
        notes=(f"A {_BETTER[measure]} value is better. " + _control(rows[0]),),
        caption=f"{what} by method; last, the mean of random rankings with their middle 95 %.",
    )


@view("deletion_insertion")
def deletion_insertion(
    results: Faithfulness | Sequence[Faithfulness],
    names: Sequence[str] | None = None,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
) -> Plot:
    """The output as units are deleted or inserted, in the order of each ranking and of random ones.

    The results share their text, units and settings: one random band stands for all.

    Raises
    ------
    ValueError
        The results differ in their units or replacement.
    """
    rows, labels = _named(results, names)
    first = rows[0]
    if any(row.units != first.units or row.replace != first.replace for row in rows):
        raise ValueError(
            "curves in one picture need the same units and replacement: draw them apart"
        )
    panels = []
    for curve, units in (("deletion", "replaced"), ("insertion", "in place")):
        mean, band = first.band(curve)
        bands = np.full((len(rows) + 1, len(mean), 2), np.nan)
        bands[-1] = band
        # A band of a method has no width: the line itself.
        lines = np.stack([*(getattr(row, curve) for row in rows), mean])
        bands[:-1] = lines[:-1, :, None]
        panels.append(
            Lines(
                x=100 * first.fractions,
                y=lines,
                series=(*labels, RANDOM),
                x_label=f"units {units} (%)",
                y_label=_output(first, checkpoint),
                bands=bands,
                limits=_limits(first, rows),
                reference=len(rows),
            )
        )
    return Plot(
        view="deletion_insertion",
        title="Deletion and insertion",
        mark=Grid(tuple(panels), ("Deletion: lower is better", "Insertion: higher is better"), 2),
        params={"names": list(labels)},
        provenance=_source("deletion_insertion", rows, [checkpoint], tokens),
        notes=(_control(first) + " Band: their middle 95 %.",),
        caption="Output as the units that a method ranks first are replaced (deletion) or alone "
        f"stand in place (insertion), beside the mean of {first.control.repeats} random rankings "
        "and their middle 95 %.",
    )


@view("rank_agreement")
def rank_agreement(
    result: RankAgreement,
    checkpoints: Sequence[Checkpoint] = (),
    tokens: Tokens | None = None,
    label: str = "method",
) -> Plot:
    """Kendall's tau between every two methods (or checkpoints), beside what chance gives."""
    end = result.null[1]
    inside = int((~result.beyond_chance & ~np.eye(len(result.names), dtype=bool)).sum()) // 2
    pairs = len(result.names) * (len(result.names) - 1) // 2
    return Plot(
        view="rank_agreement",
        title="Do the rankings agree?",
        mark=HeatMap(
            values=result.tau,
            rows=result.names,
            columns=result.names,
            row_label="",
            column_label="",
            value_label="rank agreement (Kendall's tau)",
            limits=(-1.0, 1.0),
            written="probability",
        ),
        params={"label": label},
        provenance=provenance_of(
            checkpoints, tokens, view="rank_agreement", units=result.units, null=list(result.null)
        ),
        notes=(
            f"Unrelated rankings of {result.units} units stay within ±{end:.2f} (95 %); "
            f"{inside} of {pairs} pairs do. Special tokens are left out.",
        ),
        caption=f"Kendall's tau between rankings by {label} over {result.units} units; 95 % of "
        f"unrelated rankings lie within ±{end:.2f}.",
    )


@view("randomisation")
def randomisation(
    results: Randomisation | Sequence[Randomisation],
    names: Sequence[str] | None = None,
    checkpoint: Checkpoint | None = None,
    tokens: Tokens | None = None,
) -> Plot:
    """Rank correlation with the trained model's attribution as weights are randomised.

    One Randomisation gives its scores and their absolute values; several give their scores.

    Raises
    ------
    ValueError
        There is no check, or they have different stages.
    """
    rows = as_list(results)
    if not rows:
        raise ValueError("no randomisation check to draw: give at least one")
    first = rows[0]
    if any(row.stages != first.stages for row in rows):
        raise ValueError("these checks have other stages: draw one checkpoint at a time")
    if len(rows) == 1:
        lines = {"scores": first.spearman, "absolute scores": first.absolute}
    else:
        labels = list(names) if names is not None else [title_of(row) for row in rows]
        lines = {name: row.spearman for name, row in zip(labels, rows, strict=True)}
    # The trained model agrees with itself; chance is a band around zero.
    y = np.array([[1.0, *values] for values in lines.values()] + [[0.0] * (len(first.stages) + 1)])
    bands = np.repeat(y[:, :, None], 2, axis=2)
    bands[-1] = first.null
    return Plot(
        view="randomisation",
        title="Randomisation test",
        mark=Lines(
            x=np.arange(len(first.stages) + 1, dtype=float),
            y=y,
            series=(*lines, "unrelated rankings"),
            x_label="layers randomised down to",
            y_label="rank correlation (Spearman)",
            bands=bands,
            limits=(-1.05, 1.05),
            places=("nothing", *first.stages),
            reference=len(lines),
        ),
        params={"names": None if names is None else list(names)},
        provenance=provenance_of(
            [checkpoint],
            tokens,
            view="randomisation",
            method=[str(row.method) for row in rows],
            seed=first.seed,
            units=first.units,
        ),
        notes=(
            f"{first.units} units; unrelated rankings stay within ±{first.null[1]:.2f} (95 %). "
            f"Where a line stays high, the attribution does not depend on what the model has "
            f"learned.",
        ),
        caption="Rank correlation of the attribution with that of the trained model while weights "
        "are randomised from the classifier downwards (Adebayo et al. 2018).",
    )


def _named(
    results: Faithfulness | Sequence[Faithfulness], names: Sequence[str] | None
) -> tuple[list[Faithfulness], tuple[str, ...]]:
    rows = as_list(results)
    if not rows:
        raise ValueError("no evidence to draw: give at least one result")
    labels = tuple(names) if names is not None else tuple(title_of(row) for row in rows)
    if len(labels) != len(rows):
        raise ValueError(f"{len(labels)} names for {len(rows)} results")
    return rows, labels


def _output(row: Faithfulness, checkpoint: Checkpoint | None) -> str:
    """Label of the quantity of the curves."""
    if row.output == "value":
        return "predicted value"
    target = row.target if isinstance(row.target, tuple) else (row.target,)
    named = " minus ".join(target_label(checkpoint, int(index)) for index in target)
    return f"{OUTPUT_NAMES.get(row.output, row.output)} of {named}"


def _limits(first: Faithfulness, rows: Sequence[Faithfulness]) -> tuple[float, float] | None:
    """One scale for both panels; that of a probability whole."""
    if first.output == "probability" and not isinstance(first.target, tuple):
        return (-0.02, 1.02)
    every = np.concatenate(
        [np.concatenate([row.deletion, row.insertion]) for row in rows]
        + [first.band(curve)[1].ravel() for curve in ("deletion", "insertion")]
    )
    low, high = float(every.min()), float(every.max())
    room = 0.05 * (high - low) or 0.5
    return (low - room, high + room)


def _control(row: Faithfulness) -> str:
    return f"Random: {row.control.repeats} random rankings of the same {len(row.units)} units."


def _source(
    key: str,
    rows: Sequence[Faithfulness],
    checkpoints: Sequence[Checkpoint | None],
    tokens: Tokens | None,
    **more: Any,
) -> dict[str, Any]:
    first = rows[0]
    return provenance_of(
        checkpoints,
        tokens,
        view=key,
        method=[str(row.method) for row in rows],
        target=target_label(checkpoints[0], first.target),
        output=first.output,
        replaced_by=first.replace,
        random_rankings=first.control.repeats,
        seed=first.control.seed,
        shares=first.shares.tolist(),
        **more,
    )
