"""The Layers page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.ui import (
    cards,
    followed,
    layers_depth,
    layers_engine,
    layers_map,
    layers_numbers,
    layers_sentences,
)
from pages.ui.catalogue import Catalogue
from pages.ui.inputs import Choice, is_complete
from pages.ui.layers_engine import Way
from pages.ui.sidebar import draw_sidebar

_STYLE = Path(__file__).with_name("layers.css").read_text(encoding="utf-8")


def draw(found: Catalogue, choice: Choice) -> None:
    """What is said in words, lines over depth, the vector itself, similarity over sentences."""
    st.html(f"<style>{_STYLE}</style>")
    if not is_complete(choice):
        draw_sidebar(found, choice.entries)
        return
    chosen = followed.followed(choice)
    given = layers_engine.ways(choice, chosen)
    ways = [way for way in given if way.paths]
    layer = followed.marked_layer(max((way.depth for way in ways), default=0))
    with st.container(key="layers-said"):
        _say(choice, given, ways)
    if not ways:
        draw_sidebar(found, choice.entries)
        return
    followed.draw(choice, ways[0].traces[0], chosen, layer)
    layers_depth.draw_depth(ways, choice, layer)
    cosines, references = layers_map.draw_map(ways, choice, layer)
    many, numbers = st.container(key="many"), st.container(key="numbers")
    draw_sidebar(found, choice.entries)
    with numbers:
        place = st.container(key="numbers-table")
    with many:
        places = layers_sentences.draw_many(ways, choice, references)
    with place:
        layers_numbers.draw_table(ways, places, cosines)


def _say(choice: Choice, given: Sequence[Way], ways: Sequence[Way]) -> None:
    st.text(layers_depth.in_words(ways))
    for way in given:
        if way.problem:
            st.warning(f"{cards.plain(way.entry.id)}: {cards.plain(way.problem)}")
    seen = ways[0].traces[0].tokens if ways else None
    for note in dict.fromkeys((*choice.notes, *(seen.notes if seen else ()))):
        st.caption(cards.plain(note))
    if seen and seen.dropped:
        st.caption(f"{seen.dropped:,} tokens beyond the model's limit were cut.")
