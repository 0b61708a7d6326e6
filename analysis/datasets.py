"""Labelled texts as one kind of table, from a GLUE folder, TREC files, one's own CSV, or the Hub.

Every reader returns a :class:`Table`: texts, optional second texts, labels as class indices (or
numbers, for a regression task). A task is one entry in :data:`TASKS`; where its rows are kept is
said there and nowhere else. Nothing here imports torch.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.records import freeze

Column = str | int
Kind = Literal["auto", "classes", "number"]
HUB = "hub"


class DataError(ValueError):
    """A data file that cannot be used: the message names the file, the line and the column."""


@dataclass(frozen=True)
class Table:
    """Rows of one split. ``label`` is (N,) int64 class indices, (N,) float64 numbers where
    ``labels`` is empty (regression), or None where the split is published without labels.
    ``skipped`` counts rows that the source itself has broken (QQP only)."""

    task: str
    split: str
    text: tuple[str, ...]
    pair: tuple[str, ...] | None
    label: NDArray[Any] | None
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
        """True where the label is a number."""
        return not self.labels

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Table:
        """The given rows, in the given order, as a new table."""
        chosen = [int(row) for row in rows]
        return replace(
            self,
            text=tuple(self.text[row] for row in chosen),
            pair=None if self.pair is None else tuple(self.pair[row] for row in chosen),
            label=None if self.label is None else self.label[chosen],
        )

    def frame(self) -> Any:
        """The table as a pandas ``DataFrame`` with columns ``text``, ``pair``, ``label``; the
        label is the class name (the number for regression), None where there is none."""
        import pandas as pd

        label: Any = self.label
        if label is not None and self.labels:
            label = [self.labels[index] for index in label]
        return pd.DataFrame({"text": self.text, "pair": self.pair, "label": label})


@dataclass(frozen=True)
class File:
    """One file of one split. A column is a header's name, or a position where there is none."""

    name: str
    text: Column = 0
    pair: Column | None = None
    label: Column | None = None
    header: bool = True
    form: Literal["tsv", "trec"] = "tsv"


@dataclass(frozen=True)
class Hub:
    """Parquet files of a data set on the Hub: split -> file pattern, and the columns' names."""

    repo: str
    files: Mapping[str, str]
    text: str
    pair: str | None = None
    label: str = "label"
    revision: str | None = None


@dataclass(frozen=True)
class Task:
    """One task: its classes in their fixed order (none: regression), files, metrics and splits.

    ``values`` maps what a file holds to the class index, where that is neither the index nor the
    class name. ``scored`` names the splits a score is reported on.
    """

    key: str
    title: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    folders: tuple[str, ...]
    files: Mapping[str, File]
    hub: Hub
    values: Mapping[str, int] = field(default_factory=dict)
    scored: tuple[str, ...] = ("dev",)
    skip_broken: bool = False

    @property
    def pairs(self) -> bool:
        """True where a row has two texts."""
        return self.hub.pair is not None


def _three(text: Column, pair: Column | None, label: Column) -> dict[str, File]:
    """The usual three files of a GLUE task: train and dev with labels, test without."""
    return {
        "train": File("train.tsv", text, pair, label),
        "dev": File("dev.tsv", text, pair, label),
        "test": File("test.tsv", text, pair),
    }


def _glue(config: str, text: str, pair: str | None = None, **more: str) -> Hub:
    """The GLUE collection on the Hub: one folder per task, one or more Parquet shards a split."""
    names = {"train": "train", "dev": "validation", "test": "test", **more}
    files = {split: f"{config}/{name}-*.parquet" for split, name in names.items()}
    return Hub("nyu-mll/glue", files, text, pair)


_NLI = ("entailment", "not_entailment")
_MRPC = {"text": "#1 String", "pair": "#2 String", "label": "Quality"}

TASKS: dict[str, Task] = {
    task.key: task
    for task in (
        Task("cola", "linguistic acceptability (CoLA)", ("unacceptable", "acceptable"),
             ("matthews", "accuracy"), ("CoLA",),
             {"train": File("train.tsv", 3, None, 1, header=False),
              "dev": File("dev.tsv", 3, None, 1, header=False),
              "test": File("test.tsv", "sentence")},
             _glue("cola", "sentence")),
        Task("sst2", "sentiment of film reviews (SST-2)", ("negative", "positive"),
             ("accuracy",), ("SST-2",), _three("sentence", None, "label"),
             _glue("sst2", "sentence")),
        Task("mrpc", "paraphrase of sentence pairs (MRPC)", ("different", "paraphrase"),
             ("accuracy", "f1"), ("MRPC",),
             {"train": File("train.tsv", **_MRPC), "dev": File("dev.tsv", **_MRPC),
              "test": File("msr_paraphrase_test.txt", **_MRPC)},
             _glue("mrpc", "sentence1", "sentence2")),
        Task("stsb", "semantic similarity from 0 to 5 (STS-B)", (),
             ("pearson", "spearman"), ("STS-B",),
             {**_three("sentence1", "sentence2", "score"),
              "test": File("test_labelled.tsv", 5, 6, 4, header=False)},
             _glue("stsb", "sentence1", "sentence2")),
        Task("qqp", "duplicate questions (QQP)", ("different", "duplicate"),
             ("accuracy", "f1"), ("QQP",), _three("question1", "question2", "is_duplicate"),
             _glue("qqp", "question1", "question2"), skip_broken=True),
        Task("mnli", "natural language inference (MNLI)",
             ("entailment", "neutral", "contradiction"), ("accuracy",), ("MNLI",),
             {"train": File("train.tsv", "sentence1", "sentence2", "gold_label"),
              "dev": File("dev_matched.tsv", "sentence1", "sentence2", "gold_label"),
              "dev_mismatched": File("dev_mismatched.tsv", "sentence1", "sentence2",
                                     "gold_label"),
              "test": File("test_matched.tsv", "sentence1", "sentence2"),
              "test_mismatched": File("test_mismatched.tsv", "sentence1", "sentence2")},
             _glue("mnli", "premise", "hypothesis", dev="validation_matched",
                   dev_mismatched="validation_mismatched", test="test_matched",
                   test_mismatched="test_mismatched"),
             scored=("dev", "dev_mismatched")),
        Task("qnli", "does the sentence answer the question (QNLI)", _NLI,
             ("accuracy",), ("QNLI",), _three("question", "sentence", "label"),
             _glue("qnli", "question", "sentence")),
        Task("rte", "textual entailment (RTE)", _NLI,
             ("accuracy",), ("RTE",), _three("sentence1", "sentence2", "label"),
             _glue("rte", "sentence1", "sentence2")),
        Task("wnli", "pronoun resolution as entailment (WNLI)", ("not_entailment", "entailment"),
             ("accuracy",), ("WNLI",), _three("sentence1", "sentence2", "label"),
             _glue("wnli", "sentence1", "sentence2")),
        Task("trec", "question type, six coarse classes (TREC)",
             ("abbreviation", "entity", "description", "human", "location", "number"),
             ("accuracy",), ("trec", "TREC"),
             {"train": File("train_5500.label", form="trec"),
              "test": File("TREC_10.label", form="trec")},
             Hub("CogComp/trec",
                 {"train": "default/train/*.parquet", "test": "default/test/*.parquet"},
                 "text", label="coarse_label", revision="refs/convert/parquet"),
             values={"ABBR": 0, "ENTY": 1, "DESC": 2, "HUM": 3, "LOC": 4, "NUM": 5},
             scored=("test",)),
    )
}  # fmt: skip


def read(task: str, split: str, data: str | Path) -> Table:
    """Read one split of a known task from a folder (GLUE, TREC) or, with ``"hub"``, the Hub.

    Raises:
        DataError: unknown task or split, file not found (each place looked in is named), or a
            row that cannot be read (file, line, column).
    """
    if task not in TASKS:
        raise DataError(f"No task is called {task!r}. The known ones are {', '.join(TASKS)}.")
    entry = TASKS[task]
    if split not in entry.files:
        raise DataError(
            f"Task {task} has no split {split!r}; it has {', '.join(entry.files)}."
        )
    if str(data) == HUB:
        return _read_hub(entry, split)
    file = entry.files[split]
    path = _locate(entry, file, Path(data))
    rows = _trec_rows(path) if file.form == "trec" else _tsv_rows(path, file, entry.skip_broken)
    return _collect(rows, path, entry.key, split, entry.labels, entry.values,
                    labelled=file.label is not None or file.form == "trec",
                    column="the label" if file.form == "trec" else _column_name(file.label))


def read_file(
    path: str | Path,
    text: str,
    pair: str | None = None,
    label: str | None = None,
    *,
    kind: Kind = "auto",
    labels: Sequence[str] | None = None,
    delimiter: str | None = None,
    split: str = "train",
) -> Table:
    """Read one's own CSV or TSV file; the first line holds the names of the columns.

    ``delimiter`` is found from the header when not given (comma, tab, semicolon or bar). Fields
    may be quoted in a CSV; in a ``.tsv`` file a quotation mark is a character like any other.
    ``kind="auto"`` takes the label for a number when every value is one and at least one has a
    fraction. ``labels`` fixes the classes (those of the training file, when reading the dev
    file); an empty sequence fixes a number.

    Raises:
        DataError: no such file or column, an empty text, a label that is unknown or no number.
    """
    path = Path(path)
    lines = _records(path, _delimiter(path, [text, pair, label], delimiter),
                     quoted=path.suffix.lower() != ".tsv")
    number, header = next(lines, (1, []))
    places = [_position(path, header, name) for name in (text, pair, label)]
    rows = list(_pick(path, lines, places, (text, pair, label), len(header), False))
    if not rows:
        raise DataError(f"{path}: no rows below the header in line {number}. Add labelled texts.")
    if labels is None and label is not None:
        labels = _classes([row[3] or "" for row in rows], kind)
    return _collect(iter(rows), path, "csv", split, tuple(labels or ()), {},
                    labelled=label is not None, column=repr(label))


def _classes(values: Iterable[str], kind: Kind) -> tuple[str, ...]:
    """The class names in a fixed order (whole numbers by size, others by alphabet); empty for
    a regression task."""
    distinct = sorted(set(values))
    numbers = [_number(value) for value in distinct]
    if kind == "number":
        return ()
    if all(number is not None for number in numbers):
        if kind == "auto" and any(number != int(number or 0) for number in numbers):
            return ()
        return tuple(sorted(distinct, key=lambda value: (float(value), value)))
    return tuple(distinct)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


Row = tuple[int, str, str | None, str | None]  # line, text, pair, label as it stands in the file


def _records(path: Path, delimiter: str, *, quoted: bool,
             encoding: str = "utf-8-sig") -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every non-empty record; decoding errors name the line."""
    quoting: Any = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    if not path.is_file():
        raise DataError(f"{path} is not a file. Check the path.")
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, quoting=quoting)
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, after line {reader.line_num}: not valid {encoding} "
                    f"({error.reason}). Save the file as UTF-8."
                ) from error
            except csv.Error as error:
                raise DataError(f"{path}, line {reader.line_num}: {error}.") from error
            if fields:
                yield reader.line_num, fields


def _tsv_rows(path: Path, file: File, skip_broken: bool) -> Iterator[Row]:
    columns = (file.text, file.pair, file.label)
    lines = _records(path, "\t", quoted=False)
    header = next(lines, (1, []))[1] if file.header else []
    places = [_position(path, header, column) for column in columns]
    return _pick(path, lines, places, columns, len(header), skip_broken)


def _trec_rows(path: Path) -> Iterator[Row]:
    """``COARSE:fine question`` per line, in Latin-1."""
    with path.open(encoding="latin-1", newline="\n") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            label, _, text = line.strip().partition(" ")
            if ":" not in label or not text:
                raise DataError(
                    f"{path}, line {number}: expected 'COARSE:fine question', found "
                    f"{line.strip()[:60]!r}. Check that this is a TREC label file."
                )
            yield number, text.strip(), None, label.partition(":")[0]


def _pick(path: Path, lines: Iterator[tuple[int, list[str]]], places: Sequence[int | None],
          columns: Sequence[Column | None], width: int, skip_broken: bool) -> Iterator[Row]:
    """Text, pair and label of each record; a record too short or with a blank text is refused,
    or handed on with line -1 where the source is known to be broken."""
    for number, fields in lines:
        values: list[str | None] = []
        for place, column in zip(places, columns, strict=True):
            if place is None:
                values.append(None)
            elif place < len(fields) and fields[place].strip():
                values.append(fields[place].strip())
            elif skip_broken:
                number, value = -1, ""
                values.append(value)
            else:
                found = f" ({len(fields)} columns, the header has {width})" if width else ""
                raise DataError(
                    f"{path}, line {number}: column {_column_name(column)} is missing or empty"
                    f"{found}. Fill it in or remove the row."
                )
        yield number, values[0] or "", values[1], values[2]


def _collect(rows: Iterator[Row], path: Path, task: str, split: str, labels: tuple[str, ...],
             values: Mapping[str, int], *, labelled: bool, column: str) -> Table:
    """Rows to a table; labels to class indices or numbers."""
    known = {str(index): index for index in range(len(labels))} if not values else {}
    # A class name wins over an index: own files may use the names "1", "2", "3".
    known |= {name: index for index, name in enumerate(labels)} | dict(values)
    texts: list[str] = []
    pairs: list[str | None] = []
    targets: list[float] = []
    skipped = 0
    for line, text, pair, raw in rows:
        if line < 0:
            skipped += 1
            continue
        texts.append(text)
        pairs.append(pair)
        if not labelled:
            continue
        target = known.get(raw or "") if labels else _number(raw or "")
        if target is None:
            wanted = f"one of {', '.join(known)}" if labels else "a finite number"
            raise DataError(
                f"{path}, line {line}: column {column} holds {raw!r}, expected {wanted}. "
                "Correct the row, or name another column."
            )
        targets.append(target)
    if not texts:
        raise DataError(f"{path} holds no rows. Check that the download is complete.")
    label = np.asarray(targets, dtype=np.int64 if labels else np.float64) if labelled else None
    pair_column = tuple(value or "" for value in pairs) if pairs[0] is not None else None
    return Table(task, split, tuple(texts), pair_column, label, labels, skipped)


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


def _column_name(column: Column | None) -> str:
    return f"number {column + 1}" if isinstance(column, int) else repr(column)


def _position(path: Path, header: Sequence[str], column: Column | None) -> int | None:
    if column is None or isinstance(column, int):
        return column
    names = [name.strip() for name in header]
    if column not in names:
        raise DataError(
            f"{path}, line 1: no column {column!r}; the columns are "
            f"{', '.join(map(repr, names)) or 'none'}. Name one of these."
        )
    return names.index(column)


def _delimiter(path: Path, columns: Sequence[str | None], given: str | None) -> str:
    """The delimiter that makes the wanted columns appear in the header; else by file name."""
    if given is not None:
        return given
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    wanted = {column for column in columns if column is not None}
    for candidate in (usual, ",", "\t", ";", "|"):
        header = next(_records(path, candidate, quoted=candidate != "\t"), (1, []))[1]
        if wanted <= {name.strip() for name in header}:
            return candidate
    return usual


def _read_hub(task: Task, split: str) -> Table:
    """One split from the Hub's Parquet files: those in the local cache first, then a download."""
    from analysis.dataset_hub import parquet_files

    import pandas as pd

    hub = task.hub
    paths = parquet_files(hub.repo, hub.files[split], hub.revision)
    columns = [name for name in (hub.text, hub.pair, hub.label) if name is not None]
    frames = []
    for path in paths:
        try:
            frames.append(pd.read_parquet(path, columns=columns))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{path}: not readable with columns {columns} ({error}). "
                            "Remove the file so that it is fetched again.") from error
    frame = pd.concat(frames, ignore_index=True)
    labelled = bool((frame[hub.label] != -1).all())  # the Hub marks unpublished labels by -1
    pairs = frame[hub.pair] if hub.pair is not None else [None] * len(frame)
    rows: Iterator[Row] = (
        (line, str(text).strip(), None if pair is None else str(pair).strip(), str(raw))
        for line, (text, pair, raw) in enumerate(
            zip(frame[hub.text], pairs, frame[hub.label], strict=True), 1)
    )
    return _collect(rows, Path(paths[0]), task.key, split, task.labels, {},
                    labelled=labelled, column=repr(hub.label))
