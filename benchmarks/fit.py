"""Eight pooling heads on a frozen encoder, five seeds each, beside the two obvious alternatives.

The plain loop trains head after head and seed after seed and reruns the encoder for every batch:
one epoch of one head and seed is measured, and multiplied by heads, seeds and epochs. It takes the
learning rate as given, while our fit also chooses it among four on held-out rows. scikit-learn
fits logistic regressions to the vectors of the four linear heads, five times as its seeds would,
on the same stored states. Everything is on 2,000 sentences of SST-2 where ``GLUE_DIR`` names a GLUE
folder. Time of the processor stands beside that of the clock: on a machine with other load only the
former says much. Goal: at most 90 s by the clock on two quiet cores, states included.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from analysis.datasets.table import Table
    from training.frozen.states import States

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
HEADS = (
    "cls", "max_cls", "mha", "max_seq_mha", "mean", "max", "weighted_mean", "query_attention",
)  # fmt: skip
LINEAR = ("cls", "max_cls", "mean", "max")
SENTENCES = int(os.environ.get("BENCH_SENTENCES", "2000"))
SEEDS = 5


def run() -> list[dict[str, Any]]:
    """One row for each part and alternative: seconds, and how many times ours it takes."""
    from analysis.datasets import read
    from training.frozen.train import Recipe

    folder = os.environ.get("GLUE_DIR")
    if not folder:
        raise SystemExit("set GLUE_DIR to a folder with SST-2: this benchmark needs labels")
    train = read("sst2", "train", folder).take(range(SENTENCES))
    dev = read("sst2", "dev", folder)
    epochs = Recipe().epochs_for(len(train))
    with tempfile.TemporaryDirectory() as place:
        (states, scored), of_states = _timed(lambda: _states(train, dev, place))
        fitted, of_heads = _timed(lambda: _fit(states, scored))
        _, of_peer = _timed(lambda: _scikit_learn(states, scored))
        _, of_linear = _timed(lambda: _fit(states, scored, LINEAR))
    _, of_epoch = _timed(lambda: _plain_epoch(train))
    _, of_scores = _timed(lambda: _plain_epoch(dev, learn=False))
    ours = of_states + of_heads
    plain = len(HEADS) * SEEDS * (epochs * of_epoch + of_scores)
    peer = of_states + of_peer
    rows = []
    for what, seconds, beside in (
        ("states of train and dev", of_states, ours),
        ("8 heads x 5 seeds, rates chosen", of_heads, ours),
        ("both: training.states and training.fit", ours, ours),
        ("plain loop, encoder rerun (from one epoch)", plain, ours),
        ("4 linear heads x 5 seeds, states included", of_states + of_linear, of_states + of_linear),
        ("scikit-learn on their vectors, states included", peer, of_states + of_linear),
    ):
        rows.append(
            {
                "what": what,
                "clock (s)": float(seconds[0]),
                "processor (s)": float(seconds[1]),
                "times ours, clock": float(seconds[0] / beside[0]),
                "times ours, processor": float(seconds[1] / beside[1]),
                "other load": round(os.getloadavg()[0], 1),
            }
        )
    print(fitted.table(), flush=True)
    return rows


def _timed(work: Callable[[], Any]) -> tuple[Any, np.ndarray]:
    started, spent = time.perf_counter(), time.process_time()
    answer = work()
    return answer, np.array([time.perf_counter() - started, time.process_time() - spent])


def _states(train: Table, dev: Table, place: str) -> tuple[States, States]:
    import training

    train_states, dev_states = (
        training.states(ENCODER, table, folder=place) for table in (train, dev)
    )
    return train_states, dev_states


def _fit(train: States, dev: States, heads: tuple[str, ...] = HEADS) -> Any:
    import training

    return training.fit(train, heads, dev=dev, seeds=SEEDS)


def _scikit_learn(train: States, dev: States) -> None:
    import torch
    from sklearn.linear_model import LogisticRegression

    from analysis import heads
    from training.frozen.inputs import VectorInputs
    from training.frozen.reading import reading_of

    for key in LINEAR:
        head = heads.build(key, train.source.hidden_size, train.source.layers)
        reading = reading_of(head)
        vectors = [VectorInputs(s, reading, head, torch.float32).vectors for s in (train, dev)]
        for _ in range(SEEDS):
            peer = LogisticRegression(max_iter=1000).fit(vectors[0], train.table.label)
            peer.score(vectors[1], dev.table.label)


def _plain_epoch(table: Table, *, learn: bool = True) -> None:
    """One pass of one head and seed over the rows with the encoder in the loop, batches of 32 by
    length, as one would write it."""
    import torch

    from analysis.checkpoints.model import build_classifier
    from training.frozen.encoder import open_encoder

    opened = open_encoder(ENCODER)
    torch.manual_seed(0)
    model = build_classifier(ENCODER, "mha", None, table.labels)
    model.encoder.requires_grad_(False).eval()
    assert table.label is not None
    optimiser = torch.optim.AdamW([*model.head.parameters(), *model.classifier.parameters()])
    order = np.argsort(table.lengths, kind="stable")
    for start in range(0, len(order), 32):
        rows = order[start : start + 32]
        texts = [table.text[row] for row in rows]
        batch = opened.tokenizer(
            texts, padding=True, truncation=True, max_length=512, return_tensors="pt"
        )
        with torch.set_grad_enabled(learn):
            loss = model(**batch, labels=torch.as_tensor(table.label[rows])).loss
        if learn:
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
