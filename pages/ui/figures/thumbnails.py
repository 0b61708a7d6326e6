"""The collected figures as thumbnails: choose one, tick several, move, remove."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import streamlit as st

from analysis.figures.files.collected import Collection
from pages.ui.export import collection
from pages.ui.figures import drawings
from pages.ui.figures.drawings import THUMBNAIL_DPI

_HERE = Path(__file__).parent
CHOSEN, TICKED = "figure_chosen", "figures_ticked"  # keys of figures
BUDGET = 1.0
_ACTION = "figures-thumbnails"
_list = st.components.v2.component(
    "poollens_figures",
    html='<div class="figures"></div>',
    css=(_HERE / "component.css").read_text(encoding="utf-8"),
    js=(_HERE / "component.js").read_text(encoding="utf-8"),
)


def chosen(figures: Collection) -> int:
    """Place of the figure that is shown large: the chosen one, else the last added."""
    keys = [figure.key for figure in figures.figures]
    key = st.session_state.get(CHOSEN)
    return keys.index(key) if key in keys else len(keys) - 1


def ticked(figures: Collection) -> list[int]:
    """Places of the figures that are ticked."""
    keys = st.session_state.get(TICKED, set())
    return [place for place, figure in enumerate(figures.figures) if figure.key in keys]


def draw(collected: Collection) -> bool:
    """The thumbnails that are ready in `BUDGET` seconds; returns whether any is missing."""
    current, marked = chosen(collected), set(ticked(collected))
    figures = []
    missing, began = False, time.monotonic()
    for place, figure in enumerate(collected.figures):
        source = problem = ""
        if time.monotonic() - began < BUDGET or drawings.is_drawn(collected, place):
            drawn = drawings.draw(collected, place, THUMBNAIL_DPI)
            source, problem = drawn.source, drawn.problem
        else:
            missing = True
        figures.append(
            {
                "key": figure.key,
                "title": figure.title,
                "src": source,
                "problem": problem,
                "panels": len(figure.plots),
                "chosen": place == current,
                "ticked": place in marked,
            }
        )
    _list(key=_ACTION, data={"figures": figures}, height="content", on_action_change=_acted)
    return missing


def _acted() -> None:
    action = st.session_state[_ACTION].get("action")
    if action:
        act(list(action))


def act(action_words: list[Any]) -> None:
    """Do what was clicked: [action, place, ...]; an answer to an older list does nothing."""
    figures = collection.current()
    action, place = str(action_words[0]), int(action_words[1])
    if not 0 <= place < len(figures):
        return
    key = figures.figures[place].key
    if action == "choose":
        st.session_state[CHOSEN] = key
    elif action == "tick":
        marked = set(st.session_state.get(TICKED, set()))
        st.session_state[TICKED] = marked ^ {key}
    elif action in ("up", "down"):
        collection.change(lambda figures: figures.move(place, -1 if action == "up" else 1))
    elif action == "drop":
        collection.change(lambda figures: figures.move(place, int(action_words[2]) - place))
    elif action == "remove":
        collection.change(lambda figures: figures.remove(place), undo=True)
