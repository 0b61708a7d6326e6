"""Long work on a page: progress with the time left, a stop that keeps what is done, going on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from analysis.common import jobs
from pages.ui.engine import visitor
from pages.ui.kit import cards

EVERY = 0.7  # seconds between two looks at a running job
MOST = 3  # jobs of one visitor of a shared server that wait or run


def draw(
    key: str,
    work: Callable[[jobs.Desk], Any],
    *,
    label: str,
    about: str = "",
    finished: bool = False,
    begun: bool = False,
    lane: str = "data",
    place: str = "job",
) -> jobs.Job | None:
    """A button that begins the job of this key; while it runs its progress and a Stop.

    ``finished`` says that nothing is left to do (then nothing is drawn), ``begun`` that a part is
    done and kept, so that the button goes on. The page is drawn anew when the job ends. A page
    with several jobs gives each a ``place`` of its own.
    """
    key = visitor.own(key)
    with st.container(key=place):
        job = jobs.find(key)
        if job is not None and job.running:
            _watch(key, place)
            return job
        if job is not None and job.state == "failed" and not finished:
            st.error(cards.plain(job.error or "It failed and said nothing."))
        if not finished:
            name = visitor.name()
            full = bool(name) and jobs.running(name) >= MOST
            st.button(
                "Go on" if begun else label,
                key=f"{place}-go",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_start,
                args=(key, work),
                kwargs={"lane": lane, "again": True},  # what it made may have been cleared
                disabled=full,
            )
            if full:
                st.caption(f"{MOST} pieces of your work are under way: wait for one, or stop it.")
            if about:
                st.caption(about)
        return job


def _start(key: str, work: Callable[[jobs.Desk], Any], lane: str, again: bool) -> None:
    jobs.start(key, work, lane=lane, again=again)


@st.fragment(run_every=EVERY)
def _watch(key: str, place: str) -> None:
    job = jobs.find(key)
    if job is None or not job.running:
        st.rerun()
    progress = job.progress
    told = progress.sentence()
    if job.state == "waiting":
        before = jobs.ahead(job)
        others = "another piece of work" if before == 1 else f"{before} other pieces of work"
        told = f"Waiting for {others} to end" if before else "About to begin"
    if job.stopping:
        told = f"Stopping; {told}" if told else "Stopping"
    with st.container(key=f"{place}-running"):
        st.progress(progress.share, cards.plain(told or "Beginning"))
        st.button(
            "Stop",
            key=f"{place}-stop",
            icon=":material/stop:",
            disabled=job.stopping,
            on_click=job.stop,
            help="What is done is kept.",
        )
