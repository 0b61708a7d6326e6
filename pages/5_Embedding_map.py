"""Embedding map: how the poolings arrange a data set, and which sentence is that point."""

from __future__ import annotations

from pages.ui import map_page
from pages.ui.frame import start

found, choice = start(
    "Embedding map", "How do the poolings arrange a data set, and which sentence is that point?"
)
map_page.draw(found, choice)
