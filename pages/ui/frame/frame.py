"""The beginning of every page: title, question, navigation, the common style and inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.ui.engine import models, visitor
from pages.ui.export import collection
from pages.ui.frame import address, curtain, inputs, sidebar
from pages.ui.frame.catalogue import Catalogue, catalogue
from pages.ui.frame.choice import Choice
from pages.ui.frame.inputs import InputPlaces

PAGES = (
    ("app.py", "Compare"),
    ("pages/1_Layers.py", "Layers"),
    ("pages/2_Max_pool_winners.py", "Max-pool winners"),
    ("pages/3_Attention.py", "Attention"),
    ("pages/4_Attributions.py", "Attributions"),
    ("pages/5_Similarity.py", "Similarity"),
    ("pages/6_Embedding_map.py", "Embedding map"),
    ("pages/7_Train.py", "Train"),
    ("pages/8_Evaluate.py", "Evaluate"),
    ("pages/9_Figures.py", "Figures"),
)
_links = st.components.v2.component(
    "poollens_links",
    html="<i></i>",
    js=Path(__file__).with_name("frame.js").read_text(encoding="utf-8"),
)

_ICON = str(Path(__file__).with_name("icon.svg"))


def place_of(title: str) -> str:
    """Last part of a page's address; empty for the home page."""
    path = next(path for path, name in PAGES if name == title)
    return "" if path == PAGES[0][0] else Path(path).stem.split("_", 1)[1]


def start(
    title: str,
    question: str,
    variant: bool = False,
    two: bool = False,
    places: Callable[[], InputPlaces] | None = None,
) -> tuple[Catalogue, Choice]:
    """Open a page, draw the inputs that all pages share, and wait until the models can answer.

    `variant` offers a second version of the text; `two` asks for a second text to compare with;
    `places` draws what the inputs stand in.
    """
    open_page(title, question)
    sidebar.draw_precision()
    checkpoints = catalogue()
    choice = inputs.ask(checkpoints, variant, two, places and places())
    models.wait_until_warm()
    return checkpoints, choice


def open_page(title: str, question: str) -> None:
    """Set the page up; `question` is the one that the page answers."""
    curtain.style()
    st.set_page_config(page_title=f"{title} · PoolLens", page_icon=_ICON, layout="wide")
    visitor.require_login()
    address.read(place_of(title))
    with st.sidebar:
        st.html('<div class="pl-brand">PoolLens</div>')
        for path, name in PAGES:
            st.page_link(path, label=collection.label(name))
        with st.container(key="frame-links"):
            _links(key="frame-links-wait", data={})
        collection.remember()
    visitor.remember()
    with st.container(key="title"):
        st.title(title, anchor=False)
        st.caption(question)
    if note := st.session_state.pop("address_note", ""):
        st.toast(note, icon=":material/link:", duration="long")
    address.write("first")
