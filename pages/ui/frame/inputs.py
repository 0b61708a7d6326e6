"""The frame's inputs: the same widgets on every page, kept across pages and in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.text.tokens import clean
from pages.ui.frame import address, checkpoint_field, sentence_fields
from pages.ui.frame.catalogue import Catalogue, Entry
from pages.ui.frame.choice import PREDICTED, Choice
from pages.ui.frame.examples import Example, second_for, words_for
from pages.ui.kit import cards


@dataclass(frozen=True)
class InputPlaces:
    """Where a page wants the inputs, if not in rows below its title."""

    sentence: DeltaGenerator
    others: DeltaGenerator


def ask(
    catalogue: Catalogue,
    variant: bool = False,
    two: bool = False,
    places: InputPlaces | None = None,
) -> Choice:
    """Draw the inputs and return what they say; `variant` offers a second version of the text.

    With `two` the second sentence is always asked for, and no class: sentences are compared.
    """
    others = st if places is None else places.others
    line = st if places is None else places.sentence
    above = others.container(key="tasks")
    sentence = line.container(key="texts")
    below = others.container(key="controls")
    with below:
        entries = checkpoint_field.checkpoints(catalogue)
        target = None if two else _target(entries)
        unit = st.segmented_control(
            "Unit",
            ("words", "pieces"),
            default="words",
            required=True,
            **address.kept("unit"),
            help="Words sum their word pieces.",
        )
        with st.container(key="switches"):
            long = st.toggle(
                "Long text", on_change=sentence_fields.carry_text, **address.kept("long")
            )
            if variant:
                st.toggle(
                    "Variant",
                    on_change=sentence_fields.prefill_variant,
                    **address.kept("compare"),
                    help="Edit a second version of the sentence freely and compare.",
                )
    with above:
        _tasks(catalogue, entries, two=two)
    with sentence:
        first = _first_example(catalogue)
        pairs = two or any(
            entry.first.pairs or entry.first.kind == "classifier" for entry in entries
        )
        if two and "pair" not in st.session_state:
            # Who has not typed a second sentence sees at once what the page does with one.
            text = st.session_state.get("document" if long else "text", first.text)
            address.choose(pair=second_for(text.strip()))
        text, pair = sentence_fields.texts(bool(long), pairs, first)
    text, notes = clean(text)
    cleaned_pair, pair_notes = clean(pair)
    return Choice(
        text=text,
        pair=cleaned_pair if cleaned_pair.strip() else None,
        entries=entries,
        target=target or PREDICTED,
        words=unit != "pieces",
        notes=tuple(dict.fromkeys(notes + pair_notes)),
        variant=sentence_fields.variant() if variant else None,
    )


def _target(entries: tuple[Entry, ...]) -> str | None:
    labels = tuple(dict.fromkeys(name for entry in entries for name in entry.first.labels))
    chosen: str | None = st.selectbox(
        "Class to explain",
        (PREDICTED, *labels),
        **address.kept("target"),
        width=165,
        help="Click a class in a card to choose it here. 'predicted': the one that most "
        "of the checkpoints predict, for all of them.",
    )
    return chosen


def ask_checkpoints(catalogue: Catalogue) -> tuple[Entry, ...]:
    """The checkpoints alone, for a page that asks for no sentence."""
    above, below = st.container(key="tasks"), st.container(key="controls")
    with below:
        entries = checkpoint_field.checkpoints(catalogue)
    with above:
        _tasks(catalogue, entries, examples=False)
    return entries


def is_complete(choice: Choice) -> bool:
    """Whether there is something to answer; else the page says here what is missing."""
    if choice.entries and choice.text.strip():
        # A click on a token marks it in this text, on every page.
        cards.show_texts((choice.text, choice.pair))
        st.session_state.setdefault(cards.MARK_TEXT, (choice.text, choice.pair))
        return True
    st.info(
        "Type a sentence above, or choose an example."
        if choice.entries
        else "Choose at least one checkpoint above."
    )
    return False


def _tasks(
    catalogue: Catalogue, entries: tuple[Entry, ...], examples: bool = True, two: bool = False
) -> None:
    """A task chooses its four checkpoints, an example fills the sentence (with `two`, both)."""
    if not catalogue.tasks:
        return
    shown = {entry.task for entry in entries}
    task = next(iter(shown)) if len(shown) == 1 else None
    st.session_state["task"] = task
    st.segmented_control(
        "Task",
        catalogue.tasks,
        key="task",
        format_func=lambda t: cards.plain(words_for(t).title),
        on_change=_choose_task,
        args=(catalogue, two),
        label_visibility="collapsed",
    )
    if not examples:
        return
    offered = words_for(task or catalogue.tasks[0]).examples
    st.pills(
        "Examples",
        range(len(offered)),
        key="example",
        label_visibility="collapsed",
        format_func=lambda index: offered[index].name,
        on_change=_choose_example,
        args=(offered, two),
    )


def _choose_task(catalogue: Catalogue, two: bool) -> None:
    task = st.session_state.get("task")
    if task is None:  # a second click on the same task would clear it
        return
    previous = {e.text for name in catalogue.tasks for e in words_for(name).examples}
    address.choose(checkpoints=catalogue.defaults(task), target=PREDICTED)
    current = st.session_state.get("text", "")
    if not current.strip() or current in previous:  # what somebody typed stays
        _fill(words_for(task).examples[0], two)


def _choose_example(examples: Sequence[Example], two: bool) -> None:
    index = st.session_state.get("example")
    if index is not None:
        _fill(examples[index], two)
    st.session_state["example"] = None


def _fill(example: Example, two: bool) -> None:
    long = bool(st.session_state.get("long"))
    sentence_fields.show_text(example.text, example.other if two else example.pair)
    st.session_state["long"] = long


def _first_example(catalogue: Catalogue) -> Example:
    return words_for(catalogue.tasks[0] if catalogue.tasks else "other").examples[0]
