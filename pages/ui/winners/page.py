"""The Max-pool winners page below its inputs, in reading order."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.common.phrases import listed, owned
from analysis.figures.views.winners import BY_HEAD
from pages.ui.engine.replies import (
    Reply,
    ask_reference,
    explained_in_words,
    one_class,
    replies,
    without_profile,
)
from pages.ui.frame import address
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.choice import Choice
from pages.ui.frame.inputs import is_complete
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards, selection
from pages.ui.winners import cards as winners_cards
from pages.ui.winners import detail, over_sentences, sources, tokens, what_if
from pages.ui.winners.cards import QUANTITIES

ALL_HEADS = "all"
_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def draw(checkpoints: Catalogue, choice: Choice) -> None:
    """Draw the page: winners of each checkpoint, what-if, one in detail, many sentences."""
    st.html(f"<style>{_STYLE}</style>")
    draw_sidebar(checkpoints, choice.entries)
    if not is_complete(choice):
        return
    verdict = st.container(key="winners-said").empty()
    with st.container(key="winners-controls"):
        quantity = st.segmented_control(
            "Map of", QUANTITIES, default=QUANTITIES[0], required=True, **address.kept("quantity")
        )
        reference = ask_reference()
        heads, layers = st.container(key="winners-head").empty(), st.container(key="winners-layer")
        silent = st.container(key="without-winners").empty()
    grid = st.container(key="won")
    own = list(replies(choice, choice.text, reference))
    answered = one_class(own)
    common = explained_in_words(choice, [reply.label for reply in own if reply.answer is not None])
    by_layer = [reply for reply in answered if _maximum(reply) == "layers"]
    by_token = [reply for reply in answered if _maximum(reply) == "tokens"]
    used = {reply.entry.id: reply.splits[0].reference for reply in answered if reply.splits}
    explained = f"Explained: {common}." if common else ""
    remarks = (explained, _without(answered), without_profile(used, reference))
    silent.caption(cards.plain(" ".join(filter(None, remarks))))
    shown = [winners_cards.won_by(reply, choice) for reply in by_layer]
    verdict.text(winners_cards.in_words(shown))
    if quantity in BY_HEAD and winners_cards.heads_of(shown):
        _choose_part(heads, winners_cards.heads_of(shown))
    if shown:
        with layers:
            depth = max(len(won.trace.hidden) for won in shown) - 1
            selection.layer_menu(depth, selection.marked_layer(depth))
    with grid:
        sentence = winners_cards.draw(shown, choice, str(quantity), reference)
        tokens.draw(by_token, choice, reference)
        sources.draw(
            [reply for reply in answered if reply.splits and not _maximum(reply)], choice, reference
        )
        st.caption(cards.plain(sentence))
    what_if.draw(answered, choice)
    with st.container(key="detail"):
        detail.draw([*by_layer, *by_token], choice, reference)
    with st.container(key="over"):
        over_sentences.draw([*by_layer, *by_token], choice, reference)


def _choose_part(place: DeltaGenerator, count: int) -> None:
    """One attention head of the pooling head, the same as on the Attention page."""
    part = st.session_state.get("marked_part")
    st.session_state["winner_part"] = str(part) if part in range(count) else ALL_HEADS

    def chosen() -> None:
        name = st.session_state["winner_part"]
        st.session_state["marked_part"] = None if name == ALL_HEADS else int(name)

    place.selectbox(
        "Attention head",
        (ALL_HEADS, *map(str, range(count))),
        key="winner_part",
        width=120,
        on_change=chosen,
        help="Of the pooling head; the same one is shown on the Attention page.",
    )


def _maximum(reply: Reply) -> str:
    """Kind of competitors in this entry's pooling head: "layers", "tokens" or ""."""
    won = None if reply.problem else reply.traces[0].head.winners
    if won is None:
        return ""
    return "layers" if won.token is None else "tokens"


def _without(answered: list[Reply]) -> str:
    """Checkpoints without winners, and why."""
    sentences = [owned(reply.entry.id, reply.problem) for reply in answered if reply.problem]
    silent = [reply for reply in answered if not reply.problem and not _maximum(reply)]
    pooled = [reply.entry for reply in silent if reply.entry.first.kind == "pooling"]
    if pooled:
        names = listed(entry.name for entry in pooled)
        sentences.append(f"{names} {'does' if len(pooled) == 1 else 'do'} not max-pool.")
    for reply in silent:
        kind, reads = reply.entry.first.kind, reply.traces[0].head.reads
        if kind == "encoder" and reply.entry.first.head:
            own = reply.entry.first.head
            sentences.append(
                f"{reply.entry.name} pools by {own}, and has no logit to read wins of."
            )
        elif kind == "encoder":
            sentences.append(
                f"{reply.entry.name} is a bare encoder: it has no pooling head, so it does not "
                "max-pool."
            )
        elif kind == "classifier":
            sentences.append(
                f"{reply.entry.name} does not max-pool ({reads})."
                if reads
                else f"{reply.entry.name}: what its classification layers read is not known."
            )
    return " ".join(sentences)
