"""The address of the page: every choice that differs from its default, on every page.

A choice lives in Streamlit's session state under its name and stands in the address under the same
one. The address is read when somebody arrives by it (a link, a reload, the browser's Back), and
written after the inputs and at the end of every run.

Streamlit's own ``bind="query-params"`` and ``persist_state`` are not enough. What the first run of
a session sets is not yet among the values that Streamlit carries over when the page changes before
a second run: it only looks at those of earlier runs. So this module holds them itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs, quote_plus, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST_READ = 64_000  # characters of one choice that are read; a server sends no more
MOST_OPTIONS = 100  # of attribution methods in one address
_OPTION = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")
LONGEST = 4_000  # characters of one choice as written in an address; a longer text stays here
_HELD = "held"  # names whose choice is too long for an address
_STATE = "address_state"
_component = st.components.v2.component(
    "poollens_address",
    html="<i></i>",
    js=Path(__file__).with_name("address.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Kind:
    """How a choice is read from an address: one value or several, each made by ``parse``."""

    parse: Callable[[str], Any] = str
    several: bool = False

    def read(self, words: Sequence[str]) -> Any:
        """The choice, from what the address says; ``ValueError`` where it says no such thing."""
        values = [self.parse(word) for word in words if word or self.parse is str]
        if self.several:
            return [value for value in values if value != ""]
        if not values:
            raise ValueError("an empty value")
        return values[-1]


def _switch(word: str) -> bool:
    return word.lower() == "true"


def _within(low: float, high: float, kind: type = int) -> Callable[[str], Any]:
    def within(word: str) -> Any:
        value = kind(word)
        if value != value:
            raise ValueError("not a number")
        return min(max(value, low), high)

    return within


def _view(word: str) -> tuple[float, ...]:
    """A place of a map and how large it is drawn: three numbers within their bounds."""
    x, y, zoom = (_within(-1.0, 2.0, float), _within(-1.0, 2.0, float), _within(0.5, 100.0, float))
    first, second, third = word.split("_")
    return x(first), y(second), zoom(third)


def _former(*pairs: str) -> Callable[[str], str]:
    """Links of earlier versions hold the label of a choice (``label=choice``): they still work."""
    choices = dict(pair.split("=") for pair in pairs)
    return lambda word: choices.get(word, word)


def _any(word: str) -> Any:
    """An option of an attribution method, whose kind its declaration knows."""
    if word in ("true", "false"):
        return word == "true"
    for kind in (_whole, _number):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _whole(word: str) -> int:
    """A whole number that a browser can hold."""
    if len(word) > _DIGITS:
        raise ValueError("no number that a control could hold")
    value = int(word)
    _check_size(value)
    return value


def _number(word: str) -> float:
    value = float(word)
    _check_size(value)
    return value


def _check_size(number: float) -> None:
    if not abs(number) <= _LARGEST:  # NaN is not, either
        raise ValueError("no number that a control could hold")


def _place(word: str) -> tuple[int, ...]:
    """Segment, start and end of a token in the text."""
    parts = word.split(".")
    if len(parts) != 3:
        raise ValueError("no place in a text")
    return tuple(map(_whole, parts))


_DIGITS, _LARGEST = 16, 10**9
TEXT, SWITCH, NUMBER = Kind(), Kind(_switch), Kind(_whole)
TEXTS, NUMBERS, OPTION = Kind(several=True), Kind(_whole, several=True), Kind(_any)

# Every choice that an address holds, in the order in which it stands there.
NAMES: dict[str, Kind] = {
    # the frame's
    "text": TEXT,
    "long": SWITCH,
    "document": TEXT,
    "pair": TEXT,
    "checkpoints": TEXTS,
    "target": TEXT,
    "unit": TEXT,
    "mark": Kind(_place),
    "marked_layer": NUMBER,
    "marked_dimension": NUMBER,
    "marked_head": NUMBER,
    "marked_part": NUMBER,
    "precision": TEXT,
    # Compare
    "compare": SWITCH,
    "variant": TEXT,
    "instead": TEXT,
    "flip_kind": TEXT,
    "flip_words": TEXT,
    "flips_over": SWITCH,
    "flips_texts": NUMBER,
    # several pages
    "reference": TEXT,
    # Layers
    "layer_values": TEXT,
    "layer_order": TEXT,
    "layer_top": Kind(_within(20, 50)),
    "layer_reference": TEXT,
    "many_of": TEXT,
    "many_count": NUMBER,
    # Max-pool winners
    "quantity": TEXT,
    "drop_layers": NUMBERS,
    "mask_tokens": NUMBERS,
    "mask_where": TEXT,
    "over_quantity": TEXT,
    "over_by": TEXT,
    "over_classes": TEXT,
    # Attention
    "weigh": TEXT,
    "leave": TEXT,
    "special": SWITCH,
    "ranked": SWITCH,
    "encoder_view": TEXT,
    "side": TEXT,
    # Attributions
    "methods": TEXTS,
    "focus": TEXT,
    "output": TEXT,
    "against": TEXT,
    "baseline": TEXT,
    "baseline_text": TEXT,
    "span": TEXT,
    "attribution_seed": Kind(_within(0, 9999)),
    "strips": TEXT,
    "largest": SWITCH,
    "evidence_replace": TEXT,
    "evidence_output": TEXT,
    "evidence_of": TEXT,
    "over": SWITCH,
    "over_sensitivity": SWITCH,
    "over_texts": NUMBER,
    "over_column": TEXT,
    # data sets
    "source": Kind(_former("Behaviour suite=suite", "File=file", "Own sentences=own sentences")),
    "suite_task": TEXT,
    "glue_task": TEXT,
    "folder": TEXT,
    "split": TEXT,
    "own_sentences": TEXT,
    "hub_kind": TEXT,
    "hub_repo": TEXT,
    "hub_config": TEXT,
    "hub_split": TEXT,
    # Embedding map
    "map_of": TEXT,
    "poolings": TEXTS,
    "map": Kind(_former("PCA=pca", "UMAP=umap")),
    "layer_shown": NUMBER,
    "rows_shown": NUMBER,
    "map_seed": Kind(_within(0, 9999)),
    "n_neighbors": Kind(_within(2, 100)),
    "min_dist": Kind(_within(0.0, 0.99, float)),
    "metric": TEXT,
    "align": TEXT,
    "colour_by": TEXT,
    "centres": SWITCH,
    "find": TEXT,
    "measure": TEXT,
    "kept_apart": TEXT,
    "vectors_folder": TEXT,
    "drawer": SWITCH,
    "map_panel": Kind(_within(0, 8)),
    "map_mode": TEXT,
    "map_view": Kind(_view),
    "point": Kind(_within(0, 10**9)),
    "contours": SWITCH,
    "clusters": SWITCH,
    "ranked_by": TEXT,
    # Similarity
    "edits": TEXTS,
    "similarity_poolings": TEXTS,
    "similarity_layer": TEXT,
    "similarity_count": OPTION,
    "similarity_details": SWITCH,
    "similarity_effects": SWITCH,
    "similarity_detail": TEXT,
    "similarity_of": TEXT,
    "similarity_over": SWITCH,
    "similarity_centred": SWITCH,
    "similarity_metric": TEXT,
    "similarity_nearest": SWITCH,
    # Train
    "train_encoder": TEXT,
    "train_how": TEXT,
    "train_heads": TEXTS,
    "train_seeds": Kind(_within(1, 30)),
    "train_name": TEXT,
    "train_shown": TEXT,
    # Evaluate
    "evaluate": TEXT,
    "study": TEXT,
    "study_name": TEXT,
    "family": TEXT,
    "tasks_shown": TEXTS,
    "study_metric": TEXT,
    "look": TEXT,
    "examples_show": TEXT,
    "examples_label": TEXT,
    "examples_sort": TEXT,
    "examples_text": TEXT,
    "evaluate_opens": TEXT,
    "examples_page": Kind(_within(1, 10**9)),
    "capability": TEXT,
    "capability_checkpoint": TEXT,
}
# Folders of the machine that PoolLens runs on: what a link names is opened by a click only.
FOLDERS = ("study", "folder", "vectors_folder")
# No widget of their own: None is their default.
_PLAIN = (
    "mark",
    "marked_layer",
    "marked_dimension",
    "marked_head",
    "marked_part",
    "layer_shown",
    "map_panel",
    "map_mode",
    "map_view",
    "point",
)


@dataclass
class _State:
    """What a session knows of its choices."""

    defaults: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(_PLAIN))
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
    """What was drawn for the first time in this run holds its default: nobody has touched it."""
    for name in state.fresh:
        if name in st.session_state:
            state.defaults[name] = st.session_state[name]
    state.fresh.clear()


def _hold(state: _State) -> None:
    names = (*NAMES, *state.options, "mark_text")
    state.held = {name: st.session_state[name] for name in names if name in st.session_state}


def _arrive(state: _State, back: bool) -> None:
    held = [name for name in st.query_params.get_all(_HELD) if name in NAMES]
    given: dict[str, Any] = {}
    options = 0
    for name in st.query_params:
        own = name in NAMES
        options += not own
        if own or (_OPTION.fullmatch(name) and options <= MOST_OPTIONS):
            words = st.query_params.get_all(name)
            if sum(len(quote_plus(word, errors="replace")) for word in words) > MOST_READ:
                held += [name] if own else []  # nothing that was written here is as long
                continue
            try:
                given[name] = NAMES.get(name, OPTION).read(words)
            except (ValueError, OverflowError):
                continue
    if back:
        state.waiting.clear()
        for name in (*NAMES, *state.options):
            if name in given or name in held:
                continue
            if name in state.defaults:
                st.session_state[name] = state.defaults[name]
            elif name in st.session_state:
                del st.session_state[name]
    for name in ("mark_text", "edits_text"):  # marks and edits belong to the text that comes along
        st.session_state.pop(name, None)
    state.unasked |= given.keys() & set(FOLDERS) - (set(state.held) if back else set())
    for name, value in given.items():
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
    """What stands behind the question mark."""
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


def _words(value: Any) -> list[str]:
    if isinstance(value, tuple):
        whole = all(isinstance(part, int) for part in value)
        return [("." if whole else "_").join(map(str, value))]
    if isinstance(value, list):
        return [_word(part) for part in value] or [""]
    return [_word(value)]


def _word(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _state() -> _State:
    state = st.session_state.get(_STATE)
    if state is None:
        state = st.session_state[_STATE] = _State()
    return state
