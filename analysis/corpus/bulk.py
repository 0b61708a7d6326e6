"""Vectors of files of any size: Arrow batches in, Arrow batches out, by a loop or by Ray Data.

Both engines send batches through one function, :class:`Embedder`; what comes out has the columns
that went in, and one column of vectors for each pooling and layer (``mean@6``). The local loop
writes Parquet parts that are complete or not there, so that a run that was stopped goes on where
it was; Ray Data distributes the same function and writes Parquet files of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analysis.common.whole import is_whole, left_behind, tidy, write_whole
from analysis.corpus.bulk_files import csv_options, format_of, read_batches

if TYPE_CHECKING:
    import pyarrow as pa

ABOUT = "about.json"
ROWS = "rows"  # in it, once the run has ended
BATCH_ROWS = 2_048


@dataclass(frozen=True)
class Order:
    """The settings of a run, written beside the results; a run goes on only with equal ones."""

    checkpoint: str  # folder, name or Hub id
    text: str
    pair: str | None = None
    poolings: tuple[str, ...] = ("mean",)
    layers: tuple[int, ...] | str = (-1,)
    dtype: str = "auto"
    device: str = "auto"


class Embedder:
    """One worker: the checkpoint is loaded once, then batch in, batch out."""

    def __init__(self, order: Order) -> None:
        from analysis.corpus.embedding import readers_of
        from analysis.corpus.runs import open_for_data

        self.order = order
        self.classifier = open_for_data(order.checkpoint, dtype=order.dtype, device=order.device)
        layers = order.layers if isinstance(order.layers, str) else tuple(order.layers)
        self.readers = readers_of(self.classifier, order.poolings, layers)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Any columns, among them the texts, in; the same and the vectors out, row by row.

        Raises ``ValueError`` for a batch without the named columns, or a row without a text.
        """
        import pyarrow as pa

        from analysis.corpus.runs import predict_batch

        rows = pa.array(np.arange(batch.num_rows))
        columns = {"row": rows, "text": _texts(batch, self.order.text)}
        if self.order.pair is not None:
            columns["pair"] = _texts(batch, self.order.pair)
        record_batch = pa.RecordBatch.from_pydict(columns)
        made = predict_batch(self.classifier, record_batch, readers=self.readers)
        for reader in self.readers:
            if reader.name in batch.column_names:
                raise ValueError(
                    f"the column {reader.name!r} is there already; rename it, the vectors are "
                    "written under this name"
                )
            batch = batch.append_column(reader.name, made.column(reader.name))
        return batch


def _texts(batch: pa.Table, column: str) -> pa.Array:
    import pyarrow as pa

    from analysis.text.tokens import clean

    if column not in batch.column_names:
        raise ValueError(
            f"there is no column {column!r}; the columns are {', '.join(batch.column_names)}"
        )
    values = batch[column].to_pylist()
    return pa.array([clean("" if value is None else str(value))[0] for value in values])


def run(
    files: Sequence[str | Path],
    output: str | Path,
    order: Order,
    *,
    engine: str = "local",
    workers: int = 1,
    report: Callable[[str, int], None] | None = None,
    work: Callable[[Order], Any] = Embedder,
) -> Path:
    """Embed files into a folder of Parquet files; returns the folder.

    ``report`` is told (file name, rows done of it) after each batch of the local engine. Raises
    ``ValueError`` for files, columns, poolings or layers that are not there, a folder that holds
    the vectors of another order or of other weights, or Ray where it is not installed.
    """
    paths = [Path(file) for file in files]
    format_of(paths)
    output = Path(output)
    if engine not in ("local", "ray"):
        raise ValueError(f"engine is {engine!r}; known: local, ray")
    order = _resolved(order)
    about = _declare(output, order, paths, engine)
    if engine == "ray":
        _ray(paths, output, order, workers, work)
        _finish(output, about)
        return output
    worker = None
    for index, file in enumerate(paths):
        done = 0
        for number, batch in enumerate(_batches(file, order)):
            part = output / f"part-{index:04d}-{number:06d}.parquet"
            done += batch.num_rows
            if not is_whole(part, batch.num_rows):
                _check_texts(file, batch, order, done - batch.num_rows)
                worker = worker or work(order)
                try:
                    made = worker(batch)
                except ValueError as error:
                    where = f"rows {done - batch.num_rows + 1:,} to {done:,}"
                    raise ValueError(f"{file.name}, {where}: {error}") from None
                _write(part, made)
            if report is not None:
                report(file.name, done)
    _finish(output, about)
    return output


def _batches(file: Path, order: Order) -> Iterator[pa.Table]:
    """The batches of a file; what Arrow says of a broken one, with its name."""
    import pyarrow as pa

    try:
        yield from read_batches(file, BATCH_ROWS, _strings(order))
    except pa.ArrowInvalid as error:
        why = " ".join(str(error).split()).rpartition("Invalid: ")[2]
        raise ValueError(f"{file.name} cannot be read ({why}). Correct the row.") from error


def _check_texts(file: Path, batch: pa.Table, order: Order, before: int) -> None:
    """Raise ``ValueError`` for the first row without a text, by its number in the file."""
    for column in _strings(order):
        if column in batch.column_names:
            texts = _texts(batch, column).to_pylist()
            blank = next((row for row, text in enumerate(texts) if not text.strip()), None)
            if blank is not None:
                raise ValueError(
                    f"{file.name}, row {before + blank + 1:,}: no text in column {column!r}. Leave "
                    "the row out."
                )


def _strings(order: Order) -> list[str]:
    return [order.text] if order.pair is None else [order.text, order.pair]


def _ray(
    files: Sequence[Path],
    output: Path,
    order: Order,
    workers: int,
    work: Callable[[Order], Any],
) -> None:
    try:
        import ray
        from ray import data
    except ImportError:
        raise ValueError("engine 'ray' needs Ray Data: pip install 'poollens[scale]'") from None
    own = not ray.is_initialized()
    if own:
        ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        kind, paths = format_of(files), [str(file.resolve()) for file in files]
        from pyarrow.fs import LocalFileSystem

        here = LocalFileSystem()  # or Ray asks fsspec, which wants an HTTP client
        if kind == "parquet":
            read = data.read_parquet(paths, filesystem=here)
        elif kind == "csv":
            options = csv_options(files[0], _strings(order))
            read = data.read_csv(paths, filesystem=here, **options)
        else:
            read = data.read_json(paths, filesystem=here, lines=True)
        # A worker that dies is started again and its batch done again: Ray Data's own default.
        made = read.map_batches(
            cast(Any, work),
            fn_constructor_args=(order,),
            batch_format="pyarrow",
            batch_size=BATCH_ROWS,
            compute=data.ActorPoolStrategy(size=workers),
        )
        made.write_parquet(str(output))
    finally:
        if own:
            ray.shutdown()


def _resolved(order: Order) -> Order:
    """With the precision that "auto" is here, so that all workers and a later run share it."""
    from analysis.corpus.embedding import precision_for

    return replace(order, dtype=precision_for(order.dtype, order.device))


def _declare(output: Path, order: Order, files: Sequence[Path], engine: str) -> dict[str, Any]:
    """Say what the folder holds; another order's results, or those of other weights, are never
    mixed with these."""
    from analysis.checkpoints.folder import describe, locate

    about: dict[str, Any] = {
        "order": asdict(order)
        | {
            "checkpoint": Path(order.checkpoint).name
            if Path(order.checkpoint).is_dir()
            else order.checkpoint
        },
        "sha256": describe(locate(order.checkpoint)[0]).sha256,
        "files": [{"name": file.name, "sha256": _digest(file)} for file in files],
        "engine": engine,
    }
    about = json.loads(json.dumps(about))
    path = output / ABOUT
    if path.is_file():
        known = _known(path)
        rows = known.pop(ROWS, None)
        if known != about:
            weights = {**known, "sha256": about["sha256"]} == about
            raise ValueError(
                f"{output} holds the vectors of "
                + ("other weights of this checkpoint" if weights else "another run")
                + "; give another --output"
            )
        if engine == "ray" and rows is not None:
            raise ValueError(f"{output} has been written by Ray already; give another --output")
        if engine == "ray":  # it failed before: restart Ray under new names
            for part in output.rglob("*.parquet"):
                part.unlink()
        return about
    if output.is_dir() and set(output.iterdir()) - set(left_behind(output)):
        raise ValueError(f"{output} is not empty; give another --output")
    output.mkdir(parents=True, exist_ok=True)
    tidy(output)
    write_whole(path, json.dumps(about, indent=1).encode())
    return about


def _known(path: Path) -> dict[str, Any]:
    """Record of a folder. Raises ``ValueError`` where it is cut short or damaged."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise ValueError(
            f"{path} cannot be read, so nobody can tell which run wrote this folder; give another "
            "--output, or remove this one"
        ) from None


def _finish(output: Path, about: dict[str, Any]) -> None:
    """Say that nothing is missing: how many rows the folder has."""
    from pyarrow import parquet

    rows = sum(parquet.read_metadata(part).num_rows for part in output.rglob("*.parquet"))
    write_whole(output / ABOUT, json.dumps({**about, ROWS: rows}, indent=1).encode())


def _digest(file: Path) -> str:
    summary = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            summary.update(piece)
    return summary.hexdigest()[:16]


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, write_page_checksum=True)
    write_whole(path, sink.getvalue().to_pybytes())
