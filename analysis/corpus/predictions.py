"""Predictions of one checkpoint on a data set: the record, and where it lies on disk.

A folder holds one data set through one checkpoint at one precision; its name is made of their
digests, so that changed weights, a changed text or another precision never meet old answers. In
it, each kind of result (``prediction``, or the vectors of a pooling) has a folder of Arrow files,
written as they come. What a file says of a row stays true whatever becomes of the run.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.common import outputs
from analysis.common.phrases import name_without_folder
from analysis.common.records import freeze, require_shape
from analysis.common.whole import write_whole
from analysis.datasets.labels import columns_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from analysis.checkpoints.checkpoint import Checkpoint
    from analysis.datasets.table import Table

PREDICTION = "prediction"
ABOUT, EVIDENCE = "about.json", "evidence"
_LOCK = threading.Lock()
_written: Counter[Path] = Counter()
_OWN_NAME = re.compile(r"[0-9a-f]{20}-[0-9a-f]{1,20}-\w+")
CACHE_BYTES = 4 * 2**30  # what `prune` keeps by default


@dataclass(frozen=True)
class Predictions:
    """Answers of a checkpoint to the M rows of a data set that are done, of ``total`` rows.

    ``rows`` are ascending; everything else is in their order. ``logits`` (M, C) are the
    classifier's (the value itself, (M, 1), for a regression).
    """

    checkpoint: str
    sha256: str  # of the weights and configuration
    data: str  # digest of the texts
    precision: str  # "float32" or "bfloat16": of the encoder
    labels: tuple[str, ...]
    output: str  # what the logits mean: one of analysis.common.outputs.KINDS
    total: int
    rows: NDArray[np.int64]  # (M,)
    logits: NDArray[np.float32]  # (M, C)
    tokens: NDArray[np.int32]  # (M,) as the model got them, special tokens included
    cut: NDArray[np.int32]  # (M,) tokens beyond the model's limit, left out

    def __post_init__(self) -> None:
        require_shape("logits", self.logits, len(self.rows), max(len(self.labels), 1))
        for name in ("tokens", "cut"):
            require_shape(name, getattr(self, name), len(self.rows))
        if len(self.rows) and (np.diff(self.rows) <= 0).any():
            raise ValueError("rows must be ascending and unique")
        freeze(self)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def regression(self) -> bool:
        """Whether the answers are numbers."""
        return outputs.is_number(self.output)

    @property
    def complete(self) -> bool:
        """True when every row of the data set has its answer."""
        return len(self.rows) == self.total

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(M, C) softmax, sigmoid of each class, or the values themselves."""
        return outputs.probabilities(self.output, self.logits)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(M,) index of the class with the largest logit (0 for a regression)."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int64)

    @cached_property
    def gap(self) -> NDArray[np.float64]:
        """(M,) probability margin of the predicted class: `analysis.common.outputs.class_gap`."""
        return outputs.class_gap(self.output, self.probabilities)

    def places(self, labels: Iterable[str]) -> dict[str, int]:
        """Column of the logits for each of a data set's classes.

        Raises
        ------
        ValueError
            The checkpoint has other classes.
        """
        names = list(labels)
        columns = columns_of(names, self.labels)
        if columns is None:
            raise ValueError(
                f"{name_without_folder(self.checkpoint)} answers with {', '.join(self.labels)}; "
                f"the data set has the labels {', '.join(names)}. Choose a checkpoint of the "
                "same task."
            )
        return columns

    def numbered_as(self, table: Table) -> Predictions:
        """The answers as those to a table of these rows alone, which counts them from 0."""
        rows = np.arange(len(self.rows))
        return replace(self, data=table.digest, total=len(rows), rows=rows)

    def at(self, rows: Sequence[int] | NDArray[np.int64]) -> Predictions:
        """The given rows that are done, ascending."""
        keep = np.isin(self.rows, np.asarray(rows, dtype=np.int64))
        return Predictions(
            self.checkpoint,
            self.sha256,
            self.data,
            self.precision,
            self.labels,
            self.output,
            self.total,
            self.rows[keep],
            self.logits[keep],
            self.tokens[keep],
            self.cut[keep],
        )

    def frame(self) -> pd.DataFrame:
        """A pandas ``DataFrame``: row, predicted, gap, one probability per class, tokens, cut."""
        import pandas as pd

        columns: dict[str, Any] = {"row": self.rows}
        if self.output == "value":
            columns["value"] = self.logits[:, 0]
        elif self.output == "values":
            columns |= {label: self.logits[:, i] for i, label in enumerate(self.labels)}
        else:
            columns["predicted"] = [self.labels[index] for index in self.predicted]
            columns["probability margin"] = self.gap
            for index, label in enumerate(self.labels):
                columns[f"p({label})"] = self.probabilities[:, index]
        return pd.DataFrame({**columns, "tokens": self.tokens, "cut": self.cut})


def common_rows(runs: Sequence[Predictions]) -> NDArray[np.int64]:
    """The rows (n,) that every one of the runs has done, ascending.

    Raises
    ------
    ValueError
        The runs are not of one data set.
    """
    if len({(run.data, run.total) for run in runs}) > 1:
        raise ValueError("These predictions are of different data sets; run all on the same one.")
    rows = runs[0].rows if runs else np.zeros(0, np.int64)
    for run in runs[1:]:
        rows = np.intersect1d(rows, run.rows, assume_unique=True)
    return rows


def place_of(root: str | Path, checkpoint: Checkpoint, table: Table, precision: str) -> Path:
    """The folder of one checkpoint's results on one data set."""
    return Path(root) / f"{checkpoint.sha256[:20]}-{table.digest[:20]}-{precision}"


def describe(folder: Path, checkpoint: Checkpoint, table: Table, precision: str) -> None:
    """Write what the folder holds, for readers and for a later start, where it is not yet there."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "checkpoint": checkpoint.id,
        "sha256": checkpoint.sha256,
        "labels": list(checkpoint.labels),
        "output": checkpoint.output,
        "data": table.digest,
        "task": table.task,
        "split": table.split,
        "rows": len(table),
        "precision": precision,
    }
    if not (folder / ABOUT).is_file():
        write_whole(folder / ABOUT, json.dumps(about, indent=1))


def write_part(folder: Path, kind: str, batches: Sequence[pa.RecordBatch]) -> Path:
    """One more Arrow file of a kind of result, named by its sum; written whole or not at all."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    (folder / kind).mkdir(parents=True, exist_ok=True)
    content = sink.getvalue().to_pybytes()
    path = folder / kind / f"part-{_sum(content)}.arrow"
    write_whole(path, content)
    return path


def read_parts(folder: Path, kind: str, columns: Sequence[str] | None = None) -> pa.Table | None:
    """All rows of a kind of result that are on disk, memory-mapped, or None where there are none.

    A file that cannot be read (of a disk that was full) is left out: its rows are done again.
    """
    import pyarrow as pa

    tables = []
    for path in sorted((folder / kind).glob("part-*.arrow")):
        try:
            stat = path.stat()
            if not _is_unchanged(path, stat.st_size, stat.st_mtime_ns):
                continue
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        except (pa.ArrowException, OSError, ValueError):
            continue
        tables.append(table if columns is None else table.select(columns))
    return pa.concat_tables(tables) if tables else None


def _sum(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()[:24]


@lru_cache(maxsize=4096)
def _is_unchanged(path: Path, size: int, modified: int) -> bool:
    """Whether a part is what was written, by the sum in its name (those of old have none)."""
    named = path.stem.removeprefix("part-")
    return len(named) != 24 or _sum(path.read_bytes()) == named


def done_rows(folder: Path, kind: str) -> NDArray[np.int64]:
    """The rows (n,) that a kind of result has on disk, ascending."""
    table = read_parts(folder, kind, ["row"])
    if table is None:
        return np.zeros(0, np.int64)
    return np.unique(table["row"].to_numpy())


def rows_of_all(several: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The rows (n,), ascending, that stand in each of several arrays (m,) of unique rows."""
    common: NDArray[np.int64] | None = None
    for rows in several:
        common = rows if common is None else np.intersect1d(common, rows, assume_unique=True)
    return np.zeros(0, np.int64) if common is None else common


def read(
    root: str | Path, checkpoint: Checkpoint, table: Table, precision: str = "float32"
) -> Predictions:
    """A checkpoint's answers to a data set, as far as they are on disk; else no rows."""
    folder = place_of(root, checkpoint, table, precision)
    parts = read_parts(folder, PREDICTION, ["row", "logits", "tokens", "cut"])
    classes = max(len(checkpoint.labels), 1)
    if parts is None:
        rows, logits = np.zeros(0, np.int64), np.zeros((0, classes), np.float32)
        tokens = cut = np.zeros(0, np.int32)
    else:
        # Two processes on one data set may have done a row twice: any of the two is as good.
        rows, first = np.unique(parts["row"].to_numpy(), return_index=True)
        flat = parts["logits"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        logits = flat.reshape(-1, classes)[first]
        tokens, cut = (parts[name].to_numpy()[first] for name in ("tokens", "cut"))
    return Predictions(
        checkpoint.id,
        checkpoint.sha256,
        table.digest,
        precision,
        checkpoint.labels,
        checkpoint.output,
        len(table),
        rows,
        logits,
        tokens,
        cut,
    )


@contextmanager
def being_written(place: Path) -> Iterator[None]:
    """While a run writes to this folder nobody clears it, however many visitors a server has."""
    with _LOCK:
        _written[place.resolve()] += 1
    try:
        yield
    finally:
        with _LOCK:
            _written[place.resolve()] -= 1
            if not _written[place.resolve()]:
                del _written[place.resolve()]


def size(root: str | Path) -> int:
    """Bytes that all results under a folder, or one file of them, take."""
    root = Path(root)
    if root.is_file():
        return root.stat().st_size
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def clear(root: str | Path, keep: Sequence[Path] = ()) -> int:
    """Remove all results under a folder but those in ``keep``; returns the bytes that are free now.

    What a run is writing belongs into ``keep``: it would go on beside what was removed.
    """
    return prune(root, -1, keep)


def prune(root: str | Path, most: int = CACHE_BYTES, keep: Sequence[Path] = ()) -> int:
    """Remove the results used longest ago until at most ``most`` bytes are left; bytes freed.

    Those in ``keep`` (in use) stay.
    """
    used = sorted(_results(root), key=_last_used)
    sizes = {result: size(result) for result in used}
    total, freed = sum(sizes.values()), 0
    with _LOCK:
        kept = {Path(path).resolve() for path in (*keep, *_written)}
    for result in used:
        if total - freed <= most:
            break
        if result.resolve() not in kept:
            freed += sizes[result]
            if result.is_file():
                result.unlink(missing_ok=True)
            else:
                shutil.rmtree(result, ignore_errors=True)
    return freed


def _last_used(result: Path) -> float:
    """A new part changes the time of the folder that it is written to, not of the one above."""
    inside = [path for path in result.iterdir() if path.is_dir()] if result.is_dir() else []
    return max(path.stat().st_mtime for path in (result, *inside))


def _results(root: str | Path) -> list[Path]:
    """Folders that this module made and files of evidence: nothing else is ever removed.

    A folder is known by its name too, since one that was cleared under a run has no about.json.
    """
    root = Path(root)
    if not root.is_dir():
        return []
    folders = [
        folder
        for folder in root.iterdir()
        if folder.is_dir() and (_OWN_NAME.fullmatch(folder.name) or (folder / ABOUT).is_file())
    ]
    return folders + sorted((root / EVIDENCE).glob("*.jsonl"))
