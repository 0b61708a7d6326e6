"""Sentences per second of the data set run, against `encode` of sentence-transformers.

Both read the same encoder weights in the same precision, the same sentences, the same length limit
and the same threads, one after the other in every round, so that a machine that slows down slows
both. The run does more: it pools with a pooling head, yields logits, and writes them to disk.
Goal: a ratio of at least 1.0. The sentences are those of SST-2 where ``GLUE_DIR`` names a GLUE
folder, else template sentences, which are shorter and alike; which it was is printed and written
beside every number. Time of the processor stands beside the time of the clock: on a
machine with other load only the former says much. Last: what bfloat16 adds, and the share of
predictions that change with it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.datasets.table import Table

CHECKPOINT = "sst2-max_seq_mha"
LIMIT = 512
SENTENCES = int(os.environ.get("BENCH_SENTENCES", "2000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


def run() -> list[dict[str, Any]]:
    """One row per way of running: seconds, sentences per second, and the ratio to the peer's."""
    import torch
    from sentence_transformers import SentenceTransformer

    from analysis.checkpoints.encoders import resolve_encoder
    from analysis.corpus import runs

    texts, source = sentences(SENTENCES)
    print(f"{len(texts):,} sentences: {source}", flush=True)
    encoder = resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    ours = {kind: runs.open_for_data(CHECKPOINT, dtype=kind) for kind in kinds}
    peers = {}
    for kind, dtype in kinds.items():
        peer = SentenceTransformer(str(encoder), device=device, model_kwargs={"dtype": dtype})
        peer.max_seq_length = LIMIT
        peers[kind] = peer
    answers: dict[str, Any] = {}

    def pass_over(kind: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            answers[kind] = runs.run(ours[kind], _table(texts), folder)

    def encode(kind: str) -> None:
        peers[kind].encode(texts, show_progress_bar=False)

    ways: list[tuple[str, str, Callable[[str], None]]] = [
        (who, kind, work)
        for kind in kinds
        for who, work in (("data set run", pass_over), ("sentence-transformers", encode))
    ]
    times: dict[tuple[str, str], list[tuple[float, float]]] = {w[:2]: [] for w in ways}
    for turn in range(ROUNDS + 1):
        # In turn from either end, so that neither always comes after the other.
        for who, kind, work in ways if turn % 2 else ways[::-1]:
            started, spent = time.perf_counter(), time.process_time()
            work(kind)
            if turn:  # the first round warms up
                times[who, kind].append(
                    (time.perf_counter() - started, time.process_time() - spent)
                )
    changed = float((answers["bfloat16"].predicted != answers["float32"].predicted).mean())
    rows = []
    for who, kind, _ in ways:
        clock, processor = map(statistics.median, zip(*times[who, kind], strict=True))
        theirs = times["sentence-transformers", kind]
        rows.append(
            {
                "what": who,
                "precision": kind,
                "sentences": len(texts),
                "clock (s), median": clock,
                "processor (s), median": processor,
                "sentences/s": len(texts) / clock,
                "peer / this, clock": _ratio(theirs, times[who, kind], 0),
                "peer / this, processor": _ratio(theirs, times[who, kind], 1),
                "float32 / this, processor": _ratio(times[who, "float32"], times[who, kind], 1),
                "predictions that change": changed
                if (who, kind) == ("data set run", "bfloat16")
                else "",
                "source": source,
            }
        )
    return rows


def _ratio(over: list[tuple[float, float]], under: list[tuple[float, float]], of: int) -> float:
    """Median over the rounds of one time divided by another of the same round."""
    return statistics.median(a[of] / b[of] for a, b in zip(over, under, strict=True))


def _table(texts: list[str]) -> Table:
    from analysis.datasets.table import Table

    return Table("sst2", "train", tuple(texts), None, None, ())


def sentences(count: int) -> tuple[list[str], str]:
    """Sentences of SST-2's training set, evenly spaced; without it the behaviour suite."""
    from analysis import suite
    from analysis.datasets.table import read

    folder = os.environ.get("GLUE_DIR", "")
    if folder and Path(folder).is_dir():
        texts: Any = read("sst2", "train", folder).text
        step = max(len(texts) // count, 1)
        return list(texts[::step][:count]), "SST-2 train, evenly spaced"
    return (
        list(suite.table("sst2").text)[:count],
        "behaviour suite, sentiment (templates; set GLUE_DIR for SST-2)",
    )
