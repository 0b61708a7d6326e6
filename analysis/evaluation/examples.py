"""The table of examples: which rows to look at, sorted by probability margin, as a file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.common.csv_text import as_csv
from analysis.evaluation.answers import Answers, align

if TYPE_CHECKING:
    import pandas as pd

    from analysis.corpus.predictions import Predictions
    from analysis.datasets.table import Table

Show = Literal["all", "they disagree", "any wrong", "all wrong", "confidently wrong", "cut"]
SHOWS: tuple[Show, ...] = get_args(Show)
CONFIDENT = 0.8  # probability margin from which an answer counts as confident
FAR_APART = 0.5  # values of a regression that differ by more than this disagree


@dataclass(frozen=True)
class Examples:
    """Rows of a data set chosen by what the checkpoints answered, in an order.

    ``chosen`` (E,) are places in ``answers.rows``; ``gap`` (E,) is what they are sorted by.
    """

    table: Table
    answers: Answers
    chosen: NDArray[np.int64]
    gap: NDArray[np.float64]
    show: Show

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def rows(self) -> NDArray[np.int64]:
        """(E,) rows of the data set, in the order shown."""
        return self.answers.rows[self.chosen]

    def frame(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Rows ``start`` to ``stop`` of the choice: row, text, pair, label, probability margin, and
        for each checkpoint its answer, the answer's probability and probability margin, and how
        many of its tokens were cut off."""
        import pandas as pd

        answers, chosen = self.answers, self.chosen[start:stop]
        rows = answers.rows[chosen].tolist()
        columns: dict[str, Any] = {"row": rows, "text": [self.table.text[row] for row in rows]}
        if self.table.pair is not None:
            columns["pair"] = [self.table.pair[row] for row in rows]
        if answers.truth is not None:
            label = answers.truth[chosen]
            if label.ndim == 2:
                columns |= {f"label, {n}": v for n, v in zip(answers.classes, label.T, strict=True)}
            else:
                columns["label"] = (
                    label if answers.regression else [answers.answers[index] for index in label]
                )
        columns["difference" if answers.regression else "probability margin"] = self.gap[start:stop]
        for k, name in enumerate(answers.names):
            if answers.regression and answers.classes:
                for c, output in enumerate(answers.classes):
                    columns[f"{name}: {output}"] = answers.values[k, chosen, c]
            elif answers.regression:
                columns[name] = answers.values[k, chosen, 0]
            else:
                columns[name] = [answers.answers[index] for index in answers.predicted[k, chosen]]
                columns[f"{name}: p"] = answers.confidence[k, chosen]
                columns[f"{name}: probability margin"] = answers.gap[k, chosen]
            columns[f"{name}: tokens cut"] = answers.cut[k, chosen]
        return pd.DataFrame(columns)

    def csv(self) -> bytes:
        """All chosen rows as UTF-8 with a byte order mark, which spreadsheets read as such."""
        text: str = as_csv(self.frame())
        return text.encode("utf-8-sig", "replace")

    def parquet(self) -> bytes:
        """All chosen rows as a Parquet file, with every class's probability."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        frame = self.frame()
        classes = () if self.answers.regression else self.answers.classes
        for k, name in enumerate(self.answers.names):
            for c, label in enumerate(classes):
                frame[f"{name}: p({label})"] = self.answers.values[k, self.chosen, c]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
        return sink.getvalue()


def examples(
    table: Table,
    runs: Sequence[Predictions],
    show: Show = "all",
    *,
    confident: float = CONFIDENT,
    label: str | None = None,
    predicted: tuple[str, str] | None = None,
    containing: str = "",
    rows: Sequence[int] | NDArray[np.int64] | None = None,
    descending: bool | None = None,
) -> Examples:
    """The rows that all runs have done, filtered and sorted by probability margin.

    ``label`` keeps rows of one label, ``predicted=(checkpoint, class)`` those that a checkpoint
    gave a class (a cell of its confusion matrix is both), ``containing`` those with these
    characters in a text, ``rows`` (n,) those listed.

    The gap of a row is the mean over the checkpoints; where "confidently wrong" is shown the
    largest among those that are wrong (of ``confident`` or more). Sorted from the smallest, and
    from the largest for wrong answers, unless ``descending`` says otherwise. Of a regression the
    difference between the checkpoints, or to the label, takes the gap's place.

    Raises
    ------
    ValueError
        An unknown choice, one that needs labels where there are none, or checkpoints that do not
        fit together.
    """
    if show not in SHOWS:
        raise ValueError(f"No examples of {show!r}; known: {', '.join(SHOWS)}.")
    answers = align(table, runs)
    if "wrong" in show and (answers.label is None or answers.regression):
        raise ValueError(f"{show.capitalize()}: this needs a data set with classes as labels.")
    keep, gap = _chosen(answers, show, confident)
    if label is not None:
        class_index = answers.answers.index(label) if label in answers.answers else -1
        keep &= np.zeros(len(keep), bool) if answers.truth is None else answers.truth == class_index
    if predicted is not None:
        name, answer = predicted
        keep &= answers.predicted[answers.names.index(name)] == answers.answers.index(answer)
    if rows is not None:
        keep &= np.isin(answers.rows, np.asarray(rows, np.int64))
    if containing.strip():
        keep &= _containing(table, answers.rows, keep, containing.strip().casefold())
    chosen = np.flatnonzero(keep)
    down = "wrong" in show or answers.regression if descending is None else descending
    order = np.argsort(-gap[chosen] if down else gap[chosen], kind="stable")
    return Examples(table, answers, chosen[order], gap[chosen][order], show)


def _chosen(
    answers: Answers, show: Show, confident: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """The rows that are shown, (M,), and the values that sort them, (M,)."""
    everything = np.ones(len(answers.rows), dtype=bool)
    if show == "cut":
        everything = np.asarray((answers.cut > 0).any(axis=0))
    if answers.regression:
        apart = np.ptp(answers.values, axis=0).max(axis=-1)
        if show == "they disagree":
            return apart > FAR_APART, apart
        if answers.label is None:
            return everything, apart
        label = answers.label.reshape(len(answers.rows), -1)
        return everything, np.abs(answers.values - label).mean(axis=(0, 2))
    gap = answers.gap.mean(axis=0)
    if show == "they disagree":
        return np.asarray((answers.predicted != answers.predicted[0]).any(axis=0)), gap
    if show == "any wrong":
        return np.asarray((~answers.correct).any(axis=0)), gap
    if show == "all wrong":
        return np.asarray((~answers.correct).all(axis=0)), gap
    if show == "confidently wrong":
        wrong = np.where(answers.correct, -1.0, answers.gap).max(axis=0)
        return wrong >= confident, wrong
    return everything, gap


def _containing(
    table: Table, rows: NDArray[np.int64], keep: NDArray[np.bool_], words: str
) -> NDArray[np.bool_]:
    holds = np.zeros(len(rows), dtype=bool)
    for place in np.flatnonzero(keep).tolist():
        row = int(rows[place])
        holds[place] = words in table.text[row].casefold() or (
            table.pair is not None and words in table.pair[row].casefold()
        )
    return holds
