"""The answer over the last k layers, k = 1 .. L: all checkpoints in one picture, and who wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.common.faults import reason
from analysis.figures.plot import Plot
from analysis.figures.screen.sheet import Sheet
from analysis.figures.views import interventions
from analysis.reading import groups
from pages.ui.engine.replies import Reply
from pages.ui.frame.inputs import Choice
from pages.ui.kit import cards
from pages.ui.winners import engine
from pages.ui.winners.panel import framed

if TYPE_CHECKING:
    from analysis.interventions.effects import Sweep

ABOUT = (
    "The same weights asked again with another number of last k layers, nothing trained anew. "
    "Only the marked k was trained, so this shows how much the pooling head leans on its layers, "
    "and not how well one trained with another k would do."
)
ABOUT_WINNERS = (
    "Share of wins of every layer when the maximum runs over the last k layers, nothing trained "
    "anew. An empty cell did not compete. It says where values come from, not what they are worth."
)
ABOUT_POOLED = (
    "Cosine between the pooled vector over the last k layers and that over the k trained with: 1 "
    "is the same direction. It says how much the classifier's input changes, and not whether the "
    "change matters for a class."
)


def sweeps(shown: Sequence[Reply], choice: Choice) -> tuple[dict[str, list[Sweep]], list[str]]:
    """Sweeps of each entry's members; and for whom there is none, and why."""
    found: dict[str, list[Sweep]] = {}
    said = []
    for reply in shown:
        try:
            found[reply.entry.id] = [
                engine.sweep(member, choice.text, choice.pair) for member in reply.entry.members
            ]
        except Exception as error:
            said.append(reason(error, reply.entry.id))
    return found, said


def lines(found: dict[str, list[Sweep]], shown: Sequence[Reply]) -> list[Plot]:
    """One picture of all of them, or one for each that differs in layers or classes."""
    targets = {reply.entry.id: reply.target for reply in shown}
    alike: dict[tuple[object, ...], list[str]] = {}
    for name, entry in found.items():
        kind = (len(entry[0].last_k), entry[0].checkpoint.labels, targets[name])
        alike.setdefault(kind, []).append(name)
    plots = [
        interventions.sweep([found[name] for name in names], names, targets[names[0]])
        for names in alike.values()
    ]
    if len(plots) == 1:
        return plots
    return [
        replace(plot, title=f"{', '.join(names)}: {plot.title[0].lower()}{plot.title[1:]}")
        for plot, names in zip(plots, alike.values(), strict=True)
    ]


def turned(found: dict[str, list[Sweep]]) -> list[Plot]:
    """How far the pooled vector turns: of all, or of those each whose encoders are as deep."""
    alike: dict[int, list[str]] = {}
    for name, entry in found.items():
        alike.setdefault(len(entry[0].last_k), []).append(name)
    return [
        interventions.sweep_pooled([found[name] for name in names], names)
        for names in alike.values()
    ]


def who_wins(entry: Sequence[Sweep], name: str) -> Plot:
    """Shares of wins by k: of a seed group the mean."""
    if len(entry) == 1:
        return interventions.sweep_winners(entry[0])
    shares = np.stack([one.shares for one in entry])
    owner = groups.mean_checkpoint([one.checkpoint for one in entry], name)
    spread = 100 * float(np.nanmax(shares.std(axis=0, ddof=1)))
    mean = replace(entry[0], shares=shares.mean(axis=0), checkpoint=owner)
    note = (
        f"Mean over {len(entry)} seeds; the largest standard deviation in a cell is "
        f"{spread:.1f} points."
    )
    return replace(interventions.sweep_winners(mean), notes=(note,))


def draw(shown: Sequence[Reply], choice: Choice, detailed: str) -> None:
    """The lines of all, and the winners of the entry that is seen in detail."""
    found, said = sweeps(shown, choice)
    if said:
        st.caption(cards.plain(" ".join(said)))

    def marked(drawing: Sheet) -> None:
        _mark_trained(drawing, found)

    for index, plot in enumerate(lines(found, shown)):
        framed(plot, f"sweep-{index}", ABOUT, height=260, adjust=marked)
    if detailed in found:
        framed(
            who_wins(found[detailed], detailed),
            "sweep-winners",
            ABOUT_WINNERS,
            height=260,
            title=f"{detailed}: winners for each k",
        )
    for index, plot in enumerate(turned(found)):
        framed(plot, f"sweep-pooled-{index}", ABOUT_POOLED, height=260, adjust=marked)


def _mark_trained(drawing: Sheet, found: dict[str, list[Sweep]]) -> None:
    for k in sorted({one.trained for entry in found.values() for one in entry}):
        drawing.line_at("x", k, width=1.2)
    drawing.axis("x", dtick=1)
