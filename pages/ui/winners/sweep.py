"""The answer over the last k layers, k = 1 .. L: all checkpoints in one picture, and who wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.common.faults import reason
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.screen.sheet import Sheet
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import picture, subject_of
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.winners.panel import framed

if TYPE_CHECKING:
    from analysis.interventions.effects import Sweep

ABOUT = (
    "The same weights with another number of last k layers; nothing is trained again. "
    "Only the marked k was trained, so this shows how much the pooling head relies on its layers, "
    "and not how well one trained with another k would do."
)
ABOUT_WINNERS = (
    "Share of wins of every layer when the maximum runs over the last k layers; nothing is trained "
    "again. An empty cell did not compete. It says where values come from, not how much they "
    "matter."
)
ABOUT_POOLED = (
    "Cosine between the pooled vector over the last k layers and that over the k trained with: 1 "
    "is the same direction. It says how much the classifier's input changes, and not whether the "
    "change matters for a class."
)


def sweeps(shown: Sequence[Reply], choice: Choice) -> tuple[dict[str, list[Sweep]], list[str]]:
    """Sweeps of each entry's members; and for whom there is none, and why."""
    known: dict[str, list[Sweep]] = {}
    problems = []
    for reply in shown:
        try:
            subject = subject_of(reply.entry, choice.text, choice.pair)
            known[reply.entry.id] = list(subject.each(results.sweep))
        except Exception as error:
            problems.append(reason(error))
    return known, problems


def lines(known: dict[str, list[Sweep]], shown: Sequence[Reply], choice: Choice) -> list[Plot]:
    """One picture of all of them, or one for each that differs in layers or classes."""
    alike: dict[tuple[object, ...], list[Reply]] = {}
    for reply in shown:
        if reply.entry.id in known:
            first = known[reply.entry.id][0]
            kind = (len(first.last_k), first.checkpoint.labels, reply.target)
            alike.setdefault(kind, []).append(reply)
    plots = [
        picture("sweep", [swept.entry for swept in some], choice, [swept.target for swept in some])
        for some in alike.values()
    ]
    if len(plots) == 1:
        return plots
    return [
        replace(
            plot,
            title=f"{', '.join(swept.entry.name for swept in some)}: "
            f"{plot.title[0].lower()}{plot.title[1:]}",
        )
        for plot, some in zip(plots, alike.values(), strict=True)
    ]


def turned(known: dict[str, list[Sweep]], shown: Sequence[Reply], choice: Choice) -> list[Plot]:
    """Plots of the pooled vector's change: of all, or of each group with equally deep encoders."""
    alike: dict[int, list[Reply]] = {}
    for reply in shown:
        if reply.entry.id in known:
            alike.setdefault(len(known[reply.entry.id][0].last_k), []).append(reply)
    return [
        picture(
            "sweep_pooled",
            [swept.entry for swept in some],
            choice,
            [swept.target for swept in some],
        )
        for some in alike.values()
    ]


def draw(shown: Sequence[Reply], choice: Choice, detailed: str) -> None:
    """The lines of all, and the winners of the entry that is seen in detail."""
    known, problems = sweeps(shown, choice)
    if problems:
        st.caption(cards.plain(" ".join(problems)))

    def marked(drawing: Sheet) -> None:
        _mark_trained(drawing, known)

    for index, plot in enumerate(lines(known, shown, choice)):
        framed(plot, f"sweep-{index}", ABOUT, height=260, adjust=marked)
    if detailed in known:
        entry = next(reply.entry for reply in shown if reply.entry.id == detailed)
        framed(
            picture("sweep_winners", [entry], choice),
            "sweep-winners",
            ABOUT_WINNERS,
            height=260,
            title=f"{entry.name}: winners for each k",
        )
    for index, plot in enumerate(turned(known, shown, choice)):
        framed(plot, f"sweep-pooled-{index}", ABOUT_POOLED, height=260, adjust=marked)


def _mark_trained(drawing: Sheet, known: dict[str, list[Sweep]]) -> None:
    for k in sorted({swept.trained for entry in known.values() for swept in entry}):
        drawing.line_at("x", k, width=1.2)
    drawing.axis("x", dtick=1)
