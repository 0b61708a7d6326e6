"""One pass of a data set through a frozen encoder: what pooling heads read of it, on disk."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.common.whole import write_whole
from analysis.corpus import predictions
from analysis.datasets import Table
from training.frozen.encoder import Encoder, Source, open_encoder, source_of
from training.frozen.reading import View
from training.frozen.store import PRECISIONS, Stored, ViewFile

if TYPE_CHECKING:
    from analysis.checkpoints.loading import Classifier
    from analysis.corpus.readers import Step

STATES_BYTES = 16 * 2**30  # what is kept of earlier passes under one root
_WINDOW_ROWS, _WINDOW_TOKENS = 1024, 32_768  # rows are written in windows: memory stays flat
Report = Callable[[int, int, float], None]


class Stopped(Exception):
    """The pass was stopped before it had every row; the same call goes on from there."""


@dataclass(frozen=True)
class States:
    """A table's hidden states under one encoder, N rows, as memory maps.

    Take :attr:`table` for texts and labels, :meth:`view` for vectors. A view that a head needs and
    that is not there yet is computed by :meth:`prepare`.
    """

    folder: Path
    table: Table = field(repr=False)
    source: Source
    precision: str
    limit: int
    seconds: float  # of the pass, 0 where it was on disk
    cut: NDArray[np.int32] = field(repr=False)  # (N,) tokens of each row beyond the limit
    reference: Encoder = field(repr=False)  # what `states` was given
    _views: dict[str, Stored] = field(repr=False)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def tokens(self) -> int:
        """Tokens of all rows together."""
        return int(next(iter(self._views.values())).starts[-1])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) tokens of each row, special tokens included."""
        return np.diff(next(iter(self._views.values())).starts)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(v.vectors.numel() * v.vectors.element_size() for v in self._views.values())

    def view(self, view: View) -> Stored:
        """A view's vectors; ``KeyError`` where :meth:`prepare` has not been asked for it."""
        return self._views[view.name]

    def prepare(
        self,
        views: Iterable[View],
        *,
        progress: Report | None = None,
        cancel: Event | None = None,
    ) -> None:
        """Compute the views that are not on disk yet: one more pass for all of them.

        Raises
        ------
        CheckpointError
            The encoder is not there any more.
        Stopped
            ``cancel`` was set; what is written is used next time.
        """
        lacking = [view for view in views if view.name not in self._views]
        if lacking:
            more = states(
                self.reference,
                self.table,
                views=lacking,
                folder=self.folder.parent,
                precision=self.precision,
                limit=self.limit,
                progress=progress,
                cancel=cancel,
            )
            self._views.update(more._views)


def default_folder() -> Path:
    """Where states lie unless a folder is named: ``POOLLENS_STATES``, or the user's cache."""
    named = os.environ.get("POOLLENS_STATES")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "poollens" / "states"


def states(
    encoder: Encoder,
    table: Table,
    last_k: int = 3,
    *,
    views: Sequence[View] | None = None,
    folder: str | Path | None = None,
    precision: str = "float16",
    limit: int | None = None,
    most_bytes: int = STATES_BYTES,
    progress: Report | None = None,
    cancel: Event | None = None,
) -> States:
    """Hidden states of a table under a frozen encoder, in one pass.

    Written are the last layer and the maximum over the ``last_k`` last ones (or ``views``); a head
    that reads something else has it computed when it is fitted. What is on disk is not computed
    again: it is kept apart by encoder, texts, encoder's precision, ``precision`` and ``limit``.

    Parameters
    ----------
    encoder
        A loaded ``Classifier``, or a checkpoint's folder or name, or an encoder's folder or Hub
        id. Of a classifier its encoder is taken, fine-tuned as it is.
    table
        Texts, or pairs of texts; labels are needed for :func:`training.fit` only.
    folder
        The root for states of all kinds; those used longest ago go when it exceeds ``most_bytes``.
    precision
        ``"float16"`` or ``"float32"``, of the vectors on disk.
    limit
        Tokens a row, special tokens included; None: what the encoder can take.
    progress
        ``progress(rows done, rows, seconds left)``, called after every window of rows.
    cancel
        Ends the pass after the window under way.

    Raises
    ------
    ValueError
        An unknown precision, a limit or ``last_k`` that cannot be, a blank text, a full disk, or
        states that float16 cannot hold.
    CheckpointError
        The encoder is not found or not loadable.
    Stopped
        ``cancel`` was set. The same call goes on from where it ended.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; known: {', '.join(PRECISIONS)}")
    if not len(table):
        raise ValueError("the table has no rows: there are no states to compute")
    began = time.monotonic()
    classifier = open_encoder(encoder)
    source = source_of(classifier)
    limit = _limit(classifier.limit, limit)
    if views is None:
        views = standard_views(source.layers, last_k)
    root = Path(folder) if folder is not None else default_folder()
    place = root / _key(source, table, classifier, precision, limit)
    _describe(place, source, table, precision, limit)
    chosen = {view.name: view for view in views}
    from filelock import FileLock

    with FileLock(place / ".lock"):  # a second process waits and finds all done
        computed = _complete(
            replace(classifier, limit=limit),
            table,
            place,
            chosen,
            precision,
            source,
            progress,
            cancel,
        )
    files = {name: ViewFile(place / name, source.hidden_size, precision) for name in chosen}
    opened = {name: file.open() for name, file in files.items()}
    os.utime(place)
    predictions.prune(root, most_bytes, keep=[place])
    return States(
        folder=place,
        table=table,
        source=source,
        precision=precision,
        limit=limit,
        seconds=time.monotonic() - began if computed else 0.0,
        cut=next(iter(opened.values())).cut,
        reference=encoder,
        _views=opened,
    )


def standard_views(layers: int, last_k: int) -> tuple[View, ...]:
    """The last layer, and the maximum over the last k."""
    if not 1 <= last_k <= layers:
        raise ValueError(
            f"last_k is {last_k}, and the encoder has {layers} layers: choose from 1 to {layers}"
        )
    last = View("layer", (layers,))
    return (
        (last,)
        if last_k == 1
        else (last, View("max", tuple(range(layers - last_k + 1, layers + 1))))
    )


def _limit(most: int, chosen: int | None) -> int:
    if chosen is None:
        return most
    if not 4 <= chosen <= most:
        raise ValueError(f"limit is {chosen} tokens; choose from 4 to the encoder's own {most}")
    return chosen


def _key(source: Source, table: Table, classifier: Classifier, precision: str, limit: int) -> str:
    text = "\x1f".join((source.sha256, table.digest, str(classifier.dtype), precision, str(limit)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _describe(place: Path, source: Source, table: Table, precision: str, limit: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    about = place / "about.json"
    if not about.is_file():
        facts = {
            "encoder": source.name,
            "sha256": source.sha256,
            "data": table.digest,
            "task": table.task,
            "split": table.split,
            "rows": len(table),
            "precision": precision,
            "limit": limit,
        }
        write_whole(about, json.dumps(facts, indent=1) + "\n")


def _complete(
    classifier: Classifier,
    table: Table,
    place: Path,
    views: dict[str, View],
    precision: str,
    source: Source,
    progress: Report | None,
    cancel: Event | None,
) -> bool:
    """Write the rows that are missing; whether there were any."""
    opened = {name: ViewFile(place / name, source.hidden_size, precision) for name in views}
    files = {name: file for name, file in opened.items() if file.rows < len(table)}
    if not files:
        return False
    first = min(file.rows for file in files.values())
    reader = StateReader(tuple(views[name] for name in files), source.hidden_size)
    began, report = time.monotonic(), progress or (lambda *_: None)
    for start, stop, columns in _windows(classifier, table, first, reader):
        tokens, cut = columns["tokens"], columns["cut"]
        bounds = np.concatenate([[0], np.cumsum(tokens, dtype=np.int64)])
        for name, file in files.items():
            skip = file.rows - start  # rows that this view had before
            if skip < stop - start:
                skip = max(skip, 0)
                file.add(columns[name][bounds[skip] :], tokens[skip:], cut[skip:])
        left = (time.monotonic() - began) / (stop - first) * (len(table) - stop)
        report(stop, len(table), left)
        if cancel is not None and cancel.is_set() and stop < len(table):
            raise Stopped(f"stopped at {stop:,} of {len(table):,} rows; the same call goes on")
    return True


def _windows(
    classifier: Classifier, table: Table, first: int, reader: StateReader
) -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
    """Rows in the table's order, in windows of bounded rows and (by their characters) tokens."""
    from analysis.corpus import predict_batch

    start = first
    # A token has a character at least, and a row never more tokens than the limit.
    cost = np.minimum(table.lengths + 8, classifier.limit)
    while start < len(table):
        stop = min(start + _WINDOW_ROWS, len(table))
        total = np.cumsum(cost[start:stop])
        stop = start + max(int(np.searchsorted(total, _WINDOW_TOKENS, side="right")), 1)
        rows = range(start, stop)
        columns = {"row": pa.array(rows), "text": pa.array([table.text[row] for row in rows])}
        if table.pair is not None:
            columns["pair"] = pa.array([table.pair[row] for row in rows])
        done = predict_batch(classifier, pa.RecordBatch.from_pydict(columns), readers=[reader])
        vectors: dict[str, np.ndarray] = {
            name: done[name].to_numpy(zero_copy_only=False) for name in ("tokens", "cut")
        }
        for view in reader.views:
            flat = done[view.name].flatten().to_numpy(zero_copy_only=False)
            vectors[view.name] = flat.reshape(-1, reader.width)
        yield start, stop, vectors
        start = stop


@dataclass(frozen=True)
class StateReader:
    """Reader of a forward pass: the real tokens' vectors of each view, row by row."""

    views: tuple[View, ...]
    width: int
    name: str = "states"

    def fields(self, classifier: Classifier) -> list[pa.Field]:
        """A list of numbers a row for each view, tokens, and tokens cut off."""
        views = [pa.field(view.name, pa.list_(pa.float32())) for view in self.views]
        return [*views, pa.field("tokens", pa.int32()), pa.field("cut", pa.int32())]

    def read(self, step: Step) -> list[pa.Array]:
        """The columns of one pass."""
        real = step.mask != 0
        offsets = np.concatenate([[0], np.cumsum(step.tokens, dtype=np.int64)]) * self.width
        columns = []
        for view in self.views:
            vectors = view.of(step.hidden)[real].flatten().cpu().numpy()
            columns.append(
                pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(vectors))
            )
        return [*columns, pa.array(step.tokens), pa.array(step.cut)]
