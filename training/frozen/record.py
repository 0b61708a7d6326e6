"""A fit as :class:`analysis.study.fits.FitScores`: what is kept of it beside its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.datasets import Table
from analysis.study.fits import FitScores, HeadScores
from training.frozen.results import Fitted, FittedHead


def record_of(
    fitted: Fitted,
    scored: Table,
    *,
    name: str,
    data: str,
    checkpoints: Sequence[Path] = (),
) -> FitScores:
    """Scores, curves and confusion of a fit, and the scored row on which its heads disagree most.

    ``scored`` are the rows that ``fitted.label`` and all predictions are of, in their order.
    """
    return FitScores(
        name=name,
        encoder=fitted.source.name,
        data=data,
        metric=fitted.problem.metrics[0],
        labels=fitted.problem.names,
        rows=dict(fitted.rows),
        seeds=max((len(head.seeds) for head in fitted.heads), default=0),
        heads=tuple(_head(fitted, head) for head in fitted.heads),
        notes=fitted.notes,
        states_seconds=fitted.states_seconds,
        example=most_disputed(
            [head.predictions[0] for head in fitted.heads if head.fitted], scored
        ),
        checkpoints=tuple(path.name for path in checkpoints),
    )


def _head(fitted: Fitted, head: FittedHead) -> HeadScores:
    metric = fitted.problem.metrics[0]
    return HeadScores(
        name=head.name,
        scores=np.asarray(head.scores.get(metric, np.zeros(0)), np.float64),
        curve=np.asarray(head.curve, np.float64),
        confusion=_confusion(fitted, head),
        parameters=head.parameters,
        seconds=head.seconds,
        learning_rate=float(head.learning_rate),
        reason=head.reason,
    )


def _confusion(fitted: Fitted, head: FittedHead) -> NDArray[np.float64]:
    classes = len(fitted.problem.names)
    if fitted.problem.kind != "classes" or not head.fitted or classes > 50:
        return np.zeros((0, 0))
    counts = np.zeros((classes, classes))
    for answers in head.predictions:
        np.add.at(counts, (np.asarray(fitted.label, int), np.asarray(answers, int)), 1.0)
    return counts / len(head.predictions)


def most_disputed(answers: Sequence[np.ndarray], scored: Table) -> tuple[str, str | None]:
    """The row of which answers, (N,) or (N, C) each, differ most; the shortest of several."""
    lengths = np.asarray(scored.lengths[: len(scored)], np.float64)
    differ = np.zeros(len(scored))
    if answers:
        differ = np.stack(answers).astype(np.float64).std(axis=0)
        if differ.ndim == 2:
            differ = differ.sum(axis=1)
    row = int(np.lexsort((lengths, -differ))[0])
    return scored.text[row], None if scored.pair is None else scored.pair[row]
