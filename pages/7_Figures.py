"""Figures: what was collected on the other pages, ready for the paper."""

from __future__ import annotations

from pages.ui import figures_page
from pages.ui.frame import open_page

open_page("Figures", "What goes into the paper, at its true size?")
figures_page.draw()
