"""The results of a fine-tuning study as a folder holds them: what was planned, what is there.

A study's folder holds ``study.json`` (the declaration: families of tests, runs by hash) and
``runs/<hash>.json`` (one finished run each). Everything here reads; nothing trains.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.common.places import typed_folder
from analysis.common.records import freeze
from analysis.common.typed import require
from analysis.datasets.tasks import metric_name, task_name
from analysis.study.files import (
    DECLARATION,
    RUNS,
    check_alike,
    check_families,
    check_scores,
    read_json,
    read_records,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DECLARATION",
    "RUNS",
    "Cell",
    "Family",
    "Scores",
    "Stratum",
    "Study",
    "read_study",
    "studies_in",
]


_RUN = re.compile(r"[0-9A-Za-z_-]{1,64}")  # never a path


@dataclass(frozen=True, order=True)
class Cell:
    """One run: task, share of the training set, variant of a pooling head, seed."""

    task: str
    share: float
    variant: str
    seed: int


@dataclass(frozen=True)
class Stratum:
    """A task at one share of its training set, with the metric declared for its tests."""

    task: str
    share: float
    metric: str
    split: str

    def __post_init__(self) -> None:
        require(Stratum, vars(self))

    @property
    def label(self) -> str:
        """The task as a table names it: ``RTE``, ``RTE, 25 %`` or ``RTE, 300 rows``."""
        name = task_name(self.task)
        if self.share > 1:
            return f"{name}, {self.share:,.0f} rows"
        return name if self.share == 1 else f"{name}, {100 * self.share:g} %"

    @property
    def measure(self) -> str:
        """The metric as a sentence names it: ``F1``."""
        return metric_name(self.metric)


@dataclass(frozen=True)
class Family:
    """Tests that are corrected together; declared in the study's file before the first run."""

    name: str
    title: str
    primary: bool
    against: str
    heads: tuple[str, ...]
    seeds: tuple[int, ...]
    strata: tuple[Stratum, ...]


@dataclass(frozen=True)
class Scores:
    """Values (S, 1 + H, N): strata, variants (the one tested against comes first), seeds.

    NaN marks a run that is not there yet. Scores are as the metric gives them (0 to 1).
    """

    family: Family
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        family = self.family
        shape = (len(family.strata), 1 + len(family.heads), len(family.seeds))
        if self.values.shape != shape:
            raise ValueError(f"values are {self.values.shape}, the family has {shape}")
        freeze(self)

    @property
    def variants(self) -> tuple[str, ...]:
        """The variant tested against, then the others."""
        return (self.family.against, *self.family.heads)

    @property
    def done(self) -> int:
        """Number of runs that are there."""
        return int(np.isfinite(self.values).sum())

    @property
    def planned(self) -> int:
        """Number of runs declared."""
        return int(self.values.size)

    def missing(self, stratum: int, variant: int) -> tuple[int, ...]:
        """Seeds whose run is not there yet, of one stratum and variant by their places."""
        known = np.isfinite(self.values[stratum, variant])
        return tuple(
            seed for seed, there in zip(self.family.seeds, known, strict=True) if not there
        )


@dataclass(frozen=True)
class Study:
    """A declared study and its finished runs, by cell. ``records`` are the run files as read."""

    folder: Path
    declaration: Mapping[str, Any]
    families: tuple[Family, ...]
    cells: tuple[Cell, ...]
    records: Mapping[Cell, Mapping[str, Any]]

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.declaration["name"])

    @property
    def primary(self) -> Family | None:
        """The family declared as the primary one."""
        return next((family for family in self.families if family.primary), None)

    def family(self, name: str) -> Family:
        """The family of that name; ``ValueError`` lists the known ones."""
        for family in self.families:
            if family.name == name:
                return family
        known = ", ".join(family.name for family in self.families)
        raise ValueError(f"Study {self.name} has no family {name!r}; it has {known}.")

    def holds(self, task: str, metric: str) -> bool:
        """Whether a finished run of the task was scored by this metric."""
        return any(
            metric in scores
            for cell, record in self.records.items()
            if cell.task == task
            for scores in record["metrics"].values()
        )

    def measured_by(
        self, family: Family, metric: str, tasks: Sequence[str] | None = None
    ) -> Family:
        """The family with another metric than the declared ones, on the tasks that hold it.

        `tasks` are the tasks asked for (default: all).

        Raises
        ------
        ValueError
            No run of these tasks was scored by the metric.
        """
        strata = tuple(
            replace(stratum, metric=metric)
            for stratum in family.strata
            if (tasks is None or stratum.task in tasks) and self.holds(stratum.task, metric)
        )
        if not strata:
            raise ValueError(f"no run of the tasks shown holds {metric_name(metric)}")
        return replace(family, strata=strata)

    def scores(self, family: Family) -> Scores:
        """The declared metric of every run of a family, as one array."""
        variants = (family.against, *family.heads)
        values = np.full((len(family.strata), len(variants), len(family.seeds)), np.nan)
        for s, stratum in enumerate(family.strata):
            for v, variant in enumerate(variants):
                for n, seed in enumerate(family.seeds):
                    record = self.records.get(Cell(stratum.task, stratum.share, variant, seed))
                    if record is not None:
                        values[s, v, n] = record["metrics"][stratum.split][stratum.metric]
        return Scores(family, values)

    def frame(self) -> pd.DataFrame:
        """A pandas ``DataFrame``, one row a run, split and metric: columns ``task``, ``share``,
        ``variant``, ``seed``, ``split``, ``metric``, ``value``, ``seconds``, ``hash``."""
        import pandas as pd

        columns = [
            "task",
            "share",
            "variant",
            "seed",
            "split",
            "metric",
            "value",
            "seconds",
            "hash",
        ]
        rows = [
            (
                cell.task,
                cell.share,
                cell.variant,
                cell.seed,
                split,
                metric,
                value,
                record["seconds"]["training"],
                record["hash"],
            )
            for cell in self.cells
            if (record := self.records.get(cell)) is not None
            for split, scores in record["metrics"].items()
            for metric, value in scores.items()
        ]
        return pd.DataFrame(rows, columns=columns)

    def predictions(self, cell: Cell, split: str) -> np.ndarray:
        """Predicted classes (N,) int64, or numbers (N,) float64 for a regression.

        Raises
        ------
        ValueError
            The run is not there, or has no such split.
        """
        record = self.records.get(cell)
        if record is None or split not in record["predictions"]:
            raise ValueError(
                f"Study {self.name} has no predictions of {cell.task}, {cell.variant}, seed "
                f"{cell.seed} on {split!r}. Run the study again to complete it."
            )
        stored = record["predictions"][split]
        if isinstance(stored, str):
            return np.array([int(digit, 36) for digit in stored], np.int64)
        return np.asarray(stored, np.float64)


def studies_in(folder: str | Path) -> tuple[Path, ...]:
    """The folder itself if it is a study's, else the studies one level below it, by name.

    Raises
    ------
    ValueError
        A folder that cannot be looked into, or a name that cannot be one.
    """
    folder = typed_folder(folder)
    if (folder / DECLARATION).is_file():
        return (folder,)
    return tuple(sorted(path.parent for path in folder.glob(f"*/{DECLARATION}")))


def read_study(folder: str | Path) -> Study:
    """Read a study's folder. Runs that its declaration does not name are left out.

    Raises
    ------
    ValueError
        No study there; a file that is no JSON or lacks what a run needs; a family that counts
        something twice; runs of one task that were scored or trained on different rows, or began
        from different weights, whose scores cannot be compared.
    """
    folder = Path(folder)
    path = folder / DECLARATION
    declaration = read_json(path)
    try:
        declaration["name"] = str(declaration["name"])
        families = tuple(
            Family(
                str(entry["name"]),
                str(entry["title"]),
                bool(entry["primary"]),
                str(entry["against"]),
                tuple(map(str, entry["heads"])),
                tuple(map(int, entry["seeds"])),
                tuple(Stratum(**stratum) for stratum in entry["strata"]),
            )
            for entry in declaration["families"]
        )
        # One run each, or on a frozen encoder all seeds of a cell in one file.
        planned = {
            str(key): tuple(
                Cell(str(task), float(share), str(variant), int(seed))
                for seed in (seeds if isinstance(seeds, list) else [seeds])
            )
            for key, task, variant, share, seeds in declaration["runs"]
        }
        if strange := [key for key in planned if not _RUN.fullmatch(key)]:
            raise ValueError(f"a run is called {strange[0]!r:.40}, which is no name of a file")
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{path} is no declaration of a study ({type(error).__name__}: {error!s:.300}). "
            "Name a folder that 'python -m training study' wrote."
        ) from None
    check_families(path, families)
    records: dict[Cell, Mapping[str, Any]] = {}
    for key, cells in planned.items():
        file = folder / RUNS / f"{key}.json"
        if file.is_file():
            records_read = read_records(file, [cell.seed for cell in cells])
            records.update(zip(cells, records_read, strict=True))
    check_scores(folder, families, records)
    check_alike(folder, records)
    every = tuple(cell for cells in planned.values() for cell in cells)
    return Study(folder, declaration, families, every, records)
