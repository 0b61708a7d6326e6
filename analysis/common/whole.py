"""Files that are whole or not there: one way to write them, one way to ask whether one is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from uuid import uuid4


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader meets all of it or what was there before.

    The content is flushed to the disk beside the file and renamed onto it; two processes that
    write one file leave the content of one of them.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written to. Nothing is left behind.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, on the disk before this returns; all of it, or none where it fails.

    Raises
    ------
    OSError
        The disk is full, or the file cannot be written to. The file has its former length.
    """
    with path.open("ab") as stream:
        before = stream.tell()
        try:
            stream.write(line.encode("utf-8") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, before)
            raise


def rows_of(path: Path) -> int | None:
    """Rows of an Arrow or Parquet file; None where the file is not there, cut short or damaged."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        if path.suffix == ".parquet":
            rows = parquet.read_metadata(path).num_rows
        else:
            with pa.memory_map(str(path)) as source:
                reader = pa.ipc.open_file(source)
                rows = sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
    except (pa.ArrowException, OSError, ValueError):
        return None
    return int(rows)


def is_whole(path: Path, rows: int | None = None) -> bool:
    """Whether an Arrow or Parquet file is all there, with so many rows where `rows` is given."""
    there = rows_of(path)
    return there is not None and (rows is None or there == rows)


def why_not_written(error: OSError, path: Path) -> str:
    """A sentence on why a file could not be written, and what to do."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(path if path.is_dir() else path.parent).free
            return (
                f"The disk of {path.parent} is full ({free / 2**20:,.0f} MB free): make room and "
                "run it again; what is done is kept."
            )
        return f"The disk of {path.parent} is full: make room and run it again."
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{path.parent} cannot be written to: choose another folder, or change its rights."
    return f"{path.name} could not be written ({error.strerror or error})."
