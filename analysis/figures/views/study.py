"""Views of a study: scores over seeds, differences, spreads, learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.datasets.tasks import metric_name, task_name
from analysis.figures.marks import Bars, Grid, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import provenance_of
from analysis.statistics.basics import mean_interval

if TYPE_CHECKING:
    from analysis.statistics.verdicts import Report
    from analysis.study.curves import Curve
    from analysis.study.results import Family, Scores, Stratum

PERCENT = ("accuracy", "f1", "macro_f1")
COLUMNS = 3


def metric_label(metric: str) -> str:
    """A metric as an axis names it, with its unit."""
    return f"{metric_name(metric)} ({'%' if metric in PERCENT else '× 100'})"


def _source(key: str, scores: Scores | Report, study: str, **more: Any) -> dict[str, Any]:
    return provenance_of(
        [],
        view=key,
        study=study or None,
        family=scores.family.name,
        runs=scores.done,
        runs_planned=scores.planned,
        **more,
    )


def _shown(family: Family, tasks: Sequence[str] | None) -> list[Stratum]:
    strata = [each for each in family.strata if tasks is None or each.task in tasks]
    if not strata:
        raise ValueError("no task to draw: choose at least one of this family")
    return strata


def _left_out(labels: Sequence[str], why: str) -> tuple[str, ...]:
    """A note that names what has nothing to draw yet."""
    return (f"{why}: {', '.join(labels)}.",) if labels else ()


def _seeds(counts: Sequence[int], unfinished: bool) -> str:
    """``10 seeds``, or ``2 to 7 seeds (unfinished)``: those that are drawn, not those planned."""
    drawn = sorted({int(count) for count in counts if count})
    seeds_shown = f"{drawn[0]} to {drawn[-1]}" if len(drawn) > 1 else str(drawn[0] if drawn else 0)
    noun = "seed" if seeds_shown == "1" else "seeds"
    return f"{seeds_shown} {noun}{' (unfinished)' if unfinished else ''}"


@view("study_scores")
def study_scores(scores: Scores, tasks: Sequence[str] | None = None, study: str = "") -> Plot:
    """Scores of every pooling head on every task: each seed a dot, the mean with its t interval.

    Raises
    ------
    ValueError
        A task has no run yet.
    """
    panels, titles, empty, counts = [], [], [], []
    for stratum in _shown(scores.family, tasks):
        values = 100 * scores.values[scores.family.strata.index(stratum)]  # (variants, seeds)
        if not np.isfinite(values).any():
            empty.append(stratum.label)
            continue
        mean, interval = mean_interval(values.T)
        panels.append(
            Bars(
                values=mean[None],
                categories=scores.variants,
                series=(stratum.label,),
                category_label="",
                value_label=metric_label(stratum.metric),
                intervals=interval[None],
                dots=values[None],
                as_points=True,
            )
        )
        titles.append(f"{stratum.label}, {stratum.split}")
        counts += np.isfinite(values).sum(axis=1).tolist()
    if not panels:
        raise ValueError(f"no run of {', '.join(empty)} is there yet")
    seeds = _seeds(counts, scores.done < scores.planned)
    return Plot(
        view="study_scores",
        title="Scores over seeds",
        mark=Grid(tuple(panels), tuple(titles), COLUMNS),
        params={"tasks": None if tasks is None else list(tasks)},
        provenance=_source("study_scores", scores, study),
        notes=(
            "Dots: one run each, in the order of the seeds. Diamonds: mean over seeds; lines: "
            "its 95 % interval (Student's t). The axes do not begin at zero.",
            *_left_out(empty, "No run yet"),
        ),
        caption=f"Scores over {seeds}: each run a dot, the mean with its 95 % interval "
        "(Student's t).",
    )


@view("study_differences")
def study_differences(report: Report, tasks: Sequence[str] | None = None, study: str = "") -> Plot:
    """Difference of every pooling head to the reference, with its 95 % interval, task by task.

    Raises
    ------
    ValueError
        No task has two seeds of both yet.
    """
    family = report.family
    groups = [
        (stratum.label, [c for c in report.comparisons if c.stratum == stratum])
        for stratum in _shown(family, tasks)
    ]
    if report.headlines:
        groups.insert(0, (f"mean of {len(family.strata)} tasks", list(report.headlines)))
    empty = [
        label
        for label, comparisons in groups
        if not any(np.isfinite(c.interval).all() for c in comparisons)
    ]
    groups = [group for group in groups if group[0] not in empty]
    if not groups:
        raise ValueError("an interval needs two seeds of both, and no task has them yet")
    counts = [n for _, comparisons in groups for c in comparisons for n in c.seeds]
    every = [100 * np.array([c.interval for c in comparisons]) for _, comparisons in groups]
    panels = tuple(
        Bars(
            values=100 * np.array([[c.difference for c in comparisons]]),
            categories=tuple(c.head for c in comparisons),
            series=(label,),
            category_label="",
            value_label=f"difference to {family.against} (points)",
            intervals=interval[None],
            as_points=True,
            reference=0.0,
            limits=_common(every),
        )
        for (label, comparisons), interval in zip(groups, every, strict=True)
    )
    return Plot(
        view="study_differences",
        title=f"Differences to {family.against}",
        mark=Grid(panels, tuple(label for label, _ in groups), COLUMNS),
        params={"tasks": None if tasks is None else list(tasks)},
        provenance=_source("study_differences", report, study),
        notes=(
            "Lines: 95 % interval of the difference (Welch), not corrected for the number of "
            "tests; the permutation tests in the table decide.",
            *_left_out(empty, "Fewer than two seeds"),
        ),
        caption=f"Difference to {family.against} in points, with 95 % intervals (Welch), over "
        f"{_seeds(counts, report.done < report.planned)} each.",
    )


def _common(intervals: Sequence[np.ndarray]) -> tuple[float, float] | None:
    """One axis for all panels, zero on it; None where there is no interval yet."""
    every = np.concatenate([each.ravel() for each in intervals])
    every = np.append(every[np.isfinite(every)], 0.0)
    return (float(every.min()), float(every.max())) if np.ptp(every) > 0 else None


@view("study_spread")
def study_spread(report: Report, tasks: Sequence[str] | None = None, study: str = "") -> Plot:
    """Spread over seeds of every pooling head against that of the reference.

    Raises
    ------
    ValueError
        No task has three seeds of both yet.
    """
    family = report.family
    panels, titles, empty, counts, open_ended = [], [], [], [], []
    for stratum in _shown(family, tasks):
        spreads = {
            comparison.head: comparison.spread
            for comparison in report.comparisons
            if comparison.stratum == stratum and comparison.spread is not None
        }
        if not any(np.isfinite(spread.ratio) for spread in spreads.values()):
            empty.append(stratum.label)
            continue
        interval = np.array([[spread.interval for spread in spreads.values()]])
        interval[~np.isfinite(interval).all(axis=2)] = np.nan
        open_ended += [
            f"{head} on {stratum.label}"
            for head, spread in spreads.items()
            if np.isinf(spread.interval).any()
        ]
        panels.append(
            Bars(
                values=np.array([[spread.ratio for spread in spreads.values()]]),
                categories=tuple(spreads),
                series=(stratum.label,),
                category_label="",
                value_label=f"spread, ratio to {family.against}",
                intervals=interval,
                as_points=True,
                reference=1.0,
            )
        )
        titles.append(stratum.label)
        counts += [n for c in report.comparisons if c.stratum == stratum for n in c.seeds]
    if not panels:
        raise ValueError("a spread needs three seeds of both, and no task has them yet")
    return Plot(
        view="study_spread",
        title="Spread over seeds",
        mark=Grid(tuple(panels), tuple(titles), COLUMNS),
        params={"tasks": None if tasks is None else list(tasks)},
        provenance=_source("study_spread", report, study),
        notes=(
            f"Below 1: steadier than {family.against}. Spread: mean distance from the median. "
            "Lines: 95 % interval (Fieller), the ratios that the Brown-Forsythe test would not "
            "reject, not corrected for the number of tests.",
            *_left_out(empty, "Too few seeds"),
            *_left_out(open_ended, "No line, as the interval has no upper end"),
        ),
        caption=f"Spread over seeds (mean distance from the median) as a ratio to that of "
        f"{family.against}, with 95 % intervals (Fieller), over "
        f"{_seeds(counts, report.done < report.planned)} each.",
    )


@view("learning_curves")
def learning_curves(curves: Sequence[Curve], study: str = "", unfinished: bool = False) -> Plot:
    """Scores by share of the training set, one line a pooling head, with t intervals.

    ``unfinished`` says that runs are missing.

    Raises
    ------
    ValueError
        No run on a part of the training set is there yet.
    """
    if not curves:
        raise ValueError("no run on a part of the training set yet")
    panels = []
    for curve in curves:
        mean, interval = mean_interval(100 * np.moveaxis(curve.values, 2, 0))
        rows = max(curve.shares) > 1
        panels.append(
            Lines(
                x=np.array(curve.shares) * (1 if rows else 100),
                y=mean,
                series=curve.heads,
                x_label="training rows" if rows else "share of the training set (%)",
                y_label=metric_label(curve.metric),
                bands=interval,
            )
        )
    counts = [int(n) for curve in curves for n in np.isfinite(curve.values).sum(axis=2).ravel()]
    seeds = _seeds(counts, unfinished)
    return Plot(
        view="learning_curves",
        title="Learning curves",
        mark=Grid(tuple(panels), tuple(task_name(curve.task) for curve in curves), COLUMNS),
        params={"unfinished": unfinished},
        provenance=provenance_of([], view="learning_curves", study=study or None),
        notes=(
            f"Mean over {seeds}; bands: its 95 % interval (Student's t). The parts are "
            "nested, drawn anew for each seed, and the same for every pooling head.",
        ),
        caption=f"Scores by share of the training set: mean over {seeds} with 95 % "
        "intervals (Student's t).",
    )
