"""Compare: type a sentence, see every pooling head answer. The home page."""

from __future__ import annotations

from pages.ui.compare import page
from pages.ui.frame import address
from pages.ui.frame.frame import start

checkpoints, choice = start(
    "Compare", "How does each pooling head read this sentence, and do they agree?", variant=True
)
page.draw(checkpoints, choice)
address.write()
