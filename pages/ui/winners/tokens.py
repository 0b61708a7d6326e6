"""A checkpoint whose pooling head takes a maximum over tokens: who wins, and what it adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from analysis.figures.marks import Strip
from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from analysis.figures.views.winning_tokens import QUANTITIES
from pages.ui.engine.replies import Reply, common_limit
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.show import export_menu

ABOUT = (
    "In every dimension one token holds the maximum and is all that is read. Upper strip: the "
    "share of the dimensions that a token wins; lower strip: what its winning values add to the "
    "explained class minus the mean of the others (split of the logit). A token that wins often "
    "may add little: wins are counted, contributions weighed."
)
_WINS, _ADDS = QUANTITIES.values()


def strips(
    reply: Reply, choice: Choice, reference: str | None, limits: Mapping[str, float] | None = None
) -> dict[str, Plot]:
    """Share of wins, and contribution where there is an exact split."""
    return {
        name: picture(
            "token_winners",
            [reply.entry],
            choice,
            [reply.target],
            quantity=quantity,
            words=choice.words,
            reference=reference,
            limit=(limits or {}).get(name),
        )
        for quantity, name in QUANTITIES.items()
        if quantity == "wins" or reply.splits
    }


def draw(shown: Sequence[Reply], choice: Choice, reference: str | None) -> None:
    """One card each; strips of one kind share their scale."""
    made = [(reply, strips(reply, choice, reference)) for reply in shown]
    limits: dict[str, float] = {}
    for kind in (_WINS, _ADDS):
        bounds = [p[kind].mark.bound for _, p in made if kind in p]  # type: ignore[union-attr]
        if bounds:
            name = f"tokens-{kind}"
            limits[kind] = common_limit(name, choice.key, max(bounds), st.session_state)
    mark = cards.marked(choice.text, choice.pair)
    for reply in shown:
        plots = strips(reply, choice, reference, limits)
        name = reply.entry.id
        with st.container(border=True, key=f"won-{name}"):
            with st.container(key=f"won-title-{name}"):
                st.markdown(f"**{cards.plain(reply.entry.name)}**: winning tokens", help=ABOUT)
                export_menu(plots, f"export-won-{name}")
            body = []
            for kind, plot in plots.items():
                assert isinstance(plot.mark, Strip)
                scale = (
                    f"full colour: {limits[kind]:g} %"
                    if kind == _WINS
                    else f"full colour: ±{limits[kind]:g} logits"
                )
                body.append(
                    f'<div class="title">{kind} <span class="line">({scale})</span></div>'
                    f'<div class="text">{html(plot.mark, css=False, span=mark)}</div>'
                )
            cards.piece("".join(body), f"strips-{name}")
            best, share = _top(plots[_WINS])
            st.caption(
                cards.plain(
                    f"“{best}” wins most: {100 * share:.0f} % of the dimensions. "
                    + " ".join(note for plot in plots.values() for note in plot.notes)
                )
            )


def _top(plot: Plot) -> tuple[str, float]:
    """The unit that wins most, and its share."""
    assert isinstance(plot.mark, Strip)
    best = int(plot.mark.values.argmax())
    return plot.mark.labels[best], float(plot.mark.values[best]) / 100
