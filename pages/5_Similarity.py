"""Similarity: why are two sentences similar, and where do poolings differ?"""

from __future__ import annotations

from pages.ui.frame import address
from pages.ui.frame.frame import start
from pages.ui.similarity import page

checkpoints, choice = start("Similarity", "Why are these two sentences similar?", two=True)
page.draw(checkpoints, choice)
address.write()
