"""Attributions: why this prediction, and how faithful the explanation is."""

from __future__ import annotations

from pages.ui.attributions import page
from pages.ui.frame import address
from pages.ui.frame.frame import start

checkpoints, choice = start(
    "Attributions", "Why this prediction, and how faithful is the explanation?"
)
page.draw(checkpoints, choice)
address.write()
