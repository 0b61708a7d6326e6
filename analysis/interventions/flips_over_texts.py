"""Smallest flipping edits over a data set: how often each pooling head flips, by how few words.

A row of the data set is searched as one text is (:mod:`analysis.interventions.flips`), with fewer
reads: what is found is an upper bound of the fewest edits where not every set was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.common.faults import is_foreseen, reason
from analysis.common.jobs import Stopped
from analysis.common.record_lines import RecordLines
from analysis.common.records import freeze, require_shape
from analysis.interventions import replacements
from analysis.interventions.flips import MOST_EDITS, smallest_edits
from analysis.statistics.basics import mean_interval
from analysis.statistics.family_tests import holm
from analysis.statistics.intervals import wilson
from analysis.statistics.paired import mcnemar, show_p

if TYPE_CHECKING:
    import pandas as pd

    from analysis.checkpoints.loading import Classifier

READS = 400  # texts that the search for one row reads at the most, of each checkpoint
Row = tuple[str, str | None]  # a text and its pair


@dataclass(frozen=True)
class TextFlip:
    """Result of the search for one text and one checkpoint or seed group."""

    name: str  # of the checkpoint or seed group
    row: int  # of the rows that were given, from 0
    label: str = ""  # predicted as it is written
    other: str = ""  # predicted after the edits; the same where nothing flips
    edits: int = 0  # words that were edited; 0: nothing that was tried flips
    sure: bool = False  # every smaller set was tried; where nothing flips, every set
    reads: int = 0
    words: int = 0
    problem: str = ""  # why there is no result
    unforeseen: bool = False  # it failed in a way that nobody foresaw, and is tried again

    @property
    def key(self) -> tuple[int, str]:
        """Row and name."""
        return self.row, self.name


class FlipStore(RecordLines[TextFlip]):
    """The flips of each text and checkpoint, a line each."""

    WHAT = "flips"

    @staticmethod
    def write(record: TextFlip) -> dict[str, Any]:
        """A record as JSON."""
        return asdict(record)

    @staticmethod
    def read(values: dict[str, Any]) -> TextFlip:
        """The record of these values. Raises ``TypeError`` for others."""
        made = TextFlip(**values)
        for name, kind in (("name", str), ("row", int), ("edits", int), ("problem", str)):
            if not isinstance(getattr(made, name), kind):
                raise TypeError(f"{name} is {getattr(made, name)!r}")
        return made


@dataclass(frozen=True)
class FlipRate:
    """Rate of flipped texts of a data set for one checkpoint or seed group."""

    name: str
    texts: int  # that were searched
    failed: int  # that could not be
    within: np.ndarray  # (E,) share of texts that flip within 1, 2 .. E edits
    interval: np.ndarray  # (E, 2) its 95 % interval, Wilson's
    edits: float  # mean edits of the texts that flip; NaN where none does
    edits_interval: np.ndarray  # (2,) Student's t over these texts; NaN for fewer than two
    sure: float  # share of texts whose result no further search could change

    def __post_init__(self) -> None:
        require_shape("interval", self.interval, len(self.within), 2)
        freeze(self)

    @property
    def rate(self) -> float:
        """The share of texts that flip at all."""
        return float(self.within[-1])


def flips_over(
    subjects: Mapping[str, Sequence[Classifier]],
    rows: Sequence[Row],
    kind: str = "deletion",
    words: Sequence[str] | Mapping[str, Sequence[str]] = (),
    most: int = MOST_EDITS,
    reads: int = READS,
    done: Iterable[TextFlip] = (),
    progress: Callable[[float], None] | None = None,
) -> Iterator[TextFlip]:
    """The smallest flipping edits of every row and subject, one record at a time, row by row.

    Parameters
    ----------
    subjects
        Loaded checkpoints by name; several of one name are seeds.
    rows
        Texts with their pairs.
    kind, words, most, reads
        As of :func:`smallest_edits`; `words` the same for all subjects, or by their names.
        Replacements without words are those that a masked language model finds likeliest in each
        place.
    done
        Records that are not made again, those of an unforeseen failure aside.
    progress
        Called with the share of all records; what it raises ends the iterator.

    Raises
    ------
    ValueError
        Without rows or subjects.
    """
    if not rows or not subjects:
        raise ValueError("flips over texts need at least one text and one checkpoint")
    each = {name: words.get(name, ()) if isinstance(words, Mapping) else words for name in subjects}
    known = {record.key for record in done if not record.unforeseen}
    return _each(subjects, rows, kind, each, most, reads, known, progress)


def _each(
    subjects: Mapping[str, Sequence[Classifier]],
    rows: Sequence[Row],
    kind: str,
    words: Mapping[str, Sequence[str]],
    most: int,
    reads: int,
    known: set[tuple[int, str]],
    progress: Callable[[float], None] | None,
) -> Iterator[TextFlip]:
    total, count = len(rows) * len(subjects), 0
    for number, (text, pair) in enumerate(rows):
        for name, members in subjects.items():
            if (number, name) not in known:
                # The search may be stopped between its sizes as well.
                def step(share: float, count: int = count) -> None:
                    if progress is not None:
                        progress((count + share) / total)

                step(0.0)
                yield _record(
                    name, number, members, text, pair, kind, words[name], most, reads, step
                )
            count += 1
    if progress is not None:
        progress(1.0)


def _record(
    name: str,
    row: int,
    members: Sequence[Classifier],
    text: str,
    pair: str | None,
    kind: str,
    words: Sequence[str],
    most: int,
    reads: int,
    step: Callable[[float], None],
) -> TextFlip:
    try:
        tried: Any = words
        if kind == "replacement" and not words:
            tried = replacements.fitting(members[0], text, pair)
        flips = smallest_edits(name, members, text, pair, kind, tried, most, reads, step)
    except Stopped:
        raise
    except Exception as error:
        return TextFlip(name, row, problem=reason(error, name), unforeseen=not is_foreseen(error))
    return TextFlip(
        name=name,
        row=row,
        label=flips.label,
        other=flips.other,
        edits=len(flips.edits) if flips.flipped else 0,
        sure=flips.smallest if flips.flipped else all(flips.tried),
        reads=flips.reads,
        words=flips.words,
    )


def flip_rates(records: Iterable[TextFlip], most: int = MOST_EDITS) -> list[FlipRate]:
    """For each checkpoint or seed group the share of texts that flip within 1 .. `most` edits, and
    the mean number of edits of those that do, with their intervals.
    """
    by_name: dict[str, list[TextFlip]] = {}
    for record in records:
        by_name.setdefault(record.name, []).append(record)
    return [_rate(name, own, most) for name, own in by_name.items()]


def _rate(name: str, records: Sequence[TextFlip], most: int) -> FlipRate:
    searched = [record for record in records if not record.problem]
    edits = np.array([record.edits for record in searched if record.edits], dtype=float)
    flipped = [int((edits <= size).sum()) for size in range(1, most + 1)]
    mean, interval = mean_interval(edits) if len(edits) else (np.nan, np.full(2, np.nan))
    return FlipRate(
        name=name,
        texts=len(searched),
        failed=len(records) - len(searched),
        within=np.array([count / max(len(searched), 1) for count in flipped]),
        interval=np.array([wilson(count, len(searched)) for count in flipped]),
        edits=float(mean),
        edits_interval=np.asarray(interval, dtype=float),
        sure=float(np.mean([record.sure for record in searched])) if searched else float("nan"),
    )


def rates_in_words(records: Sequence[TextFlip]) -> str:
    """The checkpoints that flip most and least often, and whether these texts tell the two apart.

    All read the same texts: the exact McNemar test of every two, p after Holm.
    """
    rates = {rate.name: rate for rate in flip_rates(records) if rate.texts}
    if not rates:
        return ""
    order = sorted(rates.values(), key=lambda rate: -rate.rate)
    most, least = order[0], order[-1]
    texts = f"of {most.texts:,} texts"
    if most.rate == least.rate:
        who = "Each" if len(order) > 1 else most.name
        return f"{who} changes its mind on {_share(most)} {texts}."
    flipped = {
        name: {r.row: r.edits > 0 for r in records if r.name == name and not r.problem}
        for name in rates
    }
    tests = {}
    for first_checkpoint, second_checkpoint in combinations(rates, 2):
        rows = sorted(flipped[first_checkpoint].keys() & flipped[second_checkpoint].keys())
        tests[frozenset((first_checkpoint, second_checkpoint))] = mcnemar(
            np.array([flipped[first_checkpoint][row] for row in rows], bool),
            np.array([flipped[second_checkpoint][row] for row in rows], bool),
        )
    adjusted = dict(zip(tests, holm([test.p for test in tests.values()]), strict=True))
    p = float(adjusted[frozenset((most.name, least.name))])
    holms = f" after Holm over {len(tests)} pairs" if len(tests) > 1 else ""
    verdict = "" if p <= 0.05 else " These texts do not tell the two apart."
    return (
        f"{most.name} changes its mind most often, on {_share(most)} {texts}, {least.name} least, "
        f"on {_share(least)} (exact McNemar p {show_p(p)}{holms}; of these checkpoints, not of "
        f"pooling heads).{verdict}"
    )


def _share(rate: FlipRate) -> str:
    low, high = rate.interval[-1]
    return f"{100 * rate.rate:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f})"


def flip_frame(records: Iterable[TextFlip]) -> pd.DataFrame:
    """A line a record, for CSV."""
    import pandas as pd

    columns = [name for name in TextFlip.__dataclass_fields__ if name != "unforeseen"]
    return pd.DataFrame([asdict(record) for record in records], columns=columns)
