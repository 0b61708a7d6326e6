"""One text through one checkpoint or seed group, as the Attention page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import fmean
from typing import TYPE_CHECKING

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common import arrays
from analysis.common.faults import reason
from analysis.figures.marks import HeatMap
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.request import Subject
from analysis.figures.views import attention as views_attention
from analysis.figures.views.token_axis import TokenAxis, token_axis
from analysis.interventions.effects import LeaveOneOut
from analysis.reading import attention, over_attention
from analysis.reading.comparison import answer
from analysis.reading.decomposition import Decomposition
from analysis.reading.trace import Trace
from analysis.seed_groups import averages
from pages.ui.attention import engine as heard
from pages.ui.engine import models
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice

if TYPE_CHECKING:
    import numpy as np

    from analysis.statistics.basics import Agreement

OWN, ROW, LEFT_OUT, SPLIT = "Pooling head", "[CLS] row", "Leave one out", "Contribution"


@dataclass(frozen=True)
class Settings:
    """State of the page's controls."""

    norms: bool  # value norms instead of weights
    where: str  # how a token is left out
    special: bool  # special tokens shown
    layer: int | None  # of the encoder; None = the last
    head: int | None  # of the encoder; None = the mean
    part: int | None  # attention head of the pooling head; None = the mean
    ranked: bool = False  # most heard first, instead of the order of the text
    reference: str | None = None  # of the split; None: the corpus mean, where there is one


@dataclass
class AttentionReading:
    """One checkpoint or seed group, and everything that its card shows."""

    entry: Entry
    subject: Subject
    traces: tuple[Trace, ...] = ()  # with the [CLS] rows of the attentions only
    target: int = 0
    problem: str = ""  # why nothing is known at all
    axis: TokenAxis | None = None
    own: Plot | None = None  # attention heads (or seeds) x units
    silent: str = ""  # why there is no attention of its own
    row: Plot | None = None  # the encoder's [CLS] row, its attention heads x units
    rows: np.ndarray | None = None  # (M, H, U) the same of each seed of a group
    split: np.ndarray | None = None  # (U,)
    splits: np.ndarray | None = None  # (M, U) of each seed of a group
    reference: str = ""  # what the split measures values from
    rule: str = ""  # how the split was made
    no_split: str = ""
    effects: LeaveOneOut | None = None
    every_effect: tuple[LeaveOneOut, ...] = ()  # of each seed of a group
    no_effects: str = ""
    lines: list[str] = field(default_factory=list)
    plots: dict[str, Plot] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name of the class that is explained."""
        return self.entry.first.labels[self.target] if self.entry.first.labels else ""


def listen(entry: Entry, choice: Choice, settings: Settings) -> AttentionReading:
    """Run the text through an entry's members; a failure stays in its own card."""
    subject = subject_of(entry, choice.text, choice.pair)
    try:
        return _listen(subject, entry, choice, settings)
    except Exception as error:
        return AttentionReading(entry, subject, problem=reason(error, entry.id))


def _listen(subject: Subject, entry: Entry, choice: Choice, settings: Settings) -> AttentionReading:
    reading = AttentionReading(entry, subject)
    try:
        reading.traces = subject.each(results.cls_trace)
        reading.axis = token_axis(reading.traces[0].tokens, choice.words, settings.special)
    except Exception as error:
        reading.problem = reason(error)
        return reading
    splits = _targets(reading, choice, settings.reference)
    try:
        reading.own = _own_plot(reading, choice, settings)
    except Exception as error:
        reading.silent = _silence(reading, reason(error))
    try:
        reading.row = picture(
            "cls_row",
            [entry],
            choice,
            layer=settings.layer or -1,
            words=choice.words,
            special=settings.special,
        )
        if entry.is_group:
            layer = settings.layer or -1
            rows = [reading.axis.take(attention.cls_row(trace, layer)) for trace in reading.traces]
            reading.rows = arrays.stacked(rows)
    except Exception as error:
        reading.lines.append(reason(error))
    if splits:
        reading.reference = splits[0].reference
        reading.rule = "exact split" if splits[0].exact else f"split {splits[0].rule}"
        each = over_attention.added_by_unit(splits, reading.target, reading.axis.units)
        reading.split = averages.mean(list(each))
        reading.splits = each if entry.is_group else None
        reading.plots[SPLIT] = picture(
            "reading",
            [entry],
            choice,
            [reading.target],
            words=choice.words,
            reference=settings.reference,
        )
    known = [
        heard.known_effects(member, settings.where, choice.words) for member in subject.members
    ]
    reading.no_effects = next((result for result in known if isinstance(result, str)), "")
    effects = [result for result in known if isinstance(result, LeaveOneOut)]
    if len(effects) == len(entry.members):
        reading.effects = averages.mean_leave_one_out(effects, checkpoint_of(reading))
        reading.every_effect = tuple(effects) if entry.is_group else ()
        _compare(reading, choice, effects, settings)
    return reading


def values_of(plot: Plot) -> np.ndarray:
    """(R, U) cells of a heat map."""
    assert isinstance(plot.mark, HeatMap)
    return plot.mark.values


def _targets(
    reading: AttentionReading, choice: Choice, reference: str | None
) -> list[Decomposition]:
    """Choose the explained class; the splits of the members, where they have any."""
    if not reading.entry.classifies:
        kind = reading.entry.first.encoder_kind
        reading.no_split = f"{reading.entry.name} is a {kind}: there is no logit to split."
        return []
    reply = answer(reading.traces, reading.entry.id)
    reading.target = choice.target_of(reply.labels, reply.predicted)
    splits = [models.split(trace, reference) for trace in reading.traces]
    reason = next((reason for reason in splits if isinstance(reason, str)), "")
    reading.no_split = reason.replace(reading.entry.first.name, reading.entry.name)
    return [] if reading.no_split else [s for s in splits if isinstance(s, Decomposition)]


def _silence(reading: AttentionReading, reason: str) -> str:
    if reading.entry.first.kind != "encoder":
        return reason.replace(reading.entry.first.name, reading.entry.name)
    first = reading.entry.first
    kind = first.encoder_kind if first.head else "bare encoder without pooling head"
    return f"{reading.entry.name} is a {kind}: it has no attention but that of the encoder."


def checkpoint_of(reading: AttentionReading) -> Checkpoint:
    return averages.mean_checkpoint(reading.entry.members, reading.entry.id)


def weights(reading: AttentionReading, settings: Settings) -> list[np.ndarray]:
    """(P, T) of each member: weights, or shares of the value norms."""
    norms = reading.subject.each(results.value_norms) if settings.norms else None
    return over_attention.pooling_rows(reading.traces, norms)


def _own_plot(reading: AttentionReading, choice: Choice, settings: Settings) -> Plot:
    return picture(
        "pooling_attention",
        [reading.entry],
        choice,
        norms=settings.norms,
        words=choice.words,
        special=settings.special,
    )


def _compare(
    reading: AttentionReading, choice: Choice, effects: Sequence[LeaveOneOut], settings: Settings
) -> None:
    """Kendall's tau of attention with the effects, for each member; and the picture of both.

    Of what the columns show: of the chosen attention heads, where some are chosen.
    """
    taus: dict[str, list[Agreement]] = {}
    layer = settings.layer or reading.entry.first.facts.get("layers") or 0
    try:
        if not reading.silent:
            own = weights(reading, settings)
            part = None if reading.entry.is_group else settings.part
            part = part if part is not None and part < len(own[0]) else None
            taus[_named("pooling head", part)] = [
                heard.agreement(
                    member,
                    rows if part is None else rows[part],
                    each,
                    reading.target,
                    "own",
                    settings.norms,
                    part,
                )
                for member, rows, each in zip(reading.subject.members, own, effects, strict=True)
            ]
        rows_of = [attention.cls_row(trace, settings.layer or -1) for trace in reading.traces]
        head = (
            settings.head if settings.head is not None and settings.head < len(rows_of[0]) else None
        )
        row = "[CLS] row" if not reading.traces[0].read_token else "last token's row"
        taus[_named(f"encoder's {row}", head)] = [
            heard.agreement(
                member,
                rows if head is None else rows[head],
                each,
                reading.target,
                "row",
                layer,
                head,
            )
            for member, rows, each in zip(reading.subject.members, rows_of, effects, strict=True)
        ]
    except Exception as error:
        reading.lines.append(reason(error))
    if taus:
        reading.lines.append(_taus_in_words(taus))
    name, each = next(iter(taus.items())) if taus and not reading.entry.is_group else ("", [None])
    plot = picture(
        "leave_one_out",
        [reading.entry],
        choice,
        [reading.target],
        where=settings.where,
        words=choice.words,
        special=settings.special,
    )
    if name and each[0] is not None:
        note = views_attention.agreement_note(each[0], f"the attention of the {name}")
        plot = replace(plot, notes=(*plot.notes, note))
    reading.plots[LEFT_OUT] = plot


def _named(what: str, head: int | None) -> str:
    return what if head is None else f"{what}, attention head {head}"


def _taus_in_words(agreements: dict[str, list[Agreement]]) -> str:
    sentences = []
    for name, each in agreements.items():
        taus = [agreement.tau for agreement in each]
        ranks = all(map(isfinite, taus))
        shown = f"{fmean(taus):+.2f}" if ranks else "not defined, as all values are equal"
        if len(taus) > 1 and ranks:
            shown += f" (seeds {min(taus):+.2f} to {max(taus):+.2f})"
        sentences.append(f"{name}{':' if ',' in name else ''} {shown}")
    sentence = f"Kendall's tau with the size of the falls: {'; '.join(sentences)}"
    bands = [each[0] for each in agreements.values() if all(map(isfinite, each[0].null))]
    if not bands:  # what ranks nothing has no band either
        return f"{sentence}."
    return (
        f"{sentence}; unrelated rankings of {bands[0].n} give {bands[0].null[0]:+.2f} to "
        f"{bands[0].null[1]:+.2f} in 95 of 100 cases."
    )
