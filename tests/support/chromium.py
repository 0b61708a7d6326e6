"""The browser of the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# The shell is Chromium without its windows: it lays out and draws the same, with a third less work.
CHROMIUM_NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
)
# The browser's own background traffic would blur the question of what the app asks for.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium, as long as the block lasts: Playwright's event loop must not be alive in tests of
    pages without a browser."""
    named = os.environ.get("POOLLENS_CHROMIUM")
    path = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium on the path (looked for {', '.join(CHROMIUM_NAMES)})")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield running
        running.close()


@contextmanager
def fresh_profile(browser: Any, motion: str) -> Iterator[Any]:
    """A profile in which nothing is stored. Streamlit's scripts are fetched and compiled once in
    it, which is a third of the work of opening a page."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, accept_downloads=True, reduced_motion=motion
    )
    yield context
    context.close()
