"""Panels below the cards: the variant's effect, pictures of all cards, all numbers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from analysis.figures.plot import Plot
from analysis.figures.recipes.registry import alike, side_by_side
from analysis.figures.screen.markup import html
from analysis.reading.comparison import change_in_words
from pages.ui.compare.cards import flow_plot
from pages.ui.compare.titles import FLOW_TITLE, INPUT_TITLE, READING_TITLE
from pages.ui.compare.wording import difference
from pages.ui.engine.replies import Reply, replies
from pages.ui.engine.results import picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards, tables
from pages.ui.kit.show import export_menu


def draw_variant(base_replies: Sequence[Reply], choice: Choice, text: str) -> None:
    """Effect of a second version of the sentence on every checkpoint."""
    with st.container(border=True, key="variant-panel"):
        if not text.strip():
            st.caption("Type a variant of the sentence above to see what it changes.")
            return
        changed = list(replies(choice, text, None))
        pairs = [
            (old, new)
            for old, new in zip(base_replies, changed, strict=True)
            if old.answer is not None and new.answer is not None
        ]
        if not pairs:
            st.caption("None of the chosen checkpoints predicts anything to compare.")
            return
        before = [old.answer for old, _ in pairs if old.answer is not None]
        after = [new.answer for _, new in pairs if new.answer is not None]
        targets = [old.target for old, _ in pairs]
        st.text(change_in_words(before, after, targets))
        plot = picture("variant", [old.entry for old, _ in pairs], choice, targets, variant=text)
        body = f'<div class="change" dir="auto">{difference(choice.text, text)}</div>'
        cards.piece(body + html(plot, css=False), "variant-bars")
        export_menu({"Sentence and variant": plot}, "export-variant")


def export_all(replies: Sequence[Reply], choice: Choice) -> None:
    """Pictures that hold every card: one figure for the paper instead of four."""
    plots: dict[str, Plot] = {}
    answered = [reply for reply in replies if reply.answer is not None]
    if len({reply.entry.first.labels for reply in answered}) == 1 and len(answered) > 1:
        plots["Class probabilities"] = picture("classes", [r.entry for r in answered], choice)
    flow = flow_plot(answered, choice)
    if flow is not None and len(answered) > 1:
        plots[FLOW_TITLE] = flow
    for title in (INPUT_TITLE, READING_TITLE):
        strips = [r.slots["plots"][title] for r in answered if title in r.slots.get("plots", {})]
        if len(strips) > 1 and alike(strips):
            plots[title] = side_by_side(strips)
    if plots:
        export_menu(plots, "export-all", "Export all cards as one figure", together="All cards")


def draw_table(replies: Sequence[Reply]) -> None:
    """Every class of every checkpoint, with the evidence of both strips."""

    rows = []
    for reply in replies:
        for index, trace in enumerate(reply.traces):
            if trace.logits is None:
                continue
            for c, label in enumerate(trace.checkpoint.labels):
                rows.append(
                    {
                        "checkpoint": trace.checkpoint.name,
                        "pooling head": trace.checkpoint.head or "its own layers",
                        "class": label,
                        "probability": None
                        if trace.checkpoint.regression
                        else float(trace.probabilities[c]),
                        "logit": float(trace.logits[c]),
                        "explained": c == reply.target,
                        "error of the split": reply.splits[index].error if reply.splits else None,
                    }
                )
    with st.expander("All numbers as a table"):
        if rows:
            tables.table(
                rows,
                {
                    "probability": st.column_config.NumberColumn(format="%.4f"),
                    "logit": st.column_config.NumberColumn(format="%.4f"),
                    "error of the split": st.column_config.NumberColumn(format="scientific"),
                },
            )
        else:
            st.caption("No predictions to list.")
