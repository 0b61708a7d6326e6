"""The evidence over a data set: every row through every checkpoint and method.

One small record a row, checkpoint and method, handed over as it is made: a pass that is stopped
keeps what it has, and one that is given these records goes on after them. Units are words, so
that words can be counted across texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution.evidence.agreement import typed
from analysis.attribution.evidence.faithfulness import (
    MEASURES,
    REPEATS,
    Control,
    Faithfulness,
    faithfulness,
    random_control,
)
from analysis.attribution.evidence.sensitivity import sensitivity
from analysis.attribution.registry import METHODS
from analysis.attribution.results import Attribution, Progress, Target
from analysis.attribution.run import attribute
from analysis.attribution.texts.records import (
    COLUMNS,
    EvidenceSummary,
    TextEvidence,
    WordMeans,
    evidence_frame,
    largest_words,
    summarise_evidence,
    summary_frame,
    word_frame,
)
from analysis.common.faults import is_foreseen, reason
from analysis.reading.trace import record
from analysis.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier

__all__ = [
    "COLUMNS",
    "EvidenceSummary",
    "Row",
    "TextEvidence",
    "WordMeans",
    "evidence_frame",
    "explained_label",
    "largest_words",
    "over_texts",
    "summarise_evidence",
    "summary_frame",
    "word_frame",
]

Row = tuple[str, str | None]  # a text and its pair


def over_texts(
    classifiers: Sequence[Classifier],
    rows: Sequence[Row],
    methods: Sequence[str],
    *,
    target: Target | None = None,
    output: str = "logit",
    against: str | None = None,
    baseline: str = "pad",
    baseline_text: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    replace: str = "mask",
    measured: str = "probability",
    repeats: int = REPEATS // 2,
    seed: int = 0,
    sensitivity_samples: int = 0,
    done: Iterable[TextEvidence] = (),
    progress: Progress | None = None,
) -> Iterator[TextEvidence]:
    """Each row by each checkpoint and method, one record at a time, row by row.

    `target` is explained (default: what the checkpoint predicts for the row), `against` a class by
    its name: the difference of what is predicted and that class. `options` are those of a method,
    by its key, `baseline_text` the one sentence of baseline="text". `measured` and `replace` are
    the `output` and `replace` of :func:`faithfulness`. All methods of a checkpoint and row stand
    against the same `repeats` random rankings, half as many as for one text: they are most of the
    work, and a mean over texts evens their noise out. `sensitivity_samples` above 0 add
    :func:`sensitivity` by as many samples (as many attributions more, and one). Records in `done`
    are not made again, those of an unforeseen failure aside; give those of the same settings. A
    text that a method cannot take, or where it fails in whatever way, becomes a record that says
    why.

    `progress` gets the share of all records; what it raises ends the iterator, and what was
    yielded is whole. Raises ``ValueError`` for an unknown method, without rows, methods or
    checkpoints, or for two checkpoints of one name, before anything is computed.
    """
    unknown = [key for key in methods if key not in METHODS]
    if unknown:
        raise ValueError(f"method is {unknown[0]!r}; known: {', '.join(METHODS)}")
    if not (rows and methods and classifiers):
        raise ValueError("evidence over texts needs at least one text, method and checkpoint")
    ids = [classifier.checkpoint.id for classifier in classifiers]
    twice = next((name for name in ids if ids.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"two checkpoints are called {twice}, and their records could not be told apart: "
            "give one folder another name, or leave one out"
        )
    settings = _PassSettings(
        target,
        output,
        against,
        baseline,
        baseline_text,
        dict(options or {}),
        replace,
        measured,
        repeats,
        seed,
        sensitivity_samples,
    )
    return _each(classifiers, rows, methods, settings, _settled(done), progress)


def _settled(done: Iterable[TextEvidence]) -> set[tuple[int, str, str]]:
    return {item.key for item in done if not item.unforeseen}


class _Ended(BaseException):
    """Error that `progress` raised, on its way past all that turns errors of a row into records."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


# --- one row -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PassSettings:
    """The settings of a pass."""

    target: Target | None
    output: str
    against: str | None
    baseline: str
    baseline_text: str | None
    options: dict[str, Mapping[str, Any]]
    replace: str
    measured: str
    repeats: int
    seed: int
    sensitivity_samples: int


def _each(
    classifiers: Sequence[Classifier],
    rows: Sequence[Row],
    methods: Sequence[str],
    settings: _PassSettings,
    done: set[tuple[int, str, str]],
    progress: Progress | None,
) -> Iterator[TextEvidence]:
    total, behind = len(rows) * len(classifiers) * len(methods), 0

    def report(share: float) -> None:
        if progress is None:
            return
        try:
            progress(min(1.0, (behind + share) / total))
        except Exception as error:
            raise _Ended(error) from error

    try:
        for index, row in enumerate(rows):
            for classifier in classifiers:
                controls: dict[Any, Control] = {}
                for method in methods:
                    if (index, classifier.checkpoint.id, method) not in done:
                        report(0.0)
                        yield _evidence(classifier, index, row, method, settings, controls, report)
                    behind += 1
                    report(0.0)
    except _Ended as end:
        raise end.error from None


def _evidence(
    classifier: Classifier,
    index: int,
    row: Row,
    method: str,
    settings: _PassSettings,
    controls: dict[Any, Control],
    progress: Progress,
) -> TextEvidence:
    text, pair = row
    try:
        # A row that cannot be read is one record, not the end of the pass.
        tokens = tokenize(classifier.tokenizer, text, pair, classifier.limit)
        arguments: dict[str, Any] = {
            "method": method,
            "unit": "word",
            "output": settings.output,
            "baseline": settings.baseline,
            "baseline_text": settings.baseline_text,
            "seed": settings.seed,
            "target": _target(classifier, row, settings),
            **settings.options.get(method, {}),
        }
        # Sensitivity repeats the attribution once for each sample, and once more.
        own = 0.5 if not settings.sensitivity_samples else 0.1
        attribution = attribute(
            classifier, text, pair, progress=lambda s: progress(own * s), **arguments
        )
        options: dict[str, Any] = {"replace": settings.replace, "output": settings.measured}
        kind = attribution.unit_tokens, attribution.target
        if kind not in controls:
            controls[kind] = random_control(
                classifier,
                text,
                attribution,
                pair,
                repeats=settings.repeats,
                seed=settings.seed + index,
                progress=lambda s: progress(own + 0.4 * s),
                **options,
            )
        measured = faithfulness(
            classifier,
            text,
            attribution,
            pair,
            control=controls[kind],
            progress=lambda s: progress(own + 0.4 + 0.1 * s),
            **options,
        )
        noise = _sensitivity(
            classifier,
            row,
            settings,
            arguments | {"target": attribution.target},
            lambda s: progress(0.6 + 0.4 * s),
        )
    except Exception as error:
        why = reason(error, classifier.checkpoint.id)
        nothing = np.full(len(MEASURES), np.nan)
        return TextEvidence(
            index,
            classifier.checkpoint.id,
            method,
            "",
            (),
            np.zeros(0),
            settings.output,
            np.full(len(COLUMNS), np.nan),
            nothing,
            nothing,
            0.0,
            why,
            not is_foreseen(error),
        )
    return _record(classifier, index, tokens, attribution, measured, noise)


def _target(classifier: Classifier, row: Row, settings: _PassSettings) -> Target | None:
    """The class to explain for a row; None: the predicted one."""
    if settings.against is None or settings.target is not None:
        return settings.target
    labels = classifier.checkpoint.labels
    if settings.against not in labels:
        raise ValueError(f"{classifier.checkpoint.name} has no class {settings.against}")
    contrast, predicted = labels.index(settings.against), record(classifier, *row).predicted
    if contrast == predicted:
        raise ValueError(
            f"it is predicted as {settings.against}, which cannot be explained against itself"
        )
    return predicted, contrast


def _sensitivity(
    classifier: Classifier,
    row: Row,
    settings: _PassSettings,
    arguments: dict[str, Any],
    progress: Progress,
) -> float:
    """Captum's maximum; NaN where it is not asked for, or noise does not reach the method."""
    if not settings.sensitivity_samples or arguments["method"] == "exact_split":
        return float("nan")
    return sensitivity(
        classifier, *row, samples=settings.sensitivity_samples, progress=progress, **arguments
    ).maximum


def _record(
    classifier: Classifier,
    index: int,
    tokens: Tokens,
    attribution: Attribution,
    measured: Faithfulness,
    noise: float,
) -> TextEvidence:
    measures = measured.measures()
    places = [i for i, u in enumerate(attribution.unit_tokens) if not tokens.special[u[0]]]
    gap = attribution.completeness_gap
    return TextEvidence(
        row=index,
        checkpoint=classifier.checkpoint.id,
        method=attribution.method,
        explained=explained_label(classifier.checkpoint.labels, attribution.target),
        words=tuple(typed(tokens, attribution.unit_tokens[i]).lower() for i in places),
        scores=attribution.scores[places].astype(np.float64),
        output=attribution.output,
        values=np.array(
            [
                np.nan if gap is None else gap,
                *(measure.value for measure in measures.values()),
                *(measure.normalised for measure in measures.values()),
                noise,
            ]
        ),
        random=np.array([measure.random for measure in measures.values()]),
        spread=np.array([measure.spread for measure in measures.values()]),
        seconds=attribution.seconds,
    )


def explained_label(labels: Sequence[str], target: Target) -> str:
    """The class that is explained, by name: "positive", or "positive minus negative"."""
    if isinstance(target, tuple):
        return " minus ".join(explained_label(labels, label) for label in target)
    if len(labels) < 2:
        return "value"
    return labels[target] if target < len(labels) else f"class {target}"
