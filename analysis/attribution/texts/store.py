"""Records of :mod:`analysis.attribution.texts.run` in a file, a line each, as they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from analysis.attribution.texts.records import TextEvidence


class EvidenceStore:
    """JSON lines: what was asked first, then a record a line. A line cut short is made again."""

    def __init__(self, path: str | Path, asked: Mapping[str, Any]) -> None:
        """Open or begin a file; `asked` is JSON: rows' digest, checkpoints' digests, settings.

        Raises ``ValueError`` where the file holds the answers to something else.
        """
        self.path = Path(path)
        self.asked = json.loads(json.dumps(dict(asked), sort_keys=True))
        self.items: list[TextEvidence] = []
        if self.path.is_file() and self.path.stat().st_size:
            self._read()
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._line({"asked": self.asked})

    def append(self, item: TextEvidence) -> None:
        """Keep a record, on disk before this returns."""
        self._line({name: _plain(value) for name, value in asdict(item).items()})
        self.items.append(item)

    def _line(self, content: Any) -> None:
        with self.path.open("a", encoding="utf-8") as sink:
            sink.write(json.dumps(content, ensure_ascii=True) + "\n")

    def _read(self) -> None:
        content = self.path.read_bytes()
        whole, _, rest = content.rpartition(b"\n")
        if rest:  # the end of a killed run: what comes next must begin a line of its own
            with self.path.open("r+b") as file:
                file.truncate(len(whole) + bool(whole))
        lines = whole.split(b"\n") if whole else []
        try:
            parsed = [json.loads(line) for line in lines]
            asked = parsed[0]["asked"] if parsed else None
            records = [_record(line) for line in parsed[1:]]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.path.name} is no file of evidence ({error}): choose another file"
            ) from None
        if asked is None:
            self._line({"asked": self.asked})
        elif asked != self.asked:
            changed = sorted(k for k in {*asked, *self.asked} if asked.get(k) != self.asked.get(k))
            raise ValueError(
                f"{self.path.name} holds evidence for other settings ({', '.join(changed)}): "
                "choose another file, or the settings it was made with"
            )
        self.items = records


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
