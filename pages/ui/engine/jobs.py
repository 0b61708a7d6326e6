"""Long work on a page: progress with the time left, a stop that keeps what is done, going on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from analysis.common import jobs
from analysis.common.record_lines import Keyed
from pages.ui.engine import visitor
from pages.ui.frame import settings
from pages.ui.kit import cards

EVERY = 0.7  # seconds between two looks at a running job
MOST = 3  # jobs of one visitor of a shared server that wait or run
OFF = "This server runs no data sets, fits and maps: its operator has switched them off."
MOST_WAITING = 30  # jobs of all visitors together


def draw(
    key: str,
    work: Callable[[jobs.Desk], object],
    *,
    label: str,
    about: str = "",
    finished: bool = False,
    begun: bool = False,
    lane: str = "data",
    place: str = "job",
    anew: Callable[[], bool] | None = None,
) -> jobs.Job | None:
    """A button that begins the job of this key; while it runs its progress and a Stop.

    ``finished`` says that nothing is left to do (then nothing is drawn), ``begun`` that a part is
    done and kept, so that the button goes on. The page is drawn anew when the job ends, and while
    it runs as soon as ``anew`` says so. A page with several jobs gives each a ``place`` of its own.
    """
    key = visitor.own(key)
    with st.container(key=place):
        job = jobs.find(key)
        if job is not None and job.running:
            _watch(key, place, anew)
            return job
        if job is not None and job.state == "failed" and not finished:
            st.error(cards.plain(job.error or "It failed without a message."))
        if not finished:
            if not settings.read().jobs:
                st.caption(OFF)
                return job
            name = visitor.name()
            full = _why_full(name) if name else ""
            st.button(
                "Go on" if begun else label,
                key=f"{place}-go",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_start,
                args=(key, work),
                kwargs={"lane": lane, "again": True},  # what it made may have been cleared
                disabled=bool(full),
            )
            if full:
                st.caption(full)
            if about:
                st.caption(about)
        return job


def draw_pass(
    key: str,
    work: Callable[[jobs.Desk], object],
    records: Sequence[Keyed],
    total: int,
    *,
    label: str,
    about: str,
    lane: str,
    place: str = "job",
) -> None:
    """The button of a pass over texts that keeps a record a piece, ``total`` in the end.

    Pieces that failed in a way that nobody foresaw are tried again when it goes on, and offered
    for it where nothing else is left.
    """
    again = sum(record.unforeseen for record in records)
    whole = len(records) >= total
    if whole and again:
        label = f"Try {again:,} again"
        about = (
            f"{again:,} of {total:,} failed in a way that was not foreseen, and may not fail twice."
        )
    draw(
        key,
        work,
        label=label,
        about=about,
        finished=whole and not again,
        begun=bool(records) and not whole,
        lane=lane,
        place=place,
    )


def find(key: str) -> jobs.Job | None:
    """The job of this key, of this visitor."""
    return jobs.find(visitor.own(key))


def begin(key: str, work: Callable[[jobs.Desk], object], *, lane: str = "data") -> None:
    """Begin a job that nobody has to ask for, where the server has room for it."""
    name = visitor.name()
    if settings.read().jobs and not (name and _why_full(name)):
        _start(visitor.own(key), work, lane, again=True)


def _start(key: str, work: Callable[[jobs.Desk], object], lane: str, again: bool) -> None:
    jobs.start(key, work, lane=lane, again=again, owner=visitor.name())


def _why_full(name: str) -> str:
    """Why this visitor can begin no more work now; "" where nothing stands against it."""
    if jobs.running(name) >= MOST:
        return f"{MOST} pieces of your work are under way: wait for one, or stop it."
    if jobs.waiting() >= MOST_WAITING:
        return f"{MOST_WAITING} pieces of work are waiting on this server: come back later."
    return ""


@st.fragment(run_every=EVERY)
def _watch(key: str, place: str, anew: Callable[[], bool] | None) -> None:
    job = jobs.find(key)
    if job is None or not job.running or (anew is not None and anew()):
        st.rerun()
    progress = job.progress
    sentence = progress.sentence()
    if job.state == "waiting":
        before = jobs.ahead(job)
        others = "another piece of work" if before == 1 else f"{before} other pieces of work"
        sentence = f"Waiting for {others} to end" if before else "About to begin"
        seconds = jobs.seconds_ahead(job)
        if before and seconds:
            sentence += f", in about {jobs.time_in_words(seconds)}"
    if job.stopping:
        sentence = f"Stopping; {sentence}" if sentence else "Stopping"
    with st.container(key=f"{place}-running"):
        st.progress(progress.share, cards.plain(sentence or "Beginning"))
        st.button(
            "Stop",
            key=f"{place}-stop",
            icon=":material/stop:",
            disabled=job.stopping,
            on_click=job.stop,
            help="What is done is kept.",
        )
