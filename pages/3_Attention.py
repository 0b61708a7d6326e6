"""Attention: the pooling head's own, what follows from it, and the encoder's below."""

from __future__ import annotations

from pages.ui.attention import page
from pages.ui.frame import address
from pages.ui.frame.frame import start

found, choice = start("Attention", "Whom does the pooling head listen to?")
page.draw(found, choice)
address.write()
