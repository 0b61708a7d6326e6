"""A folder of vectors that :mod:`analysis.corpus.bulk` has written, as rows and arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.faults import FileError
from analysis.common.strict_json import read_json
from analysis.common.whole import why_broken
from analysis.corpus.bulk import ABOUT, ROWS
from analysis.datasets.table import Table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import dataset

_VECTORS = re.compile(r"(\w+)@(\d+)")
_MOST_COLUMNS = 24  # further ones that are read, for colours and groups


@dataclass(frozen=True)
class VectorFolder:
    """A folder that was written here: its rows, and the vectors by column (``mean@6``)."""

    table: Table
    vectors: dict[tuple[str, int], np.ndarray]
    checkpoint: str
    weights: str = ""  # sha256 of these, and the precision
    more: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the rows' further columns
    notes: tuple[str, ...] = ()  # what of the folder this is not


def described(folder: str | Path) -> dict[str, Any]:
    """The description in a folder of vectors. Raises ``ValueError`` where there is none."""
    try:
        about = dict(read_json((Path(folder) / ABOUT).read_bytes()))
        order = dict(about["order"])
        names = (order["text"], order["checkpoint"], order.get("pair") or "")
        if not all(isinstance(name, str) for name in names):
            raise ValueError("a name that is no text")
        return {**about, "order": order}
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"{folder} is no folder of vectors: `python -m analysis embed` writes them"
        ) from None


def open_folder(
    folder: str | Path, label: str | None = None, most: int = 100_000, seed: int = 0
) -> VectorFolder:
    """Read a folder that :func:`analysis.corpus.bulk.run` has written.

    Of more than ``most`` rows a seeded sample is read, in the folder's order; `notes` say so, and
    say that a run has not ended. ``label`` is the column of the classes; by default one that is
    called "label", "labels" or "class". Raises ``ValueError`` where there is no such folder, and
    ``FileError`` where a part of it is cut short, damaged or of another kind.
    """
    folder = Path(folder)
    about = described(folder)
    order = about["order"]
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise ValueError(f"{folder} holds no vectors yet")
    for file in files:
        if why := why_broken(file):
            raise FileError(f"{folder.name}: {why}. {_AGAIN}")
    opened = of_parquet(
        files,
        folder.name,
        order["text"],
        order.get("pair"),
        label,
        most=most,
        seed=seed,
        again=_AGAIN,
        whole="the folder's",
    )
    notes = opened.notes
    if about.get(ROWS) is None:
        so_far = f"{len(opened.table):,} rows so far"
        notes = (f"The run that writes this folder has not ended: {so_far}.", *notes)
    return replace(
        opened,
        checkpoint=str(order["checkpoint"]),
        weights=f"{about.get('sha256', '')} {order.get('dtype', '')}",
        notes=notes,
    )


_AGAIN = "Run the same `python -m analysis embed` again, which makes it anew."


def of_parquet(
    files: Sequence[Path],
    name: str,
    text: str | None = None,
    pair: str | None = None,
    label: str | None = None,
    most: int = 100_000,
    seed: int = 0,
    again: str = "Write it again, or take another file.",
    whole: str = "the file's",
) -> VectorFolder:
    """The rows and vectors of Parquet files; columns that are not named are guessed.

    Of more than ``most`` rows a seeded sample is read, in the files' order. ``again`` says what to
    do about files that cannot be read, ``whole`` whose rows they are.

    Raises
    ------
    FileError
        A file is damaged, or a column is missing, or there is none of vectors.
    """
    import pyarrow as pa
    from pyarrow import dataset

    try:
        source = dataset.dataset([str(path) for path in files], format="parquet")
        return _opened(source, name, (text, pair, label), most, seed, whole)
    except FileError:
        raise
    except (pa.ArrowException, ValueError, OSError, LookupError) as error:
        raise FileError(f"{name}: it cannot be read ({error}). {again}") from None


def _opened(
    source: pa.RecordBatchFileReader | dataset.Dataset,
    name: str,
    named_columns: Sequence[str | None],
    most: int,
    seed: int,
    whole: str,
) -> VectorFolder:
    import pyarrow as pa

    text, pair, label = named_columns
    held = {
        vector_key: column
        for column in source.schema.names
        if (vector_key := _vector_key(source.schema.field(column), text is None)) is not None
    }
    if not held:
        raise FileError(f"{name} holds no columns of vectors: lists of numbers, of one length")
    plain = [
        column
        for column in source.schema.names
        if column not in held.values() and _is_plain(source.schema.field(column).type)
    ]
    if text is None:
        texts = [c for c in plain if pa.types.is_string(source.schema.field(c).type)]
        texts += [c for c in plain if pa.types.is_large_string(source.schema.field(c).type)]
        text = next((c for c in ("text", "sentence", "texts") if c in texts), None)
        text = text or next(iter(texts), None)
    named = [column for column in (text, pair) if column]
    names = dict.fromkeys([*named, *plain])
    if lacking := [column for column in names if column not in source.schema.names]:
        raise FileError(
            f"{name} has no column {lacking[0]!r}, which its {ABOUT} names: write the folder again "
            "with `python -m analysis embed`"
        )
    count, notes = source.count_rows(), []
    columns = [*names, *held.values()]
    if count > most:
        notes.append(f"A random sample of {most:,} of {whole} {count:,} rows.")
        rows = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
        table = source.scanner(columns=columns, batch_size=8_192).take(rows)
    else:
        table = source.to_table(columns=columns)
    if not len(table):
        raise FileError(f"{name} holds no rows")
    strings = {column: _strings(table[column]) for column in names}
    if label is None:
        label = next((c for c in ("label", "labels", "class") if c in strings), None)
    classes: tuple[str, ...] = ()
    codes = None
    if label is not None:
        members, codes = np.unique(np.array(strings[label], dtype=object), return_inverse=True)
        classes = tuple(str(member) for member in members)
    own = (text, pair, label)
    shown = strings[text] if text else tuple(f"row {row + 1:,}" for row in range(len(table)))
    vectors = {}
    for key, column in held.items():
        vectors[key] = _matrix(table[column], f"{name}, column {column}")
    return VectorFolder(
        Table("own", name, shown, strings[pair] if pair else None, codes, classes),
        vectors,
        name,
        "",
        {c: values for c, values in list(strings.items())[:_MOST_COLUMNS] if c not in own},
        tuple(notes),
    )


def _vector_key(column: pa.Field, any_name: bool = False) -> tuple[str, int] | None:
    """Pooling and layer of a column of vectors; of other programs' its name, and layer 0."""
    from pyarrow import types

    match = _VECTORS.fullmatch(column.name)
    kind = column.type
    listed = types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind)
    if not listed or not types.is_floating(kind.value_type):
        return None
    if match is None:
        return (str(column.name), 0) if any_name else None
    return match[1], int(match[2])


def _is_plain(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
    )


def _strings(column: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in column.to_pylist())


def _matrix(column: pa.ChunkedArray, name: str) -> np.ndarray:
    """(N, d) float32 of a column of lists of one length."""
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    every = np.concatenate(flat).astype(np.float32, copy=False)
    lengths = {len(value) for value in column.slice(0, 1_000).to_pylist() if value is not None}
    if len(lengths) != 1 or column.null_count or every.size != len(column) * max(lengths):
        raise FileError(f"{name}: the vectors must be lists of one length, one in every row")
    return every.reshape(len(column), -1)
