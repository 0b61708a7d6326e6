"""Waits of a person: last key press to redrawn cards, and start of the server to an answer.

Needs Chromium. Beside the waiting time stands what the four forwards alone take in this run.
Goals: 0.5 s from the key press (0.15 s of which is the pause that ends typing), 5 s from the
command to a page one can use.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
PRESSES = 20
TYPED = "The plot is thin, but the acting is anything but dull, and so is"


def run() -> list[dict[str, Any]]:
    """Two rows: the wait after a key press, and the start."""
    from benchmarks import chromium, record

    port = free_port()
    with chromium.browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        started = time.monotonic()
        server = start(port)
        try:
            wait_until_healthy(port)
            page.goto(f"http://127.0.0.1:{port}/")
            page.get_by_label("Sentence", exact=True).wait_for(timeout=60_000)
            usable = time.monotonic() - started
            page.locator(".card .answer").nth(3).wait_for(timeout=120_000)
            answered = time.monotonic() - started
            waits = _press(page)
        finally:
            server.terminate()
    forwards = record.run()[0]["bare forward ×4 (ms)"]
    return [
        {
            "what": "last key press to redrawn cards",
            "median (s)": statistics.median(waits),
            "worst of 20 (s)": max(waits),
            "four bare forwards (s)": forwards / 1000,
        },
        {"what": "command to a page that takes text", "median (s)": usable},
        {"what": "command to the first four answers", "median (s)": answered},
    ]


def _press(page: Page) -> list[float]:
    """Type one more letter and wait until all four cards show the new text; twenty times."""
    field = page.get_by_label("Sentence", exact=True)
    field.fill(TYPED)
    page.wait_for_timeout(8_000)
    waits = []
    shows = """text => {
        const cards = [...document.querySelectorAll('[class*="st-key-reading-"]')];
        const texts = cards.map(card => {
            const root = [...card.querySelectorAll('*')].find(e => e.shadowRoot)?.shadowRoot;
            return (root?.textContent ?? '').replace(/\\s/g, '');
        });
        return texts.length >= 4 && texts.every(t => t.includes(text));
    }"""
    for index in range(PRESSES):
        letter = "abcdefghij"[index % 10]
        field.press("End")
        started = time.monotonic()
        field.press(letter)
        text = field.input_value().replace(" ", "")[-12:]
        page.wait_for_function(shows, arg=text, polling=10, timeout=60_000)
        waits.append(time.monotonic() - started)
        page.wait_for_timeout(3_000)
    return waits


def start(port: int, **environment: str) -> subprocess.Popen[bytes]:
    """The app, answering at this port of the machine itself."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(ROOT / "app.py"),
            "--server.port",
            str(port),
            "--server.address",
            "127.0.0.1",
            "--server.headless",
            "true",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HF_HUB_OFFLINE": "1"} | environment,
    )


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(port: int) -> None:
    """Wait until the app answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the app did not start within 30 s")
