"""Views of a data set through several checkpoints: scores, confusion, calibration, agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.marks import Bars, Grid, HeatMap, Lines, Points
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import as_list, provenance_of
from analysis.figures.views.study import metric_label

if TYPE_CHECKING:
    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.evaluation.agreement import Agreement
    from analysis.evaluation.score_records import Evaluation
    from analysis.suite.results import Results

COLUMNS = 3


def _names(evaluations: Sequence[Evaluation]) -> tuple[str, ...]:
    if not evaluations:
        raise ValueError("nothing to draw: no checkpoint has an answer yet")
    return tuple(evaluation.checkpoint for evaluation in evaluations)


@view("data_set_scores")
def data_set_scores(
    evaluations: Evaluation | Sequence[Evaluation],
    data: str = "",
    checkpoints: Sequence[Checkpoint] = (),
) -> Plot:
    """Scores of each checkpoint on a data set, one panel a metric, with their 95 % intervals."""
    every = as_list(evaluations)
    names = _names(every)
    metrics = list(
        dict.fromkeys(score.metric for evaluation in every for score in evaluation.scores)
    )
    panels: list[Bars] = []
    methods: dict[str, list[str]] = {}
    for metric in metrics:
        values = np.full((1, len(every)), np.nan)
        intervals = np.full((1, len(every), 2), np.nan)
        scale = 1.0
        for index, evaluation in enumerate(every):
            for score in evaluation.scores:
                if score.metric == metric:
                    scale = 100.0 if score.higher_is_better else 1.0
                    values[0, index] = scale * score.value
                    intervals[0, index] = scale * score.low, scale * score.high
                    held = methods.setdefault(score.method, [])
                    held += [] if metric in held else [metric]
        intervals[~np.isfinite(intervals).all(axis=2)] = np.nan
        panels.append(
            Bars(
                values=values,
                categories=names,
                series=(metric,),
                category_label="",
                value_label=_unit(metric, scale),
                intervals=intervals,
                as_points=True,
            )
        )
    methods_shown = "; ".join(f"{', '.join(held)}: {method}" for method, held in methods.items())
    counts = sorted({score.n for evaluation in every for score in evaluation.scores})
    n = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return Plot(
        view="data_set_scores",
        title=f"Scores on {data or 'this data set'}",
        mark=Grid(tuple(panels), tuple(metrics), COLUMNS),
        params={"data": data},
        provenance=provenance_of(checkpoints, view="data_set_scores", data=data or None),
        notes=(
            f"Over {n} examples. Lines: 95 % intervals over the examples ({methods_shown}). They "
            "hold for these checkpoints, not for their pooling heads in general. The axes do not "
            "begin at zero.",
        ),
        caption=f"Scores over {n} examples of {data or 'the data set'}, with 95 % intervals "
        f"({methods_shown}).",
    )


def _unit(metric: str, scale: float) -> str:
    if scale == 1:
        return f"{metric} (lower is better)"
    return metric_label(metric.lower()) if metric == "accuracy" else f"{metric} (× 100)"


@view("confusion")
def confusion(
    evaluations: Evaluation | Sequence[Evaluation],
    data: str = "",
    checkpoints: Sequence[Checkpoint] = (),
) -> Plot:
    """Confusion matrices: of the examples with a label, the share that got each prediction."""
    every = as_list(evaluations)
    names = _names(every)
    panels = []
    for evaluation in every:
        counts = np.asarray(evaluation.confusion, float)
        totals = counts.sum(axis=1, keepdims=True)
        shares = np.divide(
            100 * counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0
        )
        panels.append(
            HeatMap(
                values=shares,
                rows=tuple(
                    f"{label} ({int(n):,})"
                    for label, n in zip(evaluation.classes, totals[:, 0], strict=True)
                ),
                columns=tuple(evaluation.classes),
                row_label="label",
                column_label="predicted",
                value_label="share of the label (%)",
                scale="sequential",
                limits=(0.0, 100.0),
                written="percent",
            )
        )
    return Plot(
        view="confusion",
        title="Confusion matrices",
        mark=Grid(tuple(panels), names, COLUMNS),
        params={"data": data},
        provenance=provenance_of(checkpoints, view="confusion", data=data or None),
        notes=("Each row is a label, with its number of examples; its cells add up to 100 %.",),
        caption=f"Confusion matrices on {data or 'the data set'}: percent of the examples of each "
        "label by predicted class.",
    )


@view("reliability")
def reliability(
    evaluations: Evaluation | Sequence[Evaluation],
    data: str = "",
    checkpoints: Sequence[Checkpoint] = (),
) -> Plot:
    """Reliability diagrams: accuracy by confidence, beside what perfect calibration would give."""
    every = [each for each in as_list(evaluations) if each.calibration is not None]
    calibrations = [each.calibration for each in every if each.calibration is not None]
    _names(every)
    panels, titles, fewest = [], [], []
    for evaluation, calibration in zip(every, calibrations, strict=True):
        on = np.asarray(calibration.count) > 0
        x = 100 * np.asarray(calibration.confidence)[on]
        accuracy = 100 * np.asarray(calibration.accuracy)[on]
        bands = np.full((2, len(x), 2), np.nan)
        bands[0] = 100 * np.stack(
            [np.asarray(calibration.low)[on], np.asarray(calibration.high)[on]], axis=-1
        )
        bands[1] = x[:, None]
        panels.append(
            Lines(
                x=x,
                y=np.stack([accuracy, x]),
                series=("accuracy in the bin", "perfectly calibrated"),
                x_label="mean confidence of the bin (%)",
                y_label="accuracy (%)",
                bands=bands,
                limits=(-3.0, 103.0),
            )
        )
        titles.append(f"{evaluation.checkpoint}: ECE {calibration.ece:.3f}")
        fewest.append(int(np.asarray(calibration.count)[on].min()) if on.any() else 0)
    bins, scheme = len(calibrations[0].count), calibrations[0].scheme
    return Plot(
        view="reliability",
        title="Calibration",
        mark=Grid(tuple(panels), tuple(titles), COLUMNS),
        params={"data": data},
        provenance=provenance_of(checkpoints, view="reliability", data=data or None),
        notes=(
            f"ECE (expected calibration error) over {bins} bins of {scheme}, empty ones left "
            "out; the smallest bin drawn holds "
            f"{min(fewest)} examples. Bands: 95 % interval of the accuracy (Wilson).",
        ),
        caption=f"Reliability on {data or 'the data set'}: accuracy by mean confidence in {bins} "
        f"bins of {scheme}, with 95 % intervals.",
    )


@view("agreement")
def agreement(result: Agreement, data: str = "", checkpoints: Sequence[Checkpoint] = ()) -> Plot:
    """Share of equal answers, right or wrong, for each two checkpoints."""
    names = tuple(result.names)
    return Plot(
        view="agreement",
        title="Agreement of the checkpoints",
        mark=HeatMap(
            values=100 * np.asarray(result.share, float),
            rows=names,
            columns=names,
            row_label="",
            column_label="",
            value_label="same prediction (%)",
            scale="sequential",
            limits=(0.0, 100.0),
            written="percent",
        ),
        params={"data": data},
        provenance=provenance_of(checkpoints, view="agreement", data=data or None, n=result.n),
        notes=(f"Over {result.n:,} examples. Checkpoints may agree and be wrong together.",),
        caption=f"Share of {result.n:,} examples of {data or 'the data set'} on which two "
        "checkpoints predict the same class.",
    )


@view("failure_rates")
def failure_rates(
    results: Results | Sequence[Results], checkpoints: Sequence[Checkpoint] = ()
) -> Plot:
    """Failure rates on the behaviour suite: capabilities and kinds of test by checkpoint.

    Raises
    ------
    ValueError
        No checkpoint has an answer yet.
    """
    every = as_list(results)
    if not every:
        raise ValueError("nothing to draw: no checkpoint has an answer yet")
    keys = list(
        dict.fromkeys((rate.capability, rate.kind) for suite in every for rate in suite.rates)
    )
    counts = {(rate.capability, rate.kind): rate.n for suite in every for rate in suite.rates}
    values = np.full((len(keys), len(every)), np.nan)
    for column, suite in enumerate(every):
        for rate in suite.rates:
            values[keys.index((rate.capability, rate.kind)), column] = 100 * rate.rate
    return Plot(
        view="failure_rates",
        title="Failure rates by capability",
        mark=HeatMap(
            values=values,
            rows=tuple(
                f"{capability} {kind} ({counts[capability, kind]})" for capability, kind in keys
            ),
            columns=tuple(suite.checkpoint for suite in every),
            row_label="",
            column_label="",
            value_label="failures (%)",
            scale="sequential",
            limits=(0.0, 100.0),
            written="percent",
        ),
        provenance=provenance_of(checkpoints, view="failure_rates"),
        notes=(
            "MFT: the answer should be the label. INV: a change that should not change the "
            "answer. DIR: a change that should not move a probability the wrong way. In "
            "brackets: sentences, all from templates.",
        ),
        caption="Failure rates (%) on a behaviour suite of template sentences, in the spirit of "
        "CheckList: minimum functionality (MFT), invariance (INV) and directional (DIR) tests; in "
        "brackets the number of sentences.",
    )


@view("predicted_values")
def predicted_values(
    names: Sequence[str],
    labels: np.ndarray,
    values: Sequence[np.ndarray],
    data: str = "",
    checkpoints: Sequence[Checkpoint] = (),
    most: int = 2000,
) -> Plot:
    """A regression's predictions, (N,) each, against the labels (N,), evenly thinned.

    Raises
    ------
    ValueError
        No checkpoint has an answer yet.
    """
    if not len(names):
        raise ValueError("nothing to draw: no checkpoint has an answer yet")
    panels = []
    for name, predicted in zip(names, values, strict=True):
        kept = np.linspace(0, len(labels) - 1, min(most, len(labels))).round().astype(int)
        panels.append(
            Points(
                xy=np.stack(
                    [np.asarray(labels, float)[kept], np.asarray(predicted, float)[kept]], 1
                ),
                group=np.zeros(len(kept), int),
                groups=(name,),
                x_label="label",
                y_label="prediction",
                equal_axes=False,
            )
        )
    return Plot(
        view="predicted_values",
        title="Predictions against labels",
        mark=Grid(tuple(panels), tuple(names), COLUMNS),
        params={"data": data, "most": most},
        provenance=provenance_of(checkpoints, view="predicted_values", data=data or None),
        caption=f"Predictions against labels on {data or 'the data set'}.",
    )
