"""The cards of the Compare page: answer, flow, the split in numbers, and their export."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from analysis.figures.plot import Plot
from analysis.figures.screen.markup import html
from analysis.figures.views.units import units_of
from analysis.seed_groups import averages
from pages.ui.compare.input_attribution import hold_input
from pages.ui.compare.titles import FLOW_TITLE, READING_TITLE, number_of, title, warning
from pages.ui.engine.replies import Reply, stock_head
from pages.ui.engine.results import picture
from pages.ui.frame.choice import PREDICTED, Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.show import export_menu


def draw_card(
    reply: Reply,
    choice: Choice,
    mark: Span | None,
    limits: dict[str, float],
    attributed: bool = True,
) -> None:
    """A card; its input attribution has a container of its own and is drawn a moment later.

    Without ``attributed`` there is no place for it, nor for an export.
    """
    entry = reply.entry
    with st.container(border=True, key=f"card-{entry.id}"):
        if reply.answer is None:
            cards.piece(_head(reply) + _instead(reply), f"answer-{entry.id}")
            return
        plots = {
            "Class probabilities": picture("classes", [entry], choice, [reply.target]),
        }
        cards.piece(
            _head(reply)
            + _answer(reply)
            + html(plots["Class probabilities"], css=False)
            + _below_bars(reply),
            f"answer-{entry.id}",
            on_class=partial(_explain, reply.answer.labels),
        )
        if attributed:
            hold_input(reply, choice)
        plots |= reading_plots(reply, choice, limits)
        flow = flow_plot([reply], choice, limits["flow"])
        if flow is not None:
            plots[FLOW_TITLE] = flow
            body = title(FLOW_TITLE) + html(flow, span=mark, css=False)
            cards.piece(body, f"flow-{entry.id}")
        cards.piece(_reading(reply, plots, mark), f"reading-{entry.id}")
        reply.slots["plots"] = plots
        if attributed:
            reply.slots["export"] = st.container(key=f"export-place-{entry.id}")


def largest_reading(replies: Sequence[Reply], choice: Choice) -> dict[str, float]:
    """Largest absolute value of the strips and of the layers' bars, over all cards."""
    largest = {"strip": 0.0, "layers": 0.0, "flow": 0.0}
    for reply in replies:
        if reply.splits:
            units = units_of(reply.traces[0].tokens, choice.words)
            sizes = averages.largest_contributions(reply.splits, reply.target, units)
            for name, size in zip(largest, sizes, strict=True):
                largest[name] = max(largest[name], size)
    return largest


def flow_plot(replies: Sequence[Reply], choice: Choice, limit: float | None = None) -> Plot | None:
    """Flow of the pooling heads whose logits can be split, as bands side by side."""
    split = [reply for reply in replies if reply.splits]
    if not split:
        return None
    return picture(
        "flow",
        [reply.entry for reply in split],
        choice,
        [reply.target for reply in split],
        words=choice.words,
        limit=limit,
    )


def reading_plots(reply: Reply, choice: Choice, limits: dict[str, float]) -> dict[str, Plot]:
    """Plots of a split: the tokens that the pooling head reads, and the source layers."""
    if not reply.splits:
        return {}
    about: dict[str, Any] = {"entries": [reply.entry], "choice": choice, "targets": [reply.target]}
    return {
        READING_TITLE: picture("reading", **about, words=choice.words, limit=limits["strip"]),
        "Source layers": picture("source_layers", **about, limit=limits["layers"]),
    }


def draw_exports(replies: Sequence[Reply]) -> None:
    """The export menu of each card, once all its pictures are there."""
    for reply in replies:
        if "export" in reply.slots:
            with reply.slots["export"]:
                export_menu(reply.slots["plots"], f"export-{reply.entry.id}")


def _explain(labels: tuple[str, ...], index: int) -> None:
    chosen = labels[index]
    current = st.session_state.get("target")
    st.session_state["target"] = PREDICTED if current == chosen else chosen


def _head(reply: Reply) -> str:
    first = reply.entry.first
    if reply.entry.is_group:
        how = f"pooling head {first.head}, {len(reply.entry.members)} seeds"
    elif first.kind == "encoder":
        how = first.encoder_kind
    elif first.head:
        how = f"pooling head {first.head}"
    else:
        how = stock_head(reply.traces)
    name = cards.text(reply.entry.name)
    full = cards.text(reply.entry.id)
    named = f'<div class="id" title="{full}">{name}</div>'
    return f'{named}<div class="how">{cards.text(how)}</div>'


def _answer(reply: Reply) -> str:
    answer = reply.answer
    assert answer is not None
    value, spread = answer.mean[answer.predicted], answer.spread[answer.predicted]
    shown = f"{value:.2f}" + (f" ± {spread:.2f}" if reply.entry.is_group else "")
    return (
        f'<div class="answer"><span class="label" dir="auto">{cards.text(answer.label)}</span>'
        f'<span class="p">{shown}</span></div>'
    )


def _below_bars(reply: Reply) -> str:
    answer = reply.answer
    assert answer is not None
    lines = []
    if not answer.regression:
        lines.append(f"probability margin {answer.gap(reply.target):+.2f}")
    if reply.entry.is_group:
        classes = ", ".join(
            f"{member.removeprefix(reply.entry.id).lstrip('-')} says {label}"
            for member, label in answer.dissenters
        )
        lines.append(cards.text(classes) if classes else "all seeds agree")
    lines += [cards.text(remark) for remark in _remarks(reply)]
    dropped = reply.traces[0].tokens.dropped
    if dropped:
        lines.append(f"{dropped:,} tokens beyond the model's limit were cut")
    return "".join(f'<div class="line">{line}</div>' for line in lines)


def _remarks(reply: Reply) -> tuple[str, ...]:
    """Remarks on a checkpoint, with those that only loading it showed."""
    known = reply.traces[0].checkpoint if reply.traces else reply.entry.first
    return known.remarks


def _instead(reply: Reply) -> str:
    if reply.problem:
        return warning(reply.problem)
    remarks = "".join(f'<div class="line">{cards.text(remark)}</div>' for remark in _remarks(reply))
    return remarks + warning(
        f"A {reply.entry.first.encoder_kind} has hidden states and no prediction, so there is no "
        "answer. Its vectors are on Similarity, Layers and Embedding map; Train fits pooling heads "
        "on it."
    )


def _reading(reply: Reply, plots: dict[str, Plot], mark: Span | None) -> str:
    """The split in numbers, folded away: the flow above is the same split as a picture."""
    if not reply.splits:
        return title(READING_TITLE) + f'<div class="line">{cards.text(reply.no_split)}</div>'
    split = reply.splits[0]
    reference = {"corpus": "corpus mean", "zero": "zero"}.get(split.reference, split.reference)
    strip = html(plots[READING_TITLE], span=mark, css=False)
    note = f"reference: {reference}"
    if not split.exact:
        error = max(split.gap for split in reply.splits)
        note += ", straight line, gap " + (f"{error:.2f}" if error >= 0.005 else "< 0.01")
    of_word = number_of(plots[READING_TITLE], mark)
    body = title(READING_TITLE, of_word or note) + f'<div class="text">{strip}</div>'
    if "Source layers" in plots:
        body += title("Source layers") + html(plots["Source layers"], css=False)
        if reply.traces[0].compares:
            body += f'<div class="line">{cards.text(reply.traces[0].compares)}</div>'
    return f"<details><summary>The split in numbers</summary>{body}</details>"
