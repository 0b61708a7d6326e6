"""The smallest edits that flip each pooling head's prediction, computed when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from analysis.checkpoints.masked_lm import folder_of
from analysis.common.faults import reason
from analysis.figures.recipes.flips import flips_of
from analysis.figures.recipes.request import Data
from analysis.interventions.edits import word_spans
from analysis.interventions.flips import READS, Flips, applied, in_words
from analysis.interventions.replacements import SOURCES
from pages.ui.compare import flips_over
from pages.ui.compare.wording import difference
from pages.ui.data import choose
from pages.ui.engine import models
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame import address
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.show import panel

_KINDS = {"deletion": "strike words out", "replacement": "replace words"}
_ABOUT = (
    "The smallest set of edited words that makes a pooling head predict another class: the fewer "
    "it takes, the less stable the prediction. All single edits are tried, larger sets by beam "
    "search; each flip is checked by a forward pass of its own. A flip does not say which answer "
    "is right."
)


@dataclass(frozen=True)
class Edits:
    """Edits that the search may make: their kind, and the source of replacements."""

    kind: str
    words_from: str
    data: Data | None = None  # only where its words are put in

    @property
    def key(self) -> tuple[str, ...]:
        """Key of the edits."""
        return (self.kind, self.words_from, self.data.table.digest if self.data else "")


def draw(replies: Sequence[Reply], choice: Choice) -> None:
    """Controls, the search once it was asked for of this text, and a data set's on demand."""
    able = [
        reply
        for reply in replies
        if reply.answer is not None and not reply.answer.regression and len(reply.answer.labels) > 1
    ]
    if not able:
        return
    with st.container(border=True, key="flips-panel"):
        with st.container(key="flips-controls"):
            st.markdown("**What would change its mind?**", help=_ABOUT)
            kind, words_from = _ask(able)
            button = st.empty()
        entries = [reply.entry for reply in able]
        data = _data(entries) if words_from == "data" else None
        if words_from != "data" or data is not None:
            edits = Edits(kind, words_from, data)
            question = (choice.text, choice.pair, edits.key, tuple(entry.id for entry in entries))
            if st.session_state.get("flips_asked") == question:
                _search(able, choice, edits)
            else:
                members = sum(len(entry.members) for entry in entries)
                words = len(word_spans(choice.text, choice.pair))
                button.button(
                    "Search",
                    key="flips-go",
                    on_click=lambda: st.session_state.update(flips_asked=question),
                    help=f"{words} words; up to {members * READS:,} short reads, a few seconds "
                    "for a sentence. Typing ends the search.",
                )
        if st.toggle("Over a data set", **address.kept("flips_over"), help=flips_over.ABOUT):
            data = data if words_from == "data" else _data(entries)
            if data is not None:
                flips_over.draw(entries, data, kind, words_from)


def _data(entries: Sequence[Entry]) -> Data | None:
    """The data set that is chosen here; None: none yet, and the page has said why."""
    chosen = choose.choose(entries, any_labels=True)
    return None if chosen.table is None else choose.data_of(chosen)


def _ask(able: Sequence[Reply]) -> tuple[str, str]:
    """(kind of edit, where replacements come from)."""
    kind = st.segmented_control(
        "Edits",
        tuple(_KINDS),
        default="deletion",
        required=True,
        format_func=_KINDS.__getitem__,
        label_visibility="collapsed",
        **address.kept("flip_kind"),
    )
    if kind != "replacement":
        return str(kind), "suite"
    masked = any(folder_of(reply.entry.first) is not None for reply in able)
    sources = [source for source in SOURCES if masked or source != "masked"]
    if st.session_state.get("flip_words") not in (None, *sources):
        del st.session_state["flip_words"]  # of a link, or of checkpoints that had one
    source = st.selectbox(
        "Words from",
        sources,
        format_func=SOURCES.__getitem__,
        label_visibility="collapsed",
        width=210,
        help="The suite's words, a data set's most telling ones, or those that the masked language "
        "model of a checkpoint's encoder finds likeliest in each place.",
        **address.kept("flip_words"),
    )
    return str(kind), str(source)


def _search(able: Sequence[Reply], choice: Choice, edits: Edits) -> None:
    bar = st.empty()
    searches: list[Flips] = []
    kept, problems = [], []
    for place, reply in enumerate(able):
        bar.progress(place / len(able), f"Searching, {cards.plain(reply.entry.name)}")
        models.leave_if_stale(place / len(able))
        try:
            subject = subject_of(reply.entry, choice.text, choice.pair)
            searches.append(
                flips_of(subject, edits.kind, words_from=edits.words_from, data=edits.data)
            )
            kept.append(reply)
        except Exception as error:
            problems.append(reason(error, reply.entry.id))
    bar.empty()
    for flips in searches:
        text, pair = applied(choice.text, choice.pair, flips.edits if flips.flipped else ())
        shown = difference(choice.text, text)
        if choice.pair is not None and pair is not None:
            shown += f"<br>{difference(choice.pair, pair)}"
        sentence = cards.text(in_words(flips, choice.text, choice.pair))
        edited = f'<div class="change" dir="auto">{shown}</div>' if flips.flipped else ""
        cards.piece(f'<div class="line">{sentence}</div>{edited}', f"flips-{flips.name}")
    for problem in problems:
        st.caption(cards.plain(problem))
    if searches:
        plot = picture(
            "flips",
            [reply.entry for reply in kept],
            choice,
            data=edits.data,
            kind=edits.kind,
            words_from=edits.words_from,
        )
        panel(plot, "flips", _ABOUT)
