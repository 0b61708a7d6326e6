"""Recipes of the evidence for attributions over a data set: means by method, words by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.datasets.sentences import random_rows
from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import recipe
from analysis.figures.recipes.request import Data, Request
from analysis.figures.recipes.results import Member
from analysis.figures.views import evidence_texts as views

if TYPE_CHECKING:
    from analysis.attribution.texts.records import TextEvidence

USUAL = ("integrated_gradients", "gradient_x_input", "leave_one_out")


@dataclass(frozen=True)
class EvidenceSettings:
    """Settings of the evidence for every text; hashable, so that a store can find its records."""

    methods: tuple[str, ...]
    output: str = "contrast"
    against: str | None = None
    baseline: str = "pad"
    baseline_text: str | None = None
    options: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = ()
    replace: str = "mask"
    measured: str = "probability"
    sensitivity: int = 0
    seed: int = 0


def text_evidence(
    member: Member, data: Data, texts: int, first: int | None, settings: EvidenceSettings
) -> tuple[TextEvidence, ...]:
    """A record for each method and each of the `first` of `texts` random rows of a data set."""
    from analysis.attribution import over_texts

    return tuple(
        over_texts(
            [member.classifier],
            random_rows(data.table, texts)[:first],
            settings.methods,
            output=settings.output,
            against=settings.against,
            baseline=settings.baseline,
            baseline_text=settings.baseline_text,
            options={method: dict(pairs) for method, pairs in settings.options},
            replace=settings.replace,
            measured=settings.measured,
            sensitivity_samples=settings.sensitivity,
            seed=settings.seed,
            progress=member.store.progress,
        )
    )


@recipe("evidence_means")
def evidence_means(
    request: Request,
    column: str = "comprehensiveness_normalised",
    methods: list[str] | None = None,
    texts: int = 50,
    first: int | None = None,
    output: str = "contrast",
    against: str | None = None,
    baseline: str = "pad",
    baseline_text: str | None = None,
    options: dict | None = None,  # type: ignore[type-arg]
    replace: str = "mask",
    measured: str = "probability",
    sensitivity: int = 0,
    seed: int = 0,
) -> Plot:
    """A measure of attributions over a data set: mean by method and checkpoint, with intervals.

    Of `texts` random rows; of these the `first` ones, where fewer were done.
    """
    from analysis.attribution.texts.records import summarise_evidence

    settings = _settings(
        methods, output, against, baseline, baseline_text, options, replace, measured,
        sensitivity, seed,
    )  # fmt: skip
    members = list({m.checkpoint.id: m for s in request.subjects for m in s.members}.values())
    records = _records(request, members, texts, first, settings)
    summaries = summarise_evidence(records)
    known = [summary for summary in summaries if summary.has(column)]
    return views.evidence_means(known, column, [member.checkpoint for member in members])


@recipe("largest_words")
def largest_words(
    request: Request,
    method: str = "integrated_gradients",
    least: int = 2,
    top: int = 12,
    texts: int = 50,
    first: int | None = None,
    output: str = "contrast",
    against: str | None = None,
    baseline: str = "pad",
    baseline_text: str | None = None,
    options: dict | None = None,  # type: ignore[type-arg]
    replace: str = "mask",
    measured: str = "probability",
    sensitivity: int = 0,
    seed: int = 0,
) -> Plot:
    """Words with the largest mean attribution to each class over a data set.

    Of the words that occur in at least `least` of the texts. One checkpoint and one method.
    """
    from analysis.attribution.texts.records import largest_words as compute

    settings = _settings(
        [method], output, against, baseline, baseline_text, options, replace, measured,
        sensitivity, seed,
    )  # fmt: skip
    subject, _ = request.only("largest_words")
    member = subject.only("largest_words")
    records = _records(request, [member], texts, first, settings)
    return views.largest_words(compute(records, min_texts=least), member.checkpoint, top)


def _settings(
    methods: Sequence[str] | None,
    output: str,
    against: str | None,
    baseline: str,
    baseline_text: str | None,
    options: dict[str, dict[str, Any]] | None,
    replace: str,
    measured: str,
    sensitivity: int,
    seed: int,
) -> EvidenceSettings:
    pairs = tuple((name, tuple(own.items())) for name, own in (options or {}).items())
    return EvidenceSettings(
        tuple(methods or USUAL), output, against, baseline, baseline_text, pairs, replace,
        measured, sensitivity, seed,
    )  # fmt: skip


def _records(
    request: Request,
    members: Sequence[Member],
    texts: int,
    first: int | None,
    settings: EvidenceSettings,
) -> list[TextEvidence]:
    request.table  # noqa: B018 (says that a data set is missing)
    assert request.data is not None
    count = min(texts, len(request.table))
    records: list[TextEvidence] = []
    for member in members:
        own = member.reads("", None)
        records += own.result(text_evidence, request.data, count, first, settings)
    return records
