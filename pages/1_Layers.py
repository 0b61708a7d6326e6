"""Layers: the vector of [CLS], or of any token, layer by layer."""

from __future__ import annotations

from pages.ui.frame import address
from pages.ui.frame.frame import start
from pages.ui.layers import page

checkpoints, choice = start("Layers", "How does [CLS] change from layer to layer?")
page.draw(checkpoints, choice)
address.write()
