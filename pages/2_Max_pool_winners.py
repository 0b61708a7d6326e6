"""Max-pool winners: which layers and tokens win, and does it matter?"""

from __future__ import annotations

from pages.ui import winners_page
from pages.ui.frame import start

found, choice = start("Max-pool winners", "Which layers and tokens win, and does it matter?")
winners_page.draw(found, choice)
