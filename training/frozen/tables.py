"""Tables that ``fit`` reads: a known task or columns of a file, with one label or several a row."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.datasets import Table


def tables(arguments: argparse.Namespace) -> tuple[Table, Table | None, list[str]]:
    """Training table, table to score on (None: a fifth is set aside), and what was noticed.

    Raises
    ------
    ValueError
        A file or column that is not there, or rows that cannot be read.
    """
    from analysis.datasets import TASKS, read

    if arguments.task is not None:
        if arguments.task not in TASKS:
            raise ValueError(f"no task is called {arguments.task!r}; known: {', '.join(TASKS)}")
        train = read(arguments.task, "train", arguments.data)
        dev = read(arguments.task, TASKS[arguments.task].scored[0], arguments.data)
        return _part(train, arguments.max_train_rows), dev, []
    if arguments.text is None or (arguments.label is None and not arguments.label_columns):
        raise ValueError(
            "name the columns: --text COLUMN --label COLUMN (or --label-columns A,B,C for several "
            "labels a row, or a --task)"
        )
    if arguments.label is not None and arguments.label_columns:
        raise ValueError("give --label or --label-columns, not both")
    chosen = [arguments.text, arguments.pair, arguments.label]
    twice = [name for name in chosen if name is not None and chosen.count(name) > 1]
    if twice:
        raise ValueError(
            f"column {twice[0]!r} is named twice: text, second text and label are columns of "
            "their own"
        )
    train, notes = _own_table(arguments, Path(arguments.data), None, "train")
    train = _part(train, arguments.max_train_rows)
    if arguments.dev is None:
        return train, None, notes
    dev, more = _own_table(arguments, arguments.dev, train.labels, "dev")
    return train, dev, [*notes, *more]


def _part(table: Table, rows: int | None) -> Table:
    if rows is None or rows >= len(table):
        return table
    return table.take(np.sort(np.random.default_rng(0).permutation(len(table))[:rows]))


def _own_table(
    arguments: argparse.Namespace, path: Path, labels: Sequence[str] | None, split: str
) -> tuple[Table, list[str]]:
    from analysis.datasets.guess import Columns
    from analysis.datasets.upload import peek, read_upload

    if not path.is_file():
        raise ValueError(f"{path}: there is no such file. Name one with --data (and --dev).")
    several = arguments.label_separator
    if several == "":
        raise ValueError("--label-separator is empty: give what stands between labels, such as '|'")
    header = peek(path).names if arguments.label_columns else ()
    in_columns = names_in(arguments.label_columns, header)
    columns = Columns(
        arguments.text, arguments.pair, None if several else arguments.label, in_columns
    )
    upload = read_upload(
        path,
        columns=columns,
        labels=None if several else labels,
        kind=arguments.label_kind,
        more=(arguments.label,) if several else (),
        duplicates="keep" if several or in_columns else "drop",
    )
    if not len(upload.table):
        first = (
            f" Row {upload.problems[0].row}: {upload.problems[0].what}." if upload.problems else ""
        )
        raise ValueError(f"{path.name}: {upload.sentence()}{first}")
    table = replace(upload.table, task=_own_task(path, upload.table.labels), split=split)
    if several:
        table = several_labels(table, upload.more[arguments.label], several, labels)
    notes = [f"{path.name}: {note}" for note in upload.notes]
    if upload.left_out:
        notes.append(f"{path.name}: {upload.sentence()}")
    return table, notes


def _own_task(path: Path, labels: Sequence[str]) -> str:
    """Task of a file's rows: its name, unless that is a known task with other labels."""
    from analysis.datasets import TASKS

    known = TASKS.get(path.stem)
    return path.stem if known is None or known.labels == tuple(labels) else f"own-{path.stem}"


def names_in(words: Sequence[str] | None, header: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of columns, given as words, with commas between them, or both. A word that is a
    column's whole name is that column, commas and all."""
    return tuple(
        name
        for word in words or ()
        for name in ([word] if word in header else word.split(","))
        if name
    )


def several_labels(
    table: Table, cells: Sequence[str], separator: str, labels: Sequence[str] | None
) -> Table:
    """The table with labels (N, C) of 0 and 1 from cells such as ``"sports|politics"``.

    Raises ``ValueError`` for a label that ``labels`` do not have, or a separator that is empty.
    """
    if not separator:
        raise ValueError("the separator of labels is empty: give one, such as '|'")
    rows = [[name.strip() for name in cell.split(separator) if name.strip()] for cell in cells]
    names = tuple(labels or sorted({name for row in rows for name in row}))
    places = {name: place for place, name in enumerate(names)}
    strange = next((name for row in rows for name in row if name not in places), None)
    if strange is not None or not names:
        raise ValueError(f"label {strange!r} is none of the training file's: {', '.join(names)}")
    label = np.zeros((len(rows), len(names)), np.int64)
    for row, codes in enumerate(rows):
        label[row, [places[name] for name in codes]] = 1
    return replace(table, label=label, labels=names)
