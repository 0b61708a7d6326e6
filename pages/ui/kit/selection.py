"""The selected token and layer: one selection, marked in every view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.marks import Strip
from analysis.figures.screen.markup import html
from analysis.figures.style.style import printable
from analysis.figures.views.depth import text_strip
from analysis.reading import over_depth
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.places import span_of
from pages.ui.kit.show import export_menu

if TYPE_CHECKING:
    from analysis.reading.trace import Trace
    from analysis.text.tokens import Tokens

LAYER = "marked_layer"  # an absolute layer, or None
DIMENSION = "marked_dimension"  # of the hidden states, or None
ALL_LAYERS = "all"


@dataclass(frozen=True)
class FollowedToken:
    """A token, by its place in the text, so that tokenizers may differ."""

    span: Span | None  # of an ordinary token
    special: int = 0  # else which of the special tokens; 0 is [CLS]
    by_hand: bool = True  # whether somebody chose it

    def position(self, tokens: Tokens) -> int:
        """The (first) token of a text that stands there; [CLS] where none does."""
        if self.span is None:
            return tokens.special_position(self.special)
        return next(iter(tokens.touching(*self.span)), 0)


def followed(choice: Choice) -> FollowedToken:
    """The token that was chosen for this text; [CLS] where none was."""
    place = cards.chosen_place(choice.text, choice.pair)
    if place is None:
        return FollowedToken(None, by_hand=False)
    return FollowedToken(None, place[1]) if place[0] < 0 else FollowedToken(place)


def mark(choice: Choice) -> Span | None:
    """The place that was chosen, or None: (-1, n, n) is the n-th special token."""
    return cards.chosen_place(choice.text, choice.pair)


def marked_layer(depth: int) -> int | None:
    """The chosen layer, where these encoders have it."""
    layer = st.session_state.get(LAYER)
    return layer if isinstance(layer, int) and 0 <= layer <= depth else None


def toggle_layer(layer: int) -> None:
    """Mark a layer in every view; the same one again unmarks it."""
    st.session_state[LAYER] = None if st.session_state.get(LAYER) == layer else layer


def marked_dimension() -> int | None:
    """The chosen dimension of the hidden states."""
    index = st.session_state.get(DIMENSION)
    return index if isinstance(index, int) and index >= 0 else None


def toggle_cell(layer: int | None, dimension: int) -> None:
    """Choose a layer and a dimension in every view; the same ones again, or no layer: neither."""
    here = (st.session_state.get(LAYER), st.session_state.get(DIMENSION))
    if here == (layer, dimension):
        layer = None
    st.session_state[LAYER] = layer
    st.session_state[DIMENSION] = None if layer is None else dimension


def draw(choice: Choice, trace: Trace, chosen: FollowedToken, layer: int | None) -> None:
    """The text, a click on a token follows it; and two menus for the same without a mouse."""
    tokens = trace.tokens
    place = chosen.position(tokens) if chosen.by_hand else trace.read_token
    with st.container(key="follow"):
        with st.container(key="follow-text"):
            plot = None
            if layer:
                plot = picture(
                    "turned", choice.entries[:1], choice, layer=layer, words=choice.words
                )
            strip = turned(trace, choice.words) if plot is None else plot.mark
            assert isinstance(strip, Strip)
            body = html(strip, marked={place}, css=False)
            # a long text scrolls: the lines over depth stay on the first screen
            cards.piece(
                f'<div class="text" style="max-height:6.2em;padding:2px 3px">{body}</div>'
                f'<div class="line">{_legend(strip, choice.entries[0].name, layer)}</div>',
                "follow-strip",
            )
        with st.container(key="follow-menus"):
            _token_menu(choice, tokens, place)
            layer_menu(len(trace.hidden) - 1, layer)
            if plot is not None:
                export_menu({plot.title: plot}, "export-turned")


def turned(trace: Trace, words: bool) -> Strip:
    """The text without colours; on hover, how far each token turned since the embeddings."""
    turns = over_depth.turns(trace.hidden, None)
    strip = text_strip(turns, trace.tokens, "(1 − cosine to the embeddings)", words)
    return replace(strip, limit=1e9)


def _legend(strip: Strip, name: str, layer: int | None) -> str:
    if layer is None:
        return "Click a token to follow it through the layers."
    if layer == 0:
        return "No layer lies before layer 0, so there is no change of direction yet."
    return (
        f"Colour: change of direction of each token at layer {layer} of {cards.text(name)} "
        f"(1 − cosine to layer {layer - 1}; full colour {strip.bound:.2f})."
    )


def _token_menu(choice: Choice, tokens: Tokens, place: int) -> None:
    st.session_state["follow_token"] = place
    st.selectbox(
        "Token",
        range(len(tokens)),
        key="follow_token",
        format_func=lambda position: f"{position} · {printable(tokens.labels[position], 24)}",
        on_change=_choose_token,
        args=(choice.text, choice.pair, tokens),
        width=150,
        help="The one that is followed. Or click it in the text; a second click returns to [CLS], "
        "or to the token that a decoder reads.",
    )


def _choose_token(text: str, pair: str | None, tokens: Tokens) -> None:
    choose(text, pair, tokens, int(st.session_state["follow_token"]))


def is_chosen(choice: Choice) -> bool:
    """Whether a token of this text was chosen, [CLS] by its name included."""
    return cards.chosen_place(choice.text, choice.pair) is not None


def choose(text: str, pair: str | None, tokens: Tokens, place: int) -> None:
    """Mark the token at this position in every view of this text."""
    cards.choose_place(span_of(tokens, (place,)), (text, pair))


def layer_menu(depth: int, layer: int | None) -> None:
    """A menu of layers; what is chosen is marked in every view."""
    options: Sequence[str] = (ALL_LAYERS, *map(str, range(depth + 1)))
    st.session_state["follow_layer"] = ALL_LAYERS if layer is None else str(layer)
    st.selectbox(
        "Layer",
        options,
        key="follow_layer",
        on_change=_choose_layer,
        width=110,
        help="The layer that is marked on every page. 0: output of the embeddings.",
    )


def _choose_layer() -> None:
    name = st.session_state["follow_layer"]
    st.session_state[LAYER] = None if name == ALL_LAYERS else int(name)
