"""Figures: what was collected on the other pages, ready for the paper."""

from __future__ import annotations

from pages.ui.figures import page
from pages.ui.frame import address
from pages.ui.frame.frame import open_page

open_page("Figures", "Which figures go into the paper, and are they ready for print?")
page.draw()
address.write()
