"""A checkpoint whose pooling head takes a maximum over tokens: who wins, and what it adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from analysis import groups
from analysis.figures.markup import html
from analysis.figures.plot import Plot, Strip
from analysis.figures.source import provenance_of
from analysis.figures.units import strip_of, units_of
from analysis.winners import part_of_maximum
from analysis.words import wins_by_token
from pages.ui import cards
from pages.ui.inputs import Choice
from pages.ui.replies import Reply, common_limit
from pages.ui.show import export_menu

ABOUT = (
    "In every dimension one token holds the maximum and is all that is read. Upper strip: the "
    "share of the dimensions that a token wins; lower strip: what its winning values add to the "
    "explained class minus the mean of the others (exact split). A token that wins often may add "
    "little: wins are counted, contributions weighed."
)
_WINS, _ADDS = "Share of wins", "Contribution"


def shares(reply: Reply, words: bool) -> np.ndarray:
    """(U,) share of the dimensions that each unit of the text wins, mean over the seeds."""
    rows = []
    for trace in reply.traces:
        won = trace.head.winners
        assert won is not None
        wins = wins_by_token(won, len(trace.tokens)).sum(axis=1)
        rows.append(wins / wins.sum())
    units = units_of(reply.traces[0].tokens, words)
    mean = np.mean(rows, axis=0)
    return np.array([mean[list(unit)].sum() for unit in units])


def strips(reply: Reply, choice: Choice) -> dict[str, Plot]:
    """Share of wins, and contribution where there is an exact split."""
    tokens = reply.traces[0].tokens
    units = units_of(tokens, choice.words)
    wins = strip_of(tokens, units, 100 * shares(reply, choice.words), "share of wins", "%")
    found = {_WINS: wins}
    notes: dict[str, tuple[str, ...]] = {}
    if reply.splits:
        split = groups.mean_decomposition(reply.splits)
        part = part_of_maximum(reply.traces[0].head)
        added = (split.by_token(reply.target) if part is None
                 else split.contrast(reply.target)[part].sum(axis=1))  # fmt: skip
        values = np.array([added[list(unit)].sum() for unit in units])
        found[_ADDS] = strip_of(tokens, units, values, "contribution", "logit")
        others = [name for index, name in enumerate(split.parts) if index != part]
        alone = f" Of the maximum alone: {_listed(others)} are read beside it." if others else ""
        notes[_ADDS] = (f"Exact given the winners, relative to {_named(split.reference)}; "
                        f"measured error {split.error:.0e}.{alone}",)  # fmt: skip
    owner = groups.mean_checkpoint(reply.entry.members, reply.entry.id)
    return {
        name: Plot(
            view="token_winners", title=f"{name} by token, {reply.entry.id}", mark=strip,
            provenance=provenance_of([owner], tokens, view="token_winners", quantity=name),
            notes=notes.get(name, ()), caption=f"{name} ({strip.unit}) of each token.",
        )
        for name, strip in found.items()
    }


def _named(reference: str) -> str:
    return "the corpus mean" if reference == "corpus" else reference


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" and {parts[-1]}"


def draw(shown: Sequence[Reply], choice: Choice) -> None:
    """One card each; strips of one kind share their scale."""
    made = [(reply, strips(reply, choice)) for reply in shown]
    limits: dict[str, float] = {}
    for kind in (_WINS, _ADDS):
        bounds = [p[kind].mark.bound for _, p in made if kind in p]  # type: ignore[union-attr]
        if bounds:
            name = f"tokens-{kind}"
            limits[kind] = common_limit(name, choice.key, max(bounds), st.session_state)
    mark = cards.marked(choice.text, choice.pair)
    for reply, plots in made:
        name = reply.entry.id
        with st.container(border=True, key=f"won-{name}"):
            with st.container(key=f"won-title-{name}"):
                st.markdown(f"**{cards.plain(name)}**: winning tokens", help=ABOUT)
                export_menu(plots, f"export-won-{name}")
            body = []
            for kind, plot in plots.items():
                assert isinstance(plot.mark, Strip)
                strip = replace(plot.mark, limit=limits[kind])
                scale = (f"full colour: {limits[kind]:g} %" if kind == _WINS
                         else f"full colour: ±{limits[kind]:g} logits")  # fmt: skip
                body.append(f'<div class="title">{kind} <span class="line">({scale})</span></div>'
                            f'<div class="text">{html(strip, css=False, span=mark)}</div>')
            cards.piece("".join(body), f"strips-{name}")
            best, share = _top(reply, choice)
            many = f" Mean over {len(reply.traces)} seeds." if len(reply.traces) > 1 else ""
            st.caption(cards.plain(
                f"“{best}” wins most: {100 * share:.0f} % of the dimensions.{many} "
                + " ".join(note for plot in plots.values() for note in plot.notes)
            ))  # fmt: skip


def _top(reply: Reply, choice: Choice) -> tuple[str, float]:
    tokens = reply.traces[0].tokens
    values = shares(reply, choice.words)
    strip = strip_of(tokens, units_of(tokens, choice.words), values, "", "")
    best = int(values.argmax())
    return strip.labels[best], float(values[best])
