"""Figures: what was collected on the other pages, ready for the paper."""

from __future__ import annotations

from pages.ui.figures import page
from pages.ui.frame import address
from pages.ui.frame.frame import open_page

open_page("Figures", "What goes into the paper, at its true size?")
page.draw()
address.write()
