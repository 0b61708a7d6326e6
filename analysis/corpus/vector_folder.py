"""A folder of vectors that :mod:`analysis.corpus.bulk` has written, as rows and arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    import pyarrow as pa
    from pyarrow import dataset

    folder = Path(folder)
    about = described(folder)
    files = sorted(str(path) for path in folder.rglob("*.parquet"))
    if not files:
        raise ValueError(f"{folder} holds no vectors yet")
    for file in files:
        if why := why_broken(Path(file)):
            raise FileError(f"{folder.name}: {why}. {_AGAIN}")
    try:
        return _opened(folder, about, dataset.dataset(files, format="parquet"), label, most, seed)
    except FileError:
        raise
    except (pa.ArrowException, ValueError, OSError, LookupError) as error:
        raise FileError(f"{folder.name}: its parts cannot be read ({error}). {_AGAIN}") from None


_AGAIN = "Run the same `python -m analysis embed` again, which makes it anew."


def _opened(
    folder: Path,
    about: Mapping[str, Any],
    source: Any,
    label: str | None,
    most: int,
    seed: int,
) -> VectorFolder:
    order = about["order"]
    held = {
        found: name
        for name in source.schema.names
        if (found := _vector_key(source.schema.field(name))) is not None
    }
    if not held:
        raise FileError(f"{folder} holds no columns of vectors (like mean@6)")
    names = [
        name
        for name in source.schema.names
        if name not in held.values() and _is_plain(source.schema.field(name).type)
    ]
    wanted = dict.fromkeys([order["text"], *([order["pair"]] if order.get("pair") else ()), *names])
    count, notes = source.count_rows(), []
    if about.get(ROWS) is None:
        notes.append(f"The run that writes this folder has not ended: {count:,} rows so far.")
    columns = [*wanted, *held.values()]
    if lacking := [name for name in wanted if name not in source.schema.names]:
        raise FileError(
            f"{folder.name} has no column {lacking[0]!r}, which its {ABOUT} names: write the "
            "folder again with `python -m analysis embed`"
        )
    if count > most:
        notes.append(f"A random sample of {most:,} of the folder's {count:,} rows.")
        rows = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
        table = source.scanner(columns=columns, batch_size=8_192).take(rows)
    else:
        table = source.to_table(columns=columns)
    strings = {name: _strings(table[name]) for name in wanted}
    if label is None:
        label = next((name for name in ("label", "labels", "class") if name in strings), None)
    classes: tuple[str, ...] = ()
    codes = None
    if label is not None:
        members, codes = np.unique(np.array(strings[label], dtype=object), return_inverse=True)
        classes = tuple(str(name) for name in members)
    own = (order["text"], order.get("pair"), label)
    return VectorFolder(
        Table(
            "own",
            folder.name,
            strings[order["text"]],
            strings[order["pair"]] if order.get("pair") else None,
            codes,
            classes,
        ),
        {key: _matrix(table[name]) for key, name in held.items()},
        str(order["checkpoint"]),
        f"{about.get('sha256', '')} {order.get('dtype', '')}",
        {name: values for name, values in list(strings.items())[:_MOST_COLUMNS] if name not in own},
        tuple(notes),
    )


def _vector_key(column: pa.Field) -> tuple[str, int] | None:
    from pyarrow import types

    found = _VECTORS.fullmatch(column.name)
    kind = column.type
    listed = types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind)
    if found is None or not listed or not types.is_floating(kind.value_type):
        return None
    return found[1], int(found[2])


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


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    """(N, d) float32 of a column of lists of one length."""
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate(flat).astype(np.float32, copy=False).reshape(len(column), -1)
