"""The address of the page: every choice that differs from its default, on every page.

A choice lives in Streamlit's session state under its name and stands in the address under the same
one. The address is read when somebody arrives by it (a link, a reload, the browser's Back), and
written after the inputs and at the end of every run.

Streamlit's own ``bind="query-params"`` and ``persist_state`` are not enough. What the first run of
a session sets is not yet among the values that Streamlit carries over when the page changes before
a second run: it only looks at those of earlier runs. So this module holds them itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, quote_plus, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui.frame.address_names import FOLDERS, NAMES, OPTION, OPTION_NAME, WITHOUT_WIDGET

MOST_READ = 64_000  # characters of one choice that are read; a server sends no more
MOST_OPTIONS = 100  # of attribution methods in one address
LONGEST = 4_000  # characters of one choice as written in an address; a longer text stays here
_HELD = "held"  # names whose choice is too long for an address
_STATE = "address_state"
_component = st.components.v2.component(
    "poollens_address",
    html="<i></i>",
    js=Path(__file__).with_name("address.js").read_text(encoding="utf-8"),
)


@dataclass
class _State:
    """State of a session's choices."""

    defaults: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(WITHOUT_WIDGET))
    fresh: set[str] = field(default_factory=set)  # drawn in this run, for the first time
    options: set[str] = field(default_factory=set)  # of attribution methods: "method.option"
    held: dict[str, Any] = field(default_factory=dict)  # the choices, whatever page is open
    place: str = ""  # the page that is open, as its address names it
    unasked: set[str] = field(default_factory=set)  # folders that a link brought
    waiting: dict[str, list[str]] = field(default_factory=dict)  # parts that cannot be shown here
    written: str = ""  # what its address holds behind the question mark


def kept(name: str) -> dict[str, Any]:
    """Arguments of a widget whose choice outlives its page and stands in the address."""
    state = _state()
    if name not in NAMES:
        if "." not in name:
            raise KeyError(f"{name!r} is not among the names of the address")
        state.options.add(name)
    _settle(state)
    if name not in st.session_state:
        state.fresh.add(name)  # it comes up with its default
    return {"key": name, "persist_state": "session"}


def choose(**choices: Any) -> None:
    """Make choices whose widgets are not drawn in this run, such as those of the next page."""
    state = _state()
    for name, value in choices.items():
        st.session_state[name] = value
        state.waiting.pop(name, None)
    state.held |= choices


def go(page: str) -> NoReturn:
    """Open another page, such that the browser's Back leads to this one as it stands now.

    Streamlit sends the new page's choices to the address of the old one before it leaves it, as a
    step of its own in the history; what that address holds already makes no step.
    """
    written = parse_qs(_state().written, keep_blank_values=True)
    st.switch_page(page, query_params=written)


def waiting(name: str) -> list[str]:
    """Parts of a choice that cannot be shown here, such as a checkpoint that is elsewhere.

    They stay in the address until somebody chooses otherwise.
    """
    return list(_state().waiting.get(name, ()))


def is_default(name: str) -> bool:
    """Whether a choice is the one that its widget came up with."""
    state = _state()
    return name in state.defaults and st.session_state.get(name) == state.defaults[name]


def wait(name: str, parts: Sequence[str]) -> None:
    """Set what :func:`waiting` returns."""
    _state().waiting[name] = list(parts)


def is_brought(name: str) -> bool:
    """Whether a link brought this choice, and nobody here has agreed to it yet."""
    return name in _state().unasked


def agree(name: str) -> None:
    """Take a choice for one's own: it was typed here, or what a link brought was agreed to."""
    _state().unasked.discard(name)


def read(place: str) -> None:
    """At the start of a run of a page, before any widget: take over what its address says."""
    arrived = _STATE not in st.session_state
    state = _state()
    state.fresh.clear()  # of a run that was cut short: what they hold now may be a choice
    context = get_script_run_ctx()
    if arrived or (context is not None and context.is_history_navigation):
        _arrive(state, not arrived)
    elif place != state.place:
        st.session_state.update(state.held)
    state.place = place
    _hold(state)


def _settle(state: _State) -> None:
    """Take the value of a widget that is new in this run as its default: nobody has touched it."""
    for name in state.fresh:
        if name in st.session_state:
            state.defaults[name] = st.session_state[name]
    state.fresh.clear()


def _hold(state: _State) -> None:
    names = (*NAMES, *state.options, "mark_text")
    state.held = {name: st.session_state[name] for name in names if name in st.session_state}


def _arrive(state: _State, back: bool) -> None:
    held = [name for name in st.query_params.get_all(_HELD) if name in NAMES]
    arrivals: dict[str, Any] = {}
    options = 0
    for name in st.query_params:
        own = name in NAMES
        options += not own
        if own or (OPTION_NAME.fullmatch(name) and options <= MOST_OPTIONS):
            words = st.query_params.get_all(name)
            if sum(len(quote_plus(word, errors="replace")) for word in words) > MOST_READ:
                held += [name] if own else []  # nothing that was written here is as long
                continue
            try:
                arrivals[name] = NAMES.get(name, OPTION).read(words)
            except (ValueError, OverflowError):
                continue
    if back:
        state.waiting.clear()
        for name in (*NAMES, *state.options):
            if name in arrivals or name in held:
                continue
            if name in state.defaults:
                st.session_state[name] = state.defaults[name]
            elif name in st.session_state:
                del st.session_state[name]
    for name in ("mark_text", "edits_text"):  # marks and edits belong to the text that comes along
        st.session_state.pop(name, None)
    state.unasked |= arrivals.keys() & set(FOLDERS) - (set(state.held) if back else set())
    for name, value in arrivals.items():
        st.session_state[name] = value
        state.options |= {name} - NAMES.keys()
    if held and not back:
        st.session_state["address_note"] = (
            f"The link leaves out what was too long for an address: {', '.join(held)}."
        )


def write(key: str = "page", in_place: bool = False) -> None:
    """Put every choice into the address of this page, and into the links to the others.

    ``in_place``: from a fragment, which draws inside of itself only.
    """
    state = _state()
    _settle(state)
    _hold(state)
    state.written = query()
    with nullcontext() if in_place else st.sidebar, st.container(key=f"address-{key}"):
        _component(key=f"address-{key}-query", data={"query": state.written, "place": state.place})


def query() -> str:
    """The query of the address, without its question mark."""
    words: list[tuple[str, str]] = []
    for name, value in _choices():
        mine = [(name, word) for word in _words(value)]
        if sum(len(quote_plus(word)) for _, word in mine) > LONGEST:
            mine = [(_HELD, name)]
        words += mine
    return urlencode(words)


def _choices() -> Iterator[tuple[str, Any]]:
    state = _state()
    for name in (*NAMES, *sorted(state.options)):
        if name not in st.session_state:
            continue
        value = st.session_state[name]
        if name == "document":
            chosen = bool(st.session_state.get("long"))
        elif name == "mark" and value is not None:
            # A place belongs to a text; of the one before it says nothing.
            shown = st.session_state.get("shown_text")
            chosen = st.session_state.get("mark_text", shown) == shown
        elif name in state.defaults:
            chosen = value != state.defaults[name]
        else:
            chosen = value not in (None, "", False) and value != []
        if elsewhere := state.waiting.get(name):
            yield name, [*(value if chosen else ()), *elsewhere]
        elif chosen:
            yield name, value


def _words(value: object) -> list[str]:
    if isinstance(value, tuple):
        whole = all(isinstance(part, int) for part in value)
        return [("." if whole else "_").join(map(str, value))]
    if isinstance(value, list):
        return [_word(part) for part in value] or [""]
    return [_word(value)]


def _word(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _state() -> _State:
    state = st.session_state.get(_STATE)
    if state is None:
        state = st.session_state[_STATE] = _State()
    return state
