"""The Train page below its title: what is fitted, the run, and the fits that there are."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis.common.phrases import amount
from pages.ui.data import choose
from pages.ui.engine import jobs, models
from pages.ui.frame import sidebar
from pages.ui.frame.catalogue import catalogue
from pages.ui.kit import cards
from pages.ui.train import controls, results
from pages.ui.train.fit_job import Wish, begun, running_curves, work

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def draw() -> None:
    """Data and encoder above, one button, curves while it runs, then what came of it."""
    st.html(f"<style>{_STYLE}</style>")
    sidebar.draw_precision()
    checkpoints = catalogue()
    models.wait_until_warm()
    data = choose.choose((), any_labels=True)
    encoder = controls.encoder(checkpoints)
    wish = None
    if data.table is not None:
        wish = controls.wish(data, encoder)
    fresh = _run(wish) if wish is not None else None
    results.draw(fresh)
    sidebar.draw_sidebar(checkpoints, (), lazy=True)


def _run(wish: Wish) -> str | None:
    """The button, and while it works its curves; the name of a fit that has just ended."""
    problem = controls.refusal(wish)
    if problem:
        st.warning(cards.plain(problem), icon=":material/block:")
        return None
    job = jobs.draw(
        wish.key,
        work(wish),
        label=f"{controls.VERBS[wish.how]} {amount(len(wish.heads), 'pooling head')}, "
        f"{amount(wish.seeds, 'seed')}{' each' if len(wish.heads) > 1 else ''}",
        about=controls.about(wish),
        begun=begun(wish),
        finished=results.exists(wish.name),
        lane="fit",
        place="fit",
    )
    if job is not None and job.running:
        running_curves(wish)
    for note in job.results if job is not None else ():
        if isinstance(note, str):
            st.warning(cards.plain(note))
    return wish.name if results.exists(wish.name) else None
