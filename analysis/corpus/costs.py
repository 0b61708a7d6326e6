"""Seconds that a pass over a data set takes: of the encoder, and of each reader beside it.

They are kept beside the results, so that a run that was stopped, or found everything on disk, can
still tell what its results cost.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.common.whole import append_line

if TYPE_CHECKING:
    import pyarrow as pa

    from analysis.checkpoints.loading import Classifier
    from analysis.corpus.readers import Reader, Step

_FILE = "seconds.jsonl"
ENCODER = "encoder"


class Watch:
    """Times a pass: give its `readers` to the pass, and then `keep` what was measured."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self.readers = tuple(Timed(reader, self) for reader in readers)
        self._rows = 0
        self._last: Step | None = None
        self._started = time.perf_counter()

    def saw(self, step: Step) -> None:
        """A reader is about to read a step: its rows count once, however many readers there are."""
        if step is not self._last:
            self._rows, self._last = self._rows + len(step.tokens), step

    def keep(self, place: Path) -> None:
        """Write down in the folder of the results what was computed since the start."""
        if not self._rows:  # everything was on disk
            return
        rest = time.perf_counter() - self._started - sum(reader.seconds for reader in self.readers)
        lines = [(ENCODER, self._rows, rest)]
        lines += [
            (reader.name, reader.rows, reader.seconds) for reader in self.readers if reader.rows
        ]
        # A number beside the results: where it cannot be written, they stand all the same.
        with contextlib.suppress(OSError):
            append_line(place / _FILE, json.dumps(lines))


class Timed:
    """A reader that measures what its columns take."""

    def __init__(self, reader: Reader, watch: Watch) -> None:
        self._reader, self._watch = reader, watch
        self.rows, self.seconds = 0, 0.0

    @property
    def name(self) -> str:
        """The reader's name."""
        return self._reader.name

    def fields(self, classifier: Classifier) -> list[pa.Field]:
        """The reader's columns."""
        return self._reader.fields(classifier)

    def read(self, step: Step) -> list[pa.Array]:
        """The reader's columns of a pass."""
        self._watch.saw(step)
        if step.mask.is_cuda:  # until the encoder has ended, which works on by itself
            step.hidden[-1].flatten()[0].item()
        started = time.perf_counter()
        columns = self._reader.read(step)
        self.seconds += time.perf_counter() - started
        self.rows += len(step.tokens)
        return columns


def seconds_of(place: Path, name: str, rows: int) -> float:
    """Seconds of a reader (or of the encoder) for `rows` rows, at the rate that was measured.

    NaN where none was.
    """
    done, seconds = 0, 0.0
    with contextlib.suppress(OSError, ValueError, TypeError):
        for line in (place / _FILE).read_text(encoding="utf-8").splitlines():
            for of, count, took in json.loads(line):
                if of == name:
                    done, seconds = done + int(count), seconds + float(took)
    return seconds * rows / done if done else float("nan")
