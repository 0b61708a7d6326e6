"""Files are whole or not there: one way to write them, one way to ask whether one is whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

SUMS = "sums.json"  # in a folder: size and sha256 of each of its files
_LEFT_BEHIND = re.compile(r"\..+\.[0-9a-f]{32}")
_LEFT_SECONDS = 3600.0  # a file that another process is still writing is younger
_READ = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)
NOT_WRITTEN = (*_FULL, *_NOT_ALLOWED)  # numbers of errors that `why_not_written` has a reason for


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader meets all of it or what was there before.

    The content is flushed to the disk beside the file and renamed onto it; two processes that
    write one file leave the content of one of them.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written to; it names the file. Nothing is left
        behind.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise _naming(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _naming(error: OSError, path: Path) -> OSError:
    """The error with the file's name, which a full disk does not tell."""
    return error if error.errno is None else OSError(error.errno, error.strerror, str(path))


@contextlib.contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """A folder to write into that stands at `place` by one rename once all is on the disk.

    Raises
    ------
    OSError
        The disk is full, `place` is there already, or it cannot be written to. Nothing is left
        behind.
    """
    tidy(place.parent)
    building = place.with_name(f".{place.name}.{uuid4().hex}")  # another process has its own
    try:
        building.mkdir(parents=True)
        yield building
        sync(building)
        building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def sync(folder: Path) -> None:
    """Flush every file below a folder to the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as opened:
                os.fsync(opened.fileno())


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, on the disk before this returns; all of it, or none where it fails.

    Two processes that add to one file wait for each other.

    Raises
    ------
    OSError
        The disk is full, or the file cannot be written to; it names the file, which has its
        former length.
    """
    from filelock import FileLock

    try:
        with FileLock(path.with_name(f".{path.name}.lock")), path.open("ab") as stream:
            before = stream.tell()
            try:
                stream.write(line.encode("utf-8") + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.truncate(path, before)
                raise
    except OSError as error:
        raise _naming(error, path) from error


def tidy(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left in a folder."""
    for path in left_behind(folder):
        with contextlib.suppress(OSError):
            if abs(time.time() - path.stat().st_mtime) > _LEFT_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def left_behind(folder: Path) -> list[Path]:
    """Files and folders that somebody is writing in a folder, or was when they were killed."""
    return [path for path in folder.glob(".*") if _LEFT_BEHIND.fullmatch(path.name)]


def write_sums(folder: Path) -> None:
    """Write down size and sha256 of every file in a folder, so that a changed bit is noticed."""
    sums = {
        path.name: [path.stat().st_size, digest(path)]
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != SUMS and path not in left_behind(folder)
    }
    write_whole(folder / SUMS, json.dumps(sums, indent=1))


def digest(path: Path) -> str:
    """The sha256 of a file."""
    summary = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_READ):
            summary.update(piece)
    return summary.hexdigest()


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
    """Whether a file or folder is all there, with so many rows where `rows` is given."""
    return not why_broken(path, rows)


def why_broken(path: Path, rows: int | None = None) -> str:
    """Fault of a file or folder in a few words; "" where it is whole.

    Parquet and Arrow are known by their footer, rows and (Parquet) the sums of their pages;
    archives of PyTorch by the sums in them, without unpickling; safetensors by its header; JSON by
    being JSON; a folder by the list that :func:`write_sums` wrote, where it has one.
    """
    if path.is_dir():
        return _why_folder_broken(path)
    if not path.is_file():
        return f"{path.name} is not there"
    if path.suffix in (".parquet", ".arrow"):
        there = rows_of(path)
        if there is None or (path.suffix == ".parquet" and not _pages_are_whole(path)):
            return f"{path.name} is cut short or damaged"
        return "" if rows in (None, there) else f"{path.name} has {there:,} rows, not {rows:,}"
    check = {
        ".pt": _is_whole_archive,
        ".pth": _is_whole_archive,
        ".safetensors": _is_whole_safetensors,
        ".json": _is_json,
    }.get(path.suffix)
    return "" if check is None or check(path) else f"{path.name} is cut short or damaged"


def _why_folder_broken(folder: Path) -> str:
    sums: dict[str, list[object]] = {}
    if (folder / SUMS).exists():
        try:
            sums = dict(json.loads((folder / SUMS).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return f"{SUMS} is cut short or damaged"
    for name, known in sums.items():
        path = folder / name
        if not path.is_file():
            return f"no {name}"
        if [path.stat().st_size, digest(path)] != known:
            return f"{name} is cut short or damaged"
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name not in sums and (why := why_broken(path)):
            return why
    return ""


def _pages_are_whole(path: Path) -> bool:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as opened:
            for _ in opened.iter_batches(65_536):
                pass
    except (pa.ArrowException, OSError, ValueError):
        return False
    return True


def _is_whole_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, ValueError):
        return False


def _is_whole_safetensors(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "np"):
            return True
    except (OSError, SafetensorError):
        return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return True


def why_not_written(error: OSError, path: Path) -> str:
    """A sentence on why a file could not be written, and what to do."""
    if error.errno in _FULL:
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(path if path.is_dir() else path.parent).free
            return (
                f"The disk of {path.parent} is full ({free / 2**20:,.0f} MB free): make room and "
                "run it again; what is done is kept."
            )
        return f"The disk of {path.parent} is full: make room and run it again."
    if error.errno in _NOT_ALLOWED:
        return f"{path.parent} cannot be written to: choose another folder, or change its rights."
    return f"{path.name} could not be written ({error.strerror or error})."
