"""Compare: type a sentence, see every pooling head answer. The home page."""

from __future__ import annotations

from pages.ui import engine, inputs
from pages.ui.catalogue import catalogue
from pages.ui.frame import open_page

open_page("Compare", "How does each pooling head read this sentence, and do they agree?")
found = catalogue()
choice = inputs.ask(found)
variant = inputs.variant()
engine.wait_until_warm()

from pages.ui import compare_page  # noqa: E402  (needs PyTorch, which comes after the first paint)

compare_page.draw(found, choice, variant)
