"""The Max-pool winners page: heat maps and layers of each checkpoint, then one in detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis import profiles
from analysis.figures.views_winners import layer_quantities, winners
from pages.ui import cards, engine_winners, winners_detail
from pages.ui.catalogue import Catalogue
from pages.ui.inputs import KEPT, Choice
from pages.ui.replies import Reply, common_limit, replies
from pages.ui.show import panel
from pages.ui.sidebar import draw_sidebar

if TYPE_CHECKING:
    from analysis.effects import DropEffects

QUANTITIES = ("contribution", "deviation", "drop effect", "attention")
LONG_TEXT = 64  # tokens, above which drop effects at every token are only made when asked for
ABOUT_MAP = (
    "Each cell is a source layer at a token. Contribution: what its winning values add to the "
    "explained class minus the mean of the others (exact split); deviation: its share of wins "
    "less the usual one, in percentage points; drop effect: what that difference really loses "
    "when the layer leaves the pool there; attention: the pooling head's, which knows no layers. "
    "MaxPoolBERT, arXiv 2505.15696."
)
ABOUT_LAYERS = (
    "Four quantities on aligned axes, because winning often and mattering are not the same: a win "
    "is worth its weight times its margin over the runner-up. The drop effect is the true change "
    "of the logits when the layer leaves the pool; the contribution is relative to its reference."
)


@dataclass(frozen=True)
class Won:
    """One entry whose pooling head takes a maximum over layers."""

    reply: Reply
    effects: tuple[DropEffects, ...]


def draw(found: Catalogue, choice: Choice) -> None:
    """What wins in each checkpoint, and below it one checkpoint down to the number."""
    draw_sidebar(found, choice.entries)
    if not choice.entries or not choice.text.strip():
        missing = "Type a sentence above, or choose an example."
        st.info(missing if choice.entries else "Choose at least one checkpoint above.")
        return
    st.session_state["shown_text"] = (choice.text, choice.pair)
    quantity = st.segmented_control(
        "Quantity", QUANTITIES, default=QUANTITIES[0], required=True, key="quantity", **KEPT
    )
    given = list(replies(choice, choice.text, None))
    with st.container(key="without-winners"):
        for reply in given:
            reason = _nothing_to_show(reply)
            if reason:
                st.caption(cards.plain(reason))
    shown = [_won(reply, choice) for reply in given if not _nothing_to_show(reply)]
    with st.container(key="maps"):
        _draw_maps(shown, choice, str(quantity))
    with st.container(key="layers"):
        _draw_layers(shown, choice)
    with st.container(key="detail"):
        winners_detail.draw([one.reply for one in shown], choice)


def _nothing_to_show(reply: Reply) -> str:
    """In one sentence, why an entry has no winners; "" where it has some."""
    name = reply.entry.id
    if reply.problem:
        return reply.problem
    won = reply.traces[0].head.winners
    if won is not None and won.token is None:
        return ""
    first = reply.entry.first
    if first.kind != "pooling":
        kind = "a bare encoder" if first.kind == "encoder" else "a classifier of its own kind"
        return f"{name} is {kind}: it has no pooling head that takes a maximum, so nothing wins."
    if won is not None:
        return f"{name} takes its maximum over the tokens of one layer: no layers compete."
    return f"{name}: the pooling head {first.head} takes no maximum over layers, so nothing wins."


def _won(reply: Reply, choice: Choice) -> Won:
    effects = []
    for member in reply.entry.members:
        try:
            effects.append(engine_winners.drop_effects(member, choice.text, choice.pair))
        except ValueError:  # a single layer competes: nothing can leave
            return Won(reply, ())
    return Won(reply, tuple(effects))


def _draw_maps(shown: Sequence[Won], choice: Choice, quantity: str) -> None:
    """Layers × tokens, where every token is pooled; the first seed of a group stands for it."""
    plots: list[tuple[Won, Any]] = []
    for one in shown:
        trace = one.reply.traces[0]
        if trace.head.winners is None or trace.head.winners.layer.ndim == 1:
            continue
        if quantity == "drop effect" and not _has_time_for(one, len(trace.tokens)):
            continue
        try:
            plots.append((one, _map(one, choice, quantity, None)))
        except ValueError as error:
            st.caption(cards.plain(str(error)))
    if not plots:
        return
    largest = max(plot.mark.bounds[1] for _, plot in plots)
    limit = common_limit(f"map-{quantity}", choice.key, largest, st.session_state)
    for one, _ in plots:
        entry = one.reply.entry
        name = entry.members[0].id
        picked = panel(
            _map(one, choice, quantity, limit), f"map-{entry.id}",
            f"{name}. {ABOUT_MAP}", pick=True, title=f"{name}: {quantity}",
        )
        if picked is not None:
            _choose(one.reply, picked, choice.words)


def _has_time_for(one: Won, length: int) -> bool:
    """A drop effect at every token reruns the pooling head for each: on long texts, if asked."""
    name = one.reply.entry.members[0].id
    return length <= LONG_TEXT or st.toggle(
        f"Drop effects at each of {length} tokens of {name} (this takes a while)",
        key=f"drop-all-{one.reply.entry.id}",
    )


def _map(one: Won, choice: Choice, quantity: str, limit: float | None) -> Any:
    trace = one.reply.traces[0]
    effects = None
    if quantity == "drop effect":
        effects = engine_winners.drop_effects(
            one.reply.entry.members[0], choice.text, choice.pair, by_token=True
        )
    token = st.session_state.get("chosen_token")
    return winners(
        trace, quantity, one.reply.target,
        split=one.reply.splits[0] if one.reply.splits else None,
        effects=effects,
        profile=profiles.read(trace.checkpoint.folder),
        words=choice.words, limit=limit,
        chosen_token=token if token is not None and token < len(trace.tokens) else None,
        chosen_layer=st.session_state.get("chosen_layer"),
    )


def _choose(reply: Reply, picked: tuple[int, int], words: bool) -> None:
    """A click on a cell chooses its layer and its token (the first piece of a word)."""
    tokens = reply.traces[0].tokens
    groups = tokens.word_groups() if words else tuple((t,) for t in range(len(tokens)))
    row, column = picked
    winners_of = reply.traces[0].head.winners
    if winners_of is None or row >= len(winners_of.layers) or column >= len(groups):
        return
    chosen = (groups[column][0], winners_of.layers[row])
    before = (st.session_state.get("chosen_token"), st.session_state.get("chosen_layer"))
    if chosen != before:
        st.session_state["chosen_token"], st.session_state["chosen_layer"] = chosen
        st.rerun()


def _draw_layers(shown: Sequence[Won], choice: Choice) -> None:
    plots = [(one, _layers(one, None)) for one in shown]
    if not plots:
        return
    largest = max(abs(part.bounds[1]) for _, plot in plots for part in plot.mark.panels[2:])
    limit = common_limit("layer-bars", choice.key, largest, st.session_state)
    for one, _ in plots:
        entry = one.reply.entry
        panel(_layers(one, limit), f"layers-{entry.id}", ABOUT_LAYERS,
              title=f"{entry.id}: what wins, and what matters")  # fmt: skip


def _layers(one: Won, limit: float | None) -> Any:
    reply = one.reply
    return layer_quantities(
        list(reply.traces), reply.target, list(reply.splits) or None, list(one.effects) or None,
        profile=profiles.read(reply.entry.first.folder), limit=limit,
        chosen=st.session_state.get("chosen_layer"),
    )
