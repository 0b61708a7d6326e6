"""One checkpoint in detail: a token's dimensions, win margins, the sweep over k."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.common.faults import reason
from analysis.common.phrases import name_without_folder
from analysis.figures.recipes import results
from analysis.figures.screen.sheet import Sheet
from analysis.figures.style.style import printable
from analysis.reading.decomposition import Decomposition, NoExactSplit
from analysis.reading.dimensions import Dimensions, dimensions
from analysis.reading.trace import Trace
from analysis.reading.winners import part_of_maximum
from pages.ui.engine import models
from pages.ui.engine.replies import Reply
from pages.ui.engine.results import member_of, picture
from pages.ui.frame.catalogue import Entry
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, selection, tables
from pages.ui.kit.show import export_menu
from pages.ui.kit.titles import titled
from pages.ui.winners import sweep
from pages.ui.winners.cards import token_of
from pages.ui.winners.panel import framed

_WIDTHS = {"dimension": 84, "contribution": 96, "weight": 60, "win margin": 88}  # pixels
ABOUT_DIMENSIONS = (
    "The ten dimensions of one token that add most to the explained class minus the mean of the "
    "others: contribution = weight × (value − reference). The split is exact given the source "
    "layers and attention weights; it does not say what would be lost without a layer."
)
ABOUT_HELD = (
    "Of the dimensions in which this token holds the maximum, the ten that add most to the "
    "explained class minus the mean of the others: contribution = weight × (value − reference). "
    "The win margin is the distance to the token that would hold the dimension instead."
)
ABOUT_MARGINS = (
    "The win margin is the maximum minus the runner-up, in units of the hidden states. A small "
    "margin says that another layer or token could have won as well, not how much that matters."
)


def draw(shown: Sequence[Reply], choice: Choice, reference: str | None) -> None:
    """The details of the checkpoint that is chosen here, beside the sweep of all."""
    owners = {trace.checkpoint.id: (reply, trace) for reply in shown for trace in reply.traces}
    if not owners:
        return
    names = list(owners)
    if st.session_state.get("detail_checkpoint") not in names:
        # the richest one: where every token is pooled
        st.session_state["detail_checkpoint"] = max(names, key=lambda n: _places(owners[n][1]))
    with st.container(key="detail-controls"):
        name = st.selectbox(
            "Checkpoint in detail",
            names,
            key="detail_checkpoint",
            width=260,
            format_func=name_without_folder,
        )
        reply, trace = owners[name]
        token = 0
        if not _only_cls(trace):
            token = token_of(reply, choice)
            _token_menu(choice, trace, token)
    with st.container(key="detail-grid"):
        with st.container(key="detail-dimensions"):
            _draw_dimensions(trace, choice, token, reply.target, reference)
        with st.container(key="detail-margins"):
            _draw_margins(trace, choice)
    with st.container(key="sweep-grid"):
        sweep.draw(shown, choice, reply.entry.id)


def _places(trace: Trace) -> int:
    won = trace.head.winners
    return won.layer.size if won is not None else 0


def _only_cls(trace: Trace) -> bool:
    won = trace.head.winners
    return won is not None and won.token is None and won.layer.ndim == 1


def _token_menu(choice: Choice, trace: Trace, token: int) -> None:
    tokens = trace.tokens
    st.session_state["winner_token"] = token
    st.selectbox(
        "Token",
        range(len(tokens)),
        key="winner_token",
        width=200,
        format_func=lambda t: f"{t} · {printable(tokens.labels[t], 24)}",
        on_change=lambda: selection.choose(
            choice.text, choice.pair, tokens, int(st.session_state["winner_token"])
        ),
        help="Or click a cell of the map. The same token is marked on the other pages.",
    )


def _draw_dimensions(
    trace: Trace, choice: Choice, token: int, target: int, reference: str | None
) -> None:
    import pandas as pd

    label = trace.tokens.labels[token]
    with st.container(border=True, key="dimensions"):
        over_tokens = trace.head.winners is not None and trace.head.winners.token is not None
        about = ABOUT_HELD if over_tokens else ABOUT_DIMENSIONS
        with titled(f"{printable(label, 24)}: its dimensions", about, "dimensions"):
            export = st.container(width="content")
        try:
            split = models.split(trace, reference)
            if isinstance(split, str):
                raise NoExactSplit(split)
            table = dimensions(trace, token, target, split.reference, part_of_maximum(trace.head))
        except Exception as error:
            st.caption(cards.plain(reason(error)))
            return
        rows = _rows(table) if not over_tokens else _held(table)
        if rows["dimension"]:
            plot = picture(
                "dimensions",
                [_alone(trace)],
                choice,
                [target],
                token=token,
                reference=table.reference,
            )
            with export:
                export_menu({plot.title: plot}, "export-dimensions")
            narrow = {name: st.column_config.Column(width=_WIDTHS.get(name, 70)) for name in rows}
            tables.table(pd.DataFrame(rows), narrow, height="content")
        st.caption(cards.plain(_sum(trace, split, table, target)))


def _held(table: Dimensions) -> dict[str, list[object]]:
    """The dimensions that this token holds, where tokens compete."""
    assert table.held_by is not None
    best = [j for j in table.largest(len(table.value)) if table.held_by[j] == table.token][:10]
    return {
        "dimension": list(map(int, best)),
        "contribution": [f"{table.contribution[j]:+.3f}" for j in best],
        "weight": [f"{table.weight[j]:+.3f}" for j in best],
        "maximum": [f"{table.value[j]:+.3f}" for j in best],
        "win margin": [f"{table.margin[j]:.3f}" for j in best],
    }


def _rows(table: Dimensions) -> dict[str, list[object]]:
    best = table.largest(10)
    rows: dict[str, list[object]] = {
        "dimension": best.tolist(),
        "contribution": [f"{table.contribution[j]:+.3f}" for j in best],
        "weight": [f"{table.weight[j]:+.3f}" for j in best],
    }
    for k, layer in enumerate(table.layers):
        rows[f"layer {layer}"] = [
            f"{table.by_layer[k, j]:+.3f}" + (" ●" if table.source[j] == layer else "")
            for j in best
        ]
    rows["win margin"] = [f"{table.margin[j]:.3f}" for j in best]
    return rows


def _sum(trace: Trace, split: Decomposition, table: Dimensions, target: int) -> str:
    """The sum of the table, up to the logit itself with the measured error."""
    top = table.contribution[table.largest(10)].sum()
    label = trace.checkpoint.labels[target] if trace.checkpoint.labels else "the output"
    whose = ("all" if table.held_by is None else "all that it holds,") + f" {table.won}"
    sentence = (
        "● is the source layer. "
        if table.held_by is None
        else (
            f"This token holds {table.won} of {len(table.value)} dimensions. "
            if table.won
            else f"This token holds none of the {len(table.value)} dimensions. "
        )
    )
    if table.won:
        count = min(10, table.won)
        sentence += (
            f"These {count} add {top:+.3f} logits, {whose} dimensions of this token "
            f"{table.contribution.sum():+.3f} (reference: {table.reference}). "
        )
    return sentence + (
        f"Over all tokens the split gives the logit of {label} as "
        f"{split.contributions[target].sum() + split.constant[target]:+.4f}; the forward pass "
        f"gave {split.logits[target]:+.4f} (error {split.error:.0e})."
    )


def _draw_margins(trace: Trace, choice: Choice) -> None:
    won = trace.head.winners
    if won is None:
        return
    if not won.contested:
        st.caption(
            cards.plain(
                f"{trace.checkpoint.name}: only layer {won.layers[0]} competes (last_k = 1), so no "
                "win has a runner-up and a margin."
            )
        )
        return
    framed(
        picture("margins", [_alone(trace)], choice),
        "margins",
        ABOUT_MARGINS,
        _no_flips(trace, choice),
        height=260,
        adjust=_calm,
        title="Win margins",
    )


def _calm(drawing: Sheet) -> None:
    """Few ticks and no numbers on twenty narrow bars: they are read off on hover."""
    for bars in drawing.traces("bar"):
        bars["text"] = None
    ticks = drawing.axis("x")
    drawing.axis("x", tickvals=ticks["tickvals"][::5], ticktext=ticks["ticktext"][::5], tickangle=0)


def _alone(trace: Trace) -> Entry:
    """One checkpoint, of a seed group too, as an entry of its own."""
    return Entry(trace.checkpoint.id, (trace.checkpoint,))


def _no_flips(trace: Trace, choice: Choice) -> str:
    """Why it is not known how many wins flip under noise; "" where it is."""
    try:
        member_of(trace.checkpoint, choice.text, choice.pair).result(results.noise_flips)
    except Exception as error:
        return f"Not known how many wins flip under noise: {reason(error).rstrip('.')}."
    return ""
