"""One checkpoint in detail: a token's dimensions, the sweep over k, what-if, win margins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from analysis import margins
from analysis.checkpoints import Checkpoint
from analysis.decomposition import NoExactSplit
from analysis.dimensions import Dimensions, dimensions
from analysis.figures import views_winners
from analysis.trace import Trace
from pages.ui import cards, engine_winners
from pages.ui.inputs import KEPT, Choice
from pages.ui.replies import Reply
from pages.ui.show import panel

WHERE = {
    "head": "in the pooling head only",
    "encoder": "in the encoder too",
    "replace": "replaced by [MASK]",
}
ABOUT_SWEEP = (
    "The same weights asked again with another number of last k layers, nothing trained anew. "
    "Only the marked k was trained, so this shows how much the pooling head leans on its layers, "
    "and not how well one trained with another k would do."
)
ABOUT_WHAT_IF = (
    "Class probabilities before and after the change. Hiding a token from the pooling head, "
    "hiding it from the encoder too, and replacing it by [MASK] are three different questions; "
    "none of them is the effect of a word as such."
)
ABOUT_MARGINS = (
    "The win margin is the maximum minus the runner-up, in units of the hidden states. A small "
    "margin says that another layer could have won as well, and nothing of how much that matters."
)


def draw(shown: Sequence[Reply], choice: Choice) -> None:
    """The details of the checkpoint that is chosen here."""
    traces = [trace for reply in shown for trace in reply.traces]
    if not traces:
        return
    names = [trace.checkpoint.id for trace in traces]
    if st.session_state.get("detail_checkpoint") not in names:
        st.session_state["detail_checkpoint"] = names[-1]
    name = st.selectbox("Checkpoint in detail", names, key="detail_checkpoint")
    trace = traces[names.index(name)]
    target = next(r.target for r in shown if any(t is trace for t in r.traces))
    _draw_dimensions(trace, target)
    left, right = st.columns(2)
    with left:
        _draw_sweep(trace.checkpoint, choice, target)
        _draw_margins(trace)
    with right:
        _draw_what_if(trace, choice)


def _draw_dimensions(trace: Trace, target: int) -> None:
    import pandas as pd

    tokens = trace.tokens
    with st.container(border=True, key="dimensions"):
        single = trace.head.winners is not None and trace.head.winners.layer.ndim == 1
        positions = [0] if single else list(range(len(tokens)))
        chosen = st.session_state.get("chosen_token")
        if chosen not in positions:
            st.session_state["chosen_token"] = 0
        token = st.selectbox(
            "Token", positions, key="chosen_token",
            format_func=lambda t: f"{t}: {tokens.labels[t]}",
            help="Click a cell of the map above, or choose here.",
        )
        try:
            table = dimensions(trace, token, target)
        except NoExactSplit as error:
            st.caption(cards.plain(str(error)))
            return
        st.dataframe(pd.DataFrame(_rows(table)), hide_index=True)
        st.caption(cards.plain(_sum(trace, table, target)))


def _rows(table: Dimensions) -> dict[str, list[object]]:
    best = table.largest(10)
    rows: dict[str, list[object]] = {"dimension": best.tolist()}
    for k, layer in enumerate(table.layers):
        rows[f"layer {layer}"] = [
            f"{table.by_layer[k, j]:+.3f}" + (" ●" if table.source[j] == layer else "")
            for j in best
        ]
    rows["win margin"] = [f"{table.margin[j]:.3f}" for j in best]
    rows["weight"] = [f"{table.weight[j]:+.3f}" for j in best]
    rows["contribution"] = [f"{table.contribution[j]:+.3f}" for j in best]
    return rows


def _sum(trace: Trace, table: Dimensions, target: int) -> str:
    from analysis import decompose

    split = decompose(trace)
    top = table.contribution[table.largest(10)].sum()
    label = trace.checkpoint.labels[target]
    return (
        f"● is the source layer. These ten add {top:+.3f} logits, all {len(table.value)} "
        f"dimensions of this token {table.contribution.sum():+.3f} (reference: "
        f"{table.reference}). Over all tokens the split gives the logit of {label} as "
        f"{split.contributions[target].sum() + split.constant[target]:+.4f}; the forward pass "
        f"gave {split.logits[target]:+.4f} (error {split.error:.0e})."
    )


def _draw_sweep(checkpoint: Checkpoint, choice: Choice, target: int) -> None:
    try:
        result = engine_winners.sweep(checkpoint, choice.text, choice.pair)
        plot = views_winners.sweep(result, [checkpoint.id], target)
    except ValueError as error:
        st.caption(cards.plain(str(error)))
        return
    panel(plot, "sweep", ABOUT_SWEEP)


def _draw_what_if(trace: Trace, choice: Choice) -> None:
    won = trace.head.winners
    assert won is not None
    with st.container(border=True, key="what-if"):
        st.markdown("**What if**", help=ABOUT_WHAT_IF)
        dropped = st.pills(
            "Layers that leave the pool", won.layers, selection_mode="multi", key="drop_layers"
        )
        labels = trace.tokens.labels
        masked = st.multiselect(
            "Tokens that are masked", range(1, len(labels)), key="mask_tokens",
            format_func=lambda t: f"{t}: {labels[t]}", placeholder="Choose tokens",
        )
        where = st.segmented_control(
            "Masked how", list(WHERE), default="head", required=True, key="mask_where",
            format_func=WHERE.__getitem__, **KEPT,
        )
        if not dropped and not masked:
            st.caption("Choose layers or tokens to take away.")
            return
        try:
            result = engine_winners.what_if(
                trace.checkpoint, choice.text, choice.pair,
                tuple(dropped), tuple(masked), str(where),
            )
        except ValueError as error:
            st.caption(cards.plain(str(error)))
            return
    before, after = result.probabilities
    if not trace.checkpoint.regression and before.argmax() != after.argmax():
        names = trace.checkpoint.labels
        st.text(f"The answer changes from {names[before.argmax()]} to {names[after.argmax()]}.")
    panel(views_winners.what_if(result), "what-if-bars", ABOUT_WHAT_IF)


def _draw_margins(trace: Trace) -> None:
    won = trace.head.winners
    if won is None or not np.isfinite(won.margin).any():
        return
    try:
        flips = margins.noise_flips(trace)
    except ValueError:  # no corpus profile, so no scale for the noise: the margins stand alone
        flips = None
    plot = views_winners.margins(
        margins.margin_histogram(won), flips, trace.checkpoint, trace.tokens
    )
    panel(plot, "margins", ABOUT_MARGINS)
