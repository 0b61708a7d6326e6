"""Attributions: why this prediction, and what the explanation is worth."""

from __future__ import annotations

from pages.ui import attributions_page
from pages.ui.frame import start

found, choice = start("Attributions", "Why this prediction, and what is the explanation worth?")
attributions_page.draw(found, choice)
