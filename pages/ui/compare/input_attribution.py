"""The input attributions of the cards: they arrive a moment after the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.attribution import Attribution
from analysis.common.faults import reason
from analysis.common.jobs import time_in_words
from analysis.figures.plot import Plot
from analysis.figures.recipes import results
from analysis.figures.recipes.head import input_arguments
from analysis.figures.screen.markup import behind_space, html
from analysis.figures.views.units import blank_strip
from analysis.seed_groups import averages
from pages.ui.compare.titles import INPUT_TITLE, number_of, title, warning
from pages.ui.engine import crowd
from pages.ui.engine.replies import Reply, common_limit
from pages.ui.engine.results import STORE, member_of, picture
from pages.ui.frame.choice import Choice
from pages.ui.kit import cards
from pages.ui.kit.cards import Span

# Above this an input attribution takes so long that one asks for it.
LONG_TEXT = 160
PAUSE = 0.25  # seconds


def hold_input(reply: Reply, choice: Choice) -> None:
    """The place of the input attribution, and a skeleton of it."""
    with st.container(key=f"input-{reply.entry.id}"):
        # In one place with what follows, which is as high: nothing moves when it comes.
        reply.slots["hold"] = st.empty()
        with reply.slots["hold"].container():
            cards.piece(_uncoloured(reply, choice), f"hold-{reply.entry.id}")
        reply.slots["input"] = st.container()


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
                cards.piece(title(INPUT_TITLE) + warning(result), f"attr-{reply.entry.id}")
                continue
            plot = _input_plot(reply, choice, limit, steps)
            error = result.completeness_gap or 0.0
            shown = f"{error:.2f}" if error >= 0.005 else "< 0.01"
            note = f"integrated gradients, gap {shown}"
            strip = html(plot, span=mark, css=False)
            cards.piece(
                title(INPUT_TITLE, number_of(plot, mark) or note)
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
        title(INPUT_TITLE, "computing integrated gradients")
        + f'<div class="text quiet" aria-hidden="true">{lines}</div>'
    )


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
