"""Embedding map: how the poolings arrange a data set, and which sentence is that point."""

from __future__ import annotations

from pages.ui.embedding_map import details, page
from pages.ui.embedding_map.workplace import Workplace
from pages.ui.frame import address
from pages.ui.frame.frame import start

details.follow()  # before the fields of the frame hold their texts
place = Workplace()
checkpoints, choice = start(
    "Embedding map",
    "How do the poolings arrange a data set, and which sentence is that point?",
    places=place.lay,
)
page.draw(checkpoints, choice, place)
address.write()
