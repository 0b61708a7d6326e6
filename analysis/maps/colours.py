"""Colours of the points of a map: label, prediction, correctness, numbers, columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from analysis.common.phrases import name_without_folder
from analysis.corpus.predictions import Predictions
from analysis.datasets.table import Table
from analysis.maps.quality import Quality

TORN, FALSE, KEPT = "torn neighbours", "false neighbours", "neighbours kept"
MOST_CLASSES = 12
BINS = 6  # of a number, where a printed figure needs groups


@dataclass(frozen=True)
class Colour:
    """Colours of points: a class of at most twelve, or a number each."""

    title: str
    codes: np.ndarray  # (N,) class index, or the number itself
    names: tuple[str, ...] = ()  # of the classes; empty: a number
    panels: tuple[np.ndarray, ...] = ()  # of numbers, where each panel has its own; NaN: unknown

    def grouped(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """(N,) or (P, N) class of each point, and the classes: a number is cut at its quantiles."""
        if self.names:
            return self.codes, self.names
        values = np.array(self.panels or (self.codes,), dtype=float)
        known = np.isfinite(values)
        finite = values[known] if known.any() else np.zeros(1)
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, BINS + 1)))
        last = max(len(edges) - 2, 0)
        codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, last)
        names = tuple(f"{self.title} {low:.3g} to {high:.3g}" for low, high in pairwise(edges))
        names = names or (f"{self.title} {edges[0]:.3g}",)
        if known.all():
            return codes, names
        return np.where(known, codes, len(names)), (*names, "not measured")


def colours(
    table: Table,
    columns: Mapping[str, Sequence[str]],
    answers: Sequence[Predictions],
    qualities: Sequence[Quality | None],
) -> dict[str, Callable[[], Colour]]:
    """Colours of N rows by name; each is made when it is called.

    `columns` are further columns of words, `answers` predictions on the rows, `qualities` those of
    each map, as far as they are known.
    """
    makers: dict[str, Callable[[], Colour]] = {}
    classes = Classes(table, answers)
    if table.label is not None:
        label = table.label
        makers["label"] = (
            (lambda: classes.of_labels()) if table.labels else (lambda: Colour("label", label))
        )
    for answer in answers:
        short = name_without_folder(answer.checkpoint)
        if answer.regression:
            name = f"prediction of {short}"
            makers[name] = partial(Colour, name, answer.logits[:, 0])
            continue
        makers[f"prediction of {name_without_folder(answer.checkpoint)}"] = partial(
            classes.of_predictions, answer
        )
        name = f"probability margin of {name_without_folder(answer.checkpoint)}"
        makers[name] = partial(Colour, name, answer.gap)
        name = f"confidence of {short}"
        makers[name] = partial(Colour, name, answer.probabilities.max(axis=1))
        right = _right(table, answer)
        if right is not None:
            name = f"correctness of {short}"
            makers[name] = partial(Colour, name, 1 - right.astype(int), ("right", "wrong"))
    for name, values in columns.items():
        makers[name] = partial(_column, name, values)
    if table.pair is None:
        makers["words"] = lambda: Colour("words", np.array([len(t.split()) for t in table.text]))
    makers["characters"] = lambda: Colour("characters", table.lengths)
    if any(quality is not None for quality in qualities):
        makers[KEPT] = lambda: _marks("neighbours kept, %", "kept", len(table), qualities)
        makers[TORN] = lambda: _marks("neighbours torn away", "torn", len(table), qualities)
        makers[FALSE] = lambda: _marks("neighbours that are none", "false", len(table), qualities)
    return makers


def _marks(title: str, what: str, count: int, qualities: Sequence[Quality | None]) -> Colour:
    """Each panel's own; rows that were not measured there have none."""
    panels = []
    for quality in qualities:
        values = np.full(count, np.nan)
        if quality is not None:
            values[quality.sample] = 100 * getattr(quality, what)
        panels.append(values)
    return Colour(title, panels[0], panels=tuple(panels))


class Classes:
    """One list of classes for labels and predictions: a class keeps its colour and its shape."""

    def __init__(self, table: Table, answers: Sequence[Predictions]) -> None:
        self._table, self._answers = table, answers

    def of_labels(self) -> Colour:
        names, label = self._table.labels, self._table.label
        assert label is not None
        return _cut("label", label, names, self._often())

    def of_predictions(self, predictions: Predictions) -> Colour:
        title, names = (
            f"prediction of {name_without_folder(predictions.checkpoint)}",
            self._table.labels,
        )
        places = self._places(predictions)
        if places is not None:
            back = np.zeros(len(predictions.labels), dtype=int)
            for index, name in enumerate(names):
                back[places[name]] = index
            return _cut(title, back[predictions.predicted], names, self._often())
        # Of other classes than the data set's: the order of the first checkpoint that has them.
        alike = [
            answer
            for answer in self._answers
            if not answer.regression and set(answer.labels) == set(predictions.labels)
        ]
        names = alike[0].labels
        own = np.array([names.index(name) for name in predictions.labels])
        often = np.bincount(own[predictions.predicted], minlength=len(names))
        for rival in alike:
            if rival is not predictions:
                order = np.array([names.index(name) for name in rival.labels])
                often = often + np.bincount(order[rival.predicted], minlength=len(names))
        return _cut(title, own[predictions.predicted], names, often)

    def _places(self, predictions: Predictions) -> dict[str, int] | None:
        if not self._table.labels or len(self._table.labels) != len(predictions.labels):
            return None
        try:
            return predictions.places(self._table.labels)
        except ValueError:
            return None

    def _often(self) -> np.ndarray:
        """Count of each class; the rarest leave a list that is too long."""
        label = self._table.label
        if label is None:
            return np.zeros(len(self._table.labels))
        return np.bincount(label, minlength=len(self._table.labels))


def _cut(title: str, codes: np.ndarray, names: Sequence[str], often: np.ndarray) -> Colour:
    """Classes in their own order; of more than twelve the eleven most frequent and the rest."""
    if len(names) <= MOST_CLASSES:
        return Colour(title, codes, tuple(names))
    kept = np.argsort(-often, kind="stable")[: MOST_CLASSES - 1]
    place = np.full(len(names), MOST_CLASSES - 1)
    place[kept] = np.arange(MOST_CLASSES - 1)
    return Colour(title, place[codes], (*(str(names[index]) for index in kept), "others"))


def _right(table: Table, predictions: Predictions) -> np.ndarray | None:
    if table.label is None or not table.labels:
        return None
    try:
        places = predictions.places(table.labels)
    except ValueError:
        return None  # a checkpoint of other classes is neither right nor wrong
    labelled = np.array([places[name] for name in table.labels])[table.label]
    return np.asarray(predictions.predicted == labelled)


def _column(title: str, values: Sequence[str]) -> Colour:
    """A column of the file: numbers where all are and they are many, else its words."""
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return _named(title, values)
    if len(np.unique(numbers)) <= MOST_CLASSES or not np.isfinite(numbers).all():
        return _named(title, values)
    return Colour(title, numbers)


def _named(title: str, values: Sequence[str]) -> Colour:
    """A column of words: the eleven most frequent, and the rest together."""
    names, counts = np.unique(np.array(values, dtype=object).astype(str), return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    shown = (
        list(order[:MOST_CLASSES])
        if len(order) <= MOST_CLASSES
        else [*order[: MOST_CLASSES - 1], "others"]
    )
    place = {name: index for index, name in enumerate(shown)}
    codes = np.array([place.get(value, len(shown) - 1) for value in values])
    return Colour(title, codes, tuple(str(name) for name in shown))
