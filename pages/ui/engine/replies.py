"""Replies of the chosen checkpoints to a text: traces, splits and answers, or a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common.faults import reason
from analysis.common.phrases import listed, name_without_folder
from analysis.reading.comparison import Answer, answer
from pages.ui.engine import models
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from streamlit.runtime.state import SessionStateProxy

    from analysis.reading.decomposition import Decomposition
    from analysis.reading.trace import Trace


@dataclass(frozen=True)
class Reply:
    """One card: the traces of an entry's members and what follows from them."""

    entry: Entry
    traces: tuple[Trace, ...] = ()
    answer: Answer | None = None  # None for a bare encoder, or where `problem` says why
    target: int = 0  # the class that is explained
    splits: tuple[Decomposition, ...] = ()
    no_split: str = ""  # in one sentence, where there is no split
    problem: str = ""  # why there is no reply at all
    slots: dict[str, Any] = field(default_factory=dict)  # containers that are filled later

    @property
    def label(self) -> str:
        """Name of the class that is explained."""
        return self.entry.first.labels[self.target] if self.entry.first.labels else ""


def replies(choice: Choice, text: str, reference: str | None) -> Iterator[Reply]:
    """One reply after the other, in the order of the cards; a failure stays in its own card."""
    for entry in choice.entries:
        try:
            reply = _reply(entry, choice, text, reference)
        except Exception as error:
            reply = Reply(entry, problem=reason(error, entry.id))
        yield reply


def _reply(entry: Entry, choice: Choice, text: str, reference: str | None) -> Reply:
    traces = tuple(models.trace(member, text, choice.pair) for member in entry.members)
    if not entry.classifies:
        return Reply(entry, traces)
    own_answer = answer(traces, name_without_folder(entry.id))
    splits = [models.split(trace, reference) for trace in traces]
    reasons = [split for split in splits if isinstance(split, str)]
    return Reply(
        entry=entry,
        traces=traces,
        answer=own_answer,
        target=choice.target_of(own_answer.labels, own_answer.predicted),
        splits=() if reasons else tuple(s for s in splits if not isinstance(s, str)),
        no_split=reasons[0] if reasons else "",
    )


def stock_head(traces: Sequence[Trace]) -> str:
    """Input of a Transformers classifier's head and its layers, as far as they are known."""
    reads = traces[0].head.reads if traces else ""
    return f"stock classifier: {reads}" if reads else "stock classifier"


def one_class(every: Sequence[Reply]) -> list[Reply]:
    """The replies, with one class explained in all that have it.

    Where the checkpoints disagree it is the class that most of them predict (of several the
    first one's): a word must not be orange in one card and blue in the next for no other reason.
    """
    common = common_class([reply.label for reply in every if reply.answer is not None])
    return [
        replace(reply, target=reply.entry.first.labels.index(common))
        if reply.answer is not None and common in reply.entry.first.labels
        else reply
        for reply in every
    ]


def common_class(labels: Sequence[str]) -> str:
    """The class that most of these checkpoints predict, of several the first one's; "" of none."""
    return max(labels, key=list(labels).count, default="")


def predicted_classes(choice: Choice) -> list[str]:
    """The class that each checkpoint predicts; those without a prediction are left out."""
    labels = []
    for entry in choice.entries:
        if not entry.classifies or not entry.first.labels:
            continue
        try:
            traces = [models.trace(member, choice.text, choice.pair) for member in entry.members]
            labels.append(entry.first.labels[answer(traces, entry.id).predicted])
        except Exception:  # its own card says why
            continue
    return labels


def explained_in_words(choice: Choice, labels: Sequence[str]) -> str:
    """The class that is explained in all cards, and how many of the checkpoints predict it.

    ``labels`` are the classes that the checkpoints predict, or those that their cards explain.
    Checkpoints of other classes are counted apart: each of their cards explains a class of its own.
    """
    if choice.target in labels or not labels:
        return choice.target if labels else ""
    common = common_class(labels)
    others = [
        entry
        for entry in choice.entries
        if entry.classifies and entry.first.labels and common not in entry.first.labels
    ]
    count, alike = list(labels).count(common), len(labels) - len(others)
    words = "" if count >= alike else f", which {count} of {alike} predict"
    if others:
        several = f"{len(others)} with other classes explain their own"
        words += "; one with other classes explains its own" if len(others) == 1 else f"; {several}"
    return f"{common}{words}"


def ask_reference() -> str | None:
    """The vector from which the split measures values; None: the corpus where there is one.

    With any reference the split adds up, and signs depend on it: so it is named, and can be
    changed.
    """
    chosen = st.segmented_control(
        "Contribution baseline",
        ("corpus mean", "zero"),
        default="corpus mean",
        required=True,
        **address.kept("reference"),
        help="Contributions measure values from their mean over the checkpoint's corpus (where it "
        "has a profile), or from zero. Both add up to the logit; signs may differ.",
    )
    return "zero" if chosen == "zero" else None


def without_profile(used: Mapping[str, str], chosen_reference: str | None) -> str:
    """Names of the checkpoints without a corpus mean, whose contributions start from zero."""
    names = [name_without_folder(name) for name, reference in used.items() if reference == "zero"]
    if chosen_reference == "zero" or not names:
        return ""
    alone = len(names) == 1
    have, splits = ("has", "its split is") if alone else ("have", "their splits are")
    return f"{listed(names)} {have} no corpus mean: {splits} measured from zero."


def common_limit(
    name: str,
    key: tuple[str, ...],
    largest: float,
    store: MutableMapping[str, object] | SessionStateProxy,
    steps: Sequence[float] = (1, 2, 5, 10),
) -> float:
    """A round limit for a colour scale that holds still while one types.

    It only grows, in these steps; another choice of checkpoints begins anew.
    """
    held = store.get(name)
    before = held[1] if isinstance(held, tuple) and held[0] == key else 0.0
    limit = max(before, round_up(largest, steps))
    store[name] = (key, limit)
    return limit


def round_up(value: float, steps: Sequence[float] = (1, 2, 5, 10)) -> float:
    """The smallest step times a power of ten that is at least `value` (0.1 at the least)."""
    if not isfinite(value) or value <= 0.1:
        return 0.1
    power = 10.0 ** floor(log10(value))
    return float(next(step * power for step in steps if step * power >= value * (1 - 1e-9)))
