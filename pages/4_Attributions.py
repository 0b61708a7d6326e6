"""Attributions: why this prediction, and what the explanation is worth."""

from __future__ import annotations

from pages.ui.attributions import page
from pages.ui.frame import address
from pages.ui.frame.frame import start

found, choice = start("Attributions", "Why this prediction, and what is the explanation worth?")
page.draw(found, choice)
address.write()
