"""The Attention page beside BertViz: bytes to the browser and time to the first picture.

Both show all attention heads of the same encoder for the same text, in one Chromium. The page of
the app is warm (its server has answered a text before); BertViz writes an HTML file that the
browser opens. BertViz loads scripts from the net: without it, ``BERTVIZ_SCRIPTS`` names a folder
with ``d3.min.js``, ``jquery.min.js`` and ``require.min.js``. Goals for 512 tokens of a 12-layer
encoder with 12 attention heads: 3 s after the forward, 5 MB.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import live

DEMO = "sst2-max_seq_mha"
LENGTHS = (16, 128, 512)
WORDS = ("the", "plot", "is", "thin", "but", "the", "acting", "is", "anything", "but", "dull")
MISSING = (
    "BertViz is not installed here, so only this app is measured. To compare: pip install bertviz "
    "ipython"
)
# All pictures of the encoder's cards hold other HTML than before, and their matrices are painted.
SHOWN = """before => {
  const pieces = [...document.querySelectorAll('[class*="st-key-encoder-"]')]
    .map(e => [...e.querySelectorAll('*')].find(one => one.shadowRoot)?.shadowRoot
      .querySelector('.heard')).filter(Boolean);
  return pieces.length > 0 && pieces.every(p => p.shown && p.shown.length !== before
    && p.querySelector('canvas')) && pieces[0].shown.length;
}"""
DRAWN = "() => document.querySelectorAll('svg line, svg path').length > 0"


def run() -> list[dict[str, Any]]:
    """A row a text length, and one of a 12-layer encoder at 512 tokens."""
    import analysis

    peer = importlib.util.find_spec("bertviz") is not None
    if not peer:
        print(MISSING)
    rows = []
    with tempfile.TemporaryDirectory() as folder, _browser() as browser:
        for name, root, lengths in (
            (DEMO, live.ROOT / "checkpoints", LENGTHS),
            ("random-12x12", _random_bert(Path(folder)), LENGTHS[-1:]),
        ):
            classifier = analysis.load(name, root=root)
            with _page_of(browser, name, root) as page:
                for length in lengths:
                    text = _text(classifier, length)
                    forward = _forward(classifier, text)
                    seconds, sent = page(text)
                    row: dict[str, Any] = {
                        "encoder": name, "tokens": length, "forward (s)": forward,
                        "app: text to picture (s)": seconds,
                        "app: picture after the forward (s)": max(seconds - forward, 0.0),
                        "app: sent (MB)": sent / 1e6,
                    }
                    # Of 12 x 12 attention heads BertViz makes 1.7 GB, which no browser here opens.
                    if peer and name == DEMO:
                        row |= _bertviz(browser, classifier, text, Path(folder))
                    rows.append(row)
    return rows


def _text(classifier: Any, length: int) -> str:
    """A text of exactly so many tokens, special ones included."""
    words = [WORDS[index % len(WORDS)] for index in range(length - 2)]
    text = " ".join(words)
    assert len(classifier.tokenizer(text, truncation=False, padding=False).input_ids) == length
    return text


def _forward(classifier: Any, text: str) -> float:
    """Seconds of a forward with attentions, the second of two."""
    import analysis

    for _ in range(2):
        started = time.perf_counter()
        analysis.record(classifier, text, attentions=True)
        taken = time.perf_counter() - started
    return taken


@contextlib.contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("this benchmark drives a browser: install Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def _page_of(browser: Any, name: str, root: Path) -> Iterator[Any]:
    """A function: text -> (seconds until its pictures stand there, bytes that came for it)."""
    port = live._free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(live.ROOT / "app.py"),
         "--server.port", str(port), "--server.address", "127.0.0.1",
         "--server.headless", "true", "--server.fileWatcherType", "none"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "POOLLENS_CHECKPOINTS": str(root)},
    )  # fmt: skip
    try:
        live._wait_until_healthy(port)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(300_000)
        sent = [0]

        def count(data: str | bytes) -> None:
            sent[0] += len(data if isinstance(data, bytes) else data.encode())

        def body(response: Any) -> None:
            with contextlib.suppress(Exception):  # a response without a body
                count(response.body())

        page.on("websocket", lambda socket: socket.on("framereceived", count))
        page.on("response", body)
        page.goto(f"http://127.0.0.1:{port}/Attention?long=true&checkpoints={name}"
                  "&document=the+acting+is+fine")
        before = page.wait_for_function(SHOWN, arg=0).json_value()
        page.wait_for_timeout(5_000)

        def measure(text: str) -> tuple[float, int]:
            nonlocal before
            field = page.get_by_label("Text", exact=True)
            field.fill(text)
            sent[0], started = 0, time.perf_counter()
            field.press("Control+Enter")
            before = page.wait_for_function(SHOWN, arg=before, polling=20).json_value()
            seconds = time.perf_counter() - started
            page.wait_for_timeout(3_000)  # what follows the first picture was sent for it, too
            return seconds, sent[0]

        yield measure
        page.close()
    finally:
        server.terminate()
        server.wait(timeout=20)


def _bertviz(browser: Any, classifier: Any, text: str, folder: Path) -> dict[str, Any]:
    """BertViz's model view of the same encoder and text, from its attentions to the picture."""
    import torch
    from bertviz import model_view

    inputs = classifier.tokenizer(text, return_tensors="pt", truncation=False, padding=False)
    tokens = classifier.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    with torch.no_grad():
        attentions = classifier.encoder(**inputs, output_attentions=True).attentions
    file = folder / "bertviz.html"
    started = time.perf_counter()
    file.write_text(model_view(attentions, tokens, html_action="return").data, encoding="utf-8")
    made = time.perf_counter() - started
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    scripts = os.environ.get("BERTVIZ_SCRIPTS")
    if scripts:
        page.route("**/cdnjs.cloudflare.com/**", lambda route: route.fulfill(
            path=Path(scripts) / (route.request.url.rpartition("/")[2]),
            content_type="text/javascript",
        ))  # fmt: skip
    found: float | str
    try:
        page.goto(file.as_uri(), wait_until="commit", timeout=240_000)
        page.wait_for_function(DRAWN, polling=50, timeout=240_000)
        found = time.perf_counter() - started
    except Exception as error:
        found = f"none ({type(error).__name__})"
    with contextlib.suppress(Exception):  # a page that died of its size
        page.close()
    size = file.stat().st_size
    file.unlink()
    return {
        "BertViz: HTML made (s)": made,
        "BertViz: attentions to picture (s)": found,
        "BertViz: sent (MB)": size / 1e6,
    }


def _random_bert(root: Path) -> Path:
    """A folder with a BERT of 12 layers and 12 attention heads, with weights of no meaning."""
    import torch
    from transformers import BertConfig, BertModel

    from analysis import load
    from analysis.model import build_classifier

    torch.manual_seed(0)
    tokenizer = load(DEMO).tokenizer
    encoder, folder = root / "_encoder", root / "random-12x12"
    for place in (encoder, folder):
        tokenizer.save_pretrained(place)
    BertModel(BertConfig(), add_pooling_layer=False).save_pretrained(encoder)
    model = build_classifier(encoder, "max_seq_mha", {"last_k": 3}, ("negative", "positive"))
    model.save_pretrained(folder)
    return root
