"""Records of a long piece of work in a file, a line each, as they come."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from analysis.common.whole import append_line


class Keyed(Protocol):
    """A record that says which piece of the work it is of."""

    @property
    def key(self) -> Any:
        """Hashable, the same for two records of one piece."""
        ...

    @property
    def unforeseen(self) -> bool:
        """Whether it is of a failure that nobody foresaw: the piece is tried again."""
        ...


R = TypeVar("R", bound=Keyed)


class RecordLines(Generic[R]):
    """JSON lines: the question first, then a record a line. A line cut short is made again.

    A kind of record is a subclass that says how one is written as JSON and read back.
    """

    WHAT: ClassVar[str] = "records"  # what the file holds, in messages

    def __init__(self, path: str | Path, question: Mapping[str, Any]) -> None:
        """Open or begin a file; `question` is JSON: rows' digest, checkpoints' digests, settings.

        Raises ``ValueError`` where the file holds the answers to another question.
        """
        self.path = Path(path)
        self.question = json.loads(json.dumps(dict(question), sort_keys=True))
        self._known: dict[Any, R] = {}
        self.unreadable = 0  # lines that a full disk left broken: their texts are done again
        if self.path.is_file() and self.path.stat().st_size:
            self._read()
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._line({"asked": self.question})

    @property
    def items(self) -> list[R]:
        """The records, one a piece: of a piece that was tried again, what came of that."""
        return list(self._known.values())

    @classmethod
    def opened(cls, path: Path, question: Mapping[str, Any]) -> Self:
        """The records of a file; one that cannot be read, or of another question, is put aside."""
        try:
            return cls(path, question)
        except ValueError:  # a disk that was full, or bytes that changed
            path.replace(path.with_suffix(".unreadable"))
            return cls(path, question)

    @property
    def nbytes(self) -> int:
        """About what the records take in memory: as many bytes as in the file."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @staticmethod
    def write(record: R) -> dict[str, Any]:
        """A record as JSON."""
        raise NotImplementedError

    @staticmethod
    def read(values: dict[str, Any]) -> R:
        """The record that was written as these values.

        Raises ``ValueError``, ``KeyError`` or ``TypeError`` where they are no such record.
        """
        raise NotImplementedError

    def append(self, record: R) -> None:
        """Keep a record, on disk before this returns. Raises ``OSError`` where the disk is full."""
        if not self.path.is_file():  # cleared meanwhile: what is known is written again
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._line({"asked": self.question})
            for known in self.items:
                self._line(self.write(known))
        self._line(self.write(record))
        self._known[record.key] = record

    def _line(self, content: Any) -> None:
        text = json.dumps(content, ensure_ascii=True)
        append_line(self.path, json.dumps({"line": content, "sum": _sum(text)}))

    def _read(self) -> None:
        content = self.path.read_bytes()
        whole, _, rest = content.rpartition(b"\n")
        if rest:  # the end of a killed run: what comes next must begin a line of its own
            with self.path.open("r+b") as file:
                file.truncate(len(whole) + bool(whole))
        lines = whole.split(b"\n") if whole else []
        try:
            question = _content(lines[0])["asked"] if lines else None
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"{self.path.name} is no file of {self.WHAT}: choose another file"
            ) from None
        records: dict[Any, R] = {}
        for line in lines[1:]:
            try:
                values = _content(line)
                if values.get("asked") == question:  # of a second process that began it too
                    continue
                record = self.read(values)
                if record.key not in records or records[record.key].unforeseen:
                    records[record.key] = record
            except (ValueError, KeyError, TypeError):
                self.unreadable += 1
        if question is None:
            self._line({"asked": self.question})
        elif question != self.question:
            changed = sorted(
                k for k in {*question, *self.question} if question.get(k) != self.question.get(k)
            )
            raise ValueError(
                f"{self.path.name} holds {self.WHAT} for other settings ({', '.join(changed)}): "
                "choose another file, or the settings it was made with"
            )
        self._known = records


def _sum(text: str) -> int:
    return zlib.crc32(text.encode("ascii"))


def _content(line: bytes) -> dict[str, Any]:
    """A line's content, held against its sum; lines of earlier versions have none."""
    value = json.loads(line)
    if "line" not in value:
        return dict(value)
    if _sum(json.dumps(value["line"], ensure_ascii=True)) != value["sum"]:
        raise ValueError("a line that has changed")
    return dict(value["line"])
