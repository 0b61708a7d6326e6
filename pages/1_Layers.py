"""Layers: the vector of [CLS], or of any token, layer by layer."""

from __future__ import annotations

from pages.ui import layers_page
from pages.ui.frame import start

found, choice = start("Layers", "What does [CLS] become on its way up?")
layers_page.draw(found, choice)
