"""A folder of vectors that :mod:`analysis.bulk` has written, as rows and arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.bulk import ABOUT
from analysis.datasets import Table


@dataclass(frozen=True)
class Opened:
    """A folder that was written here: its rows, and the vectors by column (``mean@6``)."""

    table: Table
    vectors: dict[tuple[str, int], np.ndarray]
    checkpoint: str


def open_folder(folder: str | Path, label: str | None = None, most: int = 50_000) -> Opened:
    """Read a folder that :func:`analysis.bulk.run` has written, at most ``most`` rows of it.

    Raises ``ValueError`` where there is no such folder, or none of a complete run.
    """
    from pyarrow import dataset

    folder = Path(folder)
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        order = about["order"]
    except (OSError, ValueError, KeyError):
        raise ValueError(
            f"{folder} is no folder of vectors: `python -m analysis embed` writes them"
        ) from None
    files = sorted(str(path) for path in folder.rglob("*.parquet"))
    if not files:
        raise ValueError(f"{folder} holds no vectors yet")
    table = dataset.dataset(files, format="parquet").head(most)
    keys = [name for name in table.column_names if "@" in name]
    vectors = {
        (name.rpartition("@")[0], int(name.rpartition("@")[2])): np.array(
            table[name].to_pylist(), dtype=np.float32
        )
        for name in keys
    }
    texts = tuple(str(value or "") for value in table[order["text"]].to_pylist())
    pairs = order.get("pair")
    names: tuple[str, ...] = ()
    codes = None
    if label is None:
        label = next((name for name in ("label", "labels", "class") if name in table.column_names),
                     None)  # fmt: skip
    if label is not None:
        values = [str(value) for value in table[label].to_pylist()]
        found, codes = np.unique(np.array(values, dtype=object).astype(str), return_inverse=True)
        names = tuple(str(name) for name in found)
    rows = Table(
        "own", folder.name, texts,
        None if pairs is None else tuple(str(v or "") for v in table[pairs].to_pylist()),
        codes, names,
    )  # fmt: skip
    return Opened(rows, vectors, str(order["checkpoint"]))
