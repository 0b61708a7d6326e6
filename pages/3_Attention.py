"""Attention: the pooling head's own, what follows from it, and the encoder's below."""

from __future__ import annotations

from pages.ui import attention_page
from pages.ui.frame import start

found, choice = start("Attention", "Whom does the pooling head listen to?")
attention_page.draw(found, choice)
