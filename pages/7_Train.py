"""Train: every pooling head on one's own data, over a frozen encoder, in the app."""

from __future__ import annotations

from pages.ui.frame import address
from pages.ui.frame.frame import open_page
from pages.ui.train import page

open_page("Train", "Which pooling head predicts my labels best on this encoder?")
page.draw()
address.write()
