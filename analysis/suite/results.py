"""Failure rates of the behaviour suite, per capability, with the sentences that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.datasets.tasks import TASKS as KNOWN
from analysis.statistics.intervals import wilson
from analysis.suite.cases import KINDS, Case

if TYPE_CHECKING:
    import pandas as pd

    from analysis.corpus.predictions import Predictions

# A probability that falls by less than this is no movement the wrong way.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Rate:
    """Failures among the n cases of a capability and kind of test; Wilson's 95 % interval.

    The cases of one template are alike, so the interval says how sure the share of *these*
    sentences would be if they were drawn anew, and no more.
    """

    capability: str
    kind: str
    n: int
    failures: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Failures as a share of the cases."""
        return self.failures / self.n


@dataclass(frozen=True)
class Failure:
    """A case that a checkpoint failed, with its answers; ``row`` is its row in the table."""

    case: Case
    row: int
    predicted: str
    probability: float  # of the predicted class; of `toward` in a DIR case
    original: Case | None = None
    original_predicted: str | None = None
    original_probability: float | None = None

    @property
    def sentence(self) -> str:
        """The expected answer and the given one, in words."""
        if self.case.kind == "INV":
            return f"{self.original_predicted} to the original, {self.predicted} here"
        if self.case.kind == "DIR":
            return (
                f"{self.case.toward} fell from {self.original_probability:.2f} to "
                f"{self.probability:.2f}"
            )
        return f"expected {self.case.label}, got {self.predicted} ({self.probability:.2f})"


@dataclass(frozen=True)
class Results:
    """Results of one checkpoint on the suite: rates in the suite's order, and all failures."""

    checkpoint: str
    rates: tuple[Rate, ...]
    failures: tuple[Failure, ...]
    tested: int  # cases with an answer, and with one to their original where they have one
    total: int

    def frame(self) -> pd.DataFrame:
        """One row per capability and kind: n, failures, rate, low, high."""
        import pandas as pd

        rows = [
            (
                self.checkpoint,
                rate.capability,
                rate.kind,
                rate.n,
                rate.failures,
                rate.rate,
                rate.low,
                rate.high,
            )
            for rate in self.rates
        ]
        columns = ["checkpoint", "capability", "kind", "n", "failures", "rate", "low", "high"]
        return pd.DataFrame(rows, columns=columns)

    def failing(self, capability: str | None = None, kind: str | None = None) -> pd.DataFrame:
        """The failing cases of a capability and kind (default: all), one row each."""
        import pandas as pd

        rows = [
            {
                "row": failure.row,
                "capability": failure.case.capability,
                "kind": failure.case.kind,
                "text": failure.case.text,
                "pair": failure.case.pair,
                "label": failure.case.label,
                "predicted": failure.predicted,
                "what failed": failure.sentence,
                "original": None if failure.original is None else failure.original.text,
                "template": failure.case.template,
                "id": failure.case.id,
            }
            for failure in self.failures
            if capability in (None, failure.case.capability) and kind in (None, failure.case.kind)
        ]
        columns = [
            "row",
            "capability",
            "kind",
            "text",
            "pair",
            "label",
            "predicted",
            "what failed",
            "original",
            "template",
            "id",
        ]
        return pd.DataFrame(rows, columns=columns)


def results(
    cases: Sequence[Case], predictions: Predictions, tolerance: float = TOLERANCE
) -> Results:
    """Failure rate per capability and kind of test, and the failing cases.

    ``predictions`` are those of ``table(task)``, whose row i is ``cases[i]``. A case without an
    answer (the run was stopped) counts nowhere; nor does one whose original has none.

    Raises
    ------
    ValueError
        No cases, predictions of another table, or of a checkpoint with other classes.
    """
    if not cases or predictions.total != len(cases):
        raise ValueError(
            f"{predictions.checkpoint} was run on {predictions.total} rows, the suite has "
            f"{len(cases)}. Run it on the suite."
        )
    place = predictions.places(KNOWN[cases[0].task].labels)
    probabilities: dict[int, np.ndarray] = dict(
        zip(
            predictions.rows.tolist(),
            predictions.probabilities[:, list(place.values())],
            strict=True,
        )
    )
    names = list(place)
    rows = {case.id: row for row, case in enumerate(cases)}
    counts: dict[tuple[str, str], list[int]] = {}
    failures = []
    for row, case in enumerate(cases):
        before = None if case.original is None else rows[case.original]
        if row not in probabilities or (before is not None and before not in probabilities):
            continue
        here = probabilities[row]
        predicted = names[int(here.argmax())]
        old = None if before is None else probabilities[before]
        failed = _failed(case, predicted, here, old, names, tolerance)
        count = counts.setdefault((case.capability, case.kind), [0, 0])
        count[0] += 1
        if not failed:
            continue
        count[1] += 1
        shown = names.index(case.toward) if case.toward is not None else int(here.argmax())
        failures.append(
            Failure(
                case,
                row,
                predicted,
                float(here[shown]),
                None if before is None else cases[before],
                None if old is None else names[int(old.argmax())],
                None if old is None else float(old[shown]),
            )
        )
    rates = tuple(
        Rate(capability, kind, n, failed, *wilson(failed, n))
        for (capability, kind), (n, failed) in sorted(
            counts.items(), key=lambda item: list(KINDS).index(item[0][1])
        )
    )
    tested = sum(rate.n for rate in rates)
    return Results(predictions.checkpoint, rates, tuple(failures), tested, len(cases))


def _failed(
    case: Case,
    predicted: str,
    here: np.ndarray,
    old: np.ndarray | None,
    names: list[str],
    tolerance: float,
) -> bool:
    if case.kind == "MFT" or old is None:
        return predicted != case.label
    if case.kind == "INV":
        return int(here.argmax()) != int(np.argmax(old))
    toward = names.index(case.toward or case.label)
    return bool(here[toward] < old[toward] - tolerance)
