"""The browser that benchmarks drive: Chromium as people use it, else its headless shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "google-chrome", "chrome", "chromium-headless-shell")


def installed() -> str | None:
    """The path of the browser: ``POOLLENS_CHROMIUM``, or the first of the usual names."""
    return os.environ.get("POOLLENS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """Playwright's browser, without a GPU.

    Raises:
        SystemExit: there is no browser here.
    """
    from playwright.sync_api import sync_playwright

    path = installed()
    if path is None:
        raise SystemExit("this benchmark drives a browser: install Chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield made
        finally:
            made.close()
