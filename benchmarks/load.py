"""Many people at once: how long cards and attributions take, whether each sees their own answers.

Visitors speak the app's protocol over its WebSocket (no browser), on a server started with
``--shared``. Every round each of them types another sentence at a random moment of two seconds.
Cards are compared with the library's own answers. Goals: cards do not wait for attributions, which
take at most 15 s at 25 visitors on two cores; memory is let go within a minute after all have left.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.live import ROOT, free_port, wait_until_healthy
from benchmarks.session import Visitor

VISITORS = tuple(map(int, os.environ.get("LOAD_VISITORS", "1,8,25,50").split(",")))
ROUNDS = int(os.environ.get("LOAD_ROUNDS", "3"))
CHECKPOINTS = ("sst2-cls", "sst2-max_cls", "sst2-mha", "sst2-max_seq_mha")
LEFT_SECONDS = 60.0  # within which memory is to be let go
_PARTS = (
    ("The plot", "The acting", "This film", "The ending", "Her song", "The music", "A scene"),
    ("is", "was", "seems", "feels", "remains"),
    ("thin", "dull", "warm", "funny", "sad", "fine", "slow", "clever", "honest", "stale"),
    ("but", "and", "yet", "while"),
    ("the story", "the cast", "the camera", "the dialogue", "the humour", "the rest"),
    ("works", "fails", "shines", "drags", "delights", "bores", "surprises"),
)
_ANSWER = re.compile(
    r'title="([^"]+)">[^<]*</div>.{0,400}?class="label"[^>]*>([^<]+)</span>'
    r'<span class="p">([^<]+)</span>',
    re.S,
)
_TOKEN = re.compile(r'<span class="tok[^"]*"[^>]*>([^<]+)</span>')


def run() -> list[dict[str, Any]]:
    """A row for each number of visitors, printed as it is measured."""
    rows = []
    for count in VISITORS:
        rows.append({**_row(count), "machine load": round(os.getloadavg()[0], 1)})
        print(rows[-1], flush=True)
    return rows


def sentences(count: int, seed: int) -> list[str]:
    """Different sentences, the same for the same seed."""
    draw = random.Random(seed)
    different: dict[str, None] = {}
    while len(different) < count:
        different[" ".join(draw.choice(part) for part in _PARTS)] = None
    return list(different)


@contextmanager
def server(*arguments: str) -> Iterator[tuple[int, int]]:
    """The app with these arguments of its own: its port and process id."""
    port = free_port()
    with tempfile.TemporaryDirectory() as results:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")),
                *("--server.port", str(port), "--server.address", "127.0.0.1"),
                *("--server.headless", "true", "--", *arguments),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "POOLLENS_RESULTS": results},
        )
        try:
            wait_until_healthy(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(20)


def memory(process: int) -> float:
    """GB that a process holds (Linux)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 2**20
    return float("nan")


def _row(count: int) -> dict[str, Any]:
    with server("--shared") as (port, process):
        row: dict[str, Any] = {"visitors": count}
        warm_up = asyncio.run(_measure(port, 1, "", 1, 99))  # imports, models
        assert warm_up["wrong"] == 0
        row["GB before"] = memory(process)
        cards = asyncio.run(_measure(port, count, "", ROUNDS, count))
        row |= {
            "cards, median (s)": cards["median"],
            "cards, 95 % (s)": cards["95"],
            "answers checked": cards["checked"],
            "wrong": cards["wrong"],
        }
        attributions = asyncio.run(_measure(port, count, "Attributions", ROUNDS, count + 1))
        row |= {
            "attributions, median (s)": attributions["median"],
            "attributions, 95 % (s)": attributions["95"],
            "errors": cards["errors"] + attributions["errors"],
            "GB at the end": memory(process),
        }
        time.sleep(LEFT_SECONDS)
        row["GB a minute after all left"] = memory(process)
    return row


async def _measure(port: int, count: int, page: str, rounds: int, seed: int) -> dict[str, Any]:
    texts = sentences(count * rounds, seed)
    own = [texts[place::count] for place in range(count)]
    results = await asyncio.gather(*(_visit(port, page, mine, seed) for mine in own))
    seconds = sorted(value for waits, _, _ in results for value in waits)
    answers = [answer for _, held, _ in results for answer in held]
    truth = _library({text for text, _ in answers}) if answers else {}
    return {
        "median": statistics.median(seconds),
        "95": seconds[math.ceil(0.95 * len(seconds)) - 1],
        "checked": sum(len(shown) for _, shown in answers),
        "wrong": sum(truth[text][id] != value for text, s in answers for id, value in s.items()),
        "errors": sum(errors for _, _, errors in results),
    }


async def _visit(
    port: int, page: str, texts: list[str], seed: int
) -> tuple[list[float], list[tuple[str, dict[str, str]]], int]:
    """Waits, answers shown to each text, and error boxes of one visitor."""
    draw = random.Random(repr((seed, texts)))
    waits, answers, errors = [], [], 0
    await asyncio.sleep(draw.random())
    choices = {"text": "The film is good", "checkpoints": CHECKPOINTS}
    async with Visitor(port, page, choices) as visitor:
        await visitor.wait(lambda page: page.runs >= 2, 600)
        for text in texts:
            await asyncio.sleep(2 * draw.random())
            before, began = visitor.runs, time.monotonic()
            await visitor.type(text)
            await visitor.wait(
                lambda page, text=text, before=before: page.runs > before and _shows(page, text),
                600,
            )
            waits.append(time.monotonic() - began)
            errors += len(visitor.exceptions())
            if not page:
                answers.append((text, _answers(visitor)))
    return waits, answers, errors


def _shows(visitor: Visitor, text: str) -> bool:
    """Whether a strip of the page is of this text."""
    words = text.lower().split()
    for piece in visitor.html():
        tokens = [token.strip().lower() for token in _TOKEN.findall(piece)]
        if tokens and all(word in tokens for word in words):
            return True
    return False


def _answers(visitor: Visitor) -> dict[str, str]:
    """Checkpoint -> its answer, as the card says it."""
    answers = {}
    for piece in visitor.html():
        for id, label, share in _ANSWER.findall(piece):
            if id in CHECKPOINTS:
                answers[id] = f"{label} {share}"
    return answers


def _library(texts: set[str]) -> dict[str, dict[str, str]]:
    """Answers by the library alone."""
    import analysis

    answers: dict[str, dict[str, str]] = {text: {} for text in texts}
    for id in CHECKPOINTS:
        classifier = analysis.load(ROOT / "checkpoints" / id, device="cpu")
        for text in texts:
            trace = analysis.record(classifier, text)
            shares = trace.probabilities
            label = classifier.checkpoint.labels[int(shares.argmax())]
            answers[text][id] = f"{label} {shares.max():.2f}"
    return answers
