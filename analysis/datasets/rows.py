"""The rows of a file on their way in: texts, raw labels, and what was wrong with each."""

from __future__ import annotations

import hashlib
from array import array
from ast import literal_eval
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event
from typing import Any

from analysis.datasets.arrow_texts import TextWriter
from analysis.datasets.files import is_missing
from analysis.datasets.guess import ON, SWITCHES, Columns
from analysis.datasets.record import Problem, Records
from analysis.text.tokens import clean, one_line

LISTED = 200  # problems of one kind that are listed; all are counted
SEVERAL = "\x1f"  # stands before each label of a row that has a list of them
CELL = "\x1e"  # stands before each cell of a row whose labels have a column each
MOST_TEXT = 100_000  # characters of one text
MOST_LABEL = 10_000  # characters of one label, or of all labels of a row
MOST_CHARACTERS = 2 * 2**30  # of all texts that are kept of one file
_LONG = 256  # characters of a row from which its repetitions are told while it is read
_EVERY = 4096  # records between two reports


class Rows:
    """The rows of a file on their way in: texts, raw labels, and what was wrong."""

    def __init__(
        self,
        records: Records,
        columns: Columns,
        more: tuple[str, ...],
        repeats: bool = True,
        most: int = MOST_CHARACTERS,
    ) -> None:
        self.records, self.columns, self.more = records, columns, more
        names = ["text", *(["pair"] if columns.pair else []), *(f"more {n}" for n in more)]
        self.writer = TextWriter(names)
        self.lines = array("q")
        self.codes = array("i")  # of the raw labels
        self.values: dict[str, int] = {}  # raw label -> code, in order of appearance
        self.first: list[int] = []  # row number at which a raw label was first met
        self.digests = array("Q")
        self.problems: list[Problem] = []
        self.counts: Counter[str] = Counter()
        self.rows = 0
        self.most = most  # characters of all texts
        self.repeats = repeats  # whether rows that are the same are kept
        self._long: set[int] = set()  # digests of the rows with long texts
        self._characters = 0
        self._place = {column: index for index, column in enumerate(records.names)}

    def note(self, problem: Problem) -> None:
        """Count a problem, and list it where there are not too many of its kind."""
        kind = "quotes read as characters" if problem.kept and problem.kind == "quotes" else None
        kind = kind or problem.kind
        self.counts[kind] += 1
        if self.counts[kind] <= LISTED:
            self.problems.append(problem)

    def collect(self, tell: Callable[[int], None], cancel: Event | None) -> bool:
        """Read to the end, or until it is cancelled (True). ``tell(records)`` reports."""
        for count, (number, row) in enumerate(self.records.rows):
            if count % _EVERY == 0:
                if cancel is not None and cancel.is_set():
                    return True
                tell(count)
            if isinstance(row, Problem):
                self.rows += not row.kept
                self.note(row)
            else:
                self.rows += 1
                self._add(number, row)
            if self._characters > self.most:
                self.records.notes.append(
                    f"The texts up to row {number:,} have {self._characters:,} characters, "
                    "which is all that is read of one file."
                )
                return True
        for number in self.records.lines.long if self.records.lines else ():
            self.rows += 1
            self.note(Problem(number, "a line of more than 1,000,000 characters", "too long"))
        return False

    def _add(self, number: int, row: Sequence[Any]) -> None:
        columns, names = self.columns, self.records.names
        if len(row) > len(names) and any(str(field or "").strip() for field in row[len(names) :]):
            phrase = (
                f"{len(row)} fields, and {len(names)} columns have names; is a delimiter inside "
            )
            self.note(Problem(number, f"{phrase}a text?", "wrong number of columns"))
            return
        text = self._text(row, columns.text)
        pair = self._text(row, columns.pair) if columns.pair else ""
        if text is None or pair is None:
            column = columns.text if text is None else columns.pair
            self.note(Problem(number, f"no text in column {column!r}", "without a text"))
            return
        if max(len(text), len(pair)) > MOST_TEXT:
            phrase = f"a text of {max(len(text), len(pair)):,} characters (at most {MOST_TEXT:,})"
            self.note(Problem(number, f"{phrase}; is a quotation mark not closed?", "too long"))
            return
        label = ""
        if columns.classes:
            label = self._label_cells(row)
        elif columns.label:
            label = self._label(row, columns.label)
            if len(label) > MOST_LABEL:
                phrase = f"a label of {len(label):,} characters (at most {MOST_LABEL:,})"
                self.note(Problem(number, phrase, "too long"))
                return
            if is_missing(label) and label != SEVERAL:
                phrase = f"no label in column {columns.label!r}"
                self.note(Problem(number, phrase, "without a label"))
                return
        if label not in self.values:
            self.values[label] = len(self.values)
            self.first.append(number)
        further = [self._value(row, column) or "" for column in self.more]
        key = "\0".join((text, pair, label)).encode("utf-8", "surrogatepass")
        digest = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")
        if len(key) >= _LONG and not self.repeats:
            if digest in self._long:  # it is left out in the end: its text takes no place
                text, pair, further = "", "", [""] * len(further)
            self._long.add(digest)
        self.writer.add(text, *([pair] if columns.pair else []), *further)
        self._characters += len(text) + len(pair) + sum(map(len, further))
        self.lines.append(number)
        self.codes.append(self.values[label])
        self.digests.append(digest)

    def _label_cells(self, row: Sequence[Any]) -> str:
        """The cells of the columns of labels, as one."""
        return "".join(f"{CELL}{self._label_value(row, name)}" for name in self.columns.classes)

    def labels(self) -> list[str]:
        """The raw labels by code; of columns of 0 and 1 alone, the classes that are given."""
        if not self.columns.classes:
            return list(self.values)
        cells = [value.split(CELL)[1:] for value in self.values]
        if any(cell.casefold() not in SWITCHES for row in cells for cell in row):
            return list(self.values)
        names = self.columns.classes
        return [
            "".join(
                f"{SEVERAL}{name}"
                for name, cell in zip(names, row, strict=True)
                if cell.casefold() in ON
            )
            or SEVERAL
            for row in cells
        ]

    def _label(self, row: Sequence[Any], column: str) -> str:
        """The label as it stands there; of a list its parts, each behind SEVERAL."""
        place = self._place[column]
        value = row[place] if place < len(row) else None
        if isinstance(value, str) and value[:1] + value[-1:] == "[]" and len(value) <= MOST_TEXT:
            with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
                value = literal_eval(value)  # a list, as pandas writes it into a CSV
        if isinstance(value, list | tuple):
            words = {part if isinstance(part, str) else str(part) for part in value}
            if sum(map(len, words)) > MOST_LABEL:
                return "".join(words)
            parts = {one_line(str(part)) for part in value if part is not None} - {""}
            return "".join(f"{SEVERAL}{part}" for part in sorted(parts)) or SEVERAL
        return self._label_value(row, column)

    def _label_value(self, row: Sequence[Any], column: str) -> str:
        value = self._value(row, column) or ""
        return value if len(value) > MOST_LABEL else one_line(value)

    def _value(self, row: Sequence[Any], column: str) -> str | None:
        place = self._place[column]
        value = row[place] if place < len(row) else None
        if value is None or value != value:  # NaN, as pandas writes a missing value
            return None
        return str(value).strip() or None

    def _text(self, row: Sequence[Any], column: str | None) -> str | None:
        if column is None:
            return None
        place = self._place[column]
        value = row[place] if place < len(row) else None
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            # a text that was cut into words
            long = sum(map(len, value)) > MOST_TEXT
            text: str | None = "".join(value) if long else " ".join(value).strip()
        elif isinstance(value, list | tuple | dict):
            return None
        else:
            text = self._value(row, column)
        # Control characters become spaces when a text is cleaned, so they alone are no text.
        return text if text and clean(text)[0].strip() else None
