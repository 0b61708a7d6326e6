"""Vectors and maps: all poolings and layers at once against the peers' one call for each.

Vectors: one pass that writes every free pooling at every layer, against one `encode` of
sentence-transformers for each pooling (last layer only). Maps: UMAP of three poolings here
(fitted, aligned and measured) against three plain umap-learn fits. Memory: the peak of a process
that embeds 10,000 and 100,000 rows into a folder, on an encoder of two small layers, so that what
is measured is the pass and not the model, and 10,000 and 30,000 rows on MiniLM.

``python -m benchmarks maps`` runs all; BENCH_PARTS=memory only that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SENTENCES = int(os.environ.get("BENCH_SENTENCES", "5000"))
ROWS = tuple(int(n) for n in os.environ.get("BENCH_ROWS", "10000,100000").split(","))
PARTS = os.environ.get("BENCH_PARTS", "vectors,memory").split(",")
MODES = ("mean", "max", "cls", "last_token")  # what `encode` of the peer has, one call each
REAL_ROWS = tuple(int(n) for n in os.environ.get("BENCH_REAL_ROWS", "10000,30000").split(","))
LIMIT = 512


def run() -> list[dict[str, Any]]:
    """Rows of what was done, by whom, its seconds, and the ratio to the peer's in this run."""
    rows: list[dict[str, Any]] = []
    if "vectors" in PARTS:
        rows += _vectors_and_maps()
    if "memory" in PARTS:
        rows += _memory()
    return rows


def _vectors_and_maps() -> list[dict[str, Any]]:
    from benchmarks.dataset import SENTENCES, sentences

    texts, source = sentences(SENTENCES)
    texts = (texts * (SENTENCES // max(len(texts), 1) + 1))[:SENTENCES]
    rows, vectors = _vectors(texts, source)
    return [*rows, *_maps(vectors)]


def _vectors(texts: list[str], source: str) -> tuple[list[dict[str, Any]], Any]:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    from analysis.checkpoints.encoders import resolve_encoder
    from analysis.corpus.embedding import FREE, readers_of, stored
    from analysis.corpus.runs import compute, open_for_data
    from analysis.datasets.table import Table

    folder = str(resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path)
    classifier = open_for_data(folder, dtype="float32")
    table = Table("own", "own", tuple(texts), None, None, ())
    words = Transformer(folder, max_seq_length=LIMIT)
    words.to(str(classifier.device))
    peers = []
    for name in MODES:
        mode = Pooling(words.get_embedding_dimension(), pooling_mode=name.replace("_", ""))
        peers.append(SentenceTransformer(modules=[words, mode], device=str(classifier.device)))
    peers[0].encode(texts[:64])
    with tempfile.TemporaryDirectory() as place:
        readers = readers_of(classifier, FREE, "all")
        started = time.perf_counter()
        compute(classifier, table, place, readers)
        own = time.perf_counter() - started
        started = time.perf_counter()
        for peer in peers:
            peer.encode(texts, show_progress_bar=False)
        theirs = time.perf_counter() - started
        held = {n: stored(place, classifier.checkpoint, table, (n, 6))[1] for n in MODES[:3]}
    about = f"{len(texts):,} sentences ({source})"
    return [
        {
            "what": f"{len(FREE)} poolings x 7 layers, one pass, written to disk",
            "of": about,
            "seconds": own,
            "peer / this": theirs / own,
        },
        {
            "what": f"sentence-transformers: {len(MODES)} x encode, last layer",
            "of": about,
            "seconds": theirs,
            "peer / this": 1.0,
        },
    ], held


def _maps(vectors: dict[str, Any]) -> list[dict[str, Any]]:
    from umap import UMAP

    from analysis.maps import atlas, projection
    from analysis.maps.atlas import Layouts, Sheet, Wish

    projection.warm_up()
    sheets = [Sheet(name, name, {6: array}) for name, array in vectors.items()]
    count = len(next(iter(vectors.values())))
    layouts, wish = Layouts(), Wish("umap")
    UMAP(random_state=0, n_jobs=1, metric="cosine").fit_transform(sheets[0].vectors[6])  # compiles
    started = time.perf_counter()
    atlas.compute(layouts, sheets, 6, wish, lambda *_: None)
    atlas.aligned(layouts, sheets, (6,), wish)
    for sheet in sheets:
        layouts.quality(sheet, 6, wish, None)
    own = time.perf_counter() - started
    started = time.perf_counter()
    for sheet in sheets:
        UMAP(random_state=0, n_jobs=1, metric="cosine").fit_transform(sheet.vectors[6])
    theirs = time.perf_counter() - started
    about = f"3 poolings of {count:,} sentences"
    return [
        {
            "what": "UMAP, aligned and measured",
            "of": about,
            "seconds": own,
            "peer / this": theirs / own,
        },
        {"what": "umap-learn: plain fits", "of": about, "seconds": theirs, "peer / this": 1.0},
    ]


_CHILD = """
import re, sys, tempfile
from pathlib import Path
from analysis.corpus import compute, open_for_data
from analysis.datasets import Table
from analysis.embedding import readers_of
count, folder, poolings, layers = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(), sys.argv[4]
texts = tuple(f"the plot of film {i} is thin but the acting is fine" for i in range(count))
classifier = open_for_data(folder, dtype="float32")
with tempfile.TemporaryDirectory() as place:
    compute(classifier, Table("own", "own", texts, None, None, ()), place,
            readers_of(classifier, poolings, "all" if layers == "all" else (-1,)))
# Of this process alone: ru_maxrss would hold the peak of the one that began it.
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def _memory() -> list[dict[str, Any]]:
    from transformers import BertConfig, BertModel, BertTokenizer

    root = Path(__file__).resolve().parent.parent
    rows = []
    with tempfile.TemporaryDirectory() as place:
        words = ["the", "plot", "of", "film", "is", "thin", "but", "acting", "fine"]
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
        (Path(place) / "vocab.txt").write_text("\n".join(vocabulary))
        BertTokenizer(vocab={word: i for i, word in enumerate(vocabulary)}).save_pretrained(place)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=128,
        )
        BertModel(config, add_pooling_layer=False).save_pretrained(place)
        from analysis.checkpoints.encoders import resolve_encoder

        real = str(resolve_encoder("sentence-transformers/all-MiniLM-L6-v2").path)
        for name, folder, poolings, layers, counts in (
            ("two small layers", place, "mean max cls", "all", ROWS),
            ("MiniLM", real, "mean", "last", REAL_ROWS),
        ):
            for count in counts:
                started = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-c", _CHILD, str(count), folder, poolings, layers],
                    cwd=root,
                    check=True,
                    capture_output=True,
                    text=True,
                )
                rows.append(
                    {
                        "what": "peak memory of a process that embeds",
                        "of": f"{count:,} short rows, {name}",
                        "seconds": time.perf_counter() - started,
                        "GiB": int(done.stdout.split()[-1]) / 2**20,
                    }
                )
    return rows
