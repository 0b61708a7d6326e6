"""A fit as a job: on a frozen encoder or by fine-tuning it, and the checkpoints it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.common import arrays, jobs
from analysis.common.jobs import Desk
from analysis.common.whole import whole_folder, why_not_written, write_whole
from analysis.datasets.table import Table
from pages.ui.engine import visitor
from pages.ui.engine.results_folder import folder
from pages.ui.frame import settings
from pages.ui.kit import tables

if TYPE_CHECKING:
    from training.frozen.progress import Progress

WISH = "wish.json"
FROZEN = "frozen"
_UNITS = 100  # of a job's progress


@dataclass(frozen=True)
class Wish:
    """Request of a fit, and the name it is kept under."""

    table: Table
    data: str
    encoder: str
    heads: tuple[str, ...]
    seeds: int
    name: str
    how: str = FROZEN  # what becomes of the encoder: frozen, lora or full

    @property
    def digest(self) -> str:
        """Digest of the request apart from its name: of data set, encoder and budget."""
        values = [self.table.digest, self.table.label_digest, self.encoder, self.heads, self.seeds]
        values += [] if self.how == FROZEN else [self.how]
        return sha256(json.dumps(values).encode()).hexdigest()[:20]

    @property
    def key(self) -> str:
        return f"fit-{self.digest}-{sha256(self.name.encode()).hexdigest()[:8]}"


def root() -> Path:
    """The folder of all fits, each a folder of its own with its checkpoints in it."""
    return folder() / "fits"


def work(wish: Wish) -> Callable[[Desk], object]:
    """The job. What is done is used again after a stop or a restart."""
    place = root() / wish.name
    return _frozen(wish, place) if wish.how == FROZEN else tuned(wish, place)


def _frozen(wish: Wish, place: Path) -> Callable[[Desk], object]:

    def go(desk: Desk) -> None:
        import training
        from analysis.study.fits import write_fit
        from training.frozen.problem import split_rows
        from training.frozen.record import record_of
        from training.frozen.states import Stopped

        def reading(done: int, total: int, share: float) -> None:
            desk.report(done, total, "reading the encoder", 0.5 * share)

        def learning(progress: Progress) -> None:
            desk.report(
                int(_UNITS * progress.share),
                _UNITS,
                f"{progress.head} ({progress.place} of {progress.heads}), {progress.phase}",
                0.5 + 0.5 * progress.share,
            )
            if progress.score is not None and progress.epoch:
                desk.keep((progress.head, progress.epoch, arrays.mean_known(progress.score)))

        states = None
        try:
            states = training.states(wish.encoder, wish.table, progress=reading, cancel=desk.cancel)
        except Stopped:
            raise jobs.Stopped from None
        fitted = training.fit(
            states, wish.heads, seeds=wish.seeds, progress=learning, cancel=desk.cancel
        )
        for head in fitted.heads:
            if head.reason:
                desk.keep(f"{head.name}: {head.reason}")
        if not any(head.fitted for head in fitted.heads):
            return
        try:
            with whole_folder(place) as building:
                folders = training.save(fitted, building, name=wish.name)
                _, rows = split_rows(states.table, fitted.problem)
                record = record_of(
                    fitted,
                    states.table.take(rows),
                    name=wish.name,
                    data=wish.data,
                    checkpoints=folders,
                )
                write_whole(building / WISH, json.dumps({"digest": wish.digest}))
                write_fit(record, building)
        except OSError as error:
            raise ValueError(why_not_written(error, place)) from None

    return go


def under_way(wish: Wish) -> Path:
    """Where the runs of a fine-tuning lie until all are done."""
    return root() / f".{wish.name}.{wish.digest}"


def begun(wish: Wish) -> bool:
    """Whether a part of a fine-tuning is done and kept."""
    return wish.how != FROZEN and under_way(wish).is_dir()


def tuned(wish: Wish, place: Path) -> Callable[[Desk], object]:
    """The job of fine-tuning: a process a run; the run under way goes on from its last state."""
    building = under_way(wish)
    own_heads = settings.read().heads

    def go(desk: Desk) -> None:
        from analysis.study.fits import write_fit
        from training.tuning import Run, Stopped, Tuning, tune

        def progress(done: int, runs: int, run: Run, step: int, steps: int) -> None:
            share = (done + step / max(steps, 1)) / runs
            what = f"{run.head}, seed {run.seed} (run {done + 1} of {runs}), step {step} of {steps}"
            desk.report(int(_UNITS * share), _UNITS, what, share)

        tuning = Tuning(
            wish.encoder,
            wish.table,
            wish.heads,
            wish.seeds,
            "full" if wish.how == "full" else "lora",
            wish.name,
            wish.data,
            own_heads,
        )
        try:
            record = tune(
                tuning,
                building,
                progress=progress,
                finished=lambda run, score: desk.keep((run.head, run.seed, score)),
                cancel=desk.cancel,
            )
            for head in record.heads:
                if head.reason:
                    desk.keep(f"{head.name}: {head.reason}")
            write_fit(record, building)
            write_whole(building / WISH, json.dumps({"digest": wish.digest}))
            building.rename(place)
        except Stopped:
            raise jobs.Stopped from None
        except OSError as error:
            raise ValueError(why_not_written(error, place)) from None

    return go


@st.fragment(run_every=1.0)
def running_curves(wish: Wish) -> None:
    """The score of each head after each epoch, or of each finished run, as they come."""
    job = jobs.find(visitor.own(wish.key))
    if job is None:
        return
    points = [result for result in job.results if isinstance(result, tuple)]
    if not points:
        st.caption(
            "The encoder is read once; then each pooling head learns, one after the other."
            if wish.how == FROZEN
            else "Each run learns in a process of its own; its score comes when it ends."
        )
        return
    unit, after = (
        ("epoch", "after each epoch") if wish.how == FROZEN else ("seeds", "after each seed")
    )
    names = list(dict.fromkeys(name for name, _, _ in points))
    rows = []
    for name in names:
        last = [score for head, _, score in points if head == name]
        rows.append({"pooling head": name, unit: len(last), "score": last[-1], "curve": last})
    tables.table(
        rows,
        {
            "score": st.column_config.NumberColumn("score so far", format="%.3f"),
            "curve": st.column_config.LineChartColumn(after, y_min=0.0, y_max=1.0),
        },
    )
