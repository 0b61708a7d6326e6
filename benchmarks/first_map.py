"""The first map of a file: from the click to points on the screen, vectors included.

A map of the rows that have been read by then stands first; the dock stands beside the map of all.

A data file of 5,000 texts is dropped on the Embedding map in Chromium: the training set of SST-2
where ``GLUE_DIR`` names a GLUE folder, else the behaviour suite. Beside the time stand the load of
the machine and the seconds that the server's threads had of its processors, which other work on
the machine lengthens less; what is computed is one checkpoint's mean, maximum and [CLS] at every
layer.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS = int(os.environ.get("BENCH_ROWS_OF_MAP", "5000"))
_SHOWN = {
    "the first map (PCA, of the rows read by then)": ".maps[data-painter][data-part='1.00']",
    "the map of all rows (PCA)": ".st-key-dock-card",
    "UMAP": ".maps[data-painter] figcaption small:has-text('UMAP')",
    "outliers, contours and names": ".st-key-dock-lists .listed",
}


def run() -> list[dict[str, Any]]:
    """Seconds from the click to the first map, to all rows, to UMAP, and to what is known of it."""
    from benchmarks import chromium
    from benchmarks.dataset import sentences
    from benchmarks.live import free_port, start, wait_until_healthy

    texts, source = sentences(2 * ROWS)
    texts = list(dict.fromkeys(texts))[:ROWS]  # of equal rows a file keeps one
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place, chromium.browser() as browser:
        file = Path(place) / "rows.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([["text"], *([text] for text in texts)])
        port = free_port()
        server = start(port, POOLLENS_RESULTS=place)
        try:
            wait_until_healthy(port)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(300_000)
            address = f"http://127.0.0.1:{port}/Embedding_map?source=file&rows_shown={ROWS}"
            page.goto(address)
            page.locator("input[type=file]").first.wait_for(state="attached")
            upload = page.locator(".st-key-dataset input[type=file]")
            upload.set_input_files(file)
            click = page.get_by_role("button", name=f"Map {len(texts):,} rows")
            click.wait_for()
            page.wait_for_timeout(3_000)
            load = os.getloadavg()[0]
            began, worked = time.monotonic(), _processor(server.pid)
            click.click()
            for what, shown in _SHOWN.items():
                page.locator(shown).first.wait_for(state="attached")
                rows.append(
                    {
                        "what": f"click to {what}",
                        "of": f"{len(texts):,} rows ({source}), load of the machine {load:.1f}",
                        "seconds": time.monotonic() - began,
                        "of the processor": _processor(server.pid) - worked,
                    }
                )
                print(rows[-1], flush=True)
        finally:
            server.terminate()
            server.wait(20)
    return rows


def _processor(process: int) -> float:
    """Seconds that all threads of a process have had of the processors (Linux)."""
    times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
