"""Results of a fit of pooling heads, read from disk: scores of every seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.common.faults import FileError
from analysis.common.records import freeze, require_shape
from analysis.common.whole import write_whole

FIT = "fit.json"
_VERSION = 1


@dataclass(frozen=True)
class HeadScores:
    """One pooling head of a fit, S seeds of it; ``reason`` says why it has none, or fewer."""

    name: str
    scores: NDArray[np.float64]  # (S,) of the fit's first metric, on the rows scored
    curve: NDArray[np.float64]  # (E, S) the same after each epoch, on at most 500 rows
    confusion: NDArray[np.float64]  # (C, C) rows by label and answer, mean over seeds; (0, 0): none
    parameters: int  # that were trained, classifier included
    seconds: float
    learning_rate: float
    reason: str = ""

    def __post_init__(self) -> None:
        require_shape("scores", self.scores, None)
        require_shape("curve", self.curve, None, None)
        require_shape("confusion", self.confusion, None, None)
        freeze(self)


@dataclass(frozen=True)
class FitScores:
    """A fit as it is drawn and told: heads in the order asked for, on one encoder and data set.

    ``example`` is the row on which the heads disagree most: text and second text. ``tuning`` says
    what became of the encoder: "frozen", "lora" or "full".
    """

    name: str
    encoder: str
    data: str
    metric: str
    labels: tuple[str, ...]
    rows: Mapping[str, int]  # "train" and the scored split -> rows
    seeds: int
    heads: tuple[HeadScores, ...]
    notes: tuple[str, ...]
    states_seconds: float
    example: tuple[str, str | None]
    checkpoints: tuple[str, ...]  # names of the folders that were saved beside
    tuning: str = "frozen"

    def __post_init__(self) -> None:
        freeze(self)

    @property
    def scored(self) -> tuple[HeadScores, ...]:
        """Heads with a score, the best mean first."""
        done = [head for head in self.heads if head.scores.size]
        return tuple(sorted(done, key=lambda head: -float(head.scores.mean())))


def write_fit(fit: FitScores, folder: Path) -> None:
    """Write ``fit.json`` whole. Raises ``OSError`` where the disk does not take it."""
    values: dict[str, Any] = {
        "version": _VERSION,
        "name": fit.name,
        "encoder": fit.encoder,
        "data": fit.data,
        "metric": fit.metric,
        "labels": list(fit.labels),
        "rows": dict(fit.rows),
        "seeds": fit.seeds,
        "notes": list(fit.notes),
        "states_seconds": fit.states_seconds,
        "example": list(fit.example),
        "checkpoints": list(fit.checkpoints),
        "tuning": fit.tuning,
        "heads": [
            {
                "name": head.name,
                "scores": head.scores.tolist(),
                "curve": _plain(head.curve),
                "confusion": head.confusion.tolist(),
                "parameters": head.parameters,
                "seconds": head.seconds,
                "learning_rate": head.learning_rate,
                "reason": head.reason,
            }
            for head in fit.heads
        ],
    }
    write_whole(folder / FIT, json.dumps(values, indent=1, ensure_ascii=False, allow_nan=True))


def read_fit(folder: str | Path) -> FitScores:
    """The fit that a folder holds.

    Raises
    ------
    ValueError
        There is none; the folder is named.
    FileError
        Its file cannot be understood.
    """
    path = Path(folder) / FIT
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return FitScores(
            name=str(values["name"]),
            encoder=str(values["encoder"]),
            data=str(values["data"]),
            metric=str(values["metric"]),
            labels=tuple(str(label) for label in values["labels"]),
            rows={str(key): int(count) for key, count in values["rows"].items()},
            seeds=int(values["seeds"]),
            heads=tuple(_head(head) for head in values["heads"]),
            notes=tuple(str(note) for note in values["notes"]),
            states_seconds=float(values["states_seconds"]),
            example=(
                str(values["example"][0]),
                None if values["example"][1] is None else str(values["example"][1]),
            ),
            checkpoints=tuple(str(name) for name in values["checkpoints"]),
            tuning=str(values.get("tuning", "frozen")),
        )
    except OSError as error:
        raise ValueError(f"{path.parent.name} holds no fit ({error.strerror})") from None
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise FileError(
            f"{path.parent.name}: {FIT} cannot be understood ({type(error).__name__}: {error}). "
            "Fit the heads again under another name."
        ) from None


def fits_in(root: str | Path) -> tuple[Path, ...]:
    """Folders of fits under a root, by name; what is still under way is none."""
    folders = (path.parent for path in Path(root).glob(f"*/{FIT}"))
    return tuple(sorted(folder for folder in folders if not folder.name.startswith(".")))


def _plain(values: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if np.isnan(v) else float(v) for v in row] for row in values]


def _table(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    return np.array(rows, np.float64) if rows else np.zeros((0, 0))


def _head(values: Mapping[str, Any]) -> HeadScores:
    curve = [[np.nan if v is None else float(v) for v in row] for row in values["curve"]]
    return HeadScores(
        name=str(values["name"]),
        scores=np.array(values["scores"], np.float64).reshape(-1),
        curve=_table(curve),
        confusion=_table(values["confusion"]),
        parameters=int(values["parameters"]),
        seconds=float(values["seconds"]),
        learning_rate=float(values["learning_rate"]),
        reason=str(values["reason"]),
    )
