"""Collections on disk, so that a reload of the page, or of the server, finds the figures again.

A collection holds megabytes of numbers, more than an address or a browser's storage takes. So it
lies in the cache folder of the user who runs the server, under a random name that only the browser
knows: a cookie, not a part of the address, because addresses are copied and sent to others.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import threading
import time
from pathlib import Path

from analysis.common.whole import write_whole

COOKIE = "poollens_figures"
MOST = 1_000  # collections; the ones unused longest go
MOST_BYTES = 2 * 2**30
LARGEST = 50 * 2**20
_ID = re.compile(r"[0-9a-f]{32}")
_LOCK = threading.Lock()

Stamp = tuple[int, int]


def new_id() -> str:
    """A name that nobody guesses."""
    return secrets.token_hex(16)


def is_id(text: object) -> bool:
    """Whether this may be a name: anything else never becomes a path."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def folder() -> Path:
    """Where collections lie; `POOLLENS_FIGURES` names another place."""
    named = os.environ.get("POOLLENS_FIGURES")
    if named:
        return Path(named)
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "poollens" / "figures"


def stamp(id: str) -> Stamp | None:
    """Changes whenever the collection does; None where there is none."""
    try:
        stat = (folder() / f"{id}.json").stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def read(id: str) -> bytes | None:
    """The collection's JSON, or None where there is none (any more)."""
    try:
        return (folder() / f"{id}.json").read_bytes()
    except OSError:
        return None


def put_aside(id: str) -> str:
    """Rename a collection that cannot be read, so that nothing is written over it.

    Returns its new name, or "" where it cannot be renamed either.
    """
    path = folder() / f"{id}.json"
    name = f"{id[:8]}-{time.time_ns() // 10**9}.unreadable"
    try:
        path.rename(path.with_name(name))
    except OSError:
        return ""
    return name


def write(id: str, text: str) -> str:
    """Keep it whole or not at all; returns, in one sentence, why it cannot be kept, or ""."""
    place = folder()
    data = text.encode("ascii")
    if len(data) > LARGEST:
        return (
            f"The collection has {len(data) / 2**20:.0f} MB, too much to be kept over a "
            "reload: save it to a file."
        )
    try:
        with _LOCK:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(place / f"{id}.json", data)
            _tidy(place, keep=f"{id}.json")
    except OSError as error:
        return f"The figures cannot be kept over a reload ({error.strerror}): save them to a file."
    return ""


def _tidy(place: Path, keep: str) -> None:
    """Remove what is beyond the bounds, the longest unused first; and what a crash left."""
    files = []
    for path in place.iterdir():
        try:
            stat = path.stat()
        except OSError:
            continue
        files.append((stat.st_mtime, stat.st_size, path))
    files.sort(key=lambda entry: (entry[2].name != keep, -entry[0]))
    total = 0
    for index, (_, size, path) in enumerate(files):
        total += size
        if index and (index >= MOST or total > MOST_BYTES):
            path.unlink(missing_ok=True)
