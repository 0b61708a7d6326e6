"""The Layers page below its inputs, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from analysis.common.phrases import owned
from pages.ui.engine.replies import common_class, explained_in_words
from pages.ui.frame.catalogue import Catalogue
from pages.ui.frame.choice import Choice
from pages.ui.frame.inputs import is_complete
from pages.ui.frame.sidebar import draw_sidebar
from pages.ui.kit import cards, selection
from pages.ui.layers import depth, engine, heat_map, sentences
from pages.ui.layers import numbers as layers_numbers
from pages.ui.layers.engine import Way

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def draw(checkpoints: Catalogue, choice: Choice) -> None:
    """Draw the page: sentences, lines over depth, the vector itself, similarity over sentences."""
    st.html(f"<style>{_STYLE}</style>")
    if not is_complete(choice):
        draw_sidebar(checkpoints, choice.entries)
        return
    chosen = selection.followed(choice)
    all_ways = engine.ways(choice, chosen)
    ways = [way for way in all_ways if way.paths]
    predicted = depth.predicted_classes(ways)
    choice = replace(choice, common=common_class(predicted))
    layer = selection.marked_layer(max((way.depth for way in ways), default=0))
    with st.container(key="layers-said"):
        _say(choice, all_ways, ways, explained_in_words(choice, predicted))
    if not ways:
        draw_sidebar(checkpoints, choice.entries)
        return
    selection.draw(choice, ways[0].traces[0], chosen, layer)
    depth.draw_depth(ways, choice, layer)
    cosines, references = heat_map.draw_map(ways, choice, layer)
    many, numbers = st.container(key="many"), st.container(key="numbers")
    draw_sidebar(checkpoints, choice.entries)
    with numbers:
        place = st.container(key="numbers-table")
    with many:
        places = sentences.draw_many(ways, choice, references)
    with place:
        layers_numbers.draw_table(ways, places, cosines)


def _say(choice: Choice, all_ways: Sequence[Way], ways: Sequence[Way], explained: str) -> None:
    st.text(depth.in_words(ways))
    if explained:
        st.caption(cards.plain(f"Explained: {explained}."))
    for way in all_ways:
        if way.problem:
            st.warning(cards.plain(owned(way.entry.id, way.problem)))
    seen = ways[0].traces[0].tokens if ways else None
    for note in dict.fromkeys((*choice.notes, *(seen.notes if seen else ()))):
        st.caption(cards.plain(note))
    if seen and seen.dropped:
        st.caption(f"{seen.dropped:,} tokens beyond the model's limit were cut.")
