"""One text through one checkpoint or seed group: all that the Attention page tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.faults import reason
from analysis.figures.marks import HeatMap
from analysis.figures.plot import Plot
from analysis.figures.views import attention as views_attention
from analysis.figures.views import compare
from analysis.figures.views.token_axis import TokenAxis, token_axis
from analysis.interventions.effects import LeaveOneOut
from analysis.reading import attention, groups
from analysis.reading.comparison import answer
from analysis.reading.decomposition import Decomposition
from analysis.reading.trace import HeadTrace, Trace
from pages.ui.attention import engine as heard
from pages.ui.engine import models
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.inputs import Choice

if TYPE_CHECKING:
    from analysis.statistics.basics import Agreement

OWN, ROW, LEFT_OUT, SPLIT = "Pooling head", "[CLS] row", "Leave one out", "Contribution"


@dataclass(frozen=True)
class Wanted:
    """What the controls of the page say."""

    norms: bool  # value norms instead of weights
    where: str  # how a token is left out
    special: bool  # special tokens shown
    layer: int | None  # of the encoder; None = the last
    head: int | None  # of the encoder; None = the mean
    part: int | None  # attention head of the pooling head; None = the mean
    ranked: bool = False  # most heard first, instead of the order of the text
    reference: str | None = None  # of the split; None: the corpus mean, where there is one


@dataclass
class Listener:
    """One checkpoint or seed group, and everything that its card shows."""

    entry: Entry
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


def listen(entry: Entry, choice: Choice, wanted: Wanted) -> Listener:
    """Run the text through an entry's members; a failure stays in its own card."""
    try:
        return _listen(entry, choice, wanted)
    except Exception as error:
        return Listener(entry, problem=reason(error, entry.id))


def _listen(entry: Entry, choice: Choice, wanted: Wanted) -> Listener:
    one = Listener(entry)
    try:
        one.traces = tuple(
            heard.heard(member, choice.text, choice.pair) for member in entry.members
        )
        one.axis = token_axis(one.traces[0].tokens, choice.words, wanted.special)
    except Exception as error:
        one.problem = reason(error)
        return one
    splits = _targets(one, choice, wanted.reference)
    try:
        one.own = _own_plot(one, choice, wanted)
    except Exception as error:
        one.silent = _silence(one, reason(error))
    try:
        one.row = views_attention.cls_row(
            _mean_rows(one), wanted.layer or -1, choice.words, wanted.special
        )
        if entry.is_group:
            one.rows = np.stack(
                [
                    one.axis.take(attention.cls_row(trace, wanted.layer or -1))
                    for trace in one.traces
                ]
            )
    except Exception as error:
        one.lines.append(reason(error))
    if splits:
        split = groups.mean_decomposition(splits)
        one.reference = split.reference
        one.rule = "exact split" if split.exact else f"split {split.rule}"
        each = np.array(
            [
                [member.by_token(one.target)[list(unit)].sum() for unit in one.axis.units]
                for member in splits
            ]
        )
        one.split = each.mean(axis=0)
        one.splits = each if entry.is_group else None
        one.plots[SPLIT] = compare.reading(
            split, one.traces[0].tokens, one.target, checkpoint_of(one), words=choice.words
        )
    known = [
        heard.known_effects(m, choice.text, choice.pair, wanted.where, choice.words)
        for m in entry.members
    ]
    one.no_effects = next((result for result in known if isinstance(result, str)), "")
    found = [result for result in known if isinstance(result, LeaveOneOut)]
    if len(found) == len(entry.members):
        one.effects = heard.mean_effects(found, checkpoint_of(one))
        one.every_effect = tuple(found) if entry.is_group else ()
        _compare(one, found, wanted)
    return one


def values_of(plot: Plot) -> np.ndarray:
    """(R, U) cells of a heat map."""
    assert isinstance(plot.mark, HeatMap)
    return plot.mark.values


def _targets(one: Listener, choice: Choice, reference: str | None) -> list[Decomposition]:
    """Choose the explained class; the splits of the members, where they have any."""
    if not one.entry.classifies:
        one.no_split = f"{one.entry.id} is a bare encoder: there is no logit to split."
        return []
    given = answer(one.traces, one.entry.id)
    one.target = choice.target_of(given.labels, given.predicted)
    splits = [models.split(trace, reference) for trace in one.traces]
    reason = next((reason for reason in splits if isinstance(reason, str)), "")
    one.no_split = reason.replace(one.entry.first.id, one.entry.id)
    return [] if one.no_split else [s for s in splits if isinstance(s, Decomposition)]


def _silence(one: Listener, reason: str) -> str:
    if one.entry.first.kind != "encoder":
        return reason.replace(one.entry.first.id, one.entry.id)
    return (
        f"{one.entry.id} is a bare encoder without pooling head: it has no attention but that of "
        "the encoder."
    )


def checkpoint_of(one: Listener) -> Any:
    return groups.mean_checkpoint(one.entry.members, one.entry.id)


def weights(one: Listener, wanted: Wanted) -> list[np.ndarray]:
    """(P, T) of each member: weights, or shares of the value norms."""
    if not wanted.norms:
        return [attention.pooling_attention(trace) for trace in one.traces]
    for trace in one.traces:
        attention.pooling_attention(trace)  # a single weight on [CLS] is no attention
    return [
        heard.norms(member, trace).share
        for member, trace in zip(one.entry.members, one.traces, strict=True)
    ]


def _own_plot(one: Listener, choice: Choice, wanted: Wanted) -> Plot:
    rows = weights(one, wanted)
    if not one.entry.is_group:
        norms = heard.norms(one.entry.first, one.traces[0]) if wanted.norms else None
        return views_attention.pooling_attention(one.traces[0], norms, choice.words, wanted.special)
    # Attention heads of different seeds do not correspond: each seed is seen by their mean.
    stacked = np.stack([row.mean(axis=0) for row in rows])
    group = replace(
        one.traces[0],
        checkpoint=checkpoint_of(one),
        head=HeadTrace(attention=stacked, parts=seeds(one.entry)),
    )
    plot = views_attention.pooling_attention(group, None, choice.words, wanted.special)
    assert isinstance(plot.mark, HeatMap)
    what = "share of the value norms" if wanted.norms else "attention"
    return replace(
        plot,
        mark=replace(plot.mark, row_label="seed (mean of its attention heads)", value_label=what),
        caption=f"Attention of the pooling head by seed and token: {what}, mean over the "
        "attention heads of each seed.",
    )


def seeds(entry: Entry) -> tuple[str, ...]:
    """What each member is called within its group."""
    return tuple(member.id.removeprefix(entry.id).lstrip("-") for member in entry.members)


def _mean_rows(one: Listener) -> Trace:
    """A trace whose [CLS] rows are the mean over the members'."""
    rows = [trace.attentions for trace in one.traces]
    mean = np.mean([row for row in rows if row is not None], axis=0)
    return replace(one.traces[0], attentions=mean, checkpoint=checkpoint_of(one))


def _compare(one: Listener, found: Sequence[LeaveOneOut], wanted: Wanted) -> None:
    """Kendall's tau of attention with the effects, for each member; and the picture of both.

    Of what the columns show: of the chosen attention heads, where some are chosen.
    """
    taus: dict[str, list[Agreement]] = {}
    layer = wanted.layer or one.entry.first.facts.get("layers") or 0
    try:
        if not one.silent:
            own = weights(one, wanted)
            part = None if one.entry.is_group else wanted.part
            part = part if part is not None and part < len(own[0]) else None
            taus[_named("pooling head", part)] = [
                heard.agreement(
                    member,
                    rows if part is None else rows[part],
                    effects,
                    one.target,
                    "own",
                    wanted.norms,
                    part,
                )
                for member, rows, effects in zip(one.entry.members, own, found, strict=True)
            ]
        rows_of = [attention.cls_row(trace, wanted.layer or -1) for trace in one.traces]
        head = wanted.head if wanted.head is not None and wanted.head < len(rows_of[0]) else None
        taus[_named("encoder's [CLS] row", head)] = [
            heard.agreement(
                member,
                rows if head is None else rows[head],
                effects,
                one.target,
                "row",
                layer,
                head,
            )
            for member, rows, effects in zip(one.entry.members, rows_of, found, strict=True)
        ]
    except Exception as error:
        one.lines.append(reason(error))
    if taus:
        one.lines.append(_taus_in_words(taus))
    name, each = next(iter(taus.items())) if taus and not one.entry.is_group else ("", [None])
    assert one.effects is not None
    one.plots[LEFT_OUT] = views_attention.leave_one_out(
        one.effects,
        one.target,
        each[0],
        special=wanted.special,
        agreement_of=f"the attention of the {name}" if name else "attention",
    )


def _named(what: str, head: int | None) -> str:
    return what if head is None else f"{what}, attention head {head}"


def _taus_in_words(found: dict[str, list[Agreement]]) -> str:
    said = []
    for name, each in found.items():
        taus = [one.tau for one in each]
        shown = f"{np.mean(taus):+.2f}" if np.isfinite(taus).all() else "none, for it ranks nothing"
        if len(taus) > 1 and np.isfinite(taus).all():
            shown += f" (seeds {min(taus):+.2f} to {max(taus):+.2f})"
        said.append(f"{name}{':' if ',' in name else ''} {shown}")
    first = next(iter(found.values()))[0]
    return (
        f"Kendall's tau with the size of what is lost: {'; '.join(said)}; unrelated rankings of "
        f"{first.n} give {first.null[0]:+.2f} to {first.null[1]:+.2f} in 95 of 100 cases."
    )
