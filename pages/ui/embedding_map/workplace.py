"""Places on the page: a line above, the map, a drawer over its left edge, the dock."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.frame import address
from pages.ui.frame.inputs import InputPlaces

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_OPEN = "<style>.st-key-map-drawer { display: flex !important; }</style>"


class Workplace:
    """The containers of the page, once they are laid."""

    find: DeltaGenerator  # the field of the search
    drawer: DeltaGenerator  # the data and the colour
    look: DeltaGenerator  # in the drawer: how the map looks
    stage: DeltaGenerator  # the map
    jobs: DeltaGenerator  # at the foot of the dock: what is under way
    dock: DeltaGenerator
    below: DeltaGenerator

    def lay(self) -> InputPlaces:
        """Draw them; the places of the inputs that all pages share."""
        st.html(f"<style>{_STYLE}</style>")
        with st.container(key="map-top"):
            st.toggle(
                "Data and colour",
                **address.kept("drawer"),
                help="Opens the drawer: checkpoints, data set, poolings, layout, colour.",
            )
            line = st.container(key="map-line")
            self.find = st.container(key="map-find")
        with st.container(key="workplace"):
            self.drawer = st.container(key="map-drawer")
            self.stage = st.container(key="map-stage")
            with st.container(key="map-side"):
                self.dock = st.container(key="map-dock")
                self.jobs = st.container(key="map-jobs")
        self.below = st.container(key="map-below")
        with self.drawer:
            frame = st.container(key="map-drawer-frame")
        return InputPlaces(line, frame)

    def open_drawer(self) -> None:
        """Show the drawer whatever was chosen: something in it is missing."""
        with self.drawer:
            st.html(_OPEN)
