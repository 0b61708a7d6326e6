"""Similarity beside the bare encoder: pairs of a data set, and one pair while it is typed.

Data set: cosines of `BENCH_PAIRS` pairs under every pooling at once, written to disk as they come,
against `encode` of sentence-transformers (one pooling, in memory) and its cosines; goal: a ratio of
at least 1.0. One pair: two sentences recorded and split under every pooling, against two bare
forwards of their ids; goal: at most 1.3 times as long. A map of all pairs of two texts of 512
tokens: from the recorded texts to what the browser shows; goal: under 2 s and 5 MB. Both sides of a
comparison take turns, and time of the processor stands beside that of the clock.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
PAIRS = int(os.environ.get("BENCH_PAIRS", "5000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
TYPED = 30  # rounds of one pair
A = "The plot is thin, but the acting is anything but dull."
B = "Great actors save a film that has next to no story."


def run() -> list[dict[str, Any]]:
    """One row for each way of running, with its ratio to the peer's time."""
    return [*_one_pair(), *_map(), *_data_set()]


def _data_set() -> list[dict[str, Any]]:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import pairwise_cos_sim

    from analysis import corpus
    from analysis.checkpoints.encoders import resolve_encoder
    from analysis.corpus.embedding import FREE
    from analysis.datasets import Table
    from analysis.similarities.pair_scores import over_pairs
    from benchmarks.dataset import sentences

    texts, source = sentences(2 * PAIRS)
    texts = list(dict.fromkeys(texts))
    half = len(texts) // 2
    left, right = texts[:half], texts[half : 2 * half]
    table = Table("pairs", "train", tuple(left), tuple(right), None, ())
    name = str(resolve_encoder(ENCODER).path)
    encoder, peer = corpus.open_for_data(name, dtype="float32"), SentenceTransformer(name)
    peer.max_seq_length = 512

    def all_poolings() -> None:
        with tempfile.TemporaryDirectory() as folder:
            over_pairs(encoder, table, FREE, (-1,), folder)

    def all_layers() -> None:
        with tempfile.TemporaryDirectory() as folder:
            over_pairs(encoder, table, FREE, "all", folder)

    def encode() -> None:
        vectors = peer.encode([*left, *right], convert_to_tensor=True, show_progress_bar=False)
        pairwise_cos_sim(vectors[:half], vectors[half:])

    ways: dict[str, Callable[[], object]] = {
        "sentence-transformers encode, one pooling": encode,
        "all poolings, last layer": all_poolings,
        "all poolings, all layers": all_layers,
    }
    return _rows(ways, ROUNDS, {"pairs": half, "source": source})


def _one_pair() -> list[dict[str, Any]]:
    import torch

    import analysis
    from analysis.checkpoints.encoders import resolve_encoder
    from analysis.corpus.embedding import FREE
    from analysis.similarities.split import compare, record_both

    encoder = analysis.load(str(resolve_encoder(ENCODER).path))
    model: Any = encoder.model
    inputs = [
        {
            name: torch.tensor(value)[None]
            for name, value in encoder.tokenizer(text, padding=False).items()
        }
        for text in (A, B)
    ]

    def bare() -> None:
        with torch.no_grad():
            for inputs_of_text in inputs:
                model(**inputs_of_text, output_hidden_states=True)

    def split() -> None:
        traces = record_both(encoder, A, B)
        for pooling in FREE:
            compare(encoder, *traces, pooling)

    def one_pooling() -> None:
        compare(encoder, *record_both(encoder, A, B), "mean")

    ways: dict[str, Callable[[], object]] = {
        "two bare forwards": bare,
        "one pair live, mean": one_pooling,
        "one pair live, all poolings": split,
    }
    return _rows(ways, TYPED, {"pairs": 1, "source": "typed"})


def _map() -> list[dict[str, Any]]:
    """Every pair of two texts of 512 tokens as a heat map: in Python, and drawn by a browser."""
    import json

    import analysis
    from analysis.checkpoints.encoders import resolve_encoder
    from analysis.figures.screen.plotly import sheet
    from analysis.figures.views.similarity import similarity_map
    from analysis.similarities.split import compare, record_both
    from benchmarks.chromium import browser
    from benchmarks.figures import as_json, plotly_script

    encoder = analysis.load(str(resolve_encoder(ENCODER).path))
    encoder.limit = 512  # of the encoder; the folder says 256
    traces = record_both(encoder, " ".join([A] * 60), " ".join([B] * 60))
    rows: list[dict[str, Any]] = []
    with browser() as chromium:
        page = chromium.new_page()
        page.set_content('<div id="map" style="width:1200px;height:700px"></div>')
        page.add_script_tag(content=plotly_script())
        for pooling in ("mean", "max"):
            made, drawn, sizes = [], [], []
            for _ in range(ROUNDS + 1):
                started = time.perf_counter()
                plot = similarity_map(compare(encoder, *traces, pooling), words=False)
                figure = as_json(sheet(plot).figure)
                made.append(time.perf_counter() - started)
                drawn.append(page.evaluate(_DRAW, json.loads(figure)) / 1000)
                sizes.append(len(figure))
            both = [a + b for a, b in zip(made[1:], drawn[1:], strict=True)]
            rows.append(
                {
                    "what": f"map of 512 × 512 tokens, {pooling}",
                    "clock (s), median": statistics.median(both),
                    "in Python (s)": statistics.median(made[1:]),
                    "in the browser (s)": statistics.median(drawn[1:]),
                    "MB": max(sizes) / 1e6,
                    "pairs": 1,
                    "source": "typed",
                }
            )
    return rows


# Until the browser has painted it: the second frame comes after the first is on the screen.
_DRAW = """async (figure) => {
  const place = document.getElementById("map");
  Plotly.purge(place);
  const started = performance.now();
  await Plotly.newPlot(place, figure.data, figure.layout);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - started;
}"""


def _rows(
    ways: dict[str, Callable[[], object]], rounds: int, facts: dict[str, Any]
) -> list[dict[str, Any]]:
    """Median times of each way; the first is what the others are compared with."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        # In turn from either end, so that neither always comes after the other.
        for name in list(ways) if turn % 2 else list(ways)[::-1]:
            started, spent = time.perf_counter(), time.process_time()
            ways[name]()
            if turn:  # the first round warms up
                took = time.perf_counter() - started, time.process_time() - spent
                times[name].append(took)
    peer = times[next(iter(ways))]
    rows = []
    for name, taken in times.items():
        clock, processor = map(statistics.median, zip(*taken, strict=True))
        ratios = [
            statistics.median(a[of] / b[of] for a, b in zip(peer, taken, strict=True))
            for of in (0, 1)
        ]
        rows.append(
            {
                "what": name,
                "clock (s), median": clock,
                "processor (s), median": processor,
                "peer / this, clock": ratios[0],
                "peer / this, processor": ratios[1],
                **facts,
            }
        )
    return rows
