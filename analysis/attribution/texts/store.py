"""Records of :mod:`analysis.attribution.texts.run` in a file, a line each, as they come."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from analysis.attribution.texts.records import TextEvidence
from analysis.common.whole import append_line


class EvidenceStore:
    """JSON lines: what was asked first, then a record a line. A line cut short is made again."""

    def __init__(self, path: str | Path, asked: Mapping[str, Any]) -> None:
        """Open or begin a file; `asked` is JSON: rows' digest, checkpoints' digests, settings.

        Raises ``ValueError`` where the file holds the answers to something else.
        """
        self.path = Path(path)
        self.asked = json.loads(json.dumps(dict(asked), sort_keys=True))
        self.items: list[TextEvidence] = []
        self.unreadable = 0  # lines that a full disk left broken: their texts are done again
        if self.path.is_file() and self.path.stat().st_size:
            self._read()
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._line({"asked": self.asked})

    def append(self, item: TextEvidence) -> None:
        """Keep a record, on disk before this returns. Raises ``OSError`` where the disk is full."""
        if not self.path.is_file():  # cleared meanwhile: what is known is written again
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._line({"asked": self.asked})
            for known in self.items:
                self._line(_plain_record(known))
        self._line(_plain_record(item))
        self.items.append(item)

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
            asked = _content(lines[0])["asked"] if lines else None
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"{self.path.name} is no file of evidence: choose another file"
            ) from None
        records: dict[Any, TextEvidence] = {}
        for line in lines[1:]:
            try:
                values = _content(line)
                if values.get("asked") == asked:  # of a second process that began it too
                    continue
                record = _record(values)
                records.setdefault(record.key, record)
            except (ValueError, KeyError, TypeError):
                self.unreadable += 1
        if asked is None:
            self._line({"asked": self.asked})
        elif asked != self.asked:
            changed = sorted(k for k in {*asked, *self.asked} if asked.get(k) != self.asked.get(k))
            raise ValueError(
                f"{self.path.name} holds evidence for other settings ({', '.join(changed)}): "
                "choose another file, or the settings it was made with"
            )
        self.items = list(records.values())


def open_store(path: Path, asked: Mapping[str, Any]) -> EvidenceStore:
    """The store of a file; one that is no store, or of something else, is put aside first."""
    try:
        return EvidenceStore(path, asked)
    except ValueError:  # a disk that was full, or bytes that changed
        path.replace(path.with_suffix(".unreadable"))
        return EvidenceStore(path, asked)


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


def _plain_record(item: TextEvidence) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(item).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [None if np.isnan(number) else number for number in value.tolist()]
    return value


def _record(line: dict[str, Any]) -> TextEvidence:
    given = {field.name: line[field.name] for field in fields(TextEvidence)}
    for name in ("scores", "values", "random", "spread"):
        given[name] = np.array([np.nan if v is None else v for v in given[name]], dtype=np.float64)
    given["words"] = tuple(given["words"])
    return TextEvidence(**given)
