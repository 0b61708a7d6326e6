"""The Attention page beside BertViz: bytes to the browser and time to the first picture.

Both show all attention heads of the same encoder for the same text, in one Chromium. The page of
the app is warm (its server has answered a text before); BertViz writes an HTML file that the
browser opens. BertViz loads scripts from the net: without it, ``BERTVIZ_SCRIPTS`` names a folder
with ``d3.min.js``, ``jquery.min.js`` and ``require.min.js``. Goals for 512 tokens of a 12-layer
encoder with 12 attention heads: 3 s after the forward, 5 MB.

Wall time depends on what else the machine does, and server and browser share its cores; so the CPU
seconds that server and forward took stand beside it. The first picture of the app is the table of
the pooling head's card; all pictures hold the encoder's matrices, too.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import chromium, live

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

    from analysis.checkpoints.loading import Classifier

DEMO = "sst2-max_seq_mha"
LENGTHS = (16, 128, 512)
WORDS = ("the", "plot", "is", "thin", "but", "the", "acting", "is", "anything", "but", "dull")
MISSING = (
    "BertViz is not installed here, so only this app is measured. To compare: pip install bertviz "
    "ipython"
)
# The pieces of these cards hold other HTML than before, with so many of these parts in it: the
# table has a row for every word, and may be drawn anew for the text before while it is waited for.
SHOWN = """([card, part, before, count]) => {
  const pieces = [...document.querySelectorAll(`[class*="st-key-${card}-"]`)]
    .map(e => [...e.querySelectorAll('*')].find(one => one.shadowRoot)?.shadowRoot
      .querySelector('.heard')).filter(Boolean);
  return pieces.length > 0 && pieces.every(p => p.shown && p.shown.length !== before
    && p.querySelectorAll(part).length >= count) && pieces[0].shown.length;
}"""
IDLE = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning'"""
TABLE, MATRICES = ("answer", "[data-unit]"), ("encoder", "canvas")
PATIENCE = 60  # seconds that BertViz has to make a page, and a browser to draw it
DRAWN = "() => document.querySelectorAll('svg line, svg path').length > 0"


def run() -> list[dict[str, Any]]:
    """A row a text length, of a 6-layer encoder and of one of 12 layers and 12 heads."""
    import analysis

    peer = importlib.util.find_spec("bertviz") is not None
    if not peer:
        print(MISSING)
    rows = []
    with tempfile.TemporaryDirectory() as folder, chromium.browser() as browser:
        for name, root in (
            (DEMO, live.ROOT / "checkpoints"),
            ("random-12x12", _random_bert(Path(folder))),
        ):
            classifier = analysis.load(name, root=root)
            with _page_of(browser, name, root) as page:
                for length in LENGTHS:
                    text = _text(classifier, length)
                    forward, forward_cpu = _forward(classifier, text)
                    first, every, server, sent = page(text, length)
                    row: dict[str, Any] = {
                        "encoder": name,
                        "tokens": length,
                        "forward (s)": forward,
                        "forward (CPU s)": forward_cpu,
                        "app: text to first picture (s)": first,
                        "app: text to all pictures (s)": every,
                        "app: first picture after the forward (s)": max(first - forward, 0.0),
                        "app: all pictures after the forward (s)": max(every - forward, 0.0),
                        "app: sent (MB)": sent / 1e6,
                    }
                    if server is not None:
                        row["app: server (CPU s)"] = server
                        row["app: server after the forward (CPU s)"] = max(
                            server - forward_cpu, 0.0
                        )
                    if peer:
                        row |= _bertviz(browser, name, root, text, Path(folder))
                    rows.append(row)
    return rows


def _text(classifier: Classifier, length: int) -> str:
    """A text of exactly so many tokens, special ones included."""
    words = [WORDS[index % len(WORDS)] for index in range(length - 2)]
    text = " ".join(words)
    assert len(classifier.tokenizer(text, truncation=False, padding=False).input_ids) == length
    return text


def _forward(classifier: Classifier, text: str) -> tuple[float, float]:
    """Seconds and CPU seconds of a forward with attentions, the second of two."""
    import analysis

    for _ in range(2):
        started, cpu = time.perf_counter(), time.process_time()
        analysis.record(classifier, text, attentions=True)
        taken = time.perf_counter() - started, time.process_time() - cpu
    return taken


def _cpu_of(pid: int) -> float | None:
    """CPU seconds that a process has taken so far; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _page_of(
    browser: Browser, name: str, root: Path
) -> Iterator[Callable[[str, int], tuple[float, float, float | None, int]]]:
    """A function: text -> seconds to its first and to all pictures, CPU of the server, bytes."""
    port = live.free_port()
    server = live.start(port, POOLLENS_CHECKPOINTS=str(root))
    try:
        live.wait_until_healthy(port)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(600_000)
        sent = [0]

        def count(data: str | bytes) -> None:
            sent[0] += len(data if isinstance(data, bytes) else data.encode())

        def body(response: Response) -> None:
            with contextlib.suppress(Exception):  # a response without a body
                count(response.body())

        page.on("websocket", lambda socket: socket.on("framereceived", count))
        page.on("response", body)
        page.goto(
            f"http://127.0.0.1:{port}/Attention?long=true&checkpoints={name}"
            "&document=the+acting+is+fine"
        )

        def wait(kind: tuple[str, str], known: int, count: int = 1) -> int:
            arguments = [*kind, known, count]
            return int(page.wait_for_function(SHOWN, arg=arguments, polling=20).json_value())

        def shown() -> dict[tuple[str, str], int]:
            """Content of the page once nothing is computed any more."""
            page.wait_for_timeout(2_000)
            page.wait_for_function(IDLE)
            return {kind: wait(kind, 0) for kind in (TABLE, MATRICES)}

        def measure(text: str, length: int) -> tuple[float, float, float | None, int]:
            field = page.get_by_label("Text", exact=True)
            before = shown()
            field.fill(text)
            sent[0], cpu, started = 0, _cpu_of(server.pid), time.perf_counter()
            field.press("Control+Enter")
            seconds = []
            for kind in (TABLE, MATRICES):
                wait(kind, before[kind], length if kind == TABLE else 1)
                seconds.append(time.perf_counter() - started)
            after = _cpu_of(server.pid)
            taken = None if cpu is None or after is None else after - cpu
            page.wait_for_timeout(3_000)  # what follows the first picture was sent for it, too
            return seconds[0], seconds[1], taken, sent[0]

        yield measure
        page.close()
    finally:
        server.terminate()
        server.wait(timeout=20)


def _bertviz(browser: Browser, name: str, root: Path, text: str, folder: Path) -> dict[str, Any]:
    """BertViz's model view of the same encoder and text, from its attentions to the picture.

    Made in a process of its own: what it needs of memory and time may be more than there is.
    """
    file = folder / "bertviz.html"
    made = subprocess.run(
        [sys.executable, "-c", _MAKE, name, str(root), text, str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=live.ROOT,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "BERTVIZ_PATIENCE": str(PATIENCE)},
    )
    if made.returncode or not file.is_file():
        why = (
            f"no page within {PATIENCE} s"
            if made.returncode == -signal.SIGALRM
            else f"failed: {(made.stderr.strip().splitlines() or ['killed'])[-1]}"
        )
        return {"BertViz: attentions to picture (s)": why}
    seconds, cpu = map(float, made.stdout.split()[-2:])
    size = file.stat().st_size
    numbers: dict[str, Any] = {
        "BertViz: HTML made (s)": seconds,
        "BertViz: HTML made (CPU s)": cpu,
        "BertViz: sent (MB)": size / 1e6,
    }
    opened = time.perf_counter()
    shown = _opens(browser, file)
    numbers["BertViz: attentions to picture (s)"] = (
        seconds + time.perf_counter() - opened if shown is None else shown
    )
    file.unlink()
    return numbers


# Its last line: seconds and CPU seconds from the attentions to the file.
_MAKE = """
import signal, sys, os, time
from pathlib import Path
import torch
from bertviz import model_view
import analysis
name, root, text, file = sys.argv[1:]
classifier = analysis.load(name, root=Path(root))
inputs = classifier.tokenizer(text, return_tensors="pt", truncation=False, padding=False)
tokens = classifier.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
with torch.no_grad():
    attentions = classifier.encoder(**inputs, output_attentions=True).attentions
signal.alarm(int(os.environ["BERTVIZ_PATIENCE"]))
started, cpu = time.perf_counter(), time.process_time()
html = model_view(attentions, tokens, html_action="return").data
Path(file).write_text(html, encoding="utf-8")
print(time.perf_counter() - started, time.process_time() - cpu)
"""


def _opens(browser: Browser, file: Path) -> str | None:
    """Draw the page in the browser; None, or in words what came instead."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    scripts = os.environ.get("BERTVIZ_SCRIPTS")
    if scripts:
        page.route(
            "**/cdnjs.cloudflare.com/**",
            lambda route: route.fulfill(
                path=Path(scripts) / (route.request.url.rpartition("/")[2]),
                content_type="text/javascript",
            ),
        )
    try:
        page.goto(file.as_uri(), wait_until="commit", timeout=1000 * PATIENCE)
        page.wait_for_function(DRAWN, polling=50, timeout=1000 * PATIENCE)
    except Exception as error:
        return f"none within {PATIENCE} s ({type(error).__name__})"
    finally:
        with contextlib.suppress(Exception):  # a page that died of its size
            page.close()
    return None


def _random_bert(root: Path) -> Path:
    """A folder with a BERT of 12 layers and 12 attention heads, with weights of no meaning."""
    import torch
    from transformers import BertConfig, BertModel

    from analysis import load
    from analysis.checkpoints.model import build_classifier

    torch.manual_seed(0)
    tokenizer = load(DEMO).tokenizer
    encoder, folder = root / "_encoder", root / "random-12x12"
    for place in (encoder, folder):
        tokenizer.save_pretrained(place)
    BertModel(BertConfig(), add_pooling_layer=False).save_pretrained(encoder)
    model = build_classifier(encoder, "max_seq_mha", {"last_k": 3}, ("negative", "positive"))
    model.save_pretrained(folder)
    return root
