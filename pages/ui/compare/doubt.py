"""A word that was clicked is in doubt: margins without it, and what every word is worth."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.common.faults import reason
from analysis.figures.recipes.doubt import doubt_of
from analysis.interventions import doubt as doubts
from analysis.interventions.edits import MASK, word_at, word_spans
from analysis.text.tokens import clean
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame import address
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.show import panel

# Above this many reads of the text the ranking is asked for.
READS = 400
_DOUBT = (
    "The logit of the class minus the mean of the others, before and after: a steep line is a "
    "pooling head that relies on the word. Striking a word out also changes how the encoder reads "
    "the words around it, so this is not what the word alone adds."
)
_RANKED = (
    "The same change for every word in turn, the text read anew each time. Below zero the class "
    "loses without the word. Effects of single words do not add up to that of several."
)


def draw(replies: Sequence[Reply], choice: Choice, mark: Span | None) -> None:
    """Change of every pooling head's margin without the word that was clicked."""
    answered = [reply for reply in replies if reply.answer is not None]
    if not answered:
        return
    if mark is None:
        st.caption(
            "Click a word in a card to doubt it: it is struck out for every pooling head, and you "
            "see which one loses most."
        )
        return
    word = word_at(choice.text, choice.pair, mark)
    with st.container(key="doubt-panel", border=True):
        instead = _instead(word)
        results_shown, kept, problems = [], [], []
        for reply in answered:
            subject = subject_of(reply.entry, choice.text, choice.pair)
            try:
                results_shown.append(doubt_of(subject, reply.target, mark, instead))
                kept.append(reply)
            except Exception as error:
                problems.append(reason(error, reply.entry.id))
        if results_shown:
            st.text(doubts.in_words(results_shown, word, instead))
        for problem in dict.fromkeys(problems):
            st.caption(cards.plain(problem))
        if results_shown:
            _pictures(kept, choice, mark, instead)


def _instead(word: str) -> str:
    """The replacement of the word; empty: nothing takes its place."""
    with st.container(key="doubt-controls"):
        st.markdown(f"**“{cards.plain(word)}” in doubt**", help=_DOUBT)
        instead = st.text_input(
            "In its place",
            **address.kept("instead"),
            live="150ms",
            width=260,
            placeholder="nothing: the word is struck out",
        )
        st.button(
            MASK, key="doubt-mask", on_click=_put, args=(MASK,), help="The tokenizer's mask token."
        )
        st.button("Strike out", key="doubt-strike", on_click=_put, args=("",))
        st.button(
            "Take the word back", key="doubt-end", on_click=cards.choose_place, args=(None, None)
        )
    return clean(instead or "")[0].strip()


def _put(instead: str) -> None:
    st.session_state["instead"] = instead


def _pictures(kept: Sequence[Reply], choice: Choice, mark: Span, instead: str) -> None:
    entries, targets = [reply.entry for reply in kept], [reply.target for reply in kept]
    with st.container(key="doubt-pictures"):
        plot = picture("doubt", entries, choice, targets, span=list(mark), instead=instead)
        panel(plot, "doubt", _DOUBT, title="Logit margin")
        # A word that is typed fits one place: all others are struck out.
        all_words = instead if instead == MASK else ""
        if not _ranks(kept, choice):
            return
        try:
            ranked = picture("word_effects", entries, choice, targets, instead=all_words)
        except ValueError as error:
            st.caption(cards.plain(reason(error)))
            return
        panel(ranked, "word-effects", _RANKED)


def _ranks(kept: Sequence[Reply], choice: Choice) -> bool:
    """Whether the ranking is made at once, or was asked for."""
    words = len(word_spans(choice.text, choice.pair))
    tokens = max(len(reply.traces[0].tokens) for reply in kept)
    reads = words * sum(len(reply.entry.members) for reply in kept)
    question = ("doubt_ranked", choice.text, choice.pair, choice.key)
    if reads * tokens <= READS * 16 or st.session_state.get("doubt_ranked") == question:
        return True
    st.button(
        f"Rank all {words} words ({reads:,} reads of {tokens} tokens: this takes a while)",
        key="doubt-rank",
        on_click=lambda: st.session_state.update(doubt_ranked=question),
    )
    return False
