"""Attention: the pooling head's own, what follows from it, and the encoder's below."""

from __future__ import annotations

from pages.ui.attention import page
from pages.ui.frame import address
from pages.ui.frame.frame import start

checkpoints, choice = start("Attention", "Which tokens does the pooling head attend to?")
page.draw(checkpoints, choice)
address.write()
