"""A fit as a job: states of the encoder, one pooling head after the other, then checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.common import arrays, jobs
from analysis.common.jobs import Desk
from analysis.common.whole import whole_folder, why_not_written, write_whole
from analysis.datasets.table import Table
from pages.ui.engine import visitor
from pages.ui.engine.results_folder import folder

if TYPE_CHECKING:
    from training.frozen.fit import Progress

WISH = "wish.json"
_UNITS = 100  # of a job's progress


@dataclass(frozen=True)
class Wish:
    """What is fitted, and the name it is kept under."""

    table: Table
    data: str
    encoder: str
    heads: tuple[str, ...]
    seeds: int
    name: str

    @property
    def digest(self) -> str:
        """What this is, apart from its name: another data set, encoder or budget is another."""
        values = [self.table.digest, self.table.label_digest, self.encoder, self.heads, self.seeds]
        return sha256(json.dumps(values).encode()).hexdigest()[:20]

    @property
    def key(self) -> str:
        return f"fit-{self.digest}-{sha256(self.name.encode()).hexdigest()[:8]}"


def root() -> Path:
    """The folder of all fits, each a folder of its own with its checkpoints in it."""
    return folder() / "fits"


def work(wish: Wish) -> Callable[[Desk], Any]:
    """The job. What is done of the encoder's states is used again after a stop or a restart."""
    place = root() / wish.name

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


@st.fragment(run_every=1.0)
def running_curves(key: str) -> None:
    """The score of each head after each epoch, as they come."""
    job = jobs.find(visitor.own(key))
    if job is None:
        return
    points = [result for result in job.results if isinstance(result, tuple)]
    if not points:
        st.caption("The encoder is read once; then each pooling head learns, one after the other.")
        return
    names = list(dict.fromkeys(name for name, _, _ in points))
    rows = []
    for name in names:
        last = [score for head, _, score in points if head == name]
        rows.append({"pooling head": name, "epoch": len(last), "score": last[-1], "curve": last})
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "score": st.column_config.NumberColumn("score so far", format="%.3f"),
            "curve": st.column_config.LineChartColumn("after each epoch", y_min=0.0, y_max=1.0),
        },
    )
