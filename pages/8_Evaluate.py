"""Evaluate: the study of the pooling heads, and a data set through every checkpoint."""

from __future__ import annotations

from pages.ui.evaluate import page
from pages.ui.frame import address
from pages.ui.frame.frame import open_page

open_page("Evaluate", "Does the pooling head help, and where do the checkpoints differ?")
page.draw()
address.write()
