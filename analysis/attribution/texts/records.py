"""Results of a pass over texts: records, their means, and the words of each class.

Means come with Student's t intervals over texts. NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from analysis.attribution.evidence.faithfulness import MEASURES
from analysis.common.records import freeze, require_shape
from analysis.statistics.basics import mean_interval

if TYPE_CHECKING:
    import pandas as pd

# (K,) what is known of every row: a gap, the measures, the same among random rankings, sensitivity
COLUMNS = (
    "completeness_gap",
    *MEASURES,
    *(f"{key}_normalised" for key in MEASURES),
    "sensitivity",
)


@dataclass(frozen=True)
class TextEvidence:
    """One method of one checkpoint on one row."""

    row: int  # index into the rows
    checkpoint: str
    method: str
    explained: str  # the class (or classes) explained, by name
    words: tuple[str, ...]  # (U,) as typed, lower-cased; special tokens are left out
    scores: np.ndarray  # (U,) in units of `output`
    output: str  # of the scores
    values: np.ndarray  # (K,) one a column of COLUMNS; NaN where there is none
    random: np.ndarray  # (M,) means of the random rankings, one a measure of MEASURES
    spread: np.ndarray  # (M,) their standard deviations
    seconds: float
    problem: str = ""  # why there is nothing, as a sentence
    unforeseen: bool = False  # it failed in a way that nobody foresaw, and is tried again

    def __post_init__(self) -> None:
        require_shape("scores", self.scores, len(self.words))
        require_shape("values", self.values, len(COLUMNS))
        require_shape("random", self.random, len(MEASURES))
        require_shape("spread", self.spread, len(MEASURES))
        freeze(self)

    @property
    def key(self) -> tuple[int, str, str]:
        """Row, checkpoint and method."""
        return self.row, self.checkpoint, self.method


@dataclass(frozen=True)
class EvidenceSummary:
    """One method of one checkpoint over N texts: means with 95 % intervals by t."""

    checkpoint: str
    method: str
    columns: tuple[str, ...]  # COLUMNS
    mean: np.ndarray  # (K,) NaN where no text has the number
    interval: np.ndarray  # (K, 2) NaN for fewer than two texts
    counts: np.ndarray  # (K,) int: texts behind each mean
    random: np.ndarray  # (M,) mean of the random rankings, one a measure of MEASURES
    texts: int
    failed: int  # texts for which there is nothing

    def __post_init__(self) -> None:
        size = len(self.columns)
        require_shape("mean", self.mean, size)
        require_shape("interval", self.interval, size, 2)
        require_shape("counts", self.counts, size)
        freeze(self)

    def value(self, column: str) -> tuple[float, float, float]:
        """(mean, low, high) of a column."""
        place = self.columns.index(column)
        low, high = self.interval[place].tolist()
        return float(self.mean[place]), low, high

    def has(self, column: str) -> bool:
        """Whether any text has the number of this column."""
        return bool(self.counts[self.columns.index(column)])


@dataclass(frozen=True)
class WordMeans:
    """The words with the largest mean attribution to one class, by one method and checkpoint."""

    checkpoint: str
    method: str
    explained: str
    output: str
    words: tuple[str, ...]  # (W,) the largest mean first
    mean: np.ndarray  # (W,) over texts; within a text over the word's occurrences
    interval: np.ndarray  # (W, 2) 95 % by t over texts
    texts: np.ndarray  # (W,) int: texts that hold the word
    of: int  # words that occur in enough texts

    def __post_init__(self) -> None:
        size = len(self.words)
        require_shape("mean", self.mean, size)
        require_shape("interval", self.interval, size, 2)
        require_shape("texts", self.texts, size)
        freeze(self)


def summarise_evidence(items: Iterable[TextEvidence]) -> tuple[EvidenceSummary, ...]:
    """Means over texts for each checkpoint and method, in the order they first came.

    Normalised: mean advantage over the random rankings, divided by their root mean square
    standard deviation over the texts, and turned so that larger is better. Not the mean of the
    texts' own standard scores: where a checkpoint's output hardly moves they divide by next to
    nothing, and one such text would decide the mean. The interval is that of the advantage; the
    divisor counts as known.
    """
    summaries = []
    for (checkpoint, method), group in _grouped(items).items():
        whole = [item for item in group if not item.problem]
        values = _pooled(whole)
        mean, interval = mean_interval(values)
        random, _ = mean_interval(
            np.array([item.random for item in whole]).reshape(-1, len(MEASURES))
        )
        summaries.append(
            EvidenceSummary(
                checkpoint=checkpoint,
                method=method,
                columns=COLUMNS,
                mean=mean,
                interval=interval,
                counts=np.isfinite(values).sum(axis=0),
                random=random,
                texts=len(whole),
                failed=len(group) - len(whole),
            )
        )
    return tuple(summaries)


def largest_words(
    items: Iterable[TextEvidence], min_texts: int = 5, top: int = 20
) -> tuple[WordMeans, ...]:
    """Words that speak most for each explained class, by checkpoint and method.

    Only words of at least `min_texts` texts: a mean of fewer says little. A class without such a
    word has a record without words.

    Raises ``ValueError`` for `min_texts` or `top` below 1.
    """
    if min_texts < 1 or top < 1:
        raise ValueError(f"min_texts is {min_texts} and top is {top}; both are at least 1")
    means = []
    for (checkpoint, method), group in _grouped(items).items():
        whole = [item for item in group if not item.problem]
        for explained in sorted({item.explained for item in whole}):
            of_class = [item for item in whole if item.explained == explained]
            means.append(_largest(checkpoint, method, explained, of_class, min_texts, top))
    return tuple(means)


def whole_rows(
    records: Iterable[TextEvidence], checkpoints: Sequence[str], methods: Sequence[str]
) -> int:
    """Number of rows from the first on with a record of every checkpoint by every method."""
    keys = {record.key for record in records}
    count = 0
    while all((count, name, method) in keys for name in checkpoints for method in methods):
        count += 1
    return count


def evidence_frame(items: Iterable[TextEvidence]) -> pd.DataFrame:
    """A line a record, for CSV: row, checkpoint, method, explained, COLUMNS, seconds, problem."""
    import pandas as pd

    lines = [
        {
            "row": item.row,
            "checkpoint": shown_name(item.checkpoint),
            "method": item.method,
            "explained": item.explained,
        }
        | dict(zip(COLUMNS, item.values.tolist(), strict=True))
        | {f"{key}_random": value for key, value in zip(MEASURES, item.random, strict=True)}
        | {f"{key}_spread": value for key, value in zip(MEASURES, item.spread, strict=True)}
        | {"seconds": item.seconds, "problem": item.problem}
        for item in items
    ]
    return pd.DataFrame(lines)


def summary_frame(summaries: Sequence[EvidenceSummary]) -> pd.DataFrame:
    """A line a checkpoint, method and column, for CSV: mean, low, high, texts, random."""
    import pandas as pd

    lines = []
    for summary in summaries:
        random = dict(zip(MEASURES, summary.random.tolist(), strict=True))
        for place, column in enumerate(summary.columns):
            mean, low, high = summary.value(column)
            lines.append(
                {
                    "checkpoint": shown_name(summary.checkpoint),
                    "method": summary.method,
                    "column": column,
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "texts": int(summary.counts[place]),
                    "random": random.get(column, np.nan),
                    "failed": summary.failed,
                }
            )
    return pd.DataFrame(lines)


def word_frame(means: Sequence[WordMeans]) -> pd.DataFrame:
    """A line a word, for CSV: checkpoint, method, explained, word, mean, low, high, texts."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "checkpoint": shown_name(mean.checkpoint),
                "method": mean.method,
                "explained": mean.explained,
                "word": word,
                "mean": mean.mean[i],
                "low": mean.interval[i, 0],
                "high": mean.interval[i, 1],
                "texts": int(mean.texts[i]),
            }
            for mean in means
            for i, word in enumerate(mean.words)
        ]
    )


def shown_name(checkpoint: str) -> str:
    """A checkpoint's name; of one that was loaded by its path, the folder's own."""
    return PurePath(checkpoint).name if PurePath(checkpoint).is_absolute() else checkpoint


def _pooled(items: Sequence[TextEvidence]) -> np.ndarray:
    """(N, K) values, the normalised ones by the spread of random rankings over all texts."""
    values = np.array([item.values for item in items]).reshape(-1, len(COLUMNS))
    if not items:
        return values
    spread = np.sqrt(np.mean([item.spread**2 for item in items], axis=0))  # (M,)
    turned = np.array([1.0 if larger else -1.0 for _, larger in MEASURES.values()])
    count = len(MEASURES)
    raw = values[:, 1 : 1 + count] - np.array([item.random for item in items])
    with np.errstate(invalid="ignore", divide="ignore"):
        values[:, 1 + count : 1 + 2 * count] = np.where(spread > 0, turned * raw / spread, np.nan)
    return values


def _grouped(items: Iterable[TextEvidence]) -> dict[tuple[str, str], list[TextEvidence]]:
    groups: dict[tuple[str, str], list[TextEvidence]] = {}
    for item in items:
        groups.setdefault((item.checkpoint, item.method), []).append(item)
    return groups


def _largest(
    checkpoint: str,
    method: str,
    explained: str,
    items: Sequence[TextEvidence],
    min_texts: int,
    top: int,
) -> WordMeans:
    by_word: dict[str, list[float]] = {}
    for item in items:
        # Occurrences within a text are not independent: a text counts once.
        within: dict[str, list[float]] = {}
        for word, score in zip(item.words, item.scores.tolist(), strict=True):
            within.setdefault(word, []).append(score)
        for word, scores in within.items():
            by_word.setdefault(word, []).append(float(np.mean(scores)))
    enough = {word: scores for word, scores in by_word.items() if len(scores) >= min_texts}
    ranked = sorted(enough, key=lambda word: (-float(np.mean(enough[word])), word))[:top]
    ends = [mean_interval(np.array(enough[word])) for word in ranked]
    return WordMeans(
        checkpoint=checkpoint,
        method=method,
        explained=explained,
        output=items[0].output,
        words=tuple(ranked),
        mean=np.array([float(mean) for mean, _ in ends]),
        interval=np.array([interval for _, interval in ends]).reshape(-1, 2),
        texts=np.array([len(enough[word]) for word in ranked], dtype=int),
        of=len(enough),
    )
