"""Memory while one visitor goes on typing: after the first half it grows by less than 10 %.

Every page is opened by one visitor who types another sentence ``RERUNS`` times.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from benchmarks.load import CHECKPOINTS, memory, sentences, server
from benchmarks.session import Visitor

RERUNS = int(os.environ.get("SOAK_RERUNS", "1000"))
PAGES = ("", "Layers", "Max_pool_winners", "Attention", "Attributions", "Similarity")


def run() -> list[dict[str, Any]]:
    """A row a page."""
    return [_row(page) for page in PAGES]


def _row(page: str) -> dict[str, Any]:
    with server("--shared") as (port, process):
        held = asyncio.run(_type(port, page, process))
    half, end = held[len(held) // 2], held[-1]
    return {
        "page": page or "Compare",
        "reruns": RERUNS,
        "GB at the start": held[0],
        "GB halfway": half,
        "GB at the end": end,
        "growth of the second half": end / half - 1,
    }


async def _type(port: int, page: str, process: int) -> list[float]:
    held = []
    choices = {"text": "The film is good", "checkpoints": CHECKPOINTS, "pair": "A good film."}
    async with Visitor(port, page, choices) as visitor:
        await visitor.wait(lambda page: page.runs >= 2, 600)
        for index, text in enumerate(sentences(RERUNS, 7)):
            before = visitor.runs
            await visitor.type(text)
            await visitor.wait(lambda page, before=before: page.runs > before, 600)
            if index % max(RERUNS // 20, 1) == 0 or index == RERUNS - 1:
                held.append(memory(process))
    return held
