"""The answer over the last k layers, k = 1 .. L: all checkpoints in one picture, and who wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from analysis import groups
from analysis.figures import views_winners
from analysis.figures.plot import Plot
from pages.ui import cards, engine_winners
from pages.ui.inputs import Choice
from pages.ui.replies import Reply
from pages.ui.winners_panel import framed

if TYPE_CHECKING:
    from analysis.effects import Sweep

ABOUT = (
    "The same weights asked again with another number of last k layers, nothing trained anew. "
    "Only the marked k was trained, so this shows how much the pooling head leans on its layers, "
    "and not how well one trained with another k would do."
)
ABOUT_WINNERS = (
    "Share of wins of every layer when the maximum runs over the last k layers, nothing trained "
    "anew. An empty cell did not compete. It says where values come from, not what they are worth."
)


def sweeps(shown: Sequence[Reply], choice: Choice) -> tuple[dict[str, list[Sweep]], list[str]]:
    """Sweeps of each entry's members; and for whom there is none, and why."""
    found: dict[str, list[Sweep]] = {}
    said = []
    for reply in shown:
        try:
            found[reply.entry.id] = [
                engine_winners.sweep(member, choice.text, choice.pair)
                for member in reply.entry.members
            ]
        except ValueError as error:
            said.append(str(error))
    return found, said


def lines(found: dict[str, list[Sweep]], shown: Sequence[Reply]) -> list[Plot]:
    """One picture of all of them, or one for each that differs in layers or classes."""
    targets = {reply.entry.id: reply.target for reply in shown}
    alike: dict[tuple[object, ...], list[str]] = {}
    for name, entry in found.items():
        kind = (len(entry[0].last_k), entry[0].checkpoint.labels, targets[name])
        alike.setdefault(kind, []).append(name)
    return [
        views_winners.sweep([found[name] for name in names], names, targets[names[0]])
        for names in alike.values()
    ]


def who_wins(entry: Sequence[Sweep], name: str) -> Plot:
    """Shares of wins by k: of a seed group the mean."""
    if len(entry) == 1:
        return views_winners.sweep_winners(entry[0])
    shares = np.stack([one.shares for one in entry])
    owner = groups.mean_checkpoint([one.checkpoint for one in entry], name)
    spread = 100 * float(np.nanmax(shares.std(axis=0, ddof=1)))
    mean = replace(entry[0], shares=shares.mean(axis=0), checkpoint=owner)
    note = (f"Mean over {len(entry)} seeds; the largest standard deviation in a cell is "
            f"{spread:.1f} points.")  # fmt: skip
    return replace(views_winners.sweep_winners(mean), notes=(note,))


def draw(shown: Sequence[Reply], choice: Choice, detailed: str) -> None:
    """The lines of all, and the winners of the entry that is seen in detail."""
    found, said = sweeps(shown, choice)
    with st.container(key="sweep-lines"):
        for index, plot in enumerate(lines(found, shown)):
            framed(plot, "sweep" if not index else f"sweep-{index}", ABOUT, height=300,
                   adjust=lambda drawing: _mark_trained(drawing, found))  # fmt: skip
    with st.container(key="sweep-winners"):
        if detailed in found:
            framed(who_wins(found[detailed], detailed), "sweep-winners", ABOUT_WINNERS, height=300,
                   title=f"{detailed}: winners for each k")  # fmt: skip
    if said:
        st.caption(cards.plain(" ".join(said)))


def _mark_trained(drawing: Any, found: dict[str, list[Sweep]]) -> None:
    for k in sorted({one.trained for entry in found.values() for one in entry}):
        drawing.add_vline(x=k, line={"width": 1.2, "dash": "dot", "color": "#808080"})
    drawing.update_xaxes(dtick=1)
