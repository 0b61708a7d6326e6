"""The cards of the Compare page: answer, reading, source layers, and the input attribution."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.attribution import Attribution
from analysis.common.faults import reason
from analysis.common.jobs import time_in_words
from analysis.figures.marks import Strip
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.head import input_arguments
from analysis.figures.screen.markup import behind_space, html
from analysis.figures.style.style import number
from analysis.figures.views.units import blank_strip, units_of
from analysis.seed_groups import averages
from pages.ui.engine import crowd
from pages.ui.engine.replies import Reply, common_limit, stock_head
from pages.ui.engine.results import STORE, member_of, picture
from pages.ui.frame.inputs import PREDICTED, Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span
from pages.ui.kit.show import export_menu

# Above this an input attribution takes so long that one asks for it.
LONG_TEXT = 160
PAUSE = 0.25  # seconds
INPUT_TITLE = "Input attribution"
READING_TITLE = "Read by the pooling head"
FLOW_TITLE = "From words to the class"


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
            _hold_input(reply, choice)
        plots |= reading_plots(reply, choice, limits)
        flow = flow_plot([reply], choice, limits["flow"])
        if flow is not None:
            plots[FLOW_TITLE] = flow
            body = _title(FLOW_TITLE) + html(flow, span=mark, css=False)
            cards.piece(body, f"flow-{entry.id}")
        cards.piece(_reading(reply, plots, mark), f"reading-{entry.id}")
        reply.slots["plots"] = plots
        if attributed:
            reply.slots["export"] = st.container(key=f"export-place-{entry.id}")


def _hold_input(reply: Reply, choice: Choice) -> None:
    """The place of the input attribution, and a skeleton of it."""
    with st.container(key=f"input-{reply.entry.id}"):
        # In one place with what follows, which is as high: nothing moves when it comes.
        reply.slots["hold"] = st.empty()
        with reply.slots["hold"].container():
            cards.piece(_uncoloured(reply, choice), f"hold-{reply.entry.id}")
        reply.slots["input"] = st.container()


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


def draw_inputs(
    replies: Sequence[Reply],
    choice: Choice,
    text: str,
    mark: Span | None,
    ask: DeltaGenerator,
    say: Callable[[str], None],
) -> bool:
    """Input attributions of all cards on one scale; they arrive a moment after the answers.

    A long text asks for them first, in ``ask``: a button inside one card would be that card's.
    Returns whether points were saved because many people wait.
    """
    answered = [reply for reply in replies if reply.answer is not None]
    length = max((len(reply.traces[0].tokens) for reply in answered), default=0)
    if length > LONG_TEXT and not _agreed(answered, text, length, ask):
        return False
    _let_cards_be_drawn((text, choice.pair, *((r.entry.id, r.target) for r in answered)))
    attributed: list[tuple[Reply, Attribution | str]] = []
    total = sum(len(reply.traces) for reply in answered)
    done, began = 0, time.monotonic()
    known = _all_known(answered, text, choice)
    steps = crowd.FEW_STEPS if crowd.crowded() and not known else None
    # One turn for all cards of a short text: people who take turns after every card all wait until
    # the last is done.
    with nullcontext() if known or length > LONG_TEXT else crowd.turn(say):
        for reply in answered:
            attributions: list[Attribution] = []
            problem = ""
            for member in reply.entry.members:
                each = (time.monotonic() - began) / max(done, 1)
                left = f", about {time_in_words(each * (total - done))} left" if done else ""
                say(f"Input attribution {done + 1} of {total}: {cards.plain(member.name)}{left}")
                done += 1
                try:
                    reader = member_of(member, text, choice.pair)
                    with crowd.turn(say) if length > LONG_TEXT else nullcontext():
                        attributions.append(
                            reader.result(results.attribution, *_question(reply.target, steps))
                        )
                except Exception as error:
                    problem = reason(error)
            attributed.append((reply, problem or averages.mean_attribution(attributions)))
    _draw_attributions(attributed, choice, mark, steps)
    return steps is not None


def _question(target: int, steps: int | None) -> tuple[Any, ...]:
    return input_arguments("integrated_gradients", target, steps)


def _all_known(answered: Sequence[Reply], text: str, choice: Choice) -> bool:
    return all(
        STORE.known(
            member_of(member, text, choice.pair), results.attribution, _question(reply.target, None)
        )
        for reply in answered
        for member in reply.entry.members
    )


def _let_cards_be_drawn(question: tuple[object, ...]) -> None:
    """A pause before a new computation: the browser draws the cards with the cores to itself, and
    typing that goes on ends the run here, before anything is spent on an older text."""
    if st.session_state.get("attributed_question") != question:
        time.sleep(PAUSE)
    st.session_state["attributed_question"] = question


def _draw_attributions(
    attributed: Sequence[tuple[Reply, Attribution | str]],
    choice: Choice,
    mark: Span | None,
    steps: int | None,
) -> None:
    largest = 0.0
    for reply, result in attributed:
        if isinstance(result, str):
            continue
        plot = _input_plot(reply, choice, None, steps)
        largest = max(largest, plot.mark.bound)  # type: ignore[union-attr]
    limit = common_limit("input_scale", choice.key, largest, st.session_state)
    for reply, result in attributed:
        with reply.slots["input"]:
            if isinstance(result, str):
                cards.piece(_title(INPUT_TITLE) + _warning(result), f"attr-{reply.entry.id}")
                continue
            plot = _input_plot(reply, choice, limit, steps)
            error = result.completeness_gap or 0.0
            shown = f"{error:.2f}" if error >= 0.005 else "< 0.01"
            note = f"integrated gradients, gap {shown}"
            strip = html(plot, span=mark, css=False)
            cards.piece(
                _title(INPUT_TITLE, _number_of(plot, mark) or note)
                + f'<div class="text">{strip}</div>',
                f"attr-{reply.entry.id}",
            )
            reply.slots["plots"][INPUT_TITLE] = plot


def _uncoloured(reply: Reply, choice: Choice) -> str:
    """A quiet skeleton of the strip: the words as they will stand, before there are numbers."""
    strip = blank_strip(reply.traces[0].tokens, choice.words)
    segments: list[list[str]] = []
    for label, spaced, special, segment in zip(
        strip.labels, strip.spaced, strip.special, strip.segment, strict=True
    ):
        if len(segments) == segment:
            segments.append([])
        shown = f'<span class="{"word special" if special else "word"}">{cards.text(label)}</span>'
        segments[-1].append(behind_space(shown, special) if spaced and segments[-1] else shown)
    lines = "".join(f'<span class="seg" dir="auto">{"".join(parts)}</span>' for parts in segments)
    return (
        _title(INPUT_TITLE, "computing integrated gradients")
        + f'<div class="text quiet" aria-hidden="true">{lines}</div>'
    )


def _number_of(plot: Plot, mark: Span | None) -> str:
    """The number of the marked word in a strip, for the line above it; empty without one."""
    strip = plot.mark
    if mark is None or not isinstance(strip, Strip):
        return ""
    segment, start, end = mark
    touched = [
        place
        for place, (first, last) in enumerate(strip.spans.tolist())
        if not strip.special[place]
        and strip.segment[place] == segment
        and first < end
        and start < last
    ]
    if not touched:
        return ""
    label = " ".join(strip.labels[place] for place in touched)
    value = number(float(strip.values[touched].sum()), "signed")
    return f"{label}: {value} {strip.unit}"


def _input_plot(reply: Reply, choice: Choice, limit: float | None, steps: int | None) -> Plot:
    points: dict[str, Any] = {} if steps is None else {"n_steps": steps}
    return picture(
        "input_attribution",
        [reply.entry],
        choice,
        [reply.target],
        words=choice.words,
        limit=limit,
        **points,
    )


def draw_exports(replies: Sequence[Reply]) -> None:
    """The export menu of each card, once all its pictures are there."""
    for reply in replies:
        if "export" in reply.slots:
            with reply.slots["export"]:
                export_menu(reply.slots["plots"], f"export-{reply.entry.id}")


def _agreed(answered: Sequence[Reply], text: str, length: int, place: DeltaGenerator) -> bool:
    members = sum(len(reply.traces) for reply in answered)
    seen = st.session_state.get("attribute_long") == text
    if seen:
        return True
    for reply in answered:
        reply.slots["input"].empty()
        reply.slots["hold"].empty()  # nothing follows until it is asked for
    with place:
        return st.button(
            f"Attribute the input ({members} × {length} tokens: this takes a while)",
            on_click=lambda: st.session_state.update(attribute_long=text),
            key="attribute-long",
        )


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
        return _warning(reply.problem)
    remarks = "".join(f'<div class="line">{cards.text(remark)}</div>' for remark in _remarks(reply))
    return remarks + _warning(
        f"A {reply.entry.first.encoder_kind} has hidden states and no prediction, so there is no "
        "answer. Its vectors are on Similarity, Layers and Embedding map; Train fits pooling heads "
        "on it."
    )


def _reading(reply: Reply, plots: dict[str, Plot], mark: Span | None) -> str:
    """The split in numbers, folded away: the flow above is the same split as a picture."""
    if not reply.splits:
        return _title(READING_TITLE) + f'<div class="line">{cards.text(reply.no_split)}</div>'
    split = reply.splits[0]
    reference = {"corpus": "corpus mean", "zero": "zero"}.get(split.reference, split.reference)
    strip = html(plots[READING_TITLE], span=mark, css=False)
    note = f"reference: {reference}"
    if not split.exact:
        error = max(split.gap for split in reply.splits)
        note += ", straight line, gap " + (f"{error:.2f}" if error >= 0.005 else "< 0.01")
    number_of = _number_of(plots[READING_TITLE], mark)
    body = _title(READING_TITLE, number_of or note) + f'<div class="text">{strip}</div>'
    if "Source layers" in plots:
        body += _title("Source layers") + html(plots["Source layers"], css=False)
        if reply.traces[0].compares:
            body += f'<div class="line">{cards.text(reply.traces[0].compares)}</div>'
    return f"<details><summary>The split in numbers</summary>{body}</details>"


# Of each panel in two sentences: what the numbers are, what they are not, and the source.
_ABOUT = {
    FLOW_TITLE: "The split of the logit difference: from each word, over the layer that it was "
    "taken from, to the class. Width: how much, on one scale in all cards; orange towards "
    "the class, blue and dashed against it. Point at a word, a layer or a class to see its number; "
    "it does not show how the encoder made these vectors. MaxPoolBERT, arXiv 2505.15696.",
    INPUT_TITLE: "How much each word moves the explained class away from the mean of the others, "
    "in logits, along the way from an empty text ([PAD]); the gap is the error of that integral, "
    "and a small one does not show that the attribution is right. Integrated gradients, "
    "Sundararajan et al. 2017.",
    READING_TITLE: "What the pooling head takes from each position of the encoder's output: a "
    "split of the same logit difference, relative to the reference named here. It is exact for a "
    "linear head; through layers of its own (tanh, GELU, a norm) it runs along a straight line, "
    "and the gap is the error of that integral. It does not show how the encoder made that output.",
    "Source layers": "What the values of each layer add to the logit difference. For a maximum "
    "over layers the left bars are the share of dimensions (in percent) whose maximum comes from "
    "each layer: the share does not show how much a win matters. MaxPoolBERT, arXiv 2505.15696.",
}


def _title(name: str, note: str = "") -> str:
    about = cards.text(_ABOUT[name])
    mark = (
        f'<span class="about" tabindex="0" role="note" title="{about}" aria-label="{about}">'
        "?</span>"
    )
    return f'<div class="title">{name} {mark}<span class="note">{cards.text(note)}</span></div>'


def _warning(message: str) -> str:
    return f'<div class="line warn" dir="auto">{cards.text(message)}</div>'
