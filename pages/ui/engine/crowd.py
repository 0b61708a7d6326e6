"""Many people at once: attributions in turn, with fewer points until nobody waits any more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analysis.common.jobs import time_in_words
from analysis.common.threads import few_threads
from analysis.common.turns import Turns
from pages.ui.engine import models

FEW_STEPS = 8  # points along the line while many people wait
CROWD = 3  # people at once from which points are saved
QUIET_SECONDS = 2.0  # without anybody waiting, until all points are taken
NOTICE = (
    f"Many people use this server now: {FEW_STEPS} points along the line; all of them as soon as "
    "it is quiet."
)
LATER = "This is measured once no attribution is waiting."
_CORES = os.cpu_count() or 2
# The other cores are left for cards, unless many wait: then each has a core to itself.
_TURNS = Turns(_CORES // 2, _CORES, CROWD)


@contextmanager
def turn(say: Callable[[str], None]) -> Iterator[None]:
    """One's turn to compute while others compute, too; typing that goes on gives it up.

    `say` is told how many come first. While many people wait each computes with one thread.
    """
    context = get_script_run_ctx()

    def wait(place: int, seconds: float) -> None:
        models.leave_if_stale(0.0)
        others = "another person's" if place == 1 else f"{place} other people's"
        say(f"Waiting for {others} attributions, about {time_in_words(seconds)}")

    who = context.session_id if context is not None else ""
    with _TURNS.turn(who, wait), few_threads(1) if crowded() else nullcontext():
        yield


def crowded() -> bool:
    """Whether so many people wait that points are saved."""
    return _TURNS.people >= CROWD


def quiet() -> bool:
    """Whether nobody has waited for a while."""
    return _TURNS.people == 0 and _TURNS.quiet_seconds >= QUIET_SECONDS


@st.fragment(run_every=1.0)
def refine() -> None:
    """Draw the page anew, with all points, once nobody waits any more."""
    if quiet():
        st.rerun()
