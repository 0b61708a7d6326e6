"""What would change its mind: the smallest edits that flip each pooling head, when asked for."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.common.faults import reason
from analysis.figures.recipes.doubt import flips_of
from analysis.interventions.edits import word_spans
from analysis.interventions.flips import READS, Flips, applied, in_words
from pages.ui.compare.wording import difference
from pages.ui.engine import models
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame import address
from pages.ui.frame.inputs import Choice
from pages.ui.kit import cards
from pages.ui.kit.show import panel

_KINDS = {"deletion": "strike words out", "replacement": "replace words"}
_ABOUT = (
    "The fewest words whose edit makes a pooling head predict another class: few say that the "
    "prediction hangs by a thread. Single edits are all tried, larger sets by beam search; each "
    "flip is checked by a forward of its own. A flip says nothing of which answer is right."
)


def draw(given: Sequence[Reply], choice: Choice) -> None:
    """Controls, and the search once it was asked for of this text."""
    able = [
        reply
        for reply in given
        if reply.answer is not None and not reply.answer.regression and len(reply.answer.labels) > 1
    ]
    if not able:
        return
    with st.container(border=True, key="flips-panel"):
        with st.container(key="flips-controls"):
            st.markdown("**What would change its mind?**", help=_ABOUT)
            kind = st.segmented_control(
                "Edits",
                tuple(_KINDS),
                default="deletion",
                required=True,
                format_func=_KINDS.__getitem__,
                label_visibility="collapsed",
                **address.kept("flip_kind"),
            )
            question = (choice.text, choice.pair, kind, tuple(reply.entry.id for reply in able))
            asked = st.session_state.get("flips_asked") == question
            if not asked:
                members = sum(len(reply.entry.members) for reply in able)
                words = len(word_spans(choice.text, choice.pair))
                st.button(
                    "Search",
                    key="flips-go",
                    on_click=lambda: st.session_state.update(flips_asked=question),
                    help=f"{words} words; up to {members * READS:,} short reads, a few seconds "
                    "for a sentence. Typing ends the search.",
                )
        if asked:
            _search(able, choice, kind)


def _search(able: Sequence[Reply], choice: Choice, kind: str) -> None:
    bar = st.empty()
    found: list[Flips] = []
    kept, problems = [], []
    for place, reply in enumerate(able):
        bar.progress(place / len(able), f"Searching, {cards.plain(reply.entry.name)}")
        models.leave_if_stale(place / len(able))
        try:
            found.append(flips_of(subject_of(reply.entry, choice.text, choice.pair), kind))
            kept.append(reply)
        except Exception as error:
            problems.append(reason(error, reply.entry.id))
    bar.empty()
    for flips in found:
        text, pair = applied(choice.text, choice.pair, flips.edits if flips.flipped else ())
        shown = difference(choice.text, text)
        if choice.pair is not None and pair is not None:
            shown += f"<br>{difference(choice.pair, pair)}"
        said = cards.text(in_words(flips, choice.text, choice.pair))
        edited = f'<div class="change" dir="auto">{shown}</div>' if flips.flipped else ""
        cards.piece(f'<div class="line">{said}</div>{edited}', f"flips-{flips.name}")
    for problem in problems:
        st.caption(cards.plain(problem))
    if found:
        panel(picture("flips", [reply.entry for reply in kept], choice, kind=kind), "flips", _ABOUT)
