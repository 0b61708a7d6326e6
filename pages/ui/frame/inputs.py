"""The frame's inputs: the same widgets on every page, kept across pages and in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.common.faults import reason
from analysis.text.tokens import clean
from pages.ui.frame import address, settings
from pages.ui.frame.catalogue import Catalogue, Entry
from pages.ui.frame.catalogue import add as add_checkpoint
from pages.ui.frame.examples import Example, second_for, words_for
from pages.ui.kit import cards

PREDICTED = "predicted"
LONGEST = 2000  # characters of the small field


@dataclass(frozen=True)
class Choice:
    """The choices made in the frame."""

    text: str
    pair: str | None
    entries: tuple[Entry, ...]
    target: str  # a class's name, or PREDICTED
    words: bool  # words or word pieces
    notes: tuple[str, ...]  # what cleaning replaced
    variant: str | None = None  # a second version of the text, where one compares
    common: str = ""  # the class that most checkpoints predict, once it is known

    def explained(self, labels: tuple[str, ...]) -> str:
        """The class to explain for a checkpoint with these labels; "": its own prediction."""
        return next((name for name in (self.target, self.common) if name in labels), "")

    def target_of(self, labels: tuple[str, ...], predicted: int) -> int:
        """Index of the class to explain for a checkpoint with these labels."""
        name = self.explained(labels)
        return labels.index(name) if name else predicted

    @property
    def key(self) -> tuple[str, ...]:
        """Identity of the selection, text aside: what a colour scale holds still for."""
        return (*(entry.id for entry in self.entries), self.target, str(self.words))


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
        entries = _checkpoints(catalogue)
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
            long = st.toggle("Long text", on_change=_carry_text, **address.kept("long"))
            if variant:
                st.toggle(
                    "Variant",
                    on_change=_prefill_variant,
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
        text, pair = _texts(bool(long), pairs, first)
    text, notes = clean(text)
    cleaned_pair, pair_notes = clean(pair)
    return Choice(
        text=text,
        pair=cleaned_pair if cleaned_pair.strip() else None,
        entries=entries,
        target=target or PREDICTED,
        words=unit != "pieces",
        notes=tuple(dict.fromkeys(notes + pair_notes)),
        variant=_variant() if variant else None,
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
        entries = _checkpoints(catalogue)
    with above:
        _tasks(catalogue, entries, examples=False)
    return entries


def show_text(text: str, pair: str | None = None) -> None:
    """Make a row of a data set the text of every page; a long one goes to the large field."""
    address.choose(
        text=" ".join(text.split()),
        document=text,
        pair=" ".join((pair or "").split()),
        long="\n" in text or len(text) > LONGEST,
    )


def compare(text: str, pair: str | None = None, page: str = "app.py", **choices: Any) -> NoReturn:
    """Open a row of a data set on Compare, or on another page."""
    show_text(text, pair)
    address.choose(**choices)
    address.go(page)


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


def _variant() -> str | None:
    """The second version of the sentence, where comparing is switched on."""
    with st.container(key="variant-input"):
        if not st.session_state.get("compare"):
            return None
        text = st.text_input(
            "Variant of the sentence",
            live="150ms",
            **address.kept("variant"),
            placeholder="Change a word: what changes in every checkpoint?",
        )
        return clean(text or "")[0]


def _prefill_variant() -> None:
    """Editing begins with the sentence as it is."""
    if st.session_state.get("compare") and not st.session_state.get("variant"):
        shown = "document" if st.session_state.get("long") else "text"
        st.session_state["variant"] = " ".join(st.session_state.get(shown, "").split())


def _texts(long: bool, pairs: bool, example: Example) -> tuple[str, str]:
    if not pairs:
        return _sentence(long, example, "collapsed"), ""
    first = _sentence(long, example)
    second = st.text_input(
        "Second sentence",
        live="150ms",
        **address.kept("pair"),
        placeholder="The text to compare with",
        help="For checkpoints of sentence pairs. Of a foreign classifier it is not known "
        "whether it takes pairs: leave it empty for a single sentence.",
    )
    return first, second or ""


def _sentence(
    long: bool, example: Example, label: Literal["visible", "collapsed"] = "visible"
) -> str:
    if long:
        return (
            st.text_area(
                "Text",
                st.session_state.get("text", ""),
                height=120,
                label_visibility=label,
                **address.kept("document"),
                help="Ctrl+Enter takes the text. A text beyond the model's limit is cut, "
                "and the page says so.",
            )
            or ""
        )
    return (
        st.text_input(
            "Sentence",
            example.text,
            live="150ms",
            label_visibility=label,
            **address.kept("text"),
            placeholder="Type a sentence",
        )
        or ""
    )


def _carry_text() -> None:
    """Move the typed text with the switch between the small and the large field."""
    if st.session_state.get("long"):
        st.session_state["document"] = st.session_state.get("text", "")
    else:
        st.session_state["text"] = " ".join(st.session_state.get("document", "").split())


def _checkpoints(catalogue: Catalogue) -> tuple[Entry, ...]:
    options = [entry.id for entry in catalogue.entries]
    defaults = catalogue.defaults(catalogue.tasks[0] if catalogue.tasks else "")
    if "checkpoints" in st.session_state:
        # A checkpoint that is not in the folder, or no longer, must not stop the widget.
        shown = list(st.session_state["checkpoints"])
        arrived = [name for name in address.waiting("checkpoints") if name in options]
        if arrived and address.is_default("checkpoints"):  # they stood in for what was asked for
            shown = []
        names = list(dict.fromkeys((*shown, *address.waiting("checkpoints"))))
        here = [name for name in names if name in options]
        address.wait("checkpoints", [name for name in names if name not in options])
        added = st.session_state.pop("select_added", None)
        here += [added] if added in options and added not in here else []
        if not here and names:
            del st.session_state["checkpoints"]
        elif here != st.session_state["checkpoints"]:
            st.session_state["checkpoints"] = here
    _name_missing()
    named = catalogue.names
    chosen = st.multiselect(
        "Checkpoints",
        options,
        format_func=lambda id: named.get(id, id),
        default=defaults,
        **address.kept("checkpoints"),
        placeholder="Choose checkpoints",
        on_change=_forget_missing,
        help="Names without -s0, -s1, ... are seed groups: their members differ in the seed only.",
    )
    entries = [catalogue.get(name) for name in options if name in chosen]
    return tuple(entry for entry in entries if entry is not None)


def _name_missing() -> None:
    """A link may name checkpoints that are not here: say which, and what can be done."""
    missing = address.waiting("checkpoints")
    if not missing:
        return
    names = cards.plain(", ".join(missing))
    with st.container(horizontal=True, vertical_alignment="center", key="missing"):
        if settings.read().shared:
            st.warning(f"The address names {names}, which this server does not offer.")
        else:
            st.warning(f"The address names {names}, which is not open here.")
            st.button("Open it", key="open_missing", on_click=_open_missing)
        st.button("Leave out", key="leave_missing", on_click=_forget_missing)
    if problem := st.session_state.get("missing_problem"):
        st.text(problem)


def _open_missing() -> None:
    """Look for what a link named: a folder of this machine is opened by a click only."""
    problems = []
    for reference in address.waiting("checkpoints"):
        try:
            add_checkpoint(reference)
        except Exception as error:
            problems.append(reason(error, reference))
    st.session_state["missing_problem"] = "\n".join(problems)


def _forget_missing() -> None:
    address.wait("checkpoints", ())
    st.session_state.pop("missing_problem", None)


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
    show_text(example.text, example.other if two else example.pair)
    st.session_state["long"] = long


def _first_example(catalogue: Catalogue) -> Example:
    return words_for(catalogue.tasks[0] if catalogue.tasks else "other").examples[0]
