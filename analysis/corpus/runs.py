"""A data set through a checkpoint: Arrow batch in, Arrow batch out.

:func:`predict_batch` knows nothing of where batches come from: the local loop (:func:`run`) and a
distributed engine share it. What is read off each forward pass is a list of
:class:`readers.Reader` (`readers.PREDICTION`; the vectors of a pooling are others), each with its
own files on disk, so that one pass serves all that are asked for and nothing is computed twice.

Rows are taken in a seeded random order, in windows; within a window they are sorted by length and
batched by number of tokens. What a stopped run has is therefore close to a random sample of the
data set, and not its shortest rows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch

from analysis.checkpoints.checkpoint import Checkpoint
from analysis.checkpoints.forward import forward as whole_forward
from analysis.common.faults import CheckpointError
from analysis.common.memory import is_out_of_memory, release
from analysis.corpus import predictions
from analysis.corpus.lanes import Lanes, twins_of
from analysis.corpus.passes import Budget, Parts, Piece, halves
from analysis.corpus.predictions import Predictions
from analysis.corpus.readers import PREDICTION, Reader, Step
from analysis.datasets.refusals import refusal
from analysis.text.tokens import TokenRow, tokenize_rows

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.checkpoints.protocols import EncoderOutput
    from analysis.datasets.table import Table

WINDOW = 4096  # rows that are tokenised and sorted at a time
MOST_ROWS = 512  # in one forward pass, however short they are
_TEXTS = 64  # of `logits_of` between two calls of `progress`
# Padding included. On a CPU what a layer makes of a pass should stay in the cache: 1,024 tokens
# took half the time of 8,192 (MiniLM, one thread).
BATCH_TOKENS = {"cpu": 1024, "cuda": 65_536}
_OWN = "analysis.heads."  # the package of the pooling heads whose reading is known
Report = Callable[[int, int, str, float], None]


def open_for_data(
    reference: Checkpoint | str | Path, *, dtype: str = "auto", device: str = "auto"
) -> Classifier:
    """A copy of a checkpoint of one's own for whole data sets: fused attention.

    ``dtype`` "auto" is bfloat16 for the encoder on CUDA and float32 on the CPU; the pooling head
    runs in float32 in any case. Raises :class:`CheckpointError` as :func:`analysis.load` does.
    """
    from analysis.checkpoints.loading import load

    if dtype == "auto":
        on_gpu = torch.cuda.is_available() and device != "cpu"
        dtype = "bfloat16" if on_gpu else "float32"
    name = reference.folder if isinstance(reference, Checkpoint) else reference
    opened = load(name, device=device, dtype=dtype, attn_implementation="sdpa")
    if isinstance(reference, Checkpoint):
        opened.checkpoint = reference  # the id that it was asked for by
    return opened


def precision_of(classifier: Classifier) -> str:
    """The encoder's type, by which results are kept apart: "float32" or "bfloat16"."""
    return str(classifier.dtype).removeprefix("torch.")


def predict_batch(
    classifier: Classifier,
    batch: pa.RecordBatch,
    *,
    readers: Sequence[Reader] = (PREDICTION,),
    batch_tokens: int | None = None,
) -> pa.RecordBatch:
    """Columns ``row`` and ``text`` (and ``pair``) in; ``row`` and the readers' columns out.

    Rows come back in the order they were given, whatever the batch's size: it is cut into passes
    of at most ``batch_tokens`` tokens, and into smaller ones where memory runs out. Which rows
    are in it together changes no logit beyond rounding (1e-5).

    Raises
    ------
    ValueError
        A row without a text.
    CheckpointError
        A single row does not fit into memory, or the checkpoint is a bare encoder and predictions
        are asked for.
    """
    done = list(_passes(classifier, batch, readers, _budget(classifier, batch_tokens)))
    schema = _schema(classifier, readers)
    if not done:
        none = [pa.array([], field.type) for field in schema]
        return pa.RecordBatch.from_arrays(none, schema=schema)
    order = np.argsort(np.concatenate([piece.places for piece in done]))
    merged = pa.Table.from_batches(
        [
            pa.RecordBatch.from_arrays(
                [piece.row, *(column for columns in piece.columns for column in columns)],
                schema=schema,
            )
            for piece in done
        ]
    )
    return merged.take(pa.array(order)).combine_chunks().to_batches()[0]


def logits_of(
    classifier: Classifier,
    texts: Sequence[tuple[str, str | None]],
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """(N, C) float64 logits of N texts (each with its pair or None), read in batches.

    Parameters
    ----------
    classifier
        A loaded checkpoint.
    texts
        What it reads; all with a pair or none.
    progress
        Called with the share that is done, after every batch.

    Raises
    ------
    ValueError
        A text is blank.
    CheckpointError
        The checkpoint is a bare encoder, or a single text does not fit into memory.
    """
    parts = []
    for start in range(0, len(texts), _TEXTS):
        batch = texts[start : start + _TEXTS]
        columns = {"row": list(range(len(batch))), "text": [text for text, _ in batch]}
        if any(pair is not None for _, pair in batch):
            columns["pair"] = [pair or "" for _, pair in batch]
        read = predict_batch(classifier, pa.RecordBatch.from_pydict(columns))
        logits = read["logits"].flatten().to_numpy(zero_copy_only=False)
        parts.append(logits.reshape(len(batch), -1).astype(np.float64))
        if progress is not None:
            progress((start + len(batch)) / len(texts))
    classes = max(len(classifier.checkpoint.labels), 1)
    return np.concatenate(parts) if parts else np.zeros((0, classes))


def seconds_for(classifier: Classifier, table: Table, rows: int = 16) -> float:
    """Expected seconds of a pass over a data set, from a measured one over a few of its rows.

    Parameters
    ----------
    classifier
        A loaded checkpoint.
    table
        The data set.
    rows
        How many of its rows, spread evenly, are read to measure.
    """
    count = len(table)
    if not count:
        return 0.0
    chosen = np.unique(np.linspace(0, count - 1, min(rows, count)).astype(np.int64))
    batch = _batch(table, chosen)
    began = time.perf_counter()
    predict_batch(classifier, batch, readers=())
    return (time.perf_counter() - began) * count / len(chosen)


def run(
    classifier: Classifier,
    table: Table,
    folder: str | Path,
    *,
    progress: Report | None = None,
    cancel: Event | None = None,
    batch_tokens: int | None = None,
) -> Predictions:
    """A checkpoint's answers to a data set; those on disk under ``folder`` are not done again.

    Answers are written as they come. ``cancel`` ends the run after the pass under way and keeps
    what is done; calling again does what is missing. ``progress(done, total, what, share)`` is
    called after every pass (rows, rows, checkpoint, share of the work from 0 to 1).

    Raises
    ------
    CheckpointError
        The checkpoint is of another task (:func:`refusal`), or a single row does not fit into
        memory.
    """
    reason = refusal(classifier.checkpoint, table)
    if reason is not None:
        raise CheckpointError(reason)
    compute(
        classifier,
        table,
        folder,
        (PREDICTION,),
        progress=progress,
        cancel=cancel,
        batch_tokens=batch_tokens,
    )
    return predictions.read(folder, classifier.checkpoint, table, precision_of(classifier))


def compute(
    classifier: Classifier,
    table: Table,
    folder: str | Path,
    readers: Sequence[Reader],
    *,
    progress: Report | None = None,
    cancel: Event | None = None,
    batch_tokens: int | None = None,
) -> Path:
    """One pass over a data set for all ``readers``; each row only for those that lack it.

    Memory does not grow with the number of rows. Returns the folder in which each reader has a
    folder of Arrow files (:func:`analysis.corpus.predictions.read_parts`).
    """
    checkpoint = classifier.checkpoint
    place = predictions.place_of(folder, checkpoint, table, precision_of(classifier))
    predictions.describe(place, checkpoint, table, precision_of(classifier))
    lacking = np.zeros(len(table), dtype=np.int64)  # bit i: reader i has not got the row
    for bit, reader in enumerate(readers):
        lacks = np.ones(len(table), dtype=bool)
        lacks[predictions.done_rows(place, reader.name)] = False
        lacking |= lacks.astype(np.int64) << bit
    cost = table.lengths + 16  # a row costs something beyond its characters
    total_cost = max(int(cost[lacking > 0].sum()), 1)
    done, spent = int((lacking == 0).sum()), 0
    budget = _budget(classifier, batch_tokens)
    report = progress or (lambda *_: None)
    report(done, len(table), checkpoint.id, 0.0)
    order = np.random.default_rng(0).permutation(len(table))
    twins = twins_of(classifier)
    for lacking_bits in np.unique(lacking[lacking > 0]).tolist():
        some = [reader for bit, reader in enumerate(readers) if lacking_bits >> bit & 1]
        rows = order[lacking[order] == lacking_bits]
        schemas = {reader.name: _schema(classifier, [reader]) for reader in some}
        with predictions.being_written(place), Parts(place, schemas) as parts:
            for start in range(0, len(rows), WINDOW):
                chosen = rows[start : start + WINDOW]
                for piece in _passes(
                    classifier, _batch(table, chosen), some, budget, cancel, twins
                ):
                    parts.add(piece)
                    done += len(piece.places)
                    spent += int(cost[chosen[piece.places]].sum())
                    report(done, len(table), checkpoint.id, spent / total_cost)
                if cancel is not None and cancel.is_set():
                    return place
    return place


def _batch(table: Table, rows: np.ndarray) -> pa.RecordBatch:
    """The given rows as Arrow: row, text, and pair where there is one."""
    columns = {"row": pa.array(rows), "text": pa.array([table.text[row] for row in rows.tolist()])}
    if table.pair is not None:
        columns["pair"] = pa.array([table.pair[row] for row in rows.tolist()])
    return pa.RecordBatch.from_pydict(columns)


def _budget(classifier: Classifier, tokens: int | None) -> Budget:
    chosen = tokens or BATCH_TOKENS.get(classifier.device.type, BATCH_TOKENS["cpu"])
    return Budget(chosen, MOST_ROWS, classifier.inputs.alike)


def _passes(
    classifier: Classifier,
    batch: pa.RecordBatch,
    readers: Sequence[Reader],
    budget: Budget,
    cancel: Event | None = None,
    twins: Sequence[Classifier] = (),
) -> Iterator[Piece]:
    """The passes of a batch, in a seeded random order, as they are done; as many at once as there
    are `twins`."""
    texts = batch["text"].to_pylist()
    row = batch["row"]
    blank = next((place for place, text in enumerate(texts) if not (text or "").strip()), None)
    if blank is not None:
        raise ValueError(f"Row {row[blank].as_py() + 1} has no text. Leave it out.")
    pairs = None
    if "pair" in batch.schema.names:
        pairs = [pair or "" for pair in batch["pair"].to_pylist()]
    tokens = tokenize_rows(classifier.tokenizer, texts, pairs, classifier.limit)
    lengths = np.array([len(token.ids) for token in tokens], dtype=np.int64)
    slices = budget.slices(lengths) if len(lengths) else []
    waiting = [slices[index] for index in np.random.default_rng(0).permutation(len(slices))]

    def attempt(lane: Classifier, places: np.ndarray) -> list[list[pa.Array]] | None:
        """The columns of a slice; None where memory ran out."""
        try:
            return _columns(lane, [tokens[place] for place in places], readers)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if len(places) == 1:
                raise CheckpointError(
                    f"{classifier.checkpoint.name}: {classifier.device} ran out of memory at one "
                    f"row of {lengths[places[0]]} tokens. Close other programs that use it, or "
                    "load with device='cpu'."
                ) from error
        return None  # outside of `except`, which would keep the failed pass's tensors

    with Lanes(twins or [classifier]) as lanes:
        under_way: deque[tuple[np.ndarray, Future[list[list[pa.Array]] | None]]] = deque()
        while waiting or under_way:
            if cancel is not None and cancel.is_set():
                return
            while waiting and len(under_way) < lanes.at_once:
                places = waiting.pop()
                if len(places) > 1 and len(places) * int(lengths[places].max()) > budget.tokens:
                    waiting += halves(places)  # cut before memory ran out elsewhere
                    continue
                under_way.append((places, lanes.begin(attempt, places)))
            places, done = under_way.popleft()
            columns = done.result()
            if columns is None:
                release(classifier.device)
                most = max(len(places) * int(lengths[places].max()) // 2, 1)
                budget.tokens = min(budget.tokens, most)
                waiting += halves(places)
                continue
            yield Piece(places, row.take(pa.array(places)), columns)


def _columns(
    classifier: Classifier, rows: list[TokenRow], readers: Sequence[Reader]
) -> list[list[pa.Array]]:
    """One forward pass and what each reader keeps of it."""
    inputs = _inputs(classifier, rows)
    with classifier.lock, torch.no_grad():
        output, vector, logits = forward(classifier, inputs)
        step = Step(
            classifier=classifier,
            hidden=tuple(output.hidden_states),
            mask=inputs["attention_mask"],
            vector=vector,
            logits=logits,
            tokens=np.array([len(row.ids) for row in rows], dtype=np.int32),
            cut=np.array([row.dropped for row in rows], dtype=np.int32),
        )
        return [reader.read(step) for reader in readers]


def forward(
    classifier: Classifier, inputs: dict[str, torch.Tensor]
) -> tuple[EncoderOutput, torch.Tensor | None, torch.Tensor | None]:
    """(encoder's output with all hidden states, vector (B, D) or None, logits (B, C) or None).

    The pooling head is handed no layer below those it pools: to turn all of them into float32
    costs a noticeable part of a pass in bfloat16. One of somebody's own may read any layer.
    """
    model = classifier.pooling_model
    deep = None
    if classifier.checkpoint.kind == "pooling" and model is not None:
        known = type(model.head).__module__.startswith(_OWN)
        deep = getattr(model.head, "last_k", model.head.reach) if known else None
    layer = None if model is None else model.classifier
    if model is None or layer is None or deep is None:
        output, pooled, logits = whole_forward(classifier, inputs, {})
        return output, None if pooled is None else pooled.vector, logits
    output = model.encode(**inputs)
    kind = next(layer.parameters()).dtype
    hidden = torch.stack([state.to(kind) for state in output.hidden_states[-deep:]])
    vector = model.head.finish(model.head.read(hidden, inputs["attention_mask"]).vector)
    return output, vector, layer(vector)


def _inputs(classifier: Classifier, rows: list[TokenRow]) -> dict[str, torch.Tensor]:
    """Padded tensors (B, T) on the model's device."""
    arrays = classifier.inputs.arrays(rows)
    return {name: torch.from_numpy(array).to(classifier.device) for name, array in arrays.items()}


def _schema(classifier: Classifier, readers: Sequence[Reader]) -> pa.Schema:
    fields = [field for reader in readers for field in reader.fields(classifier)]
    return pa.schema([pa.field("row", pa.int64()), *fields])
