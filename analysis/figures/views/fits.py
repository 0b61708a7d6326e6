"""Views of a fit of pooling heads: scores over seeds, learning curves, confusion."""

from __future__ import annotations

import numpy as np

from analysis.datasets.tasks import metric_name
from analysis.figures.marks import Bars, HeatMap, Lines
from analysis.figures.plot import Plot
from analysis.figures.registry import view
from analysis.figures.views.source import provenance_of
from analysis.statistics.basics import mean_interval
from analysis.study.fits import FitScores

QUESTIONS = {
    "frozen": "heads on a frozen encoder",
    "lora": "heads on an encoder fine-tuned with them by LoRA",
    "full": "heads on an encoder fine-tuned with them in full",
}

MOST_WRITTEN = 12  # classes up to which each cell of a confusion matrix holds its number


def _source(key: str, fit: FitScores) -> dict[str, object]:
    return provenance_of([], view=key, fit=fit.name, encoder=fit.encoder, data=fit.data)


def _setting(fit: FitScores) -> str:
    train = fit.rows.get("train", 0)
    split = next((name for name in fit.rows if name != "train"), "")
    scored = fit.rows.get(split, 0)
    question = QUESTIONS.get(fit.tuning, fit.tuning)
    return (
        f"{question}, {fit.encoder.rpartition('/')[2]}; {fit.data}: {train:,} training rows, "
        f"{scored:,} scored ({split})"
    )


@view("fit_scores")
def fit_scores(fit: FitScores) -> Plot:
    """Scores of every fitted pooling head: each seed a dot, the mean with its t interval.

    Raises
    ------
    ValueError
        No pooling head of the fit has a score.
    """
    heads = fit.scored
    if not heads:
        raise ValueError("no pooling head of this fit has a score")
    dots = np.full((len(heads), max(len(head.scores) for head in heads)), np.nan)
    for row, head in enumerate(heads):
        dots[row, : len(head.scores)] = 100 * head.scores
    mean, interval = mean_interval(dots.T)
    return Plot(
        view="fit_scores",
        title="Scores over seeds",
        mark=Bars(
            values=mean[None],
            categories=tuple(head.name for head in heads),
            series=(metric_name(fit.metric),),
            category_label="",
            value_label=f"{metric_name(fit.metric)} (× 100)",
            intervals=interval[None],
            dots=dots[None],
            as_points=True,
        ),
        provenance=_source("fit_scores", fit),
        notes=(
            "Dots: one seed each. Diamonds: mean over seeds; lines: its 95 % interval (Student's "
            "t), not corrected for the number of heads. The axis does not begin at zero.",
        ),
        caption=f"Scores of pooling heads over {fit.seeds} seeds ({_setting(fit)}): each seed a "
        "dot, the mean with its 95 % interval (Student's t).",
    )


@view("fit_curves")
def fit_curves(fit: FitScores) -> Plot:
    """Score after each epoch, mean over seeds, one line a pooling head.

    Raises
    ------
    ValueError
        No epoch of the fit has ended.
    """
    heads = [head for head in fit.scored if head.curve.size]
    if not heads:
        raise ValueError("no epoch of this fit has ended")
    epochs = max(len(head.curve) for head in heads)
    lines = np.full((len(heads), epochs), np.nan)
    for row, head in enumerate(heads):
        lines[row, : len(head.curve)] = 100 * np.nanmean(head.curve, axis=1)
    return Plot(
        view="fit_curves",
        title="Learning",
        mark=Lines(
            x=np.arange(1, epochs + 1, dtype=float),
            y=lines,
            series=tuple(head.name for head in heads),
            x_label="epoch",
            y_label=f"{metric_name(fit.metric)} (× 100)",
        ),
        provenance=_source("fit_curves", fit),
        notes=("Mean over seeds, on at most 500 of the rows that are scored.",),
        caption=f"{metric_name(fit.metric)} after each epoch, mean over {fit.seeds} seeds "
        f"({_setting(fit)}), on at most 500 of the scored rows.",
    )


@view("fit_confusion")
def fit_confusion(fit: FitScores, head: str = "") -> Plot:
    """Labels by predicted classes of one pooling head, mean over seeds, in % of each label.

    Raises
    ------
    ValueError
        No head of the fit chose among classes.
    """
    chosen = next((scored for scored in fit.scored if scored.name == head or not head), None)
    if chosen is None or not chosen.confusion.size:
        raise ValueError("only heads that predict classes have a confusion matrix")
    counts = chosen.confusion
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100 * counts, rows, out=np.full_like(counts, np.nan), where=rows > 0)
    return Plot(
        view="fit_confusion",
        title=f"Confusion of {chosen.name}",
        mark=HeatMap(
            values=shares,
            rows=fit.labels,
            columns=fit.labels,
            row_label="label",
            column_label="predicted",
            value_label="share of the label (%)",
            scale="sequential",
            limits=(0.0, 100.0),
            written="percent" if len(fit.labels) <= MOST_WRITTEN else None,
        ),
        params={"head": chosen.name},
        provenance=_source("fit_confusion", fit),
        notes=(f"Mean over {len(chosen.scores)} seeds.",),
        caption=f"Predictions of {chosen.name} by label, in % of each label's rows, mean over "
        f"{len(chosen.scores)} seeds ({_setting(fit)}).",
    )
