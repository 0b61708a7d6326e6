"""Labelled texts as one kind of table, from a GLUE folder, TREC files, one's own CSV, or the Hub.

Every reader returns a :class:`Table`: texts, optional second texts, labels as class indices (or
numbers, for a regression task). A task is one entry in :data:`TASKS`; where its rows are kept is
said there and nowhere else. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.common.places import typed_folder
from analysis.common.records import freeze
from analysis.datasets import files
from analysis.datasets.files import DataError, File, Row
from analysis.datasets.hub import parquet_files
from analysis.datasets.label_sets import sets_of
from analysis.datasets.labels import plain
from analysis.datasets.numerals import number_of, numbers_of
from analysis.datasets.tasks import TASKS, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HUB", "TASKS", "DataError", "Kind", "Table", "Task", "read"]

HUB = "hub"
Kind = Literal["auto", "classes", "number"]


@dataclass(frozen=True)
class Table:
    """Rows of one split. ``label`` is (N,) int64 class indices, (N, C) int64 of 0 and 1 where a row
    has any of the classes, (N,) float64 numbers where ``labels`` is empty (regression), (N, C)
    float64 where a row has several numbers, whose names ``labels`` then are, or None where the
    split is published without labels.
    ``skipped`` counts rows that the source itself has broken (QQP only). The texts of a small
    table are tuples; those of a large file stay on disk and are read row by row."""

    task: str
    split: str
    text: Sequence[str]
    pair: Sequence[str] | None
    label: np.ndarray | None
    labels: tuple[str, ...]
    skipped: int = 0

    def __post_init__(self) -> None:
        for name, column in (("pair", self.pair), ("label", self.label)):
            if column is not None and len(column) != len(self.text):
                raise ValueError(f"{name} has {len(column)} rows, text has {len(self.text)}")
        freeze(self)

    def __len__(self) -> int:
        return len(self.text)

    @property
    def regression(self) -> bool:
        """True where the label is a number, or several."""
        return self.label is not None and (not self.labels or self.label.dtype.kind == "f")

    @property
    def several(self) -> bool:
        """True where a row may have several classes, or none."""
        return self.label is not None and self.label.ndim == 2 and not self.regression

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) characters of each row, text and pair together."""
        counts = np.fromiter(map(len, self.text), np.int64, len(self.text))
        if self.pair is not None:
            counts += np.fromiter(map(len, self.pair), np.int64, len(self.text))
        return counts

    @cached_property
    def changed(self) -> int:
        """In how many rows cleaning replaces characters before any model sees them."""
        from analysis.text.tokens import changed_rows

        return changed_rows(self.text, self.pair)

    def changed_in_words(self) -> str:
        """The changes in one sentence; empty where no row is changed."""
        if not self.changed:
            return ""
        rows = f"{self.changed:,} rows" if self.changed > 1 else "1 row"
        return f"Control characters or unpaired surrogates were replaced in {rows}."

    @cached_property
    def digest(self) -> str:
        """sha256 of the texts and pairs in their order (labels change no answer)."""
        digest = hashlib.sha256(b"" if self.pair is None else b"pairs")
        for column in (self.text, self.pair or ()):
            for text in column:
                # A length before each text: ("ab", "c") is not ("a", "bc").
                encoded = text.encode("utf-8", "surrogatepass")
                digest.update(len(encoded).to_bytes(4, "big") + encoded)
        return digest.hexdigest()

    @cached_property
    def label_digest(self) -> str:
        """sha256 of the labels and of what they are called: changed labels change every score."""
        digest = hashlib.sha256("\x1f".join(self.labels).encode("utf-8", "surrogatepass"))
        if self.label is not None:
            digest.update(
                self.label.dtype.str.encode() + np.ascontiguousarray(self.label).tobytes()
            )
        return digest.hexdigest()

    def class_counts(self) -> tuple[int, ...]:
        """Number of rows of each class, in the order of ``labels``; () without classes."""
        if self.label is None or not self.labels or self.regression:
            return ()
        if self.several:
            return tuple(int(count) for count in self.label.sum(axis=0))
        return tuple(np.bincount(self.label, minlength=len(self.labels)).tolist())

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Table:
        """The given rows, in the given order, as a new table."""
        chosen = [int(row) for row in rows]
        return replace(
            self,
            text=tuple(self.text[row] for row in chosen),
            pair=None if self.pair is None else tuple(self.pair[row] for row in chosen),
            label=None if self.label is None else self.label[chosen],
        )

    def by_sets(self) -> Table:
        """The table where each set of classes is a class of its own; itself where a row has
        one class or number. Of several numbers none is the label of the row."""
        if self.label is None or self.label.ndim == 1:
            return self
        if self.regression:
            return replace(self, label=None, labels=())
        codes, names = sets_of(self.label.astype(bool), self.labels)
        return replace(self, label=codes, labels=names)

    def frame(self) -> pd.DataFrame:
        """The table as a pandas ``DataFrame`` with columns ``text``, ``pair``, ``label``; the
        label is the class name, or the number for regression (a list where there may be several),
        None where there is none."""
        import pandas as pd

        label: Any = self.label
        if label is not None and self.several:
            label = [[self.labels[c] for c in np.flatnonzero(row).tolist()] for row in label]
        elif label is not None and label.ndim == 2:
            label = label.tolist()
        elif label is not None and self.labels:
            label = [self.labels[index] for index in label]
        return pd.DataFrame({"text": self.text, "pair": self.pair, "label": label})


def read(task: str, split: str, data: str | Path) -> Table:
    """Read one split of a known task from a folder (GLUE, TREC) or, with ``"hub"``, the Hub.

    Raises
    ------
    DataError
        Unknown task or split, file not found (each place looked in is named), or a row that cannot
        be read (file, line, column).
    """
    if task not in TASKS:
        raise DataError(f"No task is called {task!r}. The known ones are {', '.join(TASKS)}.")
    entry = TASKS[task]
    if split not in entry.files:
        raise DataError(f"Task {task} has no split {split!r}; it has {', '.join(entry.files)}.")
    if str(data) == HUB:
        return _read_hub(entry, split)
    file = entry.files[split]
    path = _locate(entry, file, typed_folder(data))
    rows = (
        files.trec_rows(path)
        if file.form == "trec"
        else files.tsv_rows(path, file, entry.skip_broken)
    )
    return _collect(
        rows,
        path,
        entry.key,
        split,
        entry.labels,
        entry.known(),
        labelled=file.label is not None or file.form == "trec",
        column="the label" if file.form == "trec" else files.column_name(file.label),
    )


def _locate(task: Task, file: File, root: Path) -> Path:
    """``root/<task's folder>/<file>``, or ``root/<file>`` when root is the task's folder."""
    places = [root / folder / file.name for folder in task.folders] + [root / file.name]
    for place in places:
        if place.is_file():
            return place
    looked = "; ".join(str(place) for place in places)
    raise DataError(
        f"No {file.name} for task {task.key}. Looked for: {looked}. Give the folder that holds "
        f"{task.folders[0]}/, or 'hub'."
    )


def own_classes(values: Iterable[str], kind: Kind) -> tuple[str, ...]:
    """The class names in a fixed order (whole numbers by size, others by alphabet); empty for
    a regression task."""
    distinct = sorted(set(values))
    if kind == "number":
        return ()
    known = numbers_of(distinct)
    numbers = {value: number for value, number in known.items() if number is not None}
    if len(numbers) == len(known):
        if kind == "auto" and any(number != int(number) for number in numbers.values()):
            return ()
        # 1 and 1.0 are one class: pandas writes a column of both where a value is missing
        once = {plain(value): value for value in reversed(distinct)}
        return tuple(sorted(once.values(), key=numbers.__getitem__))
    return tuple(distinct)


def _collect(
    rows: Iterator[Row],
    path: Path,
    task: str,
    split: str,
    labels: tuple[str, ...],
    known: Mapping[str, float],
    *,
    labelled: bool,
    column: str,
) -> Table:
    """Rows to a table; labels to class indices (by what ``known`` says a file holds) or numbers."""
    texts: list[str] = []
    pairs: list[str | None] = []
    targets: list[float] = []
    skipped = 0
    for line, text, pair, raw in rows:
        if line == files.BROKEN:
            skipped += 1
            continue
        texts.append(text)
        pairs.append(pair)
        if not labelled:
            continue
        target = known.get(raw or "") if labels or known else number_of(raw or "")
        if target is None:
            expected = f"one of {', '.join(known)}" if labels else "a finite number"
            raise DataError(
                f"{path}, line {line}: column {column} holds {raw!r}, expected {expected}. "
                "Correct the row, or name another column."
            )
        targets.append(target)
    if not texts:
        raise DataError(f"{path} holds no rows. Check that the download is complete.")
    label = np.asarray(targets, dtype=np.int64 if labels else np.float64) if labelled else None
    pair_column = tuple(value or "" for value in pairs) if pairs[0] is not None else None
    return Table(task, split, tuple(texts), pair_column, label, labels, skipped)


def _read_hub(task: Task, split: str) -> Table:
    """One split from the Hub's Parquet files: those in the local cache first, then a download."""
    import pandas as pd

    hub = task.hub
    paths = parquet_files(hub.repo, hub.files[split], hub.revision)
    columns = [name for name in (hub.text, hub.pair, hub.label) if name is not None]
    frames = []
    for path in paths:
        try:
            frames.append(pd.read_parquet(path, columns=columns))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"{path}: not readable with columns {columns} ({error}). "
                "Remove the file so that it is fetched again."
            ) from error
    frame = pd.concat(frames, ignore_index=True)
    labelled = bool((frame[hub.label] != -1).all())  # the Hub marks unpublished labels by -1
    pairs = frame[hub.pair] if hub.pair is not None else [None] * len(frame)
    rows: Iterator[Row] = (
        (line, str(text).strip(), None if pair is None else str(pair).strip(), str(raw))
        for line, (text, pair, raw) in enumerate(
            zip(frame[hub.text], pairs, frame[hub.label], strict=True), 1
        )
    )
    return _collect(
        rows,
        Path(paths[0]),
        task.key,
        split,
        task.labels,
        {str(index): index for index in range(len(task.labels))},
        labelled=labelled,
        column=repr(hub.label),
    )
