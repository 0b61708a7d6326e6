"""Methods that take a while: what they would take, a button, and the job with its stop."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.attribution import METHODS
from analysis.checkpoints.checkpoint import Checkpoint
from analysis.common.jobs import time_in_words
from pages.ui.attributions import engine
from pages.ui.attributions.controls import AttributionRequest
from pages.ui.attributions.entry import Explanation, at_once, shared
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards

_REQUESTED = "attribution_job_asked"
# Passes over the text from which words as units are offered.
_MANY = 5_000


def leave_others(choice: Choice, request: AttributionRequest) -> None:
    """End a job of another question: nobody waits for it, and it holds its model."""
    now = _signature(choice, request)
    if st.session_state.get(_REQUESTED) not in (None, now):
        engine.stop()
    st.session_state[_REQUESTED] = now


def _signature(choice: Choice, request: AttributionRequest) -> object:
    return (
        choice.text,
        choice.pair,
        choice.target,
        choice.words,
        engine.precision(),
        request.output,
        request.against,
        request.baseline,
        request.baseline_text,
        request.span,
        request.seed,
        tuple(sorted(request.options.items())),
        request.methods,
    )


def draw(explained: Sequence[Explanation], request: AttributionRequest) -> None:
    """Offer what was not computed at once; show what is running, and what was stopped."""
    with st.container(key="waiting"):
        if watch("strips"):
            return
        for key in request.methods:
            if not at_once(explained, key):
                offer(key, explained)
            elif any(
                result.stopped
                for explanation in shared(explained, key)
                for result in explanation.results[key]
            ):
                _continue(key, explained)


def watch(place: str) -> bool:
    """Show this panel's job with its stop; False where no job runs."""
    job = engine.running()
    if job is None:
        failed = engine.failure() if engine.place() == place else ""
        if failed:
            st.caption(cards.plain(failed))
        return False
    if engine.place() == place:
        _watch(place)
    else:
        st.caption("This can start once the computation above has ended.")
    return True


@st.fragment(run_every=0.5)
def _watch(place: str) -> None:
    """Drawn twice a second; the whole page is drawn anew when the job has ended."""
    job = engine.running()
    if job is None:
        st.rerun()
    with st.container(key=f"waiting-row-{place}"):
        progress = job.progress
        phrase = f"{100 * progress.share:.0f} %"
        if job.state == "waiting":
            phrase = "Waiting for other work to end"
        if progress.seconds_left is not None and progress.share < 1:
            phrase += f", {time_in_words(progress.seconds_left)} left"
        st.progress(progress.share, phrase)
        st.button(
            "Stopping" if job.stopping else "Stop",
            key=f"attribution-stop-{place}",
            icon=":material/stop:",
            on_click=engine.stop,
            disabled=job.stopping,
        )


def offer(key: str, explained: Sequence[Explanation], place: str = "strips") -> None:
    """Show the cost of a method and the buttons that begin it; `place` shows its progress."""
    waiting = [explanation for explanation in explained if explanation.waits_for(key)]
    first = waiting[0]
    members = [member for explanation in waiting for member in explanation.waits_for(key)]
    question, cost = first.questions[key], first.costs[key]
    each = engine.seconds(first.entry.first, question)
    own = time_in_words(each * len(first.waits_for(key)))
    sentence = (
        f"{METHODS[key].title}: {cost.passes:,} passes over {len(first.tokens)} tokens for each "
        f"checkpoint, about {time_in_words(each)} each."
    )
    if cost.most > cost.passes:
        sentence = (
            f"{METHODS[key].title}: from {cost.passes:,} up to {cost.most:,} passes over "
            f"{len(first.tokens)} tokens for each checkpoint, until the tolerance is reached: from "
            f"{time_in_words(each)} up to {time_in_words(each * cost.most / cost.passes)} each."
        )
    if cost.passes_as_words < cost.passes and cost.passes > _MANY:
        words = each * cost.passes_as_words / cost.passes
        sentence += (
            f" With words as units {cost.passes_as_words:,} passes, about {time_in_words(words)}."
        )
    apart = "" if place == "strips" else f"{place}-"
    with st.container(key=f"{apart}offer-{key}"):
        st.caption(cards.plain(sentence))
        with st.container(horizontal=True, key=f"{apart}offer-buttons-{key}"):
            st.button(
                f"Compute for {cards.plain(first.name)} ({own})",
                key=f"{apart}compute-{key}",
                on_click=_start,
                args=([(m, question) for m in first.waits_for(key)], place),
            )
            if len(waiting) > 1:
                everyone = [
                    (m, explanation.questions[key])
                    for explanation in waiting
                    for m in explanation.waits_for(key)
                ]
                st.button(
                    f"for all {len(members)} ({time_in_words(each * len(members))})",
                    key=f"{apart}compute-all-{key}",
                    on_click=_start,
                    args=(everyone, place),
                )
            if cost.passes_as_words < cost.passes and cost.passes > _MANY:
                st.button("Use words as units", key=f"{apart}words-{key}", on_click=_use_words)


def _continue(key: str, explained: Sequence[Explanation]) -> None:
    stopped = [
        (member, explanation.questions[key])
        for explanation in shared(explained, key)
        for member, result in zip(explanation.entry.members, explanation.results[key], strict=True)
        if result.stopped
    ]
    with st.container(horizontal=True, key=f"stopped-{key}", vertical_alignment="center"):
        st.caption(
            f"{METHODS[key].title} was stopped: its scores and intervals use the samples "
            "drawn so far."
        )
        st.button("Compute in full", key=f"again-{key}", on_click=_start, args=(stopped,))


def _start(questions: list[tuple[Checkpoint, engine.Question]], place: str = "strips") -> None:
    engine.start([engine.task(member, question) for member, question in questions], place)


def _use_words() -> None:
    st.session_state["unit"] = "words"
