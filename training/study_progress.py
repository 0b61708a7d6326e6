"""Progress of a study: runs done, the time left, and the table so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.study.results import Study
from training.study_plan import PlannedRun

if TYPE_CHECKING:
    from analysis.study.results import Stratum

# Two runs that agree in these take about the same time.
SPEED = ("precision", "device", "processor", "threads", "processes")


def progress(results: Study, runs: tuple[PlannedRun, ...], last: PlannedRun) -> str:
    """A line of progress (runs done, time left by what like runs took), and the table so far."""
    done = {record["hash"]: record for record in results.records.values()}
    record = done[last.hash]
    finished = sum(run.hash in done for run in runs)
    left = seconds_left((run for run in runs if run.hash not in done), done.values(), record)
    scores = ", ".join(
        f"{name} {value:.4f}" for name, value in next(iter(record["metrics"].values())).items()
    )
    return (
        f"[{finished}/{len(runs)}] {last.name}: {scores}  ({_seconds(record):.0f} s)  "
        f"{_clock(left)} left at one process\n{table(results)}"
    )


def seconds_left(
    missing: Iterable[PlannedRun], records: Iterable[Mapping[str, Any]], last: Mapping[str, Any]
) -> float:
    """Seconds that the missing runs would take one after another on the machine of ``last``.

    A run takes what like runs (task and share) took on such a machine. Where it has done none,
    what they took on others, times the speed seen where both did some.
    """
    here: dict[tuple[str, float], list[float]] = defaultdict(list)
    elsewhere: dict[tuple[str, float], list[float]] = defaultdict(list)
    for record in records:
        took = here if _speed(record) == _speed(last) else elsewhere
        took[record["task"], record["share"]].append(_seconds(record))
    ours = {kind: float(np.mean(seconds)) for kind, seconds in here.items()}
    theirs = {kind: float(np.mean(seconds)) for kind, seconds in elsewhere.items()}
    both = ours.keys() & theirs.keys()
    ratio = sum(ours[kind] for kind in both) / sum(theirs[kind] for kind in both) if both else 1.0
    expected = {kind: ratio * seconds for kind, seconds in theirs.items()} | ours
    usual = float(np.mean(list(expected.values())))
    # A record is of one seed; a run on a frozen encoder is all of them.
    return sum(
        expected.get((run.task, run.share), usual) * max(len(run.seeds), 1) for run in missing
    )


def _speed(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get("machine", {}).get(name) for name in SPEED)


def _seconds(record: Mapping[str, Any]) -> float:
    return float(sum(record["seconds"].values()))


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h"


def table(results: Study) -> str:
    """Mean and standard deviation over seeds of the declared metric, in points, by stratum and
    pooling head, with the number of seeds; each stratum once."""
    variants = list(dict.fromkeys(cell.variant for cell in results.cells))
    rows = [["", "", *variants]]
    seen = set()
    for family in results.families:
        for stratum in family.strata:
            if stratum in seen:
                continue
            seen.add(stratum)
            cells = [_cell(results, stratum, variant) for variant in variants]
            if any(cells):
                rows.append([stratum.label, stratum.metric, *cells])
    if len(rows) == 1:
        return "no run is finished"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cell(results: Study, stratum: Stratum, variant: str) -> str:
    values = [
        100 * record["metrics"][stratum.split][stratum.metric]
        for cell, record in results.records.items()
        if (cell.task, cell.share, cell.variant) == (stratum.task, stratum.share, variant)
    ]
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread} ({len(values)})"
