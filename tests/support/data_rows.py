"""Data sets made up for the tests of passes over rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from analysis.datasets.table import Table
from tests.support import tiny


def sentences(count: int, longest: int = 30, seed: int = 0) -> tuple[str, ...]:
    draw = np.random.default_rng(seed)
    return tuple(
        " ".join(draw.choice(tiny.WORDS, int(draw.integers(1, longest + 1)))) for _ in range(count)
    )


def data(count: int = 40, pairs: bool = False, **more) -> Table:
    second = sentences(count, seed=1) if pairs else None
    return Table("own", "dev", sentences(count), second, None, (), **more)


def batch_of(table: Table) -> pa.RecordBatch:
    columns = {"row": pa.array(range(len(table))), "text": pa.array(table.text)}
    if table.pair is not None:
        columns["pair"] = pa.array(table.pair)
    return pa.RecordBatch.from_pydict(columns)


def logits_of(batch: pa.RecordBatch, classes: int) -> np.ndarray:
    return batch["logits"].flatten().to_numpy().reshape(-1, classes)
