"""A process that dies, or whose disk fails, at each change that it makes to a folder.

Every case runs in a forked child, so that it ends as `kill -9` ends it: no handler, no flush.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 120  # seconds of one child
DIED = 9
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.truncate")


@dataclass(frozen=True)
class Ending:
    """How a child ended: changes that it made, and the kind and text of what it raised."""

    code: int
    changes: int
    kind: str = ""
    text: str = ""


class _Watch:
    """Counts changes to a folder, and does something at the one that is asked for."""

    def __init__(self, place: Path, at: int | None, act: Callable[[int | None], None]) -> None:
        self.place, self.at, self.act, self.seen = str(place), at, act, 0
        self._sync, self._off = os.fsync, False
        sys.addaudithook(self._hook)
        os.fsync = self._synced  # type: ignore[assignment]

    def _change(self, handle: int | None = None) -> None:
        if self._off:
            return
        if self.at is not None and self.seen >= self.at:
            self._off = True
            try:
                self.act(handle)
            finally:
                self._off = False
        self.seen += 1

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            name, _, flags = arguments
            if not isinstance(flags, int) or not flags & _WRITES:
                return
        elif event in _CHANGES:
            name = arguments[0]
        else:
            return
        if isinstance(name, bytes):
            name = os.fsdecode(name)
        if isinstance(name, str | Path) and str(name).startswith(self.place):
            if str(name).endswith(".lock"):
                return
            self._change()

    def _synced(self, handle: int) -> None:
        self._change(handle)
        self._sync(handle)


def _half(handle: int | None) -> None:
    """Half of what was written has reached the disk."""
    if handle is not None and os.fstat(handle).st_size:
        os.truncate(f"/proc/self/fd/{handle}", os.fstat(handle).st_size // 2)


def _die(handle: int | None) -> None:
    try:
        _half(handle)
    finally:
        os._exit(DIED)


def _fail(number: int) -> Callable[[int | None], None]:
    def act(handle: int | None) -> None:
        raise OSError(number, os.strerror(number))

    return act


ACTS: dict[str, Callable[[int | None], None]] = {
    "killed": _die,
    "disk full": _fail(errno.ENOSPC),
    "read-only": _fail(errno.EROFS),
}


def child(
    work: Callable[[Path], object], place: Path, how: str = "", at: int | None = None
) -> Callable[[], Ending]:
    """Start `work(place)` in a child; from its change number `at` on it meets `how`.

    Returns a function that waits for its end.
    """
    gc.disable()
    reader, writer = os.pipe()
    number = os.fork()
    if number == 0:  # pragma: no cover
        os.close(reader)
        code, kind, text = 0, "", ""
        watch = None
        try:
            signal.alarm(LONGEST)
            watch = _Watch(place, at if how else None, ACTS.get(how, _half))
            report = work(place)
            text = report if isinstance(report, str) else ""
        except BaseException as error:
            code, kind, text = 1, type(error).__name__, str(error)
            if not isinstance(error, OSError | ValueError):
                traceback.print_exc()
            elif isinstance(error, ValueError):
                kind = "ValueError"
            else:
                kind = "OSError" if error.errno else "OSError without a number"
        finally:
            seen = watch.seen if watch else 0
            os.write(writer, f"{seen}\n{kind}\n{text}".encode("utf-8", "replace")[:4000])
            os._exit(code)
    gc.enable()
    os.close(writer)

    def wait() -> Ending:
        content = b""
        while piece := os.read(reader, 4096):
            content += piece
        os.close(reader)
        _, status = os.waitpid(number, 0)
        seen, _, rest = content.decode().partition("\n")
        kind, _, text = rest.partition("\n")
        return Ending(os.waitstatus_to_exitcode(status), int(seen or 0), kind, text)

    return wait
