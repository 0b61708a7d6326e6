"""Over a data set: who wins usually, what that adds, and whether it is stable over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.common.faults import reason
from analysis.datasets.sentences import Rows, digest
from analysis.figures.plot import Plot
from analysis.figures.views.winners_over import (
    ADDS,
    LABELLED,
    LAYER,
    PREDICTED,
    TOGETHER,
    TYPE,
    WINS,
    against,
    common,
    couples,
    means,
    stable_in_words,
)
from analysis.seed_groups.winners_over import Many
from pages.ui.data import sentence_sets
from pages.ui.data.sentence_sets import ChosenSentences
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import picture
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.winners import sentence_pass
from pages.ui.winners.panel import framed

FEWEST, MOST = 2, 2000
ABOUT = (
    "Means over many sentences, together or by class. Shares of wins are nearly a constant of "
    "the encoder; a contribution is the split of the predicted class minus the mean of the "
    "others. Intervals are over sentences for one checkpoint and over seeds for a group. Sentences "
    "of the behaviour suite show its templates as much as the checkpoint: natural text says more."
)
ABOUT_STABLE = (
    "Of all places (every dimension, and every token where all are pooled), the share with "
    "another winner in the other seed, beside what winners with the same shares would give if "
    "they were independent. It says nothing of whether the answers differ."
)
ABOUT_AGAINST = (
    "Mean share of wins by source layer of one seed group minus that of the other, with its 95 % "
    "interval over seeds (Welch), beside how far two seeds of one group lie apart. A difference "
    "no larger than that is no difference between the recipes."
)


def draw(shown: Sequence[Reply], choice: Choice, reference: str | None) -> None:
    """The panel; the pass over the sentences is asked for, and can be stopped and continued."""
    if not shown:
        return
    entries = [reply.entry for reply in shown]
    with st.container(border=True, key="over-panel"):
        with st.container(key="over-title"):
            st.markdown("**Over a data set**", help=ABOUT)
        chosen = sentence_sets.choose(entries)
        by, quantity, classes = _controls()
        rows = chosen.rows
        with st.container(key="over-start"):
            button, status = st.container(key="over-button").empty(), st.empty()
        results = st.container(key="over-results-place")
        if not chosen.name:
            return
        if not FEWEST <= len(rows) <= MOST:
            status.caption(f"{len(rows)} sentences: give {FEWEST} to {MOST} different ones.")
            return
        count = _pass(entries, rows, reference, button, status)
        if count < FEWEST:
            return
        with results:
            rows_shown = (
                chosen.name if count == len(rows) else f"The first {count} of: {chosen.name}"
            )
            over = Over(choice, chosen, reference, count)
            _draw_results(entries, over, by, quantity, classes, rows_shown)


def _controls() -> tuple[str, str, str]:
    with st.container(key="over-controls"):
        quantity = st.segmented_control(
            "Mean of", (WINS, ADDS), default=WINS, required=True, **address.kept("over_quantity")
        )
        by = st.segmented_control(
            "by", (LAYER, TYPE), default=LAYER, required=True, **address.kept("over_by")
        )
        classes = st.segmented_control(
            "Classes",
            (TOGETHER, PREDICTED, LABELLED),
            default=TOGETHER,
            required=True,
            **address.kept("over_classes"),
            help="All sentences together, or by the class that a "
            "checkpoint predicts, or by the one that the data set gives.",
        )
    return str(by), str(quantity), str(classes)


def _pass(
    entries: Sequence[Entry],
    rows: Rows,
    reference: str | None,
    button: DeltaGenerator,
    status: DeltaGenerator,
) -> int:
    """Go on where it is asked for; returns how many sentences are done."""
    this = (digest(rows), tuple(entry.id for entry in entries), reference)
    count, every = sentence_pass.done(entries, rows, reference), len(rows)
    running = st.session_state.get("over_asked") == this
    stopped = bool(st.session_state.get("over_stopped"))
    if count < every and running and not stopped:
        button.button(
            "Stop",
            key="over-stop",
            icon=":material/stop:",
            on_click=lambda: st.session_state.update(over_stopped=True),
        )

        def tell(number: int) -> None:
            # Drawing also ends a run that newer typing, or Stop, has replaced.
            status.progress(number / every, f"{number} of {every} sentences")

        tell(count)
        sentence_pass.run(entries, rows, reference, tell)
        count = sentence_pass.done(entries, rows, reference)
    status.empty()
    if count < every and not any(_problems(entries, rows, reference)):
        label = f"Continue after {count} sentences" if count else f"Compute over {every} sentences"
        button.button(label, key="over-go", on_click=_go, args=(this,))
        status.caption(
            f"Stopped: the results are over {count} of {every} sentences."
            if count >= FEWEST
            else f"A forward for each sentence and checkpoint, {every * _members(entries)} in all; "
            "it can be stopped, and keeps what is done."
        )
    else:
        button.button(f"Computed over {count} sentences", key="over-done", disabled=True)
    return count


def _go(this: object) -> None:
    st.session_state.update(over_asked=this, over_stopped=False)


def _members(entries: Sequence[Entry]) -> int:
    return sum(len(entry.members) for entry in entries)


def _problems(entries: Sequence[Entry], rows: Rows, reference: str | None) -> list[str]:
    return [sentence_pass.problem(entry, rows, reference) for entry in entries]


@dataclass(frozen=True)
class Over:
    """The sentences that are done, and how their pictures are made."""

    choice: Choice
    chosen: ChosenSentences
    reference: str | None
    count: int

    def result(self, entry: Entry) -> Many:
        """Statistics of an entry. Raises ``ValueError`` with the reason where there are none."""
        return sentence_pass.result(entry, self.chosen.rows, self.reference, self.count)

    def picture(self, view: str, entries: Sequence[Entry], **params: Any) -> Plot:
        """The picture `view` of these entries over the sentences."""
        return picture(
            view,
            entries,
            self.choice,
            data=self.chosen.data,
            most=self.chosen.most,
            first=None if self.count == len(self.chosen.rows) else self.count,
            reference=self.reference,
            **params,
        )


def _draw_results(
    entries: Sequence[Entry], over: Over, by: str, quantity: str, classes: str, sentences: str
) -> None:
    sentences_shown, plots, grouped = [f"{sentences}."], [], []
    for entry in entries:
        try:
            many = over.result(entry)
            if many.is_group:
                grouped.append(entry)
            how = {"by": by, "quantity": quantity, "classes": classes}
            class_names = over.chosen.sentences.classes
            class_names = None if class_names is None else class_names[: over.count]
            pictures = len(means(many, by, quantity, classes, class_names))
            plots += [
                over.picture("winner_means", [entry], place=place, **how)
                for place in range(pictures)
            ]
        except Exception as error:
            sentences_shown.append(reason(error))
    st.caption(cards.plain(" ".join(sentences_shown)))
    with st.container(key="over-results"):
        seen: dict[str, int] = {}
        for plot in common(plots) if plots else []:
            name = plot.title.partition(":")[0]
            seen[name] = seen.get(name, -1) + 1
            framed(plot, f"over-{name}" + (f"-{seen[name]}" if seen[name] else ""), ABOUT)
    if not grouped:
        return
    st.markdown("**Are the winners stable, or noise?**", help=ABOUT_STABLE)
    st.caption(cards.plain(" ".join(stable_in_words(over.result(entry)) for entry in grouped)))
    with st.container(key="over-seeds"):
        for entry in grouped:
            framed(over.picture("seed_disagreement", [entry]), f"seeds-{entry.id}", ABOUT_STABLE)
        _draw_against(grouped, over)


def _draw_against(entries: Sequence[Entry], over: Over) -> None:
    by_name = {entry.name: entry for entry in entries}
    able = {
        f"{a.name} against {b.name}": (a, b)
        for a, b in couples([over.result(entry) for entry in entries])
    }
    if not able:
        return
    names = list(able)
    if st.session_state.get("over_couple") not in names:
        st.session_state["over_couple"] = names[0]
    with st.container(key="over-against"):
        chosen = st.selectbox("Groups", names, key="over_couple") if len(names) > 1 else names[0]
        first, second = able[chosen]
        plot = over.picture("group_difference", [by_name[first.name], by_name[second.name]])
        framed(plot, "against", ABOUT_AGAINST, against(first, second)[1])
