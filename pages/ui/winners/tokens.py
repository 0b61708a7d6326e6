"""A checkpoint whose pooling head takes a maximum over tokens: who wins, and what it adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from analysis.common.phrases import listed
from analysis.figures.marks import Strip
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from analysis.figures.views.source import provenance_of
from analysis.figures.views.units import strip_of, units_of
from analysis.reading import groups
from analysis.reading.winners import part_of_maximum, wins_by_token
from pages.ui.engine.replies import Reply, common_limit
from pages.ui.frame.inputs import Choice
from pages.ui.kit import cards
from pages.ui.kit.show import export_menu

ABOUT = (
    "In every dimension one token holds the maximum and is all that is read. Upper strip: the "
    "share of the dimensions that a token wins; lower strip: what its winning values add to the "
    "explained class minus the mean of the others (split of the logit). A token that wins often "
    "may add little: wins are counted, contributions weighed."
)
_WINS, _ADDS = "Share of wins", "Contribution"


def shares(reply: Reply, words: bool) -> np.ndarray:
    """(U,) share of the dimensions that each unit of the text wins, mean over the seeds."""
    return np.asarray(_shares(reply, words).mean(axis=0))


def _shares(reply: Reply, words: bool) -> np.ndarray:
    """(M, U) the same of each seed."""
    rows = []
    for trace in reply.traces:
        won = trace.head.winners
        assert won is not None
        wins = wins_by_token(won, len(trace.tokens)).sum(axis=1)
        rows.append(wins / wins.sum())
    units = units_of(reply.traces[0].tokens, words)
    return np.array([[row[list(unit)].sum() for unit in units] for row in rows])


def _added(reply: Reply, words: bool) -> np.ndarray:
    """(M, U) what each unit adds to the explained class, of the maximum alone, for each seed."""
    part = part_of_maximum(reply.traces[0].head)
    rows = [
        split.by_token(reply.target)
        if part is None
        else split.contrast(reply.target)[part].sum(axis=1)
        for split in reply.splits
    ]
    units = units_of(reply.traces[0].tokens, words)
    return np.array([[row[list(unit)].sum() for unit in units] for row in rows])


def _spread(rows: np.ndarray, unit: str) -> tuple[str, ...]:
    """A note on how far the seeds lie apart; (M, U) values, nothing for a single one."""
    if len(rows) < 2:
        return ()
    deviation = rows.std(axis=0, ddof=1)
    return (
        f"Mean over {len(rows)} seeds; standard deviation {deviation.mean():.2g} {unit} on "
        f"average, {deviation.max():.2g} at most.",
    )


def strips(reply: Reply, choice: Choice) -> dict[str, Plot]:
    """Share of wins, and contribution where there is an exact split."""
    tokens = reply.traces[0].tokens
    units = units_of(tokens, choice.words)
    own = 100 * _shares(reply, choice.words)
    found = {_WINS: strip_of(tokens, units, own.mean(axis=0), "share of wins", "%")}
    notes = {_WINS: _spread(own, "points")}
    if reply.splits:
        split = groups.mean_decomposition(reply.splits)
        part = part_of_maximum(reply.traces[0].head)
        added = _added(reply, choice.words)
        found[_ADDS] = strip_of(tokens, units, added.mean(axis=0), "contribution", "logit")
        others = [name for index, name in enumerate(split.parts) if index != part]
        alone = f" Of the maximum alone: {listed(others)} are read beside it." if others else ""
        error = max(one.error for one in reply.splits)
        notes[_ADDS] = (
            f"Exact given the winners, relative to {_named(split.reference)}; "
            f"measured error {error:.0e}.{alone}",
            *_spread(added, "logits"),
        )
    owner = groups.mean_checkpoint(reply.entry.members, reply.entry.id)
    return {
        name: Plot(
            view="token_winners",
            title=f"{name} by token, {reply.entry.id}",
            mark=strip,
            provenance=provenance_of([owner], tokens, view="token_winners", quantity=name),
            notes=notes[name],
            caption=f"{name} ({strip.unit}) of each token.",
        )
        for name, strip in found.items()
    }


def _named(reference: str) -> str:
    return "the corpus mean" if reference == "corpus" else reference


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
                scale = (
                    f"full colour: {limits[kind]:g} %"
                    if kind == _WINS
                    else f"full colour: ±{limits[kind]:g} logits"
                )
                body.append(
                    f'<div class="title">{kind} <span class="line">({scale})</span></div>'
                    f'<div class="text">{html(strip, css=False, span=mark)}</div>'
                )
            cards.piece("".join(body), f"strips-{name}")
            best, share = _top(reply, choice)
            st.caption(
                cards.plain(
                    f"“{best}” wins most: {100 * share:.0f} % of the dimensions. "
                    + " ".join(note for plot in plots.values() for note in plot.notes)
                )
            )


def _top(reply: Reply, choice: Choice) -> tuple[str, float]:
    tokens = reply.traces[0].tokens
    values = shares(reply, choice.words)
    strip = strip_of(tokens, units_of(tokens, choice.words), values, "", "")
    best = int(values.argmax())
    return strip.labels[best], float(values[best])
