"""Max-pool winners: which layers and tokens win, and does it matter?"""

from __future__ import annotations

from pages.ui.frame import address
from pages.ui.frame.frame import start
from pages.ui.winners import page

checkpoints, choice = start("Max-pool winners", "Which layers and tokens win, and does it matter?")
page.draw(checkpoints, choice)
address.write()
