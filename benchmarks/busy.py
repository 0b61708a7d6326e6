"""Cost of another busy process: the same forwards on a quiet machine and beside busy loops.

Each line is a process of its own, since OpenMP reads its settings once. Goal: with one busy loop
beside it at most twice the quiet time.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analysis.common.threads import OWN_SETTINGS

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, COPIES = 30, (1, 9)  # of the sentence: about 15 and 120 tokens
SETTINGS: dict[str, dict[str, str]] = {
    "threads spin (OpenMP's default)": {},
    "threads sleep (as the app sets it)": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}


def run() -> list[dict[str, Any]]:
    """One row for each setting and length: medians in ms, quiet and busy, and their ratio."""
    measured = {
        (name, loops): _measure(environment, loops)
        for name, environment in SETTINGS.items()
        for loops in (0, 1)
    }
    rows = []
    for name in SETTINGS:
        for place, copies in enumerate(COPIES):
            quiet, busy = (measured[name, loops][place] for loops in (0, 1))
            rows.append(
                {
                    "setting": name,
                    "tokens": 13 * copies + 2,
                    "quiet (ms)": quiet,
                    "beside a busy loop (ms)": busy,
                    "ratio": busy / quiet,
                    "other load": round(os.getloadavg()[0], 1),
                }
            )
    return rows


def _measure(environment: dict[str, str], loops: int) -> list[float]:
    own = {k: v for k, v in os.environ.items() if k not in (*OWN_SETTINGS, "OMP_NUM_THREADS")}
    with _busy(loops):
        answer = subprocess.run(
            [sys.executable, "-m", "benchmarks.busy"],
            cwd=ROOT,
            env={**own, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
    return [float(value) for value in json.loads(answer.stdout.splitlines()[-1])]


@contextmanager
def _busy(loops: int) -> Iterator[None]:
    """So many processes that do nothing but count."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _forwards() -> list[float]:
    """Median ms of recording one text, for each length."""
    import analysis
    from benchmarks.record import TEXT

    classifier = analysis.load("sst2-max_seq_mha")
    medians = []
    for copies in COPIES:
        text = " ".join([TEXT] * copies)
        seconds = []
        for _ in range(ROUNDS + 2):
            start = time.perf_counter()
            analysis.record(classifier, text)
            seconds.append(time.perf_counter() - start)
        medians.append(statistics.median(seconds[2:]) * 1000)
    return medians


if __name__ == "__main__":
    print(json.dumps(_forwards()))
